import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Configuration, Issuer, Operator, PresetName, Rule } from '../../lib/trust/configuration.ts'
import { findUnsafe, refuseUnsafe } from '../../lib/trust/guardrails.ts'
import { guardrailRules, type GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import { presets } from '../../lib/trust/presets.ts'
import { configuration, equals, farm, grant, rule } from './policy-fixture.ts'

const safe = configuration([rule('r')])

function withIssuer(changes: Partial<Issuer>): Configuration {
  return { ...safe, issuers: { farm: { ...farm, ...changes } } }
}

function withRule(changes: Partial<Rule>): Configuration {
  return { ...safe, rules: [rule('r', changes)] }
}

function matching(key: string, operator: Operator, issuer: Partial<Issuer> = {}): Configuration {
  const condition = { key, path: [key], operator }
  return { ...withIssuer(issuer), rules: [rule('r', { match: [equals('ref', 'main'), condition] })] }
}

function ofPreset(preset: PresetName, issuer: string, require: Issuer['require'] = []): Partial<Issuer> {
  const { replay, subject, algorithms } = presets[preset]
  return { preset, issuer, require, replay, subject, algorithms }
}

const github = 'https://token.actions.githubusercontent.com'
const target = { audience: 'https://api.test', scopes: ['read', 'write', 'admin'], lifetime: 900 }

test('the configuration that the rows spoil is safe', () => {
  assert.deepEqual(findUnsafe(safe), [])
  assert.doesNotThrow(() => refuseUnsafe(safe))
})

const unsafe: readonly (readonly [string, Configuration, GuardrailFinding['rule']])[] = [
  ['our issuer over http', { ...safe, issuer: 'http://broker.test' }, 'our-issuer'],
  ['our issuer on loopback, deployed', { ...safe, issuer: 'http://127.0.0.1:8787' }, 'our-issuer'],
  ['our issuer over http elsewhere, locally', { ...safe, local: true, issuer: 'http://broker.test' }, 'our-issuer'],
  ['our issuer with a path', { ...safe, issuer: 'https://broker.test/a' }, 'our-issuer'],
  ['our issuer with a trailing slash', { ...safe, issuer: 'https://broker.test/' }, 'our-issuer'],
  ['our issuer in upper case', { ...safe, issuer: 'https://Broker.test' }, 'our-issuer'],
  ['our issuer with its default port', { ...safe, issuer: 'https://broker.test:443' }, 'our-issuer'],
  ['our issuer with a user', { ...safe, issuer: 'https://u@broker.test' }, 'our-issuer'],
  ['no RS256', { ...safe, signing: { algorithms: ['ES256'], keys: {} } }, 'rs256-missing'],
  ['receipts kept for an hour', { ...safe, receipts: { retention: 3_600 } }, 'lifetime-out-of-bounds'],
  ['receipts kept for ever', { ...safe, receipts: { retention: Infinity } }, 'lifetime-out-of-bounds'],

  ['an issuer over http', withIssuer({ issuer: 'http://ci.test' }), 'insecure-url'],
  ['an issuer on loopback, deployed', withIssuer({ issuer: 'http://127.0.0.1:1' }), 'insecure-url'],
  [
    'an issuer that only begins like loopback',
    { ...withIssuer({ issuer: 'http://127.0.0.1.ci.test' }), local: true },
    'insecure-url',
  ],
  ['an issuer with a user', withIssuer({ issuer: 'https://u:p@ci.test' }), 'insecure-url'],
  ['an issuer with a query', withIssuer({ issuer: 'https://ci.test/?a=b' }), 'insecure-url'],
  ['an issuer with a fragment', withIssuer({ issuer: 'https://ci.test/#a' }), 'insecure-url'],
  ['an issuer with dot segments', withIssuer({ issuer: 'https://ci.test/a/../b' }), 'insecure-url'],
  ['an issuer that is no URL', withIssuer({ issuer: 'ci.test' }), 'insecure-url'],
  ['a key set over http', withIssuer({ jwks: { uri: 'http://ci.test/keys' } }), 'insecure-url'],
  ['another preset’s URL', withIssuer(ofPreset('github-actions', 'https://ci.test')), 'preset-issuer'],
  [
    'GitHub Enterprise Server without its path',
    withIssuer(ofPreset('github-actions', 'https://github.acme.test')),
    'preset-issuer',
  ],
  [
    'a look-alike of GitHub',
    withIssuer(ofPreset('github-actions', 'https://token.actions.githubusercontent.com.evil.test')),
    'preset-issuer',
  ],
  ['two path segments after GitHub', withIssuer(ofPreset('github-actions', `${github}/a/b`)), 'preset-issuer'],
  [
    'Google in the clothes of a cluster',
    withIssuer(ofPreset('kubernetes', 'https://accounts.google.com')),
    'preset-issuer',
  ],
  ['GitHub in the clothes of a cluster', withIssuer(ofPreset('kubernetes', github)), 'preset-issuer'],
  ['GitHub in the clothes of a GitLab', withIssuer(ofPreset('gitlab', github)), 'preset-issuer'],
  ['gitlab.com in the clothes of a cluster', withIssuer(ofPreset('kubernetes', 'https://gitlab.com')), 'preset-issuer'],
  [
    'Buildkite in the clothes of a GitLab',
    withIssuer(ofPreset('gitlab', 'https://agent.buildkite.com')),
    'preset-issuer',
  ],
  [
    'a preset with a subject by name',
    withIssuer({ ...ofPreset('github-actions', `${github}/acme`), subject: [{ claim: ['actor'] }] }),
    'preset-fixed',
  ],
  [
    'a preset with laxer replay protection',
    withIssuer({ ...ofPreset('github-actions', `${github}/acme`), replay: 'once_per_target' }),
    'preset-fixed',
  ],
  [
    'a preset with another algorithm',
    withIssuer({ ...ofPreset('github-actions', `${github}/acme`), algorithms: ['RS256', 'ES256'] }),
    'preset-fixed',
  ],
  ['discovery at a private address', withIssuer({ issuer: 'https://10.0.0.1' }), 'unreachable-keys'],
  ['discovery at an IPv6 address', withIssuer({ issuer: 'https://[::1]' }), 'unreachable-keys'],
  [
    'discovery inside a cluster',
    withIssuer({ issuer: 'https://kubernetes.default.svc.cluster.local' }),
    'unreachable-keys',
  ],
  ['discovery at a name without a dot', withIssuer({ issuer: 'https://localhost' }), 'unreachable-keys'],
  ['a key set at a private name', withIssuer({ jwks: { uri: 'https://ci.internal/keys' } }), 'unreachable-keys'],
  ['the API server’s audience', withIssuer({ audiences: ['https://kubernetes.default.svc'] }), 'foreign-audience'],
  [
    'the API server’s long audience',
    withIssuer({ audiences: ['https://kubernetes.default.svc.cluster.local'] }),
    'foreign-audience',
  ],
  ['an audience with a star', withIssuer({ audiences: ['*'] }), 'unsafe-pattern'],
  ['an issuer with a star', withIssuer({ issuer: 'https://*.ci.test' }), 'insecure-url'],
  ['a star among values', matching('ref', { equals: ['refs/heads/*'] }), 'unsafe-pattern'],
  [
    'a pin of nothing',
    withIssuer(ofPreset('github-actions', github, [equals('repository_owner_id', '')])),
    'shared-issuer-unpinned',
  ],
  [
    'a pin of something or nothing',
    withIssuer(ofPreset('github-actions', github, [equals('repository_owner_id', '1', '')])),
    'shared-issuer-unpinned',
  ],
  [
    'Microsoft’s consumers without an account',
    withIssuer({
      issuer: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
      require: [equals('tid', '9188040d')],
    }),
    'shared-issuer-unpinned',
  ],
  ['Chainguard without a pin', withIssuer({ issuer: 'https://issuer.enforce.dev' }), 'shared-issuer-unpinned'],
  [
    'a target for ourselves',
    { ...safe, targets: { api: { ...target, audience: 'https://broker.test' } } },
    'ambiguous-name',
  ],
  ['GitHub without its preset', withIssuer({ issuer: github }), 'use-preset'],
  ['a GitHub slug without its preset', withIssuer({ issuer: `${github}/acme` }), 'use-preset'],
  ['gitlab.com without its preset', withIssuer({ issuer: 'https://gitlab.com' }), 'use-preset'],
  ['GitHub without a pin', withIssuer(ofPreset('github-actions', github)), 'shared-issuer-unpinned'],
  [
    'GitHub pinned by a name',
    withIssuer(ofPreset('github-actions', github, [equals('repository_owner', 'acme')])),
    'shared-issuer-unpinned',
  ],
  [
    'GitHub pinned by what it is not',
    withIssuer(
      ofPreset('github-actions', github, [
        { key: 'repository_owner_id', path: ['repository_owner_id'], operator: { not: ['1'] } },
      ]),
    ),
    'shared-issuer-unpinned',
  ],
  ['gitlab.com without a pin', withIssuer(ofPreset('gitlab', 'https://gitlab.com')), 'shared-issuer-unpinned'],
  ['Google without a pin', withIssuer({ issuer: 'https://accounts.google.com' }), 'shared-issuer-unpinned'],
  [
    'Google, spelt with a slash, without a pin',
    withIssuer({ issuer: 'https://accounts.google.com/' }),
    'shared-issuer-unpinned',
  ],
  [
    'Entra’s common issuer without a tenant',
    withIssuer({ issuer: 'https://login.microsoftonline.com/common/v2.0' }),
    'shared-issuer-unpinned',
  ],
  [
    'a stand-in of GitHub without a pin',
    { ...withIssuer(ofPreset('github-actions', 'http://127.0.0.1:8788')), local: true },
    'shared-issuer-unpinned',
  ],
  ['a symmetric algorithm', withIssuer({ algorithms: ['HS256' as never] }), 'algorithm-not-allowed'],
  ['none', withIssuer({ algorithms: ['RS256', 'none' as never] }), 'algorithm-not-allowed'],
  ['no algorithms', withIssuer({ algorithms: [] }), 'algorithm-not-allowed'],
  ['a tolerance over five minutes', withIssuer({ clock_tolerance: 301 }), 'lifetime-out-of-bounds'],
  ['a negative tolerance', withIssuer({ clock_tolerance: -1 }), 'lifetime-out-of-bounds'],
  ['tokens that live for more than a day', withIssuer({ max_token_lifetime: 86_401 }), 'lifetime-out-of-bounds'],
  [
    'no replay protection for two hours',
    withIssuer({ replay: 'off', max_token_lifetime: 7_200 }),
    'replay-off-too-long',
  ],
  [
    'an issuer named self',
    { ...safe, issuers: { farm, self: { ...farm, name: 'self', issuer: 'https://b.test' } } },
    'ambiguous-name',
  ],
  ['two issuers of one URL', { ...safe, issuers: { farm, barn: { ...farm, name: 'barn' } } }, 'ambiguous-name'],
  ['our own URL as an issuer', withIssuer({ issuer: 'https://broker.test' }), 'ambiguous-name'],

  ['two targets of one audience', { ...safe, targets: { api: target, twin: target } }, 'ambiguous-name'],
  [
    'a target named like another’s audience',
    { ...safe, targets: { api: { ...target, audience: 'x:y' }, 'x:y': target } },
    'ambiguous-name',
  ],
  ['a token for half a minute', { ...safe, targets: { api: { ...target, lifetime: 30 } } }, 'lifetime-out-of-bounds'],
  ['a token for two days', { ...safe, targets: { api: { ...target, lifetime: 172_800 } } }, 'lifetime-out-of-bounds'],

  ['a rule of an issuer that is not there', withRule({ issuers: ['farm', 'barn'] }), 'unknown-reference'],
  ['a rule of an inherited name', withRule({ issuers: ['constructor'] }), 'unknown-reference'],
  ['a rule of no issuer', withRule({ issuers: [] }), 'unknown-reference'],
  ['a rule for a client that is not there', withRule({ clients: ['nobody'] }), 'unknown-reference'],
  ['a grant of a target that is not there', withRule({ grant: [grant('nope')] }), 'unknown-reference'],
  ['a rule without a condition', withRule({ match: [] }), 'rule-constrains-nothing'],
  ['a rule about iss alone', withRule({ match: [equals('iss', 'https://ci.test')] }), 'rule-constrains-nothing'],
  ['a rule about aud alone', withRule({ match: [equals('aud', 'https://broker.test')] }), 'rule-constrains-nothing'],
  [
    'a rule of exceptions alone',
    withRule({ match: [{ key: 'ref', path: ['ref'], operator: { not: ['x'] } }] }),
    'rule-constrains-nothing',
  ],
  ['a target granted twice', withRule({ grant: [grant('api'), grant('api')] }), 'ambiguous-name'],
  ['a grant without the scopes', withRule({ grant: [grant('api', { scopes: [] })] }), 'scopes-required'],
  [
    'a grant of a scope that is not there',
    withRule({ grant: [grant('api', { scopes: ['nope'] })] }),
    'scopes-required',
  ],
  [
    'a grant of a scope where there are none',
    withRule({ grant: [grant('plain', { scopes: ['read'] })] }),
    'scopes-required',
  ],
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'scope', 'client_id', 'act', 'may_act', 'cnf', 'groups'].map(
    (name) =>
      [
        `a rule that sets ${name}`,
        withRule({ grant: [grant('api', { claims: { [name]: { path: ['x'] } } })] }),
        'registered-claim',
      ] as const,
  ),

  ['a pattern of everything', matching('workflow', { glob: '*' }), 'unsafe-pattern'],
  ['a pattern with an open beginning', matching('workflow', { glob: '*-deploy' }), 'unsafe-pattern'],
  ['a pattern of two stars', matching('ref', { glob: 'refs/**' }), 'unsafe-pattern'],
  ['a pattern on an id', matching('repository_id', { glob: '98*' }), 'unsafe-pattern'],
  [
    'a pattern on GitHub’s sub',
    matching('sub', { glob: 'repo:acme/*' }, ofPreset('github-actions', github, [equals('repository_owner_id', '1')])),
    'unsafe-pattern',
  ],
  [
    'a pattern in require',
    withIssuer({ require: [{ key: 'project', path: ['project'], operator: { glob: '*' } }] }),
    'unsafe-pattern',
  ],
]

