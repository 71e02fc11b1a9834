import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile, type CompileOptions } from '../../lib/config/compile.ts'
import { ConfigurationError, type Finding, type FindingRule } from '../../lib/config/findings.ts'
import { toMetadataConfiguration, type Configuration } from '../../lib/trust/configuration.ts'
import { celSources } from '../../lib/trust/expression.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { brokerFile } from './broker-file.ts'
import { loginFile } from './login-file.ts'

const now = Date.parse('2026-11-24T12:00:00Z') / 1000

function compiled(text: string, options: Partial<CompileOptions> = {}): Configuration {
  return compile(text, 'broker.yaml', { now, ...options }).configuration
}

function findingsIn(text: string, options: Partial<CompileOptions> = {}): readonly Finding[] {
  try {
    return compile(text, 'broker.yaml', { now, ...options }).findings
  } catch (error) {
    if (error instanceof ConfigurationError) return error.findings
    throw error
  }
}

function edited(from: string, to: string): string {
  assert.ok(loginFile.includes(from), `the file has no ${from}`)
  return loginFile.replace(from, () => to)
}

test('the file that the rows spoil holds', () => {
  assert.deepEqual(findingsIn(loginFile), [])
})

test('the logins of docs/configuration.md compile without a finding', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const [, written = ''] = /^## Logins$[^]*?```yaml\n([^]*?)```/m.exec(page) ?? []
  const top = 'version: 1\nissuer: https://broker.test\n'
  const targets = 'targets: { orders: { audience: "https://orders.test", scopes: ["orders:read"] } }\n'
  assert.match(written, /web-app/)
  assert.deepEqual(findingsIn(`${top}${targets}${written}`, { logo: () => 'data:image/png;base64,' }), [])
})

