import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expression, Issuer, Rule } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { configuration, equals, farm, grant, rule } from './policy-fixture.ts'

const ourIssuer = 'https://broker.test'
const other: Issuer = { ...farm, name: 'other', issuer: 'https://other.test' }

test('an issuer is found by its iss, a rule by each of its issuers, a target by its name and its URI', async () => {
  const [both, one] = [rule('both', { issuers: ['farm', 'other'] }), rule('one')]
  const made = configuration([both, one], { issuers: { farm, other } })
  const policy = await toPolicy(made, 'https://deployed.test')
  assert.equal(policy.configuration, made)
  assert.equal(policy.ourIssuer, 'https://deployed.test')
  assert.deepEqual(Object.fromEntries(policy.issuers), { 'https://ci.test': farm, 'https://other.test': other })
  assert.deepEqual(Object.fromEntries(policy.rules), { farm: [both, one], other: [both] })
  assert.deepEqual(Object.fromEntries(policy.targets), {
    api: 'api',
    'https://api.test': 'api',
    plain: 'plain',
    'https://plain.test': 'plain',
  })
})

/** Of the farm, with the subject `sub` and one rule that matches nothing. */
async function namedClaims(issuer: Partial<Issuer>, changes: Partial<Rule>): Promise<unknown> {
  const made = configuration([rule('r', { match: [], ...changes })], { issuers: { farm: { ...farm, ...issuer } } })
  return (await toPolicy(made, ourIssuer)).namedClaims.get('farm')
}

function adding(claims: Record<string, Expression>): Partial<Rule> {
  return { grant: [grant('api', { claims })] }
}

for (const [title, issuer, changes, expected] of [
  ['the subject’s', {}, {}, [['sub']]],
  [
    'those of a subject with text around them, and those that stand in for them',
    { subject: ['project:', { claim: ['job_project_id'], otherwise: ['project_id'] }, '/', { claim: ['id'] }] },
    {},
    [['job_project_id'], ['project_id'], ['id']],
  ],
  ['the requirements’', { require: [equals('owner', '1')] }, {}, [['sub'], ['owner']]],
  [
    'what the preset refuses events by, whether or not a rule names it',
    { preset: 'gitlab' },
    {},
    [['sub'], ['pipeline_source']],
  ],
  ['the match’s', {}, { match: [equals('ref', 'main'), equals('env', 'x')] }, [['sub'], ['ref'], ['env']]],
  ['a path’s in when', {}, { when: { path: ['a', 'b'] } }, [['sub'], ['a', 'b']]],
  [
    'the ones that are added',
    {},
    adding({ x: { path: ['sha'] }, y: { cel: 'claims.n + 1' } }),
    [['sub'], ['sha'], ['n']],
  ],
  ['each once', { require: [equals('sub', 's')] }, { match: [equals('sub', 's')] }, [['sub']]],
  // One name with a slash is not two.
  ['each path', {}, { match: [equals('a,b', 'x')], when: { path: ['a', 'b'] } }, [['sub'], ['a,b'], ['a', 'b']]],
] as const) {
  test(`named claims: ${title}`, async () => {
    assert.deepEqual(await namedClaims(issuer, changes), expected)
  })
}

for (const [cel, names] of [
  ['claims.ref == "main"', ['ref']],
  ['claims.A_1.inner == claims._b', ['A_1', '_b']],
  ['claims["kubernetes.io"].namespace == "x"', ['kubernetes.io']],
  ['claims[\'it "is"\'] == claims.x', ['it "is"', 'x']],
  ['claims["it\'s"] == "x"', ["it's"]],
  ['size(claims) > 1', []],
  ['claims.list.exists(preclaims, preclaims.x == claims.y)', ['list', 'y']],
] as const) {
  test(`${cel} names ${JSON.stringify(names)}`, async () => {
    assert.deepEqual(await namedClaims({}, { when: { cel } }), [['sub'], ...names.map((name) => [name])])
  })
}

test('named claims are those of the issuer’s own rules', async () => {
  const made = configuration([rule('r', { issuers: ['other'] })], { issuers: { farm, other } })
  const { namedClaims } = await toPolicy(made, ourIssuer)
  assert.deepEqual(Object.fromEntries(namedClaims), { farm: [['sub']], other: [['sub'], ['ref']] })
})
