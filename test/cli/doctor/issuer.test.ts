import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Check } from '../../../cli/doctor/check.ts'
import { checkIssuer } from '../../../cli/doctor/issuer.ts'
import { compile } from '../../../lib/config/compile.ts'
import { httpKeySetFetcher } from '../../../lib/http/key-set-fetcher.ts'
import type { Issuer } from '../../../lib/trust/configuration.ts'
import { vacantUrl } from '../../client/broker-server.ts'
import { testCertificate } from '../../http/test-certificate.ts'
import { serve } from '../../http/test-server.ts'

const rsa = (bits = 2048) => generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = { ...rsa(), kid: 'one', alg: 'RS256', use: 'sig' }
const other = { ...rsa(), kid: 'two' }

/** As x5c has it (RFC 7517 section 4.7). */
function endedCertificate(): string {
  const { cert } = testCertificate('issuer.test', '20201231')
  return cert.replaceAll(/-----.*-----|\n/g, '')
}

/** GitHub's, with a pin, and a plain one. */
const yaml = {
  github: 'preset: github-actions, require: { repository_owner_id: "7" }',
  plain: 'require: { tenant: "7" }',
}

function issuerOf(url: string, settings: string): Issuer {
  const text = `version: 1
issuer: https://broker.test
issuers: { ci: { issuer: ${JSON.stringify(url)}, ${settings} } }
targets: { api: { audience: https://api.test } }
rules: { r: { issuer: ci, match: { repository_id: "3" }, grant: [{ target: api }] } }
`
  return compile(text, 'broker.yaml', { local: true, now: 0 }).configuration.issuers.ci as Issuer
}

interface Served {
  discovery?: RequestListener | Record<string, unknown> | string
  keys?: RequestListener | unknown[] | string
  settings?: string
  written?: unknown[]
}

/** An issuer on loopback in which everything is right but what a row says. */
async function examine(t: TestContext, served: Served = {}): Promise<{ checks: Check[]; issuer: Issuer; url: string }> {
  const port = await serve(t, (request, response) => {
    const atKeys = request.url === '/keys'
    const given = atKeys ? served.keys : served.discovery
    if (typeof given === 'function') return given(request, response)
    if (typeof given === 'string') return response.end(given)
    const document = atKeys
      ? { keys: given ?? [key] }
      : {
          issuer: url,
          jwks_uri: `${url}/keys`,
          id_token_signing_alg_values_supported: ['RS256'],
          claims_supported: ['sub', 'repository_owner_id', 'repository_id', 'tenant'],
          subject_types_supported: ['public', 'pairwise'],
          ...(given as Record<string, unknown> | undefined),
        }
    return response.end(JSON.stringify(document))
  })
  const url = `http://127.0.0.1:${port}`
  const issuer = issuerOf(url, served.settings ?? yaml.github)
  return { checks: await checkIssuer(issuer, served.written ?? [], true), issuer, url }
}

const outcomes = (checks: readonly Check[]) => checks.map(({ check, outcome }) => `${check} ${outcome}`)
const allWell = ['discovery ok', 'keys ok', 'clock ok', 'algorithms ok', 'claims ok']

test('an issuer with whom all is well', async (t) => {
  const { checks, url } = await examine(t)
  assert.deepEqual(outcomes(checks), allWell)
  assert.deepEqual(
    checks.filter(({ check }) => check !== 'clock').map(({ seen }) => seen),
    [
      `${url}/.well-known/openid-configuration names this issuer`,
      '1 key for RS256: "one"',
      'it signs with RS256',
      'it names those of the subject and of require',
    ],
  )
})

