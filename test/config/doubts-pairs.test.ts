import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findDoubts } from '../../lib/config/doubts/index.ts'
import { TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { decide, type Decision } from '../../lib/trust/decide.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { now, pairs, pointsOf, type Point } from '../trust/new-access/pairs.ts'
import { subject } from '../trust/policy-fixture.ts'

const known = { type: 'public' as const, grants: [TOKEN_EXCHANGE_GRANT], introspect: [] }
const uris = { api: 'https://api.test', plain: 'https://plain.test' }

function decided(policy: Policy, { claims, client_id, at }: Point, uri: string): Decision {
  const { issuers } = policy.configuration
  return decide(
    { subject: subject(claims, issuers.farm), client_id, audience: [uri], resource: [], scope: undefined },
    policy,
    at,
  )
}

function given(decision: Decision): unknown {
  if (!('granted' in decision)) return undefined
  const { rules: _, ...granted } = decision.granted
  return granted
}

function matched(decision: Decision, rule: string): boolean {
  return decision.trace.rules.some((trace) => trace.rule === rule && trace.matched)
}

test('what is said of a rule holds for every request there is', async () => {
  const seen: Record<string, number> = {}
  await fc.assert(
    fc.asyncProperty(pairs, async ({ after }) => {
      // A rule of a client that the file does not have is another finding.
      const configuration = { ...after, clients: { app: known, cli: known } }
      const policy = await toPolicy(configuration, 'https://broker.test')
      const points = [...pointsOf({ before: configuration, after: configuration })]
      const never = new Set<string>()
      for (const { rule: kind, path, message } of findDoubts(configuration, now)) {
        const name = path[1] as string
        seen[kind] = (seen[kind] ?? 0) + 1
        if (kind === 'never-matches' && !message.includes('clients')) never.add(name)
        else if (kind === 'shadowed-rule') await isNeedless(name, configuration, policy, points)
        else if (kind === 'ambiguous-rules') givesNothing(name, message, policy, points)
        else if (kind === 'overlapping-rules') contradicts(name, policy, points)
      }
      for (const { name, expires_at = Infinity } of configuration.rules)
        if (expires_at > now) {
          const met = points.some((point) => matched(decided(policy, point, uris.api), name))
          assert.equal(met, !never.has(name), `${name}: ${JSON.stringify(configuration.rules)}`)
        }
    }),
    { numRuns: 600 },
  )
  // Otherwise nothing was asked.
  const relations = ['shadowed-rule', 'ambiguous-rules', 'overlapping-rules'].map((kind) => seen[kind] ?? 0)
  assert.ok(relations.reduce((sum, count) => sum + count, 0) > 10, JSON.stringify(seen))
})

async function isNeedless(name: string, configuration: Configuration, policy: Policy, points: readonly Point[]) {
  const rules = configuration.rules.filter((rule) => rule.name !== name)
  const without = await toPolicy({ ...configuration, rules }, 'https://broker.test')
  for (const point of points)
    for (const uri of Object.values(uris))
      assert.deepEqual(given(decided(without, point, uri)), given(decided(policy, point, uri)), JSON.stringify(point))
}

function givesNothing(name: string, message: string, policy: Policy, points: readonly Point[]) {
  const target = /policies of (\w+)/.exec(message)?.[1] as keyof typeof uris
  for (const point of points) {
    const decision = decided(policy, point, uris[target])
    assert.ok(!matched(decision, name) || !('granted' in decision), JSON.stringify(point))
  }
}

function contradicts(name: string, policy: Policy, points: readonly Point[]) {
  const met = points.some((point) =>
    Object.values(uris).some((uri) => {
      const decision = decided(policy, point, uri)
      return 'refused' in decision && decision.refused.reason === 'ambiguous_rules' && matched(decision, name)
    }),
  )
  assert.ok(met, `${name} contradicts nothing: ${JSON.stringify(policy.configuration.rules)}`)
}