test('an issuer’s login: what is said, and what is left out', () => {
  const { issuers } = compiled(loginFile)
  assert.deepEqual(issuers.partner?.login, {
    client_id: 'token-broker',
    auth: 'private_key_jwt',
    scopes: ['openid', 'profile', 'email'],
    display_name: 'Partner Inc.',
    domains: ['partner.test'],
    claims: {
      email: { path: ['mail'] },
      email_verified: { path: ['verified'] },
      name: { cel: 'claims.first + " " + claims.last' },
    },
    acr: { 'urn:acme:mfa': ['mfa', 'urn:partner:2fa'] },
  })
  const eu = issuers['staff/eu']?.login
  assert.deepEqual(
    [eu?.display_name, eu?.auth, eu?.scopes, eu?.domains, eu?.acr],
    [
      'eu.acme.test',
      { client_secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:staff-AbCdEf' },
      ['openid'],
      [],
      {},
    ],
  )
  assert.equal(issuers['staff/us']?.login?.display_name, 'us.acme.test')
  // OpenID Connect Core section 5.1, but for sub, which is ours.
  assert.deepEqual(Object.keys(eu?.claims ?? {}), [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
    'email',
    'email_verified',
    'address',
    'phone_number',
    'phone_number_verified',
  ])
  assert.deepEqual(eu?.claims.given_name, { path: ['given_name'] })
})

test('a client’s login: what is said, and what is left out', () => {
  const { clients } = compiled(loginFile)
  assert.deepEqual(clients['web-app'], {
    type: 'public',
    grants: ['authorization_code', 'refresh_token'],
    introspect: [],
    login: {
      redirect_uris: ['https://app.test/cb', 'http://127.0.0.1/cb'],
      post_logout_redirect_uris: ['https://app.test/bye'],
      backchannel_logout_uri: 'https://app.test/back?tenant=1',
      frontchannel_logout_uri: 'https://app.test/front',
      issuers: ['partner', 'staff/eu', 'staff/us'],
      scopes: ['openid', 'profile', 'email', 'offline_access'],
      consent: 'always',
      require_pkce: true,
      id_token_signed_response_alg: 'RS256',
    },
    allowed_origins: ['https://app.test'],
  })
  assert.deepEqual(clients['back-office']?.login, {
    client_name: 'Back office',
    redirect_uris: ['https://office.test/cb'],
    issuers: ['staff/eu'],
    scopes: ['openid'],
    consent: 'first_time',
    require_pkce: false,
    id_token_signed_response_alg: 'ES256',
    userinfo_signed_response_alg: 'RS256',
  })
})

test('sessions, refresh tokens and branding', () => {
  assert.deepEqual(compiled(loginFile).login, {
    session: { idle: 3_600, absolute: 43_200 },
    refresh_tokens: { idle: 604_800, absolute: 5_184_000, reuse_window: 5 },
    branding: { name: 'Acme', accent: '#0a5fff' },
  })
  const defaults = {
    session: { idle: 28_800, absolute: 86_400 },
    refresh_tokens: { idle: 1_209_600, absolute: 7_776_000, reuse_window: 10 },
    branding: {},
  }
  assert.deepEqual(compiled(brokerFile).login, defaults)
  assert.deepEqual(compiled(`${brokerFile}login: { session: { idle: 8h } }\n`).login, defaults)
})

test('the logo is inlined, and is in the hash', () => {
  const text = edited('name: Acme', 'name: Acme, logo: ./assets/logo.svg')
  const asked: string[] = []
  const options = {
    logo: (path: string) => {
      asked.push(path)
      return 'data:image/svg+xml;base64,PHN2Zz4='
    },
  }
  const { login, hash } = compiled(text, options)
  assert.deepEqual([asked, login.branding.logo], [['./assets/logo.svg'], 'data:image/svg+xml;base64,PHN2Zz4='])
  assert.notEqual(compiled(text, { logo: () => 'data:image/svg+xml;base64,PHN2Zy8+' }).hash, hash)
})

test('a block’s login is that of each of its instances, and one may have its own', () => {
  const text = edited(
    '"https://us.acme.test/realms/staff" }',
    '"https://us.acme.test/realms/staff", login: { client_id: other } }',
  )
  const { issuers } = compiled(text)
  assert.deepEqual(
    ['staff/eu', 'staff/us'].map((name) => issuers[name]?.login?.client_id),
    ['broker', 'other'],
  )
  assert.equal(issuers['staff/us']?.login?.auth, 'private_key_jwt')
})

test('where people only log in, the audience of other tokens need not be said', () => {
  const google = (login: string) =>
    edited(
      'targets:',
      `  google:\n    preset: google-workspace\n    require: { hd: acme.test }\n${login}targets:`,
    ).replace('login: [partner, staff]', 'login: [partner, staff, google]')
  assert.equal(
    compiled(google('    login: { client_id: "1.apps.googleusercontent.com" }\n')).issuers.google?.audiences,
    undefined,
  )
  assert.match(findingsIn(google(''))[0]?.message ?? '', /^audiences is required with preset: google-workspace/)
})

test('the claims of a person may be CEL, and are no evidence on receipts', async () => {
  const configuration = compiled(loginFile)
  assert.deepEqual([...celSources(configuration)], ['claims.first + " " + claims.last'])
  const { namedClaims, evaluate } = await toPolicy(configuration, 'https://broker.test')
  const { name } = configuration.issuers.partner!.login!.claims
  assert.deepEqual(evaluate(name!, { first: 'Ada', last: 'Lovelace' }), { value: 'Ada Lovelace' })
  assert.deepEqual(namedClaims.get('partner'), [['sub'], ['groups']])
})

test('discovery knows of logins where a client has them', () => {
  const { provider } = toMetadataConfiguration(compiled(loginFile)).authorization ?? {}
  assert.deepEqual(provider?.acr_values_supported, ['urn:acme:mfa'])
  const without = compiled(edited('      acr: { "urn:acme:mfa": [mfa, "urn:partner:2fa"] }\n', ''))
  assert.ok(!Object.hasOwn(toMetadataConfiguration(without).authorization?.provider ?? {}, 'acr_values_supported'))
  assert.equal(toMetadataConfiguration(compiled(brokerFile)).authorization, undefined)
})

/** `§` marks where the finding points. */
const rows: readonly (readonly [title: string, from: string, to: string, rule: FindingRule, message: RegExp])[] = [
  ['no client_id', '      client_id: token-broker\n', '', 'missing-key', /^client_id is required/],
  ['a client_id with a space', 'token-broker', '§token broker', 'invalid-value', /printable ASCII/],
  [
    'another way to authenticate',
    'login:\n      client_id: token-broker',
    'login:\n      auth: §client_secret_basic\n      client_id: a',
    'wrong-type',
    /^auth must be private_key_jwt or \{ client_secret/,
  ],
  [
    'a secret in the file',
    '"arn:aws:secretsmanager:eu-west-1:123456789012:secret:staff-AbCdEf"',
    '§hunter2',
    'inline-secret',
    /^client_secret: secrets never stand in this file: write the ARN/,
  ],
  [
    'a parameter for a secret',
    '"arn:aws:secretsmanager:eu-west-1:123456789012:secret:staff-AbCdEf"',
    '§arn:aws:ssm:eu-west-1:123456789012:parameter/a',
    'inline-secret',
    /Secrets Manager/,
  ],
  [
    'a key next to the secret',
    'secret:staff-AbCdEf" }',
    'secret:staff-AbCdEf", password: x }',
    'inline-secret',
    /^password: secrets never/,
  ],
  [
    'a key that nobody knows',
    '      display_name:',
    '      §display-name:',
    'unknown-key',
    /did you mean "display_name"/,
  ],
  [
    'a claim that nobody knows',
    '{ email: claims.mail,',
    '{ §emial: claims.mail,',
    'unknown-key',
    /did you mean "email"/,
  ],
  ['a sub', '{ email: claims.mail,', '{ §sub: claims.mail,', 'unknown-key', /unknown key "sub"/],
  ['a claim that is no expression', 'claims.mail', '§mail', 'invalid-expression', /./],
  ['a domain in upper case', '[partner.test]', '[§Partner.test]', 'invalid-value', /host name in lower case/],
  ['an address for a domain', '[partner.test]', '[§"ada@partner.test"]', 'invalid-value', /host name in lower case/],
  ['a domain without a dot', '[partner.test]', '[§partner]', 'invalid-value', /host name in lower case/],
  ['an acr value with a space', '"urn:acme:mfa":', '§"urn acme":', 'invalid-name', /acr value/],
  ['an acr value of nothing', '[mfa, "urn:partner:2fa"]', '§[]', 'invalid-value', /./],
  ['a name that is no text for people', 'Partner Inc.', '§"Partner\\u202e"', 'invalid-value', /printable/],
  [
    'a scope that is none of identity',
    'email, offline_access',
    'email, §"orders:read"',
    'invalid-value',
    /scopes must be openid or profile or/,
  ],
  [
    'a consent that nobody knows',
    'consent: always',
    'consent: §sometimes',
    'invalid-value',
    /never or first_time or always/,
  ],
  ['an algorithm that we never sign with', 'alg: ES256', 'alg: §PS256', 'invalid-value', /ES256 or RS256/],
  ['an accent by name', '"#0A5FFF"', '§blue', 'invalid-value', /#rrggbb/],
  ['an accent in short', '"#0A5FFF"', '§"#fff"', 'invalid-value', /#rrggbb/],
  ['a key of branding', '{ name: Acme,', '{ §nmae: Acme,', 'unknown-key', /did you mean "name"/],
  ['a key of sessions', 'idle: 1h', '§idel: 1h', 'unknown-key', /did you mean "idle"/],
  ['no redirect_uris', '    redirect_uris: [https://office.test/cb]\n', '', 'client-login', /give it redirect_uris/],
  ['an empty list of issuers', 'login: [staff/eu]', 'login: §[]', 'invalid-value', /login/],
  [
    'no grant',
    '    grants: [authorization_code]\n    client_name',
    '    client_name',
    'client-login',
    /people log in by grants: \[authorization_code\]/,
  ],
  // guardrails: each also in test/trust/guardrails-login.test.ts; here is where they point
  ['a redirect URI over http', 'https://office.test/cb', '§http://office.test/cb', 'redirect-uri', /https URI/],
  ['a redirect URI among others', '"http://127.0.0.1/cb"', '§"http://localhost/cb"', 'redirect-uri', /127\.0\.0\.1/],
  ['a logout URI over http', 'https://app.test/back?tenant=1', '§http://app.test/back', 'logout-uri', /https URL/],
  ['an origin with a path', '[https://app.test]', '[§https://app.test/]', 'allowed-origin', /https origin/],
  ['an issuer that is not there', '[partner, staff]', '§[partner, stuff]', 'unknown-reference', /stuff/],
  [
    'a public client without PKCE',
    'consent: always',
    'consent: always\n    require_pkce: §false',
    'client-login',
    /PKCE/,
  ],
  [
    'a secret of the environment',
    '"arn:aws:secretsmanager:eu-west-1:123456789012:secret:staff-AbCdEf"',
    '§env:STAFF_SECRET',
    'issuer-login',
    /env: is for local runs/,
  ],
  ['scopes without openid', '      scopes: [openid]', '      scopes: §[profile]', 'issuer-login', /add openid/],
  ['an idle session', 'idle: 1h', 'idle: §4m', 'lifetime-out-of-bounds', /5m to 30d/],
  ['a key of refresh tokens', 'reuse_window: 5s', '§reuse: 5s', 'unknown-key', /reuse/],
  ['idle refresh tokens', 'idle: 7d', 'idle: §59m', 'lifetime-out-of-bounds', /1h to 90d/],
  ['refresh tokens for ever', 'absolute: 60d', 'absolute: §366d', 'lifetime-out-of-bounds', /1h to 365d/],
  ['a long reuse window', 'reuse_window: 5s', 'reuse_window: §61s', 'lifetime-out-of-bounds', /0s to 60s/],
  [
    'refreshing what nobody logs in for',
    'grants: [authorization_code, refresh_token]',
    'grants: §[refresh_token]',
    'client-login',
    /refresh_token needs authorization_code/,
  ],
]

for (const [title, from, to, rule, message] of rows) {
  test(`${title}: ${rule}`, () => {
    const marked = edited(from, to)
    const findings = findingsIn(marked.replace('§', ''))
    assert.equal(findings[0]?.rule, rule, JSON.stringify(findings))
    assert.match(findings[0].message, message)
    const before = marked.split('§')[0]?.split('\n') ?? []
    if (marked.includes('§'))
      assert.deepEqual(
        { line: findings[0].line, column: findings[0].column },
        { line: before.length, column: before.at(-1)!.length + 1 },
      )
    assert.equal(findings[0].severity, 'error')
  })
}

test('in local runs a secret may come from the environment, and people back to localhost', () => {
  const text = edited('"arn:aws:secretsmanager:eu-west-1:123456789012:secret:staff-AbCdEf"', 'env:STAFF_SECRET')
    .replace('https://office.test/cb', 'http://localhost:3000/cb')
    .replace('[https://app.test]', '["http://localhost:3000"]')
  assert.deepEqual(findingsIn(text, { local: true, issuer: 'http://127.0.0.1:8787' }), [])
})

for (const [title, from, to, expected] of [
  [
    'an app on a device that asks nobody',
    'consent: always',
    'consent: §never',
    /^unproven-client any app on somebody's device can take codes at http:\/\/127\.0\.0\.1\/cb/,
  ],
  [
    'an issuer that no client names',
    '[partner, staff]',
    '[staff]',
    /^unused-login no client names it: add login: \[partner\] to one$/,
  ],
  [
    'an address without its proof',
    'email: claims.mail, email_verified: claims.verified,',
    'email: §claims.mail,',
    /^unverified-identity clients learn email, .* map email_verified too$/,
  ],
  [
    'offline_access that nothing comes of',
    'grants: [authorization_code, refresh_token]',
    'grants: [authorization_code]',
    /^no-refreshing nothing comes of offline_access here: add refresh_token to grants$/,
  ],
  [
    'a client that never gets what it may refresh',
    'email, offline_access]',
    'email]',
    /^no-refreshing it never gets a refresh token to use: add offline_access to scopes$/,
  ],
] as const)
  test(`doubtful: ${title}`, () => {
    const marked = edited(from, to)
    const findings = findingsIn(marked.replace('§', '')).filter(({ rule }) => rule !== 'never-matches')
    assert.deepEqual(
      findings.map(({ severity, rule, message }) => [severity, expected.test(`${rule} ${message}`)]),
      [['warning', true]],
      JSON.stringify(findings),
    )
    const before = marked.split('§')[0]?.split('\n') ?? []
    if (marked.includes('§')) assert.equal(findings[0]?.line, before.length)
  })

for (const [title, from, to] of [
  [
    'a confidential client with a redirect to a device',
    'type: public',
    'auth: { client_secret: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }',
  ],
  ['a public client on the web', ', "http://127.0.0.1/cb"]', ']'],
] as const)
  test(`not doubtful without consent: ${title}`, () => {
    assert.deepEqual(findingsIn(edited(from, to).replace('consent: always', 'consent: never')), [])
  })

test('a rule for a client that only logs in people of another issuer admits nobody', () => {
  const [finding] = findingsIn(edited('clients: [web-app]', 'clients: [back-office]'))
  assert.equal(finding?.rule, 'never-matches')
  assert.match(finding.message, /none of these clients may trade tokens, or logs people of these issuers in/)
})