const dated =
  (milliseconds: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response
      .writeHead(200, { date: new Date(Date.now() + milliseconds).toUTCString(), ...headers })
      .end(JSON.stringify({ keys: [key] }))

describe('discovery that the broker could not use: the keys are not asked for', () => {
  for (const [what, discovery, seen, remedy] of [
    [
      'of another issuer',
      { issuer: 'https://other.test' },
      /names another issuer, "https:\/\/other.test", which is none of github-actions$/,
      /character by character/,
    ],
    ['of an issuer that no text is', { issuer: ['x'] }, /names another issuer, \["x"\]$/, /character by character/],
    ['that steers a terminal', { issuer: '\u001b[2J' }, /names another issuer, "\\u001b\[2J"/, /./],
    ['without a jwks_uri', { jwks_uri: undefined }, /has no jwks_uri$/, /jwks: \{ uri: … \}/],
    ['that is HTML', '<!doctype html><p>secret', /: not valid JSON$/, /something else answers there/],
    ['that is a list', '[]', /: not a JSON object$/, /something else answers there/],
    [
      'that is elsewhere',
      (_, response) => response.writeHead(302, { location: '/keys' }).end(),
      /: answered 302$/,
      /no redirect/,
    ],
    ['that is not there', (_, response) => response.writeHead(404).end('secret'), /: answered 404$/, /URL is right/],
    ['of a server that fails', (_, response) => response.writeHead(500).end(), /: answered 500$/, /URL is right/],
    [
      'of a server that is too slow',
      async (_, response) => void response.end(await setTimeout(2_500, '{}')),
      /: no answer in time$/,
      /2 s for both/,
    ],
    ['of 300 KiB', `{"x":"${'x'.repeat(300 * 1024)}"}`, /is longer than 262144 bytes$/, /curl/],
    [
      'of a server that hangs up',
      (request) => request.socket.destroy(),
      /: (?:ECONNRESET|the connection was closed)$/,
      /curl/,
    ],
  ] as [string, NonNullable<Served['discovery']>, RegExp, RegExp][])
    test(`discovery ${what}`, async (t) => {
      const { checks, issuer } = await examine(t, { discovery })
      assert.deepEqual(outcomes(checks), ['discovery failed', 'keys not_tried'])
      assert.match(checks[0]?.seen ?? '', seen)
      assert.match(checks[0]?.remedy ?? '', remedy)
      assert.doesNotMatch(JSON.stringify(checks), /secret/)
      await assert.rejects(production.fetch(issuer, undefined, signal()), 'the broker itself could not use it either')
    })
})

const production = httpKeySetFetcher({ local: true })
const signal = () => AbortSignal.timeout(10_000)

describe('keys that the broker could not use', () => {
  for (const [what, keys, seen] of [
    ['none', [], /^the key set is empty$/],
    [
      'a list of none that can be used',
      [{ ...rsa(1024), kid: 'short' }],
      /no usable key; "short": it is no RSA key of 2048 to 8192 bits/,
    ],
    [
      'private ones',
      [{ ...ec.privateKey.export({ format: 'jwk' }), kid: 'p' }],
      /no usable key; "p": it is a secret, or a private key$/,
    ],
    ['HTML', '<p>secret', /: not valid JSON$/],
    ['another object', '{"error":"secret"}', /^not a JWK set$/],
    ['more than 100', Array.from({ length: 101 }, () => key), /more than 100 keys$/],
    ['a redirect', (_, response) => response.writeHead(301, { location: '/' }).end(), /: answered 301$/],
    ['an error', (_, response) => response.writeHead(503).end(), /: answered 503$/],
    [
      'nothing in time',
      async (_, response) => void response.end(await setTimeout(2_500, '{}')),
      /: no answer in time$/,
    ],
  ] as [string, NonNullable<Served['keys']>, RegExp][])
    test(what, async (t) => {
      const { checks, issuer } = await examine(t, { keys })
      assert.deepEqual(outcomes(checks).slice(0, 2), ['discovery ok', 'keys failed'])
      assert.match(checks[1]?.seen ?? '', seen)
      assert.ok(checks[1]?.remedy)
      assert.doesNotMatch(JSON.stringify(checks), /secret"|secret$/)
      await assert.rejects(production.fetch(issuer, undefined, signal()), 'the broker itself could not use them either')
    })
})

describe('what the broker could fetch, and is not right', () => {
  const { x } = ec.publicKey.export({ format: 'jwk' })
  for (const [what, served, check, seen] of [
    [
      'no key for an accepted algorithm',
      { keys: [{ ...ec.publicKey.export({ format: 'jwk' }), kid: 'e' }] },
      'keys failed',
      /^1 key, none of them for RS256$/,
    ],
    [
      'a key too small beside a good one',
      { keys: [key, { ...rsa(1024), kid: 'short' }] },
      'left out warning',
      /^1 of 2: "short": it is no RSA key of 2048/,
    ],
    [
      'a point that is on no curve',
      { keys: [key, { kty: 'EC', crv: 'P-256', x, y: x, kid: 'off' }] },
      'left out warning',
      /^1 of 2: "off": its numbers are no key$/,
    ],
    [
      'a key for another algorithm of its own',
      { keys: [key, { ...other, alg: 'RSA-OAEP' }] },
      'left out warning',
      /"two": its alg is none that such a key verifies$/,
    ],
    ['two keys of one name', { keys: [key, { ...other, kid: 'one' }] }, 'kids warning', /one by name: "one"$/],
    [
      'two keys without a name',
      {
        keys: [
          { ...key, kid: undefined },
          { ...other, kid: undefined },
        ],
      },
      'kids warning',
      /one by name: a key without kid$/,
    ],
    [
      'a clock ten minutes ahead',
      { keys: dated(600_000) },
      'clock warning',
      /^(?:599|60[01]) s ahead of this machine's$/,
    ],
    [
      'a clock ten minutes behind',
      { keys: dated(-600_000) },
      'clock warning',
      /^(?:599|60[01]) s behind this machine's$/,
    ],
    [
      'a clock off by more than the issuer may be',
      { keys: dated(20_000), settings: `${yaml.github}, clock_tolerance: 5s` },
      'clock warning',
      /^(?:19|20|21) s ahead/,
    ],
    [
      'a clock off by more than half a minute, though more is allowed',
      { keys: dated(45_000), settings: `${yaml.github}, clock_tolerance: 5m` },
      'clock warning',
      /^4[456] s ahead/,
    ],
    [
      'an answer without Date',
      {
        keys: (_, response) => {
          response.sendDate = false
          response.end(JSON.stringify({ keys: [key] }))
        },
      },
      'clock not_tried',
      /no Date/,
    ],
    [
      'an algorithm that is not accepted',
      { discovery: { id_token_signing_alg_values_supported: ['ES256'] } },
      'algorithms failed',
      /^it signs with ES256, and RS256 is accepted$/,
    ],
    [
      'nothing but HS256',
      { discovery: { id_token_signing_alg_values_supported: ['HS256', 'none'] } },
      'algorithms failed',
      /^it signs with none that can be accepted/,
    ],
    [
      'another algorithm as well',
      { discovery: { id_token_signing_alg_values_supported: ['RS256', 'PS256'] } },
      'algorithms warning',
      /^it may sign with PS256/,
    ],
    [
      'no word of its algorithms',
      { discovery: { id_token_signing_alg_values_supported: undefined } },
      'algorithms not_tried',
      /does not say/,
    ],
    [
      'a claim of the subject that is gone',
      { discovery: { claims_supported: ['sub', 'repository_owner_id'] } },
      'claims warning',
      /does not name repository_id$/,
    ],
    [
      'a claim of the pin that is gone',
      { discovery: { claims_supported: ['sub', 'repository_id'] } },
      'claims warning',
      /does not name repository_owner_id$/,
    ],
    [
      'a list of other claims',
      { discovery: { claims_supported: ['sub', 'iss'] } },
      'claims not_tried',
      /nor any other that is read$/,
    ],
    [
      'a sub for each client',
      { settings: yaml.plain, discovery: { subject_types_supported: ['pairwise'] } },
      'subject warning',
      /pairwise/,
    ],
  ] as [string, Served, string, RegExp][])
    test(what, async (t) => {
      const { checks } = await examine(t, served)
      const found = checks.filter(
        ({ check: name, outcome }) => outcome !== 'ok' && !(name === 'claims' && check.startsWith('keys')),
      )
      assert.deepEqual(outcomes(found), [check])
      assert.match(found[0]?.seen ?? '', seen)
      assert.equal(found[0]?.remedy === undefined, check.endsWith('not_tried'))
    })
})

for (const [what, served] of [
  ['a key for encryption is left out, and that is as it should be', { keys: [key, { ...other, use: 'enc' }] }],
  [
    'symmetric algorithms beside a good one are no drift',
    { discovery: { id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'] } },
  ],
  ['no list of claims says nothing', { discovery: { claims_supported: undefined } }],
  ['a Date that a cache has kept', { keys: dated(-3_600_000, { age: '3600' }) }],
  ['a pairwise sub that is not read', { discovery: { subject_types_supported: ['pairwise'] } }],
] as [string, Served][])
  test(what, async (t) => {
    const { checks } = await examine(t, served)
    assert.ok(
      checks.every(({ outcome }) => outcome === 'ok'),
      JSON.stringify(checks),
    )
  })

test('one claim or the other is enough for a subject that takes either', async (t) => {
  const settings = 'preset: gitlab, require: { project_id: "7" }'
  const { checks } = await examine(t, { settings, discovery: { claims_supported: ['project_id'] } })
  assert.deepEqual(outcomes(checks), allWell)
})

test('discovery and keys have two seconds together', async (t) => {
  const slowly =
    (body: (url: string) => unknown): RequestListener =>
    async ({ headers }, response) =>
      void response.end(await setTimeout(1_200, JSON.stringify(body(`http://${headers.host}`))))
  const { checks } = await examine(t, {
    discovery: slowly((issuer) => ({ issuer, jwks_uri: `${issuer}/keys` })),
    keys: slowly(() => ({ keys: [key] })),
  })
  assert.match(checks[1]?.seen ?? '', /no answer in time$/)
})

describe('where nothing is asked that the broker does not ask', () => {
  for (const [what, url, seen, remedy] of [
    ['an address inside', 'https://10.0.0.1', /may not be connected to$/, /inside a network.*jwks: \{ keys/],
    ['a link-local address', 'https://[fe80::1]', /may not be connected to$/, /inside a network/],
  ] as [string, string, RegExp, RegExp][])
    test(what, async () => {
      const issuer = { ...issuerOf('http://127.0.0.1:1', yaml.plain), issuer: url }
      const [check] = await checkIssuer(issuer, [], true)
      assert.equal(check?.outcome, 'failed')
      assert.match(check?.seen ?? '', seen)
      assert.match(check?.remedy ?? '', remedy)
    })

  test('http on loopback outside a local run', async () => {
    const [check] = await checkIssuer(issuerOf(await vacantUrl(), yaml.plain), [], false)
    assert.match(check?.seen ?? '', /not an https URL$/)
  })

  test('a jwks_uri inside', async (t) => {
    const { checks } = await examine(t, { discovery: { jwks_uri: 'https://169.254.169.254/keys' } })
    assert.match(checks[1]?.seen ?? '', /may not be connected to$/)
  })

  test('a jwks_uri by http', async (t) => {
    const { checks } = await examine(t, { discovery: { jwks_uri: 'http://keys.test/' } })
    assert.match(checks[1]?.seen ?? '', /not an https URL$/)
    assert.match(checks[1]?.remedy ?? '', /https/)
  })
})

test('an issuer whose jwks.uri is given is asked for its keys alone', async (t) => {
  const port = await serve(t, ({ url }, response) => response.end(url === '/k' ? JSON.stringify({ keys: [key] }) : ''))
  const issuer = issuerOf(
    'https://elsewhere.test',
    `jwks: { uri: "http://127.0.0.1:${port}/k" }, require: { tenant: "7" }`,
  )
  assert.deepEqual(outcomes(await checkIssuer(issuer, [], true)), ['keys ok', 'clock ok'])
})

describe('uploaded keys', () => {
  const uploaded = (keys: unknown[]) => `jwks: { keys: ${JSON.stringify(keys)} }, require: { tenant: "7" }`

  test('that the issuer publishes too', async (t) => {
    const { checks } = await examine(t, { settings: uploaded([key]), written: [key] })
    assert.deepEqual(outcomes(checks), ['keys ok', 'published ok'])
  })

  test('the same key by another name is the same', async (t) => {
    const { checks } = await examine(t, { settings: uploaded([{ ...key, kid: 'x' }]) })
    assert.deepEqual(outcomes(checks), ['keys ok', 'published ok'])
  })

  for (const [what, published, seen] of [
    [
      'no longer publishes',
      [other, key].slice(0, 1),
      /^the issuer no longer publishes "one", and it publishes "two", which broker.yaml does not have$/,
    ],
    ['has joined by another', [key, other], /^it publishes "two", which broker.yaml does not have$/],
  ] as [string, unknown[], RegExp][])
    test(`that the issuer ${what}`, async (t) => {
      const { checks } = await examine(t, { settings: uploaded([key]), keys: published })
      assert.deepEqual(outcomes(checks), ['keys ok', 'published warning'])
      assert.match(checks[1]?.seen ?? '', seen)
    })

  for (const [what, dates, seen] of [
    ['of last year', { exp: 1_700_000_000 }, /^they ended: "one" on 2023-11-14$/],
    ['whose certificate is over', { x5c: [endedCertificate()] }, /^they ended: "one" on 2020-12-31$/],
  ] as [string, Record<string, unknown>, RegExp][])
    test(what, async (t) => {
      const written = [{ ...key, ...dates }]
      const { checks } = await examine(t, { settings: uploaded(written), written })
      assert.deepEqual(outcomes(checks), ['keys ok', 'dates warning', 'published ok'])
      assert.match(checks[1]?.seen ?? '', seen)
    })

  test('of an issuer that only a network reaches: they are looked at, and that is all', async () => {
    const issuer = issuerOf('https://10.0.0.1', uploaded([key]))
    const checks = await checkIssuer(issuer, [key], false)
    assert.deepEqual(outcomes(checks), ['keys ok', 'published not_tried'])
    assert.match(checks[1]?.seen ?? '', /not seen from here \(the host has an address that may not be connected to\)$/)
  })
})
