import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AUTHORIZATION_CODE_GRANT, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { toClaims, toPath } from '../../lib/tokens/claim-path.ts'
import type { Configuration, Rule } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { fare, replay, type Recorded, type Replayed } from '../../lib/trust/replay.ts'
import { withLogins, withApp, withUpstream } from './guardrails-fixture.ts'
import { configuration, equals, farm, grant, rule } from './policy-fixture.ts'

const now = 500
const hub = { ...farm, preset: 'github-actions' as const }

/** Claims on record; `undefined` is one that was looked for and is not there. */
function recorded(claims: Record<string, unknown>, changes: Partial<Recorded> = {}): Recorded {
  const names = Object.keys(claims)
  const known = names.map(toPath)
  return {
    iss: farm.issuer,
    issuer_name: undefined,
    client_id: undefined,
    grant_type: TOKEN_EXCHANGE_GRANT,
    target: 'api',
    known: {
      claims: toClaims(names.filter((name) => claims[name] !== undefined).map((name) => [toPath(name), claims[name]])),
      knows: (path) => known.some((outer) => outer.every((name, index) => path[index] === name) && outer.length > 0),
    },
    ...changes,
  }
}

async function replayed(
  rules: readonly Rule[],
  claims: Record<string, unknown>,
  changes: Partial<Configuration> = {},
  more: Partial<Recorded> = {},
): Promise<Replayed> {
  const policy = await toPolicy(configuration(rules, changes), 'https://broker.test')
  return replay(recorded({ sub: 's', ...claims }, more), policy, now)
}

function told(result: Replayed): string {
  if ('untold' in result) return `untold: ${result.untold.join(', ')}`
  const { decision } = result
  return 'granted' in decision ? `granted by ${decision.granted.rules.join(', ')}` : decision.refused.reason
}

test('an issuer is found by its iss whatever it was called, and by its name where two share one', async () => {
  const rules = [rule('r')]
  const other = { ...farm, name: 'other' }
  const renamed = { issuers: { other } }
  const both = { issuers: { farm, other } }
  const claims = { ref: 'main' }
  const barn = [rule('r', { issuers: ['other'] })]
  assert.equal(told(await replayed(barn, claims, renamed)), 'granted by r')
  const named = (issuer_name: string) => ({ issuer_name })
  assert.equal(told(await replayed(rules, claims, both, named('farm'))), 'granted by r')
  assert.equal(told(await replayed(barn, claims, both, named('farm'))), 'no_rule_matches')
  assert.equal(told(await replayed(barn, claims, both, named('other'))), 'granted by r')
  assert.equal(told(await replayed(barn, claims, both, named('gone'))), 'issuer_unknown')
  // Of two that shared it the other is left: that one never signed this token.
  assert.equal(told(await replayed(barn, claims, renamed, named('farm'))), 'issuer_unknown')
})

const two = [equals('env', 'prod'), equals('ref', 'main')]

