import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flipGroups, type Flip } from '../../cli/flips.ts'
import { toRecorded } from '../../cli/recorded.ts'
import type { Receipt } from '../../lib/ports.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { receipt } from '../contracts/receipt.ts'
import { configuration, equals, rule } from '../trust/policy-fixture.ts'

const deciding = await toPolicy(
  configuration([rule('r', { match: [equals('ref', 'x'), equals('env', 'x')] })], { hash: 'decided' }),
  'https://broker.test',
)
const other = await toPolicy(configuration([rule('r', { match: [equals('late', 'x')] })]), 'https://broker.test')

/** Which of these claims are known, by a receipt that has `sub`, `ref` and what is inside `deep`. */
function known(changes: Partial<Receipt>): string[] {
  const claims = { sub: 's', ref: 'main', '/deep/er': { a: 1 } }
  const one = receipt('k', { issuer_name: 'farm', config_hash: 'decided', claims, ...changes })
  const { knows } = toRecorded(one, [other, deciding]).known
  return [['sub'], ['ref'], ['env'], ['late'], ['deep', 'er'], ['deep', 'er', 'b'], ['deep'], []]
    .filter((path) => knows(path))
    .map((path) => path.join('.'))
}

for (const [what, changes, expected] of [
  ['what is on record, and what the policy that decided looked for', {}, ['sub', 'ref', 'env', 'deep.er', 'deep.er.b']],
  ['not what had no room', { claims_left_out: ['env'] }, ['sub', 'ref', 'deep.er', 'deep.er.b']],
  ['where neither policy decided, what is on record', { config_hash: 'x' }, ['sub', 'ref', 'deep.er', 'deep.er.b']],
  ['and where the policy had no such issuer', { issuer_name: 'x' }, ['sub', 'ref', 'deep.er', 'deep.er.b']],
] as [string, Partial<Receipt>, string[]][])
  test(`known of a token: ${what}`, () => assert.deepEqual(known(changes), expected))

for (const [what, changes, client_id] of [
  ['a workload is its own client', { client_id: 'github:repo:1/2' }, undefined],
  ['one that it named', { client_id: 'app' }, 'app'],
  ['and a client for itself', { client_id: 'job', sub: 'job', iss: undefined }, 'job'],
] as const)
  test(`the client of a receipt: ${what}`, () => {
    const { iss, ...rest } = receipt('k', changes as Partial<Receipt>)
    const one = iss === undefined ? rest : { ...rest, iss }
    assert.equal(toRecorded(one, []).client_id, client_id)
  })

test('flips of one subject at one target by the same rules are one group, told by the newest', () => {
  const groups = flipGroups()
  const refused = (reason: string): Flip => ({ kind: 'refused', reason, why: [] })
  const add = (decision_id: string, at: number, flip: Flip, changes: Partial<Receipt> = {}) =>
    groups.add(receipt('k', { decision_id, at, ...changes }), flip)
  add('old', 1, refused('a'))
  add('new', 3, refused('b'))
  add('between', 2, refused('c'))
  add('x', 9, { kind: 'untold', claims: ['y'] })
  add('z', 9, refused('a'), { target: 'other' })
  const seen = groups.list().map(({ count, newest, ...group }) => [count, newest.decision_id, group.kind, group.target])
  assert.deepEqual(seen, [
    [3, 'new', 'refused', 'deploy-api'],
    [1, 'x', 'untold', 'deploy-api'],
    [1, 'z', 'refused', 'other'],
  ])
  const [first] = groups.list()
  assert.ok(first?.kind === 'refused' && first.reason === 'b')
})
