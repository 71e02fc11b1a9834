import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { containerCredentials } from '../../lib/grants/container-credentials.ts'
import type { Ports } from '../../lib/ports.ts'
import { sourceIdentity } from '../../lib/tokens/subject.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { now, ourIssuer, testIssuer } from '../tokens/issuer-fixture.ts'
import { configuration, equals, farm as farmIssuer, grant, rule } from '../trust/policy-fixture.ts'
import { fakePorts } from './ports-fixture.ts'

const subjects = ['job-1', 'job-2']

test('in 10,000 interleavings every subject gets the session of its own, under its own tags', async () => {
  const farm = await testIssuer()
  const session = { tags: { who: { path: ['sub'] } }, transitive_tags: [], managed_policies: [] }
  const policy = await toPolicy(
    configuration([rule('r', { match: [equals('aud', ourIssuer)], grant: [grant('role', { session })] })], {
      issuers: { farm: { ...farmIssuer, replay: 'off' } },
      targets: { role: { role: 'arn:aws:iam::123456789012:role/deployer', lifetime: 900 } },
    }),
    ourIssuer,
  )
  const tokens = await Promise.all(subjects.map((sub) => farm.sign({ sub })))
  const { signal } = new AbortController()

  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const inTurn = <T>(work: () => Promise<T>) => scheduler.schedule(Promise.resolve()).then(work)
      const alone = fakePorts(farm)
      const ports: Ports = {
        ...alone,
        keySets: { find: (source, kid, signal) => inTurn(() => farm.keySets.find(source, kid, signal)) },
        receipts: {
          ...alone.receipts,
          record: (receipt, signal) => inTurn(() => alone.receipts.record(receipt, signal)),
        },
        revocations: { find: (keys, signal) => inTurn(() => alone.revocations.find(keys, signal)) },
        roles: {
          // What opens the session is made of what was asked, so whoever gets it can tell whose it is.
          assume: ({ source_identity, session_name, tags }) =>
            inTurn(async () => ({
              AccessKeyId: String(tags.who),
              SecretAccessKey: session_name,
              SessionToken: source_identity,
              expires_at: now + 900,
            })),
        },
      }
      const all = Promise.all(
        tokens.map((token, who) =>
          containerCredentials('role', token, { policy, ports, decision_id: `decision-${who}`, signal }),
        ),
      )
      for (const [who, credentials] of (await scheduler.waitFor(all)).entries()) {
        const { AccessKeyId, SecretAccessKey, Token } = credentials
        const sub = subjects[who]!
        assert.deepEqual([AccessKeyId, SecretAccessKey, Token], [sub, `r.decision-${who}`, sourceIdentity('farm', sub)])
      }
    }),
    { numRuns: 10_000 },
  )
})