for (const [title, rules, claims, expected] of [
  ['what is on record decides', [rule('r')], { ref: 'main' }, 'granted by r'],
  ['a claim that was looked for and is not there fails', [rule('r')], { ref: undefined }, 'no_rule_matches'],
  ['a claim that is not on record is not taken for absent', [rule('r')], {}, 'untold: ref'],
  [
    'nor under not, nor for a pattern',
    [
      rule('r', {
        match: [
          { key: 'a', path: ['a'], operator: { not: ['x'] } },
          { key: 'b', path: ['b'], operator: { glob: 'x*' } },
        ],
      }),
    ],
    {},
    'untold: a, b',
  ],
  ['one condition that fails for certain is enough', [rule('r', { match: two })], { ref: 'x' }, 'no_rule_matches'],
  ['wherever it stands', [rule('r', { match: two })], { env: 'x' }, 'no_rule_matches'],
  ['one that holds is not', [rule('r', { match: two })], { ref: 'main' }, 'untold: env'],
  ['a rule that has expired grants nothing, whatever it asks', [rule('r', { expires_at: now })], {}, 'no_rule_matches'],
  [
    'a rule that may grant more makes it uncertain',
    [rule('r'), rule('s', { match: two })],
    { ref: 'main' },
    'untold: env',
  ],
  [
    'but not one of another target',
    [rule('r'), rule('s', { match: two, grant: [grant('plain')] })],
    { ref: 'main' },
    'granted by r',
  ],
  ['nor one in shadow', [rule('r'), rule('s', { match: two, mode: 'shadow' })], { ref: 'main' }, 'granted by r'],
  ['a path in when must be on record', [rule('r', { when: { path: ['ok'] } })], { ref: 'main' }, 'untold: ok'],
  [
    'and every claim that CEL mentions',
    [rule('r', { when: { cel: 'claims.a == 1 && claims["b"] == 2' } })],
    { ref: 'main', a: 1 },
    'untold: b',
  ],
  [
    'CEL whose claims are on record decides',
    [rule('r', { when: { cel: 'claims.a == 1 && claims["b"] == 2' } })],
    { ref: 'main', a: 1, b: 2 },
    'granted by r',
  ],
  [
    'CEL that looks at all claims cannot be told',
    [rule('r', { when: { cel: 'claims.a == 1 && !("b" in claims)' } })],
    { ref: 'main', a: 1, b: undefined },
    'untold: all claims',
  ],
  [
    'an expression is not read where the match fails',
    [rule('r', { when: { path: ['ok'] } })],
    { ref: 'x' },
    'no_rule_matches',
  ],
  [
    'a claim that is added must be on record',
    [rule('r', { grant: [grant('api', { claims: { sha: { path: ['sha'] } } })] })],
    { ref: 'main' },
    'untold: sha',
  ],
  [
    'but not one that is added to another token',
    [rule('r', { grant: [grant('api'), grant('plain', { claims: { sha: { path: ['sha'] } } })] })],
    { ref: 'main' },
    'granted by r',
  ],
  [
    'what is inside a claim on record is on record',
    [rule('r', { match: [{ key: 'k', path: ['a', 'b'], operator: { equals: [1] } }] })],
    { a: { b: 1 } },
    'granted by r',
  ],
  [
    'what is beside it is not',
    [rule('r', { match: [{ key: 'k', path: ['a', 'c'], operator: { equals: [1] } }] })],
    { '/a/b': 1 },
    'untold: /a/c',
  ],
] as const)
  test(title, async () => assert.equal(told(await replayed(rules, claims)), expected))

describe('events that are refused unless they are named', () => {
  const naming = rule('r', { match: [equals('event_name', 'issues'), equals('ref', 'main')] })
  for (const [title, rules, claims, expected] of [
    ['an event on record that is harmless', [rule('r')], { event_name: 'push' }, 'granted by r'],
    ['one that is not', [rule('r')], { event_name: 'issues' }, 'event_forbidden'],
    ['one that is named', [naming], { event_name: 'issues' }, 'granted by r'],
    ['one that is not on record', [rule('r')], {}, 'untold: event_name'],
    ['also where it is named', [naming], {}, 'untold: event_name'],
    ['one that was looked for, and is not there', [rule('r')], { event_name: undefined }, 'event_forbidden'],
    ['none, where the match fails for certain', [rule('r', { match: [equals('ref', 'x')] })], {}, 'no_rule_matches'],
  ] as const)
    test(title, async () => {
      const result = await replayed(rules, { ref: 'main', ...claims }, { issuers: { farm: hub } })
      assert.equal(told(result), expected)
    })
})

describe('requirements of the issuer', () => {
  const issuers = { farm: { ...farm, require: [equals('org', '1'), equals('owner', '7')] } }
  for (const [title, rules, claims, expected] of [
    ['all on record', [rule('r')], { ref: 'main', org: '1', owner: '7' }, 'granted by r'],
    ['one that is not', [rule('r')], { ref: 'main', owner: '7' }, 'untold: org'],
    ['one that fails, beside one that is not', [rule('r')], { owner: '8' }, 'issuer_requirement_failed'],
  ] as const)
    test(title, async () => assert.equal(told(await replayed(rules, claims, { issuers })), expected))
})

