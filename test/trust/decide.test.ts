import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Refusal } from '../../lib/protocol/refusals.ts'
import type { Configuration, Rule, RuleGrant } from '../../lib/trust/configuration.ts'
import { decide, type Decision, type DecisionRequest, type GrantedToken } from '../../lib/trust/decide.ts'
import { explain } from '../../lib/trust/explain.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { configuration, equals, farm, grant, rule, subject } from './policy-fixture.ts'

const now = 500
const main = { ref: 'main', sha: 'abc', groups: ['x'] }

async function ask(
  rules: readonly Rule[],
  request: Partial<DecisionRequest> = {},
  changes: Partial<Configuration> = {},
): Promise<Decision> {
  const policy = await toPolicy(configuration(rules, changes), 'https://broker.test')
  return decide(
    { subject: subject(main), client_id: undefined, audience: [], resource: [], scope: undefined, ...request },
    policy,
    now,
  )
}

function granted(decision: Decision): GrantedToken {
  assert.ok('granted' in decision && 'audience' in decision.granted, JSON.stringify(decision))
  return decision.granted
}

function refusal(decision: Decision): Refusal {
  assert.ok('refused' in decision, JSON.stringify(decision))
  return decision.refused
}

function reason(decision: Decision): string {
  return refusal(decision).reason
}

function unknownTarget(named: string[], unknown: number): Refusal {
  return { reason: 'target_unknown', named, unknown }
}

function wideScope(excess: string[], unknown: number): Refusal {
  return { reason: 'scope_not_granted', target: 'api', excess, unknown }
}

test('a subject that one rule admits gets its one target, with all granted scopes', async () => {
  assert.deepEqual(granted(await ask([rule('r')])), {
    target: 'api',
    audience: 'https://api.test',
    scopes: ['read', 'write'],
    rules: ['r'],
    claims: {},
    lifetime: 900,
    expires_with_subject: false,
  })
})

test('nothing is granted by default', async () => {
  assert.equal(reason(await ask([])), 'no_rule_matches')
  assert.equal(reason(await ask([rule('r', { match: [equals('ref', 'dev')] })])), 'no_rule_matches')
  assert.equal(reason(await ask([rule('r', { issuers: ['other'] })])), 'no_rule_matches')
})

test('every condition must hold', async () => {
  assert.equal(
    reason(await ask([rule('r', { match: [equals('ref', 'main'), equals('sha', 'other')] })])),
    'no_rule_matches',
  )
})

test('the issuer’s requirements come before every rule', async () => {
  const pinned = { issuers: { farm: { ...farm, require: [equals('owner', '1')] } } }
  const decision = await ask([rule('r')], {}, pinned)
  assert.deepEqual(decision, {
    refused: { reason: 'issuer_requirement_failed', claim: 'owner' },
    trace: { requirement_failed: 'owner', rules: [], shadow: [] },
  })
  granted(await ask([rule('r')], { subject: subject({ ...main, owner: '1' }) }, pinned))
})

for (const [title, request, target] of [
  ['by name', { audience: ['api'] }, 'api'],
  ['by audience URI', { audience: ['https://api.test'] }, 'api'],
  ['by resource URI', { resource: ['https://plain.test'] }, 'plain'],
  ['by name and by resource URI', { audience: ['api'], resource: ['https://api.test'] }, 'api'],
  ['twice the same, both ways', { audience: ['api', 'https://api.test'], resource: ['https://api.test'] }, 'api'],
] as const) {
  test(`a target is found ${title}`, async () => {
    assert.equal(granted(await ask([rule('r', { grant: [grant('api'), grant('plain')] })], request)).target, target)
  })
}

