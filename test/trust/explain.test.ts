import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition, Operator, Rule } from '../../lib/trust/configuration.ts'
import { decide } from '../../lib/trust/decide.ts'
import { explain } from '../../lib/trust/explain.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { configuration, equals, farm, grant, rule, subject } from './policy-fixture.ts'

const request = { client_id: undefined, audience: [], resource: [], scope: undefined }

async function explained(rules: Rule[], claims: Record<string, unknown>, changes = {}): Promise<string[]> {
  const policy = await toPolicy(configuration(rules, changes), 'https://broker.test')
  return explain(decide({ subject: subject(claims), ...request }, policy, 500))
}

function condition(operator: Operator): Condition {
  return { key: 'a', path: ['a'], operator }
}

for (const [title, changes, claims, line] of [
  ['a value', { match: [equals('a', 'x')] }, { a: 'y' }, 'a is "y", not "x"'],
  ['a list of values', { match: [equals('a', 'x', 'z')] }, { a: 'y' }, 'a is "y", not one of ["x","z"]'],
  ['a claim that is absent', { match: [equals('a', 'x')] }, {}, 'a is absent, not "x"'],
  ['a claim that is null', { match: [equals('a', 'x')] }, { a: null }, 'a is null, not "x"'],
  ['a pattern', { match: [condition({ glob: 'x*' })] }, { a: 'y' }, 'a is "y", not like "x*"'],
  ['a member', { match: [condition({ contains: 'x' })] }, { a: ['y'] }, 'a is ["y"], not a list containing "x"'],
  ['an exception', { match: [condition({ not: ['x'] })] }, { a: 'x' }, 'a is "x", not anything but "x"'],
  [
    'exceptions',
    { match: [condition({ not: ['x', 'y'] })] },
    { a: 'x' },
    'a is "x", not anything but one of ["x","y"]',
  ],
  [
    'a value of 198 characters',
    { match: [equals('a', 'x')] },
    { a: 'y'.repeat(198) },
    `a is "${'y'.repeat(198)}", not "x"`,
  ],
  ['a longer value', { match: [equals('a', 'x')] }, { a: 'y'.repeat(199) }, `a is "${'y'.repeat(199)}…, not "x"`],
  [
    'an expression',
    { match: [], when: { cel: 'claims.a == "x"' } },
    { a: 'y' },
    'when is not true (false): claims.a == "x"',
  ],
  [
    'an expression that fails',
    { match: [], when: { cel: 'claims.a < 3' } },
    { a: 'secret' },
    'when is not true (an error): claims.a < 3',
  ],
  [
    'an expression over an absent claim',
    { match: [], when: { cel: 'claims.a == "x"' } },
    {},
    'when is not true (an error): claims.a == "x"',
  ],
  [
    'an expression over a null claim',
    { match: [], when: { cel: '!("a" in claims)' } },
    { a: null },
    'when is not true (a null in a): !("a" in claims)',
  ],
  [
    'an expression over a claim that the token names',
    { match: [], when: { cel: 'size(claims) == 0' } },
    { secret: null },
    'when is not true (a null claim): size(claims) == 0',
  ],
  [
    'an expression over too much',
    { match: [], when: { cel: 'size(claims.a) > 1' } },
    { a: Array.from({ length: 999 }, () => 'secret') },
    'when is not true (more than 1000 claim values): size(claims.a) > 1',
  ],
  [
    'an expression that is text',
    { match: [], when: { cel: 'claims.a + "x"' } },
    { a: 'secret' },
    'when is not true (a string): claims.a + "x"',
  ],
  [
    'an expression that is a list',
    { match: [], when: { cel: '[claims.a]' } },
    { a: 'secret' },
    'when is not true (a list): [claims.a]',
  ],
  [
    'an expression that is a map',
    { match: [], when: { cel: '{"x": claims.a}' } },
    { a: 'secret' },
    'when is not true (neither text, number, boolean nor list): {"x": claims.a}',
  ],
  ['an expiry', { expires_at: 500 }, { ref: 'main' }, 'the rule expired at 1970-01-01T00:08:20.000Z'],
  ['a client', { clients: ['app', 'web'] }, { ref: 'main' }, 'the client is not one of app, web'],
  ['a path', { match: [], when: { path: ['a', 'b'] } }, { a: { b: 'true' } }, 'when is not true ("true"): claims.a.b'],
  ['a path to nothing', { match: [], when: { path: ['a', 'b'] } }, { a: {} }, 'when is not true (absent): claims.a.b'],
  ['a path to null', { match: [], when: { path: ['a'] } }, { a: null }, 'when is not true (null): claims.a'],
] as const satisfies readonly (readonly [string, Partial<Rule>, Record<string, unknown>, string])[]) {
  test(`${title} that does not hold is shown beside what was wanted`, async () => {
    assert.deepEqual(await explained([rule('r', changes)], claims), [
      'refused: no_rule_matches',
      `rule r does not match: ${line}`,
    ])
  })
}

test('the issuer’s own requirement is named, and no rule is', async () => {
  const pinned = { issuers: { farm: { ...farm, require: [equals('owner', '1')] } } }
  assert.deepEqual(await explained([rule('r')], { ref: 'main' }, pinned), [
    'refused: issuer_requirement_failed',
    "the issuer's require fails at owner",
  ])
})

test('a grant names target, scope and rules', async () => {
  assert.deepEqual(await explained([rule('r')], { ref: 'main' }), [
    'granted: target api, scope read write, by r',
    'rule r matches',
  ])
  const plain = { grant: [grant('plain')] }
  assert.deepEqual(await explained([rule('r', plain), rule('s', plain)], { ref: 'main' }), [
    'granted: target plain, by r, s',
    'rule r matches',
    'rule s matches',
  ])
})

test('a forbidden event is named beside the rule that it keeps from matching', async () => {
  const github = { issuers: { farm: { ...farm, preset: 'github-actions' as const } } }
  assert.deepEqual(await explained([rule('r')], { ref: 'main', event_name: 'issue_comment' }, github), [
    'refused: event_forbidden',
    `rule r does not match: event_name is "issue_comment", which is refused unless the rule's match names it`,
  ])
})