describe('before the rules', () => {
  const ask = (changes: Partial<Configuration>, more: Partial<Recorded> = {}, claims = {}) =>
    replayed(
      [rule('r'), { ...rule('own', { match: [] }), issuers: [], client: 'job' }],
      { ref: 'main', ...claims },
      changes,
      more,
    )
  const job = { type: 'confidential', grants: ['client_credentials'], introspect: [] } as const
  for (const [title, changes, more, expected] of [
    ['an issuer nobody trusts', {}, { iss: 'https://x.test' }, 'issuer_unknown'],
    ['a client nobody knows', {}, { client_id: 'gone' }, 'client_unknown'],
    ['a client that may not', {}, { client_id: 'app' }, 'grant_type_not_allowed'],
    [
      'a client for itself',
      { clients: { job } },
      { iss: undefined, client_id: 'job', grant_type: 'client_credentials' },
      'granted by own',
    ],
    ['a subject by another claim', { issuers: { farm: { ...farm, subject: [{ claim: ['id'] }] } } }, {}, 'untold: id'],
  ] as const)
    test(title, async () => assert.equal(told(await ask(changes, more)), expected))

  test('a subject that is not there any more', async () => {
    const issuers = { farm: { ...farm, subject: [{ claim: ['id'] }] } }
    assert.equal(told(await ask({ issuers }, {}, { id: undefined })), 'subject_claim_missing')
  })

  test('whoever stands in for a subject must be on record too', async () => {
    const subject = ['p:', { claim: ['a'], otherwise: ['b'] }]
    const issuers = { farm: { ...farm, subject } }
    assert.equal(told(await ask({ issuers }, {}, { a: undefined })), 'untold: b')
    const result = await ask({ issuers }, {}, { a: undefined, b: '7' })
    assert.ok('sub' in result)
    assert.equal(result.sub, 'farm:p:7')
  })
})

test('how a rule fares names each claim once, in order, and the first thing that fails', async () => {
  const made = rule('r', { match: [equals('z', '1'), equals('a', '1')], when: { cel: 'claims.z == claims.a' } })
  const policy = await toPolicy(configuration([made]), 'https://broker.test')
  const ask = (claims: Record<string, unknown>) => fare(made, farm, undefined, recorded(claims).known, policy, now)
  assert.deepEqual(ask({}).untold, ['a', 'z'])
  const failed = ask({ a: '2' })
  assert.deepEqual([failed.untold, failed.trace.failed], [[], 'a is "2", not "1"'])
})

describe('a code that was traded', () => {
  const atPartner = rule('r', { issuers: ['partner'] })
  const code = {
    iss: 'https://login.partner.test',
    client_id: 'app',
    grant_type: AUTHORIZATION_CODE_GRANT,
    target: 'openid:userinfo',
  }
  const required = withUpstream({}, { require: [equals('tenant', 'a')] })
  for (const [title, configured, claims, target, expected] of [
    ['for who it is', withLogins, {}, 'openid:userinfo', 'granted by '],
    [
      'where the client names another issuer',
      withApp({ issuers: ['farm'] }),
      {},
      'openid:userinfo',
      'issuer_not_offered',
    ],
    [
      'where the client may not use codes any more',
      withApp({}, { grants: [] }),
      {},
      'openid:userinfo',
      'grant_type_not_allowed',
    ],
    [
      'where the issuer requires something else',
      required,
      { tenant: 'b' },
      'openid:userinfo',
      'issuer_requirement_failed',
    ],
    ['where the issuer requires what is on record', required, { tenant: 'a' }, 'openid:userinfo', 'granted by '],
    ['where the issuer requires what is not on record', required, {}, 'openid:userinfo', 'untold: tenant'],
    ['for a target', withLogins, { ref: 'main' }, 'api', 'granted by r'],
    ['for a target, where no rule matches', withLogins, { ref: 'dev' }, 'api', 'no_rule_matches'],
    [
      'for a target, where the client names another issuer',
      withApp({ issuers: ['farm'] }),
      { ref: 'main' },
      'api',
      'issuer_not_offered',
    ],
  ] as const)
    test(title, async () => {
      const { issuers, clients } = configured
      assert.equal(told(await replayed([atPartner], claims, { issuers, clients }, { ...code, target })), expected)
    })

  test('with all the scopes that the client may have', async () => {
    const { issuers, clients } = withApp({ scopes: ['openid', 'email'] })
    const result = await replayed([], {}, { issuers, clients }, code)
    assert.ok('decision' in result && 'granted' in result.decision && 'scopes' in result.decision.granted)
    assert.deepEqual(result.decision.granted.scopes, ['openid', 'email'])
  })
})
