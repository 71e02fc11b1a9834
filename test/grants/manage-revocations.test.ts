import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manageRevocations } from '../../lib/grants/manage-revocations.ts'
import type { LoginSettings } from '../../lib/trust/configuration.ts'
import { now } from '../tokens/issuer-fixture.ts'
import { configuration } from '../trust/policy-fixture.ts'

const day = 86_400
const unused = () => assert.fail('nobody asks for it')

async function recordedUntil(retention: number, login: Partial<LoginSettings>): Promise<number> {
  const plain = configuration([])
  const answer = await manageRevocations(
    JSON.stringify({
      operation: 'revoke',
      dimension: 'subject',
      value: 'partner:ada',
      before: now - 5,
      reason: 'test',
    }),
    {
      configuration: { ...plain, receipts: { retention }, login: { ...plain.login, ...login } },
      kids: [],
      ports: {
        now: () => now,
        log: { info() {}, warn() {}, error() {} },
        register: {
          revoke: (entry) => Promise.resolve({ ...entry, id: 'r' }),
          find: unused,
          lift: unused,
          list: unused,
        },
        receipts: { count: unused },
      },
      by: 'test',
      decision_id: 'd',
      signal: new AbortController().signal,
    },
  )
  return 'revoked' in answer ? answer.revoked.expires_at - now : assert.fail()
}

const session = (absolute: number) => ({ idle: 300, absolute })
const refresh_tokens = (absolute: number) => ({ idle: 3_600, absolute, reuse_window: 10 })
for (const [title, retention, login, want] of [
  ['no shorter than two days', day, { session: session(300), refresh_tokens: refresh_tokens(3_600) }, 2 * day],
  ['receipts', 90 * day, { session: session(300), refresh_tokens: refresh_tokens(3_600) }, 90 * day],
  ['sessions', day, { session: session(30 * day), refresh_tokens: refresh_tokens(3_600) }, 30 * day],
  ['refresh tokens', day, { session: session(300), refresh_tokens: refresh_tokens(365 * day) }, 365 * day],
] as const)
  test(`a revocation is on record as long as what it refuses can live: ${title}`, async () => {
    assert.equal(await recordedUntil(retention, login), want)
  })