for (const [title, request, expected] of [
  ['an unknown target', { audience: ['nope'] }, unknownTarget([], 1)],
  ['a target that is not granted', { audience: ['plain'] }, { reason: 'target_not_granted', target: 'plain' }],
  ['two targets', { audience: ['api', 'plain'] }, unknownTarget(['api', 'plain'], 0)],
  ['a known and an unknown target', { audience: ['api', 'nope'] }, unknownTarget(['api'], 1)],
  ['a name where a URI belongs', { resource: ['api'] }, unknownTarget([], 1)],
  ['an inherited name', { audience: ['constructor'], resource: ['toString'] }, unknownTarget([], 2)],
  ['a scope that is not granted', { scope: ['read', 'admin'] }, wideScope(['admin'], 0)],
  ['a scope that no target has', { scope: ['read', 'nope'] }, wideScope([], 1)],
  ['scopes of both kinds', { scope: ['admin', 'nope', 'never'] }, wideScope(['admin'], 2)],
  ['an unknown target before a wide scope', { audience: ['nope'], scope: ['admin'] }, unknownTarget([], 1)],
] as const satisfies readonly (readonly [string, Partial<DecisionRequest>, Refusal])[]) {
  test(`${title} is refused, and the log says no more of what was asked than what we know`, async () => {
    assert.deepEqual(refusal(await ask([rule('r')], request)), expected)
  })
}

test('without a name, a choice of targets is refused', async () => {
  const rules = [rule('r', { grant: [grant('api'), grant('plain')] }), rule('s')]
  assert.deepEqual(refusal(await ask(rules)), { reason: 'target_not_named', granted: ['api', 'plain'] })
})

test('a subject of an issuer that is not configured is our failure', async () => {
  const stranger = subject(main, { ...farm, name: 'stranger' })
  await assert.rejects(ask([rule('r')], { subject: stranger }), {
    message: 'a verified subject of an issuer that is not configured',
  })
})

test('a narrower scope is granted as asked', async () => {
  assert.deepEqual(granted(await ask([rule('r')], { scope: ['read'] })).scopes, ['read'])
})

test('a target without scopes grants none, and no scope may be asked of it', async () => {
  const rules = [rule('r', { grant: [grant('plain')] })]
  assert.deepEqual(granted(await ask(rules)).scopes, [])
  assert.equal(reason(await ask(rules, { scope: ['read'] })), 'scope_not_granted')
})

test('rules are a set: scopes are the union, whatever their order', async () => {
  const rules = [
    rule('b', { grant: [grant('api', { scopes: ['write'] })] }),
    rule('a', { grant: [grant('api', { scopes: ['read'] })] }),
  ]
  for (const order of [rules, rules.toReversed()]) {
    const yes = granted(await ask(order))
    assert.deepEqual(yes.scopes, ['read', 'write'])
    assert.deepEqual(yes.rules, ['a', 'b'])
  }
})

test('two matching rules that differ in claims or lifetime are ambiguous, in any order', async () => {
  const plain = rule('a')
  for (const other of [
    rule('b', { grant: [grant('api', { claims: { sha: { path: ['sha'] } } })] }),
    rule('b', { grant: [grant('api', { expires_with_subject: true })] }),
  ]) {
    for (const order of [
      [plain, other],
      [other, plain],
    ])
      assert.deepEqual(refusal(await ask(order)), { reason: 'ambiguous_rules', target: 'api', rules: ['a', 'b'] })
    assert.equal(granted(await ask([plain, { ...other, mode: 'shadow' }])).rules.length, 1)
  }
})

test('two rules that add the same claims are one, in whatever order they are written', async () => {
  const [sha, ref] = [{ path: ['sha'] }, { path: ['ref'] }]
  const rules = [
    rule('a', { grant: [grant('api', { claims: { sha, ref } })] }),
    rule('b', { grant: [grant('api', { claims: { ref, sha } })] }),
  ]
  assert.deepEqual(granted(await ask(rules)).claims, { sha: 'abc', ref: 'main' })
  const swapped = rule('b', { grant: [grant('api', { claims: { ref: sha, sha: ref } })] })
  assert.equal(reason(await ask([rules[0]!, swapped])), 'ambiguous_rules')
})

test('a rule that grants one target twice is named once', async () => {
  const twice = (changes: Partial<RuleGrant>) =>
    rule('r', { grant: [grant('api', { scopes: ['read'] }), grant('api', { scopes: ['write'], ...changes })] })
  const yes = granted(await ask([twice({})]))
  assert.deepEqual([yes.rules, yes.scopes], [['r'], ['read', 'write']])
  assert.deepEqual(refusal(await ask([twice({ expires_with_subject: true })])), {
    reason: 'ambiguous_rules',
    target: 'api',
    rules: ['r'],
  })
})

