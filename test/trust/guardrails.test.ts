import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { findUnsafe, refuseUnsafe } from '../../lib/trust/guardrails.ts'
import type { GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import { github, matching, ofPreset, rulesOf, safe, target, withIssuer, withRule } from './guardrails-fixture.ts'
import { equals, farm, grant } from './policy-fixture.ts'

test('the configuration that the rows spoil is safe', () => {
  assert.deepEqual(findUnsafe(safe), [])
  assert.doesNotThrow(() => refuseUnsafe(safe))
})

/** Claims that a verifier reads a meaning into, by who gave it to them. */
const registered = [
  ['RFC 7519 section 4.1', ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']],
  ['RFC 8693 section 4', ['act', 'may_act', 'scope', 'client_id']],
  ['RFC 9068 section 2.2', ['auth_time', 'acr', 'amr', 'roles', 'groups', 'entitlements']],
  ['RFC 7800 section 3.1', ['cnf']],
  ['RFC 8417 section 2.2', ['events', 'txn', 'toe']],
  ['RFC 7515 section 4.1', ['typ', 'alg', 'kid']],
  ['RFC 9396 section 9.1', ['authorization_details']],
  ['RFC 7662 section 2.2', ['active', 'token_type', 'username']],
  ['OpenID Connect Core', ['nonce', 'azp', 'at_hash', 'c_hash']],
  ['FAPI 1.0', ['s_hash']],
  ['OpenID Connect Back-Channel Logout', ['sid']],
  ['our own', ['parents', 'rules', 'target', 'client_sub']],
] as const

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
  [
    'receipts kept for a fraction of a second',
    { ...safe, receipts: { retention: 86_400.5 } },
    'lifetime-out-of-bounds',
  ],

  ['two targets of one audience', { ...safe, targets: { api: target, twin: target } }, 'ambiguous-name'],
  [
    'a target named like another’s audience',
    { ...safe, targets: { api: { ...target, audience: 'x:y' }, 'x:y': target } },
    'ambiguous-name',
  ],
  [
    'a target for ourselves',
    { ...safe, targets: { api: { ...target, audience: 'https://broker.test' } } },
    'ambiguous-name',
  ],
  ['a token for half a minute', { ...safe, targets: { api: { ...target, lifetime: 30 } } }, 'lifetime-out-of-bounds'],
  ['a token for two days', { ...safe, targets: { api: { ...target, lifetime: 172_800 } } }, 'lifetime-out-of-bounds'],
  [
    'a token for a day and a second',
    { ...safe, targets: { api: { ...target, lifetime: 86_401 } } },
    'lifetime-out-of-bounds',
  ],

  ['a rule of an issuer that is not there', withRule({ issuers: ['farm', 'barn'] }), 'unknown-reference'],
  ['a rule of an inherited name', withRule({ issuers: ['constructor'] }), 'unknown-reference'],
  ['a rule of no issuer', withRule({ issuers: [] }), 'unknown-reference'],
  ['a rule for a client that is not there', withRule({ clients: ['nobody'] }), 'unknown-reference'],
  ['a grant of a target that is not there', withRule({ grant: [grant('nope')] }), 'unknown-reference'],
  ['a rule without a condition', withRule({ match: [] }), 'rule-constrains-nothing'],
  ['a rule about iss alone', withRule({ match: [equals('iss', 'https://ci.test')] }), 'rule-constrains-nothing'],
  ['a rule about aud alone', withRule({ match: [equals('aud', 'https://broker.test')] }), 'rule-constrains-nothing'],
  [
    'a rule about a member of aud alone',
    withRule({ match: [{ key: '/aud/0', path: ['aud', '0'], operator: { equals: ['https://broker.test'] } }] }),
    'rule-constrains-nothing',
  ],
  ...['exp', 'iat', 'nbf', 'jti'].map(
    (name) =>
      [`a rule about ${name} alone`, withRule({ match: [equals(name, '1')] }), 'rule-constrains-nothing'] as const,
  ),
  [
    'a rule of exceptions alone',
    withRule({ match: [{ key: 'ref', path: ['ref'], operator: { not: ['x'] } }] }),
    'rule-constrains-nothing',
  ],
  [
    'a rule of a pattern without a word',
    withRule({ match: [{ key: 'path', path: ['path'], operator: { glob: '/*:*' } }] }),
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
  ...registered.flatMap(([source, names]) =>
    names.map(
      (name) =>
        [
          `a rule that sets ${name} of ${source}`,
          withRule({ grant: [grant('api', { claims: { [name]: { path: ['x'] } } })] }),
          'registered-claim',
        ] as const,
    ),
  ),

  ['a pattern of everything', matching('workflow', { glob: '*' }), 'unsafe-pattern'],
  ['a pattern with an open beginning', matching('workflow', { glob: '*-deploy' }), 'unsafe-pattern'],
  ['a pattern of two stars', matching('ref', { glob: 'refs/**' }), 'unsafe-pattern'],
  ['a pattern on an id', matching('repository_id', { glob: '98*' }), 'unsafe-pattern'],
  ['a pattern on an id below a claim', matching('/kubernetes.io/pod/uid', { glob: '98*' }), 'unsafe-pattern'],
  ['a pattern on a claim that is called id', matching('id', { glob: '98*' }), 'unsafe-pattern'],
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
  ['a star among values', matching('ref', { equals: ['refs/heads/*'] }), 'unsafe-pattern'],
  ['a star among other values', matching('ref', { equals: ['main', 'refs/heads/*'] }), 'unsafe-pattern'],
  ['a star among what must not be', matching('ref', { not: ['main', 'refs/heads/*'] }), 'unsafe-pattern'],
  ['a star in a member', matching('groups', { contains: 'buyers-*' }), 'unsafe-pattern'],
]

for (const [title, spoilt, expected] of unsafe) {
  test(`${title}: ${expected}`, () => {
    assert.deepEqual(rulesOf(spoilt), [expected])
  })
}

const safeToo: readonly (readonly [string, Configuration])[] = [
  ['our own URL of the deployment', { ...safe, issuer: 'auto' }],
  ['our own URL with a port', { ...safe, issuer: 'https://broker.test:8443' }],
  ['a rule by expression alone', withRule({ match: [], when: { cel: 'claims.ref == "main"' } })],
  [
    'a rule by pattern alone',
    withRule({ match: [{ key: 'ref', path: ['ref'], operator: { glob: 'refs/heads/release-*' } }] }),
  ],
  ['a grant without scopes of a target without scopes', withRule({ grant: [grant('plain')] })],
  [
    'a rule by member alone',
    withRule({ match: [{ key: 'teams', path: ['teams'], operator: { contains: 'buyers' } }] }),
  ],
  [
    'a rule by a claim that is only called like a registered one',
    withRule({ match: [{ key: '/job/iss', path: ['job', 'iss'], operator: { equals: ['a'] } }] }),
  ],
  ['a rule for a client that is there', withRule({ clients: ['app'] })],
  ['two targets granted at once', withRule({ grant: [grant('api'), grant('plain')] })],
  ['a grant of some scopes', withRule({ grant: [grant('api', { scopes: ['write'] })] })],
  [
    'a rule that adds a claim of its own',
    withRule({ grant: [grant('api', { claims: { commit: { path: ['sha'] } } })] }),
  ],
  ['a pattern on a plain issuer’s sub', matching('sub', { glob: 'job:acme/*' })],
  ['a pattern on a claim that only ends like an id', matching('grid', { glob: 'north-*' })],
  ['a pattern on a claim that speaks of ids', matching('id_format', { glob: 'v*' })],
  [
    'a pattern on GitHub’s ref',
    matching('ref', { glob: 'refs/tags/*' }, ofPreset('github-actions', github, [equals('repository_owner_id', '1')])),
  ],
  [
    'a pattern that another issuer’s rule may not have',
    {
      ...matching('sub', { glob: 'job:acme/*' }),
      issuers: { farm, cluster: { ...farm, ...ofPreset('kubernetes', 'https://c.test'), name: 'cluster' } },
    },
  ],
  [
    'a target named by its own audience',
    { ...safe, rules: [], targets: { 'urn:api': { ...target, audience: 'urn:api' } } },
  ],
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
]

for (const [title, configured] of safeToo) {
  test(`${title} is safe`, () => {
    assert.deepEqual(findUnsafe(configured), [])
  })
}
