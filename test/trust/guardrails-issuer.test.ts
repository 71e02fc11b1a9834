import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SubjectTokenAlgorithm } from '../../lib/protocol/algorithms.ts'
import type { KeySet } from '../../lib/protocol/key-set.ts'
import { presetNames, type Configuration, type Issuer } from '../../lib/trust/configuration.ts'
import { findUnsafe } from '../../lib/trust/guardrails.ts'
import type { GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import { matching, ofPreset, rulesOf, safe, withIssuer } from './guardrails-fixture.ts'
import { farm } from './policy-fixture.ts'

const inLocalRun = (issuer: Parameters<typeof withIssuer>[0]): Configuration => ({ ...withIssuer(issuer), local: true })

const keySet = (alg: SubjectTokenAlgorithm): KeySet => ({
  keys: [{ kid: 'k', algorithms: [alg], jwk: { kty: 'RSA' } }],
})

const key = (kid: string | undefined, n: string) => ({
  keys: { keys: [{ kid, algorithms: ['RS256'] as const, jwk: { kty: 'RSA', n, e: 'AQAB' } }] },
})
/** Two clusters that call themselves the same. */
const clusters = (berlin: Partial<Issuer>, paris: Partial<Issuer>): Configuration => {
  const shared = { ...farm, issuer: 'https://kubernetes.default.svc.cluster.local', shares_issuer: true as const }
  return {
    ...safe,
    issuers: {
      farm,
      berlin: { ...shared, name: 'berlin', jwks: key('b', 'nb'), ...berlin },
      paris: { ...shared, name: 'paris', jwks: key('p', 'np'), ...paris },
    },
  }
}
const alone = { shares_issuer: undefined } as unknown as Partial<Issuer>

const bundle = { uri: 'https://spire.test/bundle' }
const spiffe = (changes: Partial<Issuer>): Configuration =>
  withIssuer({ ...ofPreset('spiffe', 'spiffe://acme.example'), jwks: bundle, ...changes })

const unsafe: readonly (readonly [string, Configuration, GuardrailFinding['rule']])[] = [
  ['an issuer over http', withIssuer({ issuer: 'http://ci.test' }), 'insecure-url'],
  ['an issuer on loopback, deployed', withIssuer({ issuer: 'http://127.0.0.1:1' }), 'insecure-url'],
  [
    'an issuer that only begins like loopback',
    { ...withIssuer({ issuer: 'http://127.0.0.1.ci.test' }), local: true },
    'insecure-url',
  ],
  ['an issuer that only mentions loopback', inLocalRun({ issuer: 'http://ci.test/http://127.0.0.1/' }), 'insecure-url'],
  ['an issuer over http elsewhere, locally', inLocalRun({ issuer: 'http://ci.test' }), 'insecure-url'],
  ['an issuer with a user', withIssuer({ issuer: 'https://u:p@ci.test' }), 'insecure-url'],
  ['an issuer with a user and no password', withIssuer({ issuer: 'https://u@ci.test' }), 'insecure-url'],
  ['an issuer with a password and no user', withIssuer({ issuer: 'https://:p@ci.test' }), 'insecure-url'],
  ['an issuer with a query', withIssuer({ issuer: 'https://ci.test/?a=b' }), 'insecure-url'],
  ['an issuer with an empty query', withIssuer({ issuer: 'https://ci.test/?' }), 'insecure-url'],
  ['an issuer with a fragment', withIssuer({ issuer: 'https://ci.test/#a' }), 'insecure-url'],
  ['an issuer with an empty fragment', withIssuer({ issuer: 'https://ci.test/#' }), 'insecure-url'],
  ['an issuer with its default port', withIssuer({ issuer: 'https://ci.test:443' }), 'insecure-url'],
  ['an issuer in upper case', withIssuer({ issuer: 'https://CI.test' }), 'insecure-url'],
  ['an issuer with dot segments', withIssuer({ issuer: 'https://ci.test/a/../b' }), 'insecure-url'],
  ['an issuer that is no URL', withIssuer({ issuer: 'ci.test' }), 'insecure-url'],
  ['an issuer with a star', withIssuer({ issuer: 'https://*.ci.test' }), 'insecure-url'],
  ['a key set over http', withIssuer({ jwks: { uri: 'http://ci.test/keys' } }), 'insecure-url'],
  ['a key set on loopback, deployed', withIssuer({ jwks: { uri: 'http://127.0.0.1:8788/keys' } }), 'insecure-url'],
  ['a key set over http elsewhere, locally', inLocalRun({ jwks: { uri: 'http://ci.test/keys' } }), 'insecure-url'],
  ['discovery at a private address', withIssuer({ issuer: 'https://10.0.0.1' }), 'unreachable-keys'],
  ['discovery at another private address', withIssuer({ issuer: 'https://192.168.100.254' }), 'unreachable-keys'],
  ['discovery at an IPv6 address', withIssuer({ issuer: 'https://[::1]' }), 'unreachable-keys'],
  [
    'discovery inside a cluster',
    withIssuer({ issuer: 'https://kubernetes.default.svc.cluster.local' }),
    'unreachable-keys',
  ],
  ['an issuer at a name with a dot after it', withIssuer({ issuer: 'https://ci.test.' }), 'insecure-url'],
  ['keys at a name with a dot after it', withIssuer({ jwks: { uri: 'https://keys.internal./jwks' } }), 'insecure-url'],
  ['keys of which none signs so', withIssuer({ jwks: { keys: keySet('ES256') } }), 'algorithm-not-allowed'],
  ['discovery at a name without a dot', withIssuer({ issuer: 'https://localhost' }), 'unreachable-keys'],
  ...['local', 'internal', 'localhost', 'lan', 'home', 'home.arpa', 'svc', 'corp', 'intranet', 'private'].map(
    (suffix) =>
      [`discovery at a .${suffix} name`, withIssuer({ issuer: `https://ci.${suffix}` }), 'unreachable-keys'] as const,
  ),
  ['a key set at a private name', withIssuer({ jwks: { uri: 'https://ci.internal/keys' } }), 'unreachable-keys'],
  ...[
    'https://kubernetes.default',
    'https://kubernetes.default.svc',
    'https://kubernetes.default.svc.cluster.local',
    'kubernetes',
  ].map(
    (audience) =>
      [
        `${audience}, the API server, as an audience`,
        withIssuer({ audiences: [audience] }),
        'foreign-audience',
      ] as const,
  ),
  [
    'the API server among audiences',
    withIssuer({ audiences: ['https://broker.test', 'https://kubernetes.default.svc'] }),
    'foreign-audience',
  ],
  ...[
    'account',
    'https://graph.microsoft.com',
    'https://graph.microsoft.com/',
    'https://graph.windows.net',
    '00000002-0000-0000-c000-000000000000',
    '00000003-0000-0000-c000-000000000000',
  ].map(
    (audience) =>
      [
        `${audience}, which every application can have, as an audience`,
        withIssuer({ audiences: [audience] }),
        'foreign-audience',
      ] as const,
  ),
  ['an audience with a star', withIssuer({ audiences: ['*'] }), 'unsafe-pattern'],
  ['a star among audiences', withIssuer({ audiences: ['https://broker.test', 'https://*.test'] }), 'unsafe-pattern'],
  ['a symmetric algorithm', withIssuer({ algorithms: ['HS256' as never] }), 'algorithm-not-allowed'],
  ['none', withIssuer({ algorithms: ['RS256', 'none' as never] }), 'algorithm-not-allowed'],
  ['no algorithms', withIssuer({ algorithms: [] }), 'algorithm-not-allowed'],
  ['a tolerance over five minutes', withIssuer({ clock_tolerance: 301 }), 'lifetime-out-of-bounds'],
  ['a negative tolerance', withIssuer({ clock_tolerance: -1 }), 'lifetime-out-of-bounds'],
  ['tokens that live for more than a day', withIssuer({ max_token_lifetime: 86_401 }), 'lifetime-out-of-bounds'],
  ['tokens that live for less than a minute', withIssuer({ max_token_lifetime: 59 }), 'lifetime-out-of-bounds'],
  [
    'no replay protection for two hours',
    withIssuer({ replay: 'off', max_token_lifetime: 7_200 }),
    'replay-off-too-long',
  ],
  [
    'no replay protection for an hour and a second',
    withIssuer({ replay: 'off', max_token_lifetime: 3_601 }),
    'replay-off-too-long',
  ],
  [
    'an issuer named self',
    { ...safe, issuers: { farm, self: { ...farm, name: 'self', issuer: 'https://b.test' } } },
    'ambiguous-name',
  ],
  ['two issuers of one URL', { ...safe, issuers: { farm, barn: { ...farm, name: 'barn' } } }, 'ambiguous-name'],
  ['two issuers of one URL, of which only the first says so', clusters({}, alone), 'ambiguous-name'],
  ['two issuers of one URL, of which only the second says so', clusters(alone, {}), 'ambiguous-name'],
  ['two issuers of one URL with uploaded keys that do not say so', clusters(alone, alone), 'ambiguous-name'],
  [
    'a shared URL whose keys are fetched for one',
    clusters({}, { jwks: { uri: 'https://keys.test/jwks' } }),
    'ambiguous-name',
  ],
  ['a shared URL and a key without a kid', clusters({}, { jwks: key(undefined, 'np') }), 'ambiguous-name'],
  ['a shared URL and a key with an empty kid', clusters({}, { jwks: key('', 'np') }), 'ambiguous-name'],
  ['a shared URL and one kid for two keys', clusters({}, { jwks: key('b', 'np') }), 'ambiguous-name'],
  ['a shared URL and one key under two kids', clusters({}, { jwks: key('p', 'nb') }), 'ambiguous-name'],
  ['a shared URL that nobody else has', clusters({}, { issuer: 'https://ci.test/p' }), 'ambiguous-name'],
  ['a trust domain without its preset', withIssuer({ issuer: 'spiffe://acme.example', jwks: bundle }), 'use-preset'],
  ['a trust domain in upper case without it', withIssuer({ issuer: 'SPIFFE://x', jwks: bundle }), 'use-preset'],
  ...presetNames
    .filter((name) => name !== 'spiffe')
    .map(
      (name) =>
        [
          `a trust domain with preset ${name}`,
          withIssuer({ ...ofPreset(name, 'spiffe://acme.example'), jwks: bundle }),
          'preset-issuer',
        ] as const,
    ),
  ...[
    'spiffe://Acme.example',
    'spiffe://acme.example/',
    'spiffe://acme.example/ns',
    'spiffe://acme.example:443',
    'spiffe://*.example',
    'SPIFFE://acme.example',
    'https://acme.example',
  ].map((url) => [`${url} as a trust domain`, spiffe({ issuer: url }), 'preset-issuer'] as const),
  [
    'loopback as a trust domain, locally',
    { ...spiffe({ issuer: 'http://127.0.0.1:8788' }), local: true },
    'preset-issuer',
  ],
  ['a trust domain without keys', spiffe({ jwks: { discovery: true } }), 'unreachable-keys'],
  [
    'a trust domain without keys, locally',
    { ...spiffe({ jwks: { discovery: true } }), local: true },
    'unreachable-keys',
  ],
  ['a trust domain whose bundle is inside', spiffe({ jwks: { uri: 'https://spire.internal/' } }), 'unreachable-keys'],
  ['a trust domain whose bundle comes over http', spiffe({ jwks: { uri: 'http://spire.test/' } }), 'insecure-url'],
  ['a trust domain with another subject', spiffe({ subject: [{ claim: ['aud'] }] }), 'preset-fixed'],
  ['a trust domain with EdDSA', spiffe({ algorithms: ['EdDSA'] }), 'preset-fixed'],
  ['SVIDs for two hours', spiffe({ max_token_lifetime: 7_200 }), 'replay-off-too-long'],
  ['our own URL as an issuer', withIssuer({ issuer: 'https://broker.test' }), 'ambiguous-name'],
]

for (const [title, spoilt, expected] of unsafe) {
  test(`${title}: ${expected}`, () => {
    assert.deepEqual(rulesOf(spoilt), [expected])
  })
}

const safeToo: readonly (readonly [string, Configuration])[] = [
  [
    'loopback in a local run',
    { ...withIssuer({ issuer: 'http://127.0.0.1:8788' }), local: true, issuer: 'http://localhost:8787' },
  ],
  ['loopback without a port', inLocalRun({ issuer: 'http://localhost/realms/a' })],
  ['loopback over IPv6', inLocalRun({ issuer: 'http://[::1]:8788' })],
  ['a key set on loopback in a local run', inLocalRun({ jwks: { uri: 'http://127.0.0.1:8788/keys' } })],
  ['an issuer with a path and a trailing slash', withIssuer({ issuer: 'https://ci.test/realms/a/' })],
  ['an issuer without replay protection for an hour', withIssuer({ replay: 'off', max_token_lifetime: 3_600 })],
  ['an issuer that is traded once per target', withIssuer({ replay: 'once_per_target', max_token_lifetime: 7_200 })],
  [
    'uploaded keys of a private issuer',
    withIssuer({ issuer: 'https://kubernetes.default.svc.cluster.local', jwks: { keys: keySet('RS256') } }),
  ],
  [
    'a private issuer whose keys are public',
    withIssuer({ issuer: 'https://ci.internal', jwks: { uri: 'https://keys.test/jwks' } }),
  ],
  ['a public name that begins like an address', withIssuer({ issuer: 'https://10.0.0.1.ci.test' })],
  ['a public name that ends in a digit', withIssuer({ issuer: 'https://ci.t1' })],
  ['two issuers of one URL that say so, each with keys of its own', clusters({}, {})],
  ['a trust domain with its bundle', spiffe({})],
  ['a trust domain with uploaded keys', spiffe({ jwks: { keys: keySet('ES384') } })],
  ['a trust domain whose tokens are traded once', spiffe({ replay: 'once', max_token_lifetime: 7_200 })],
  [
    'a pattern for SPIFFE IDs',
    matching(
      'sub',
      { glob: 'spiffe://acme.example/ns/*/sa/web' },
      {
        ...ofPreset('spiffe', 'spiffe://acme.example'),
        jwks: bundle,
      },
    ),
  ],
  ['audiences of our own', withIssuer({ audiences: ['https://broker.test', 'urn:broker'] })],
  [
    'an audience that begins like the API server’s',
    withIssuer({ audiences: ['https://kubernetes.default.acme.test'] }),
  ],
  ['an audience that ends like the API server’s', withIssuer({ audiences: ['acme-kubernetes'] })],
]

for (const [title, configured] of safeToo) {
  test(`${title} is safe`, () => {
    assert.deepEqual(findUnsafe(configured), [])
  })
}