test('a shadow rule is seen and never grants', async () => {
  const decision = await ask([rule('s', { mode: 'shadow' })])
  assert.equal(reason(decision), 'no_rule_matches')
  assert.deepEqual(decision.trace.shadow, ['s'])
  const both = await ask([rule('s', { mode: 'shadow', grant: [grant('api', { scopes: ['admin'] })] }), rule('r')])
  assert.deepEqual(granted(both).scopes, ['read', 'write'])
  assert.deepEqual(both.trace.shadow, ['s'])
  assert.equal(
    reason(await ask([rule('s', { mode: 'shadow', grant: [grant('plain')] }), rule('r')], { audience: ['plain'] })),
    'target_not_granted',
  )
})

test('a rule stops at its expiry, to the second', async () => {
  granted(await ask([rule('r', { expires_at: now + 1 })]))
  assert.equal(reason(await ask([rule('r', { expires_at: now })])), 'no_rule_matches')
})

test('a rule for clients admits those and nobody else', async () => {
  const rules = [rule('r', { clients: ['web', 'app'] })]
  for (const client_id of ['web', 'app']) granted(await ask(rules, { client_id }))
  assert.equal(reason(await ask(rules, { client_id: 'other' })), 'no_rule_matches')
  assert.equal(reason(await ask(rules)), 'no_rule_matches')
  assert.equal(reason(await ask([rule('r', { clients: [] })])), 'no_rule_matches')
})

for (const [title, cel, admitted] of [
  ['true', 'claims.ref == "main"', true],
  ['false', 'claims.ref == "dev"', false],
  ['an error', 'claims.absent == "x"', false],
  ['a truthy value that is not true', 'claims.ref', false],
  ['a list membership', '"x" in claims.groups', true],
  ['an integer', 'claims.n + 1 == 4', true],
  ['the absence of a claim that is absent', '!("blocked" in claims)', true],
  ['the absence of a claim that is null', '!("void" in claims)', false],
  ['the absence of a nested claim that is null', '!("inner" in claims.nested)', false],
] as const) {
  test(`when: ${title} ${admitted ? 'admits' : 'does not admit'}`, async () => {
    const claims = { ...main, n: 3, void: null, nested: { inner: null } }
    const decision = await ask([rule('r', { when: { cel } })], { subject: subject(claims) })
    assert.equal('granted' in decision, admitted, JSON.stringify(decision))
  })
}

test('a bare path admits only true itself', async () => {
  const rules = [rule('r', { when: { path: ['flag'] } })]
  granted(await ask(rules, { subject: subject({ ...main, flag: true }) }))
  for (const flag of ['true', 1, null, undefined, {}])
    assert.equal(reason(await ask(rules, { subject: subject({ ...main, flag }) })), 'no_rule_matches')
})

test('too many claims for an expression are a refusal, not a long wait', async () => {
  const claims = { ...main, groups: Array.from({ length: 2_000 }, (_, i) => `g${i}`) }
  assert.equal(
    reason(await ask([rule('r', { when: { cel: 'claims.ref == "main"' } })], { subject: subject(claims) })),
    'no_rule_matches',
  )
})

/** An object of short members, whose JSON text has that many characters. */
function objectOf(length: number): object {
  const count = 400
  const rest =
    length - JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [i + 100, '']))).length
  const object = Object.fromEntries(Array.from({ length: count }, (_, i) => [i + 100, i === 0 ? 'x'.repeat(rest) : '']))
  assert.equal(JSON.stringify(object).length, length)
  return object
}

const list = Array.from({ length: 100 }, () => 1)

