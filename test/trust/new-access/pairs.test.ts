import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Configuration } from '../../../lib/trust/configuration.ts'
import { decide, type GrantedToken } from '../../../lib/trust/decide.ts'
import { findNewAccess } from '../../../lib/trust/new-access.ts'
import { toPolicy, type Policy } from '../../../lib/trust/policy.ts'
import { subject } from '../policy-fixture.ts'
import { now, pairs, pointsOf, type Point } from './pairs.ts'

const uris = ['https://api.test', 'https://plain.test']

/** What the broker gives of a target, by its own decision; nothing to a client that it does not know. */
function given(policy: Policy, { claims, client_id, at }: Point, uri: string): GrantedToken | undefined {
  const { issuers, clients } = policy.configuration
  if (client_id !== undefined && clients[client_id] === undefined) return undefined
  const request = { client_id, audience: [uri], resource: [], scope: undefined }
  const decision = decide({ subject: subject(claims, issuers.farm), ...request }, policy, at)
  return 'granted' in decision ? (decision.granted as GrantedToken) : undefined
}

function isMore(before: GrantedToken | undefined, after: GrantedToken | undefined): boolean {
  if (after === undefined) return false
  if (before === undefined) return true
  return (
    after.scopes.some((scope) => !before.scopes.includes(scope)) ||
    after.lifetime > before.lifetime ||
    (before.expires_with_subject && !after.expires_with_subject)
  )
}

/** The first of all requests there are that gets more. */
async function bruteForce(pair: { before: Configuration; after: Configuration }): Promise<Point | undefined> {
  const before = await toPolicy(pair.before, 'https://broker.test')
  const after = await toPolicy(pair.after, 'https://broker.test')
  for (const point of pointsOf(pair))
    for (const uri of uris) if (isMore(given(before, point, uri), given(after, point, uri))) return point
  return undefined
}

test('new access is found where a request gets more, and only there', async () => {
  let more = 0
  let runs = 0
  await fc.assert(
    fc.asyncProperty(pairs, async (pair) => {
      const findings = await findNewAccess(pair.before, pair.after, now)
      const point = await bruteForce(pair)
      assert.equal(findings.length > 0, point !== undefined, JSON.stringify([findings, point]))
      assert.ok(
        findings.every(({ certain, witness }) => certain && witness !== undefined),
        JSON.stringify(findings),
      )
      runs++
      if (point) more++
    }),
    { numRuns: 1_000 },
  )
  // Otherwise one answer would do for all of them.
  assert.ok(more > runs / 5 && more < (runs * 4) / 5, `${more} of ${runs}`)
})