for (const [title, spoilt, expected] of unsafe) {
  test(`${title}: ${expected}`, () => {
    const findings = findUnsafe(spoilt)
    assert.deepEqual([...new Set(findings.map((finding) => finding.rule))], [expected])
    assert.throws(() => refuseUnsafe(spoilt), new RegExp(expected))
  })
}

test('every guardrail has a row', () => {
  for (const name of Object.keys(guardrailRules))
    assert.ok(
      unsafe.some((row) => row[2] === name),
      name,
    )
})

const safeToo: readonly (readonly [string, Configuration])[] = [
  ['our own URL of the deployment', { ...safe, issuer: 'auto' }],
  [
    'loopback in a local run',
    { ...withIssuer({ issuer: 'http://127.0.0.1:8788' }), local: true, issuer: 'http://localhost:8787' },
  ],
  ['an issuer with a path and a trailing slash', withIssuer({ issuer: 'https://ci.test/realms/a/' })],
  ['an issuer without replay protection for an hour', withIssuer({ replay: 'off', max_token_lifetime: 3_600 })],
  ['GitHub pinned by id', withIssuer(ofPreset('github-actions', github, [equals('repository_owner_id', '1')]))],
  ['GitHub pinned by several ids', withIssuer(ofPreset('github-actions', github, [equals('repository_id', '1', '2')]))],
  ['an enterprise’s own GitHub slug', withIssuer(ofPreset('github-actions', `${github}/acme`))],
  ['data residency', withIssuer(ofPreset('github-actions', 'https://token.actions.acme.ghe.com'))],
  ['GitHub Enterprise Server', withIssuer(ofPreset('github-actions', 'https://github.acme.test/_services/token'))],
  ['one’s own GitLab', withIssuer(ofPreset('gitlab', 'https://gitlab.acme.test'))],
  ['gitlab.com pinned', withIssuer(ofPreset('gitlab', 'https://gitlab.com', [equals('namespace_id', '1')]))],
  ['a cluster', withIssuer(ofPreset('kubernetes', 'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC'))],
  ['a rule by expression alone', withRule({ match: [], when: { cel: 'claims.ref == "main"' } })],
  [
    'a rule by pattern alone',
    withRule({ match: [{ key: 'ref', path: ['ref'], operator: { glob: 'refs/heads/release-*' } }] }),
  ],
  [
    'a cluster whose tokens are traded once',
    withIssuer({ ...ofPreset('kubernetes', 'https://c.test'), replay: 'once', algorithms: ['ES256'] }),
  ],
  [
    'uploaded keys of a private issuer',
    withIssuer({ issuer: 'https://kubernetes.default.svc.cluster.local', jwks: { keys: { keys: [] } } }),
  ],
  [
    'a private issuer whose keys are public',
    withIssuer({ issuer: 'https://ci.internal', jwks: { uri: 'https://keys.test/jwks' } }),
  ],
  ['a stand-in of a cluster', { ...withIssuer(ofPreset('kubernetes', 'http://127.0.0.1:8788')), local: true }],
  [
    'the longest of everything',
    {
      ...withIssuer({ clock_tolerance: 300, max_token_lifetime: 86_400 }),
      targets: {
        api: { ...target, lifetime: 86_400 },
        plain: { ...target, audience: 'https://plain.test', lifetime: 60 },
      },
      receipts: { retention: 3_650 * 86_400 },
    },
  ],
  [
    'the shortest of everything',
    {
      ...withIssuer({ clock_tolerance: 0, max_token_lifetime: 60 }),
      receipts: { retention: 86_400 },
    },
  ],
  ['a grant without scopes of a target without scopes', withRule({ grant: [grant('plain')] })],
  ['a pattern on a plain issuer’s sub', matching('sub', { glob: 'job:acme/*' })],
]

for (const [title, configured] of safeToo) {
  test(`${title} is safe`, () => {
    assert.deepEqual(findUnsafe(configured), [])
  })
}
