import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { uriOf, type Configuration } from '../../../lib/trust/configuration.ts'
import { decide, type GrantedToken } from '../../../lib/trust/decide.ts'
import { findNewAccess } from '../../../lib/trust/new-access.ts'
import { toPolicy, type Policy } from '../../../lib/trust/policy.ts'
import { compiled } from '../../fuzz/decide-properties.ts'
import { callers, policyFiles, policyNow } from '../../fuzz/policy-arbitraries.ts'
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

test('with CEL and added claims nothing new is missed, and no example is wrong', async () => {
  await fc.assert(
    fc.asyncProperty(
      policyFiles,
      policyFiles,
      fc.nat(),
      fc.array(callers, { minLength: 40, maxLength: 40 }),
      async (file, other, pick, callers) => {
        const names = Object.keys(file.rules)
        const name = names[pick % names.length] as string
        const { [name]: _, ...rest } = file.rules
        const spare = Object.values(other.rules)[0]!
        const edited = { ...file, rules: pick % 3 === 0 ? rest : { ...rest, [name]: spare } }
        const [old, new_] = [compiled(file), compiled(edited)]
        const findings = await findNewAccess(old, new_, policyNow)
        const [before, after] = [await toPolicy(old, old.issuer), await toPolicy(new_, new_.issuer)]
        const ask = (policy: Policy, issuer: string, { claims, client_id, at }: Point, uri: string) => {
          const from = subject(claims, policy.configuration.issuers[issuer])
          const request = { client_id, audience: [uri], resource: [], scope: undefined }
          const decision = decide({ subject: from, ...request }, policy, at)
          return 'granted' in decision ? (decision.granted as GrantedToken) : undefined
        }
        if (findings.length === 0)
          for (const { issuer, claims, client_id } of callers)
            for (const uri of Object.values(new_.targets).map(uriOf)) {
              const point = { claims, client_id, at: policyNow }
              const [one, another] = [ask(before, issuer, point, uri), ask(after, issuer, point, uri)]
              const same = JSON.stringify(one?.claims) === JSON.stringify(another?.claims)
              assert.ok(!isMore(one, another) && (same || another === undefined), JSON.stringify([issuer, point, uri]))
            }
        for (const { certain, witness, target } of findings) {
          if (!certain) continue
          assert.ok(witness && target)
          const point = { claims: witness.claims, client_id: witness.client_id, at: witness.at ?? policyNow }
          const uri = uriOf(new_.targets[target]!)
          const more = isMore(ask(before, witness.issuer, point, uri), ask(after, witness.issuer, point, uri))
          assert.ok(more, JSON.stringify(witness))
        }
      },
    ),
    { numRuns: 400 },
  )
})