for (const [title, holder, claims, failed] of [
  ['a text of 4,096 characters with its quotes', { a: 'x'.repeat(4_094) }, { a: { path: ['a'] } }, undefined],
  ['a text of one more', { a: 'x'.repeat(4_095) }, { a: { path: ['a'] } }, 'a'],
  ['the second long text', { a: 'x'.repeat(4_000) }, { a: { path: ['a'] }, b: { path: ['a'] } }, 'b'],
  [
    'a list of long texts',
    { a: 'x'.repeat(100), list },
    { list: { cel: 'claims.list.map(x, claims.a + "!")' } },
    'list',
  ],
  ['the second long list', { list }, { a: { path: ['list'] }, b: { path: ['list'] } }, 'b'],
  ['an object of 4,000 characters', { a: objectOf(4_000) }, { a: { path: ['a'] } }, undefined],
  ['an object of 4,097 characters', { a: objectOf(4_097) }, { a: { path: ['a'] } }, 'a'],
  ['a long name inside an object', { a: { ['x'.repeat(4_096)]: '' } }, { a: { path: ['a'] } }, 'a'],
  ['null inside an object and a list', { a: { b: null, c: [null] } }, { a: { path: ['a'] } }, undefined],
] as const) {
  test(`${title} ${failed ? 'is too much to add' : 'is added'}`, async () => {
    const subjectHolds = subject({ ...main, ...holder })
    const decision = await ask([rule('r', { grant: [grant('api', { claims })] })], { subject: subjectHolds })
    if (failed) {
      const detail = 'more than 4096 characters are added'
      const expected = { reason: 'expression_failed', target: 'api', rule: 'r', expression: failed, detail }
      assert.deepEqual(refusal(decision), expected)
    } else {
      assert.deepEqual(granted(decision).claims, holder)
    }
  })
}

test('claims are computed from the subject’s, and one that has no value is a refusal', async () => {
  const rules = [
    rule('r', {
      grant: [grant('api', { claims: { commit: { path: ['sha'] }, first: { cel: 'claims.groups[0] + "!"' } } })],
    }),
  ]
  assert.deepEqual(granted(await ask(rules)).claims, { commit: 'abc', first: 'x!' })
  for (const [changes, expression, detail] of [
    [{ sha: undefined }, 'commit', 'absent'],
    [{ sha: null }, 'commit', 'null'],
    [{ groups: [] }, 'first', 'an error'],
    [{ groups: ['x', null] }, 'first', 'a null in groups'],
  ] as const) {
    const refused = refusal(await ask(rules, { subject: subject({ ...main, ...changes }) }))
    assert.deepEqual(refused, { reason: 'expression_failed', target: 'api', rule: 'r', expression, detail })
  }
})

const github = { ...farm, preset: 'github-actions' as const }

for (const [title, claims, match, admitted] of [
  ['a push', { event_name: 'push' }, [equals('ref', 'main')], true],
  ['a pull request', { event_name: 'pull_request' }, [equals('ref', 'main')], false],
  [
    'a fork’s pull request with the base’s rights',
    { event_name: 'pull_request_target' },
    [equals('ref', 'main')],
    false,
  ],
  ['a comment by anyone', { event_name: 'issue_comment' }, [equals('ref', 'main')], false],
  ['a token that names no event', {}, [equals('ref', 'main')], false],
  [
    'a pull request that the rule names',
    { event_name: 'pull_request' },
    [equals('event_name', 'push', 'pull_request')],
    true,
  ],
  [
    'a pull request that a pattern happens to fit',
    { event_name: 'pull_request' },
    [{ key: 'event_name', path: ['event_name'], operator: { glob: 'pull*' } }],
    false,
  ],
  [
    'a pull request that a not lets by',
    { event_name: 'pull_request' },
    [{ key: 'event_name', path: ['event_name'], operator: { not: ['push'] } }],
    false,
  ],
] as const) {
  test(`${title} is ${admitted ? 'admitted' : 'refused'}`, async () => {
    const decision = await ask(
      [rule('r', { match })],
      { subject: subject({ ref: 'main', ...claims }, github) },
      { issuers: { farm: github } },
    )
    const value = 'event_name' in claims ? claims.event_name : ''
    if (admitted) granted(decision)
    else assert.deepEqual(refusal(decision), { reason: 'event_forbidden', claim: 'event_name', value })
  })
}

test('the explanation says which rule matched, and of each other rule what failed first', async () => {
  const decision = await ask([
    rule('dev', { match: [equals('ref', 'dev')] }),
    rule('try', { mode: 'shadow' }),
    rule('r'),
  ])
  assert.deepEqual(explain(decision), [
    'granted: target api, scope read write, by r',
    'rule dev does not match: ref is "main", not "dev"',
    'rule try (shadow) matches',
    'rule r matches',
  ])
})
