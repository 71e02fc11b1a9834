import assert from 'node:assert/strict'
import { test } from 'node:test'
import { registrationFaces } from '../../lib/protocol/registration-refusals.ts'
import { parseRegistrationRequest } from '../../lib/protocol/client-registration.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'
import type { JsonObject } from '../../lib/protocol/strict-json.ts'
import type { Registration } from '../../lib/trust/configuration.ts'
import { evaluateRule } from '../../lib/trust/evaluate-rule.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { toClient } from '../../lib/trust/registered-client.ts'
import { withRegistration } from './guardrails-fixture.ts'
import { farm, rule, subject } from './policy-fixture.ts'
import {
  client_id,
  kept,
  privateJwk,
  publicJwk,
  registered,
  registrationPolicy,
  request,
} from './registration-fixture.ts'

test('the least that a client may say', () => {
  const told = registered(request())
  assert.ok('client' in told)
  assert.deepEqual(told.metadata, {
    redirect_uris: ['https://app.test/cb'],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    subject_type: 'public',
    id_token_signed_response_alg: 'RS256',
    scope: 'openid email',
  })
  assert.deepEqual(told.client, {
    type: 'public',
    grants: ['authorization_code'],
    introspect: [],
    login: {
      redirect_uris: ['https://app.test/cb'],
      issuers: ['partner'],
      scopes: ['openid', 'email'],
      consent: 'first_time',
      require_pkce: true,
      id_token_signed_response_alg: 'RS256',
      registered: {},
    },
  })
})

const whole: JsonObject = {
  redirect_uris: ['https://one.preview.app.test/cb?tenant=1', 'http://127.0.0.1/cb', 'http://[::1]:8080/cb'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  application_type: 'native',
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'ES256',
  jwks_uri: 'https://keys.test/jwks',
  scope: 'openid offline_access',
  client_name: 'An app 🦊',
  contacts: ['ops@app.test'],
  client_uri: 'https://app.test/about?x=1',
  logo_uri: 'https://app.test/logo.png',
  policy_uri: 'https://app.test/privacy',
  tos_uri: 'https://app.test/terms',
  initiate_login_uri: 'https://app.test/login',
  subject_type: 'public',
  id_token_signed_response_alg: 'ES256',
  userinfo_signed_response_alg: 'RS256',
  post_logout_redirect_uris: ['https://app.test/bye', 'http://127.0.0.1/bye'],
  backchannel_logout_uri: 'https://app.test/back',
  backchannel_logout_session_required: true,
  frontchannel_logout_uri: 'https://one.preview.app.test/front',
  frontchannel_logout_session_required: false,
  software_id: '4NRB1-0XZABZI9E6-5SM3R',
  software_version: '2.1',
}

test('all that a client may say is registered as it came', () => {
  const told = registered(whole)
  assert.ok('client' in told)
  assert.deepEqual(told.metadata, whole)
  assert.deepEqual(told.client.login?.registered, {
    policy_uri: 'https://app.test/privacy',
    tos_uri: 'https://app.test/terms',
  })
  assert.deepEqual([told.client.type, told.client.login?.client_name], ['confidential', 'An app 🦊'])
  const { auth } = told.client
  assert.ok(auth?.kind === 'private_key_jwt')
  assert.deepEqual(
    [auth.signer.name, auth.signer.issuer, auth.signer.algorithms, auth.signer.jwks, auth.signer.replay],
    [`client:${client_id}`, client_id, ['ES256'], { uri: 'https://keys.test/jwks' }, 'once'],
  )
})

for (const [title, changes] of [
  ['members that nobody knows', { favourite_colour: 'red', 'client_name#ja': 'アプリ', __proto__: 1 }],
  ['null for nothing', { client_name: null, jwks: null, software_statement: null, default_max_age: null }],
  ['what asks for nothing', { request_uris: [], require_auth_time: false, dpop_bound_access_tokens: false }],
] as const)
  test(`${title} are ignored, and are not in what is registered`, () => {
    assert.deepEqual(registered({ ...request(), ...changes }), registered(request()))
  })

test('of a key set only what verifies signatures is kept', () => {
  const { use: _, ...kept } = publicJwk
  const jwks = {
    keys: [
      { ...publicJwk, x5c: ['MII'] },
      { ...publicJwk, use: 'enc', kid: 'k2' },
    ],
    extra: 1,
  }
  const told = registered(request({ token_endpoint_auth_method: 'private_key_jwt', jwks }))
  assert.ok('client' in told)
  assert.deepEqual(told.metadata.jwks, { keys: [kept] })
})

for (const [method, methods] of [
  ['client_secret_basic', ['basic']],
  ['client_secret_post', ['post']],
] as const)
  test(`a secret is sent by ${method} and in no other way`, () => {
    const told = registered(request({ token_endpoint_auth_method: method }))
    assert.ok('client' in told)
    assert.deepEqual(told.client.auth, { kind: 'client_secret', sha256: ['s'.repeat(43)], methods })
  })

test('PKCE is left to those that authenticate only where broker.yaml says so', () => {
  const needed = (method: string, require_pkce: boolean) => {
    const told = registered(request({ token_endpoint_auth_method: method }), registrationPolicy({ require_pkce }))
    return 'client' in told && told.client.login?.require_pkce
  }
  assert.deepEqual(
    [needed('client_secret_basic', false), needed('client_secret_basic', true), needed('none', false)],
    [false, true, true],
  )
})

test('what is left out of token_endpoint_auth_method is client_secret_basic, where that may be (RFC 7591 section 2)', () => {
  const asked = request({ token_endpoint_auth_method: undefined })
  const told = registered(asked)
  assert.ok('client' in told)
  assert.equal(told.metadata.token_endpoint_auth_method, 'client_secret_basic')
  assert.deepEqual(registered(asked, registrationPolicy({ auth: ['none'] })), {
    told: 'client_metadata_refused token_endpoint_auth_method: it must be none; left out, it is client_secret_basic (RFC 7591 section 2)',
  })
})

const redirect = (...redirect_uris: unknown[]) => request({ redirect_uris })
const native = (uri: string) => request({ redirect_uris: [uri], application_type: 'native' })
const key = (changes: JsonObject) =>
  request({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicJwk] }, ...changes })
const { d } = privateJwk
const refusedRedirect = 'redirect_uri_refused'
const refused = 'client_metadata_refused'

const spoilt: readonly (readonly [
  title: string,
  asked: JsonObject,
  reason: string,
  member: string,
  policy?: Partial<Registration>,
])[] = [
  // redirect_uris
  ['no redirect URI', request({ redirect_uris: undefined }), refusedRedirect, 'redirect_uris'],
  ['an empty list of them', redirect(), refused, 'redirect_uris'],
  [
    'eleven of them',
    redirect(...Array.from({ length: 11 }, (_, i) => `https://app.test/${i}`)),
    refused,
    'redirect_uris',
  ],
  ['one of them twice', redirect('https://app.test/', 'https://app.test/'), refused, 'redirect_uris'],
  ['text for a list', request({ redirect_uris: 'https://app.test/cb' }), refused, 'redirect_uris'],
  ['a number among them', redirect('https://app.test/cb', 1), refused, 'redirect_uris'],
  ['one of 513 characters', redirect(`https://app.test/${'a'.repeat(496)}`), refused, 'redirect_uris'],
  ...[
    'https://app.test.evil.test/cb',
    'https://evil-app.test/cb',
    'https://app.test./cb',
    'https://app.test@evil.test/cb',
    'https://user@app.test/cb',
    'https://evil.test/app.test',
    'https://evil.test?app.test',
    'https://evil.test/cb#app.test',
    'https://app.test/cb#',
    'https://app.test/cb#x',
    'https://app.test:8443/cb',
    'https://app.test:443/cb',
    'https://APP.test/cb',
    'https://app.test/a/../cb',
    'https:app.test/cb',
    'https:/app.test/cb',
    'https://app.test\\@evil.test/cb',
    'https://*.preview.app.test/cb',
    'https://preview.app.test/cb',
    'https://two.one.preview.app.test/cb',
    'https://evilpreview.app.test/cb',
    'https://app.test/cb?code=1',
    'https://app.test/cb?state=1',
    'https://broker.app.test/callback/x',
    'https://10.0.0.1/cb',
    'https://169.254.169.254/latest',
    'https://127.1/cb',
    'https://[::1]evil/cb',
    'https://аpp.test/cb',
    'http://app.test/cb',
    'com.example.app:/cb',
    'app.test:/cb',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///cb',
    '/cb',
    '//app.test/cb',
    'urn:ietf:wg:oauth:2.0:oob',
    ' https://app.test/cb',
    'https://app.test/c b',
  ].map(
    (uri) =>
      [
        `a redirect to ${uri}`,
        redirect('https://app.test/cb', uri),
        /[^\x21-\x7e]/.test(uri) ? refused : refusedRedirect,
        'redirect_uris',
      ] as const,
  ),
  [
    'a redirect to our own host',
    redirect('https://broker.app.test/logout'),
    refusedRedirect,
    'redirect_uris',
    { redirect_hosts: ['*.app.test'] },
  ],
  ['a device for a web application', redirect('http://127.0.0.1/cb'), refusedRedirect, 'redirect_uris'],
  ['a device that is named', native('http://localhost/cb'), refusedRedirect, 'redirect_uris'],
  ['another device', native('http://127.0.0.2/cb'), refusedRedirect, 'redirect_uris'],
  [
    'a device that broker.yaml does not name',
    native('http://127.0.0.1/cb'),
    refusedRedirect,
    'redirect_uris',
    { redirect_hosts: ['app.test'] },
  ],
  ['an app by its scheme', native('com.example.app:/cb'), refusedRedirect, 'redirect_uris'],
  // what it may do
  ['the implicit flow', request({ response_types: ['token'] }), refused, 'response_types'],
  ['the hybrid flow', request({ response_types: ['code', 'code id_token'] }), refused, 'response_types'],
  [
    'the grant of the implicit flow',
    request({ grant_types: ['authorization_code', 'implicit'] }),
    refused,
    'grant_types',
  ],
  [
    'client_credentials',
    request({ grant_types: ['authorization_code', 'client_credentials'] }),
    refused,
    'grant_types',
  ],
  [
    'token exchange',
    request({ grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'] }),
    refused,
    'grant_types',
  ],
  ['refreshing alone', request({ grant_types: ['refresh_token'] }), refused, 'grant_types'],
  [
    'refreshing where nobody may',
    request({ grant_types: ['authorization_code', 'refresh_token'] }),
    refused,
    'grant_types',
    { grants: ['authorization_code'], scopes: ['openid'] },
  ],
  ['a kind of application that is none', request({ application_type: 'browser' }), refused, 'application_type'],
  ['a scope of a target', request({ scope: 'openid orders:read' }), refused, 'scope'],
  ['a scope that broker.yaml does not give', request({ scope: 'openid phone' }), refused, 'scope'],
  ['offline_access without refreshing', request({ scope: 'openid offline_access' }), refused, 'scope'],
  ['no openid', request({ scope: 'email' }), refused, 'scope'],
  ['scopes with two spaces', request({ scope: 'openid  email' }), refused, 'scope'],
  ['a list of scopes', request({ scope: ['openid'] }), refused, 'scope'],
  // how it authenticates
  [
    'a way that is none',
    request({ token_endpoint_auth_method: 'tls_client_auth' }),
    refused,
    'token_endpoint_auth_method',
  ],
  [
    'a way that broker.yaml does not give',
    request({ token_endpoint_auth_method: 'client_secret_post' }),
    refused,
    'token_endpoint_auth_method',
    { auth: ['client_secret_basic'] },
  ],
  [
    'a secret that signs',
    request({ token_endpoint_auth_method: 'client_secret_jwt' }),
    refused,
    'token_endpoint_auth_method',
  ],
  ['private_key_jwt without a key', key({ jwks: undefined }), refused, 'jwks'],
  ['both jwks and jwks_uri', key({ jwks_uri: 'https://app.test/jwks' }), refused, 'jwks'],
  [
    'both of a public client',
    request({ jwks: { keys: [publicJwk] }, jwks_uri: 'https://app.test/jwks' }),
    refused,
    'jwks',
  ],
  ['a private key', key({ jwks: { keys: [privateJwk] } }), refused, 'jwks'],
  ['a private key beside a public one', key({ jwks: { keys: [publicJwk, privateJwk] } }), refused, 'jwks'],
  ['a private key of no kind', key({ jwks: { keys: [publicJwk, { d }] } }), refused, 'jwks'],
  ['a private key of a public client', request({ jwks: { keys: [privateJwk] } }), refused, 'jwks'],
  ['a secret for a key', key({ jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }), refused, 'jwks'],
  ['no keys', key({ jwks: { keys: [] } }), refused, 'jwks'],
  ['keys in a list', key({ jwks: [publicJwk] }), refused, 'jwks'],
  ['keys that sign nothing', key({ jwks: { keys: [{ ...publicJwk, use: 'enc' }] } }), refused, 'jwks'],
  ['a short RSA key', key({ jwks: { keys: [{ kty: 'RSA', n: 'AQAB'.repeat(40), e: 'AQAB' }] } }), refused, 'jwks'],
  ['eleven keys', key({ jwks: { keys: Array.from({ length: 11 }, () => publicJwk) } }), refused, 'jwks'],
  [
    'none for a signature',
    key({ token_endpoint_auth_signing_alg: 'none' }),
    refused,
    'token_endpoint_auth_signing_alg',
  ],
  [
    'a secret for a signature',
    key({ token_endpoint_auth_signing_alg: 'HS256' }),
    refused,
    'token_endpoint_auth_signing_alg',
  ],
  [
    'an algorithm without a key',
    key({ token_endpoint_auth_signing_alg: 'RS256' }),
    refused,
    'token_endpoint_auth_signing_alg',
  ],
  ...[
    'http://app.test/jwks',
    'http://127.0.0.1/jwks',
    'https://127.0.0.1/jwks',
    'https://10.0.0.1/jwks',
    'https://[::1]/jwks',
    'https://[fd00::1]/jwks',
    'https://169.254.169.254/latest/meta-data',
    'https://2130706433/jwks',
    'https://localhost/jwks',
    'https://metadata.internal/jwks',
    'https://keys.local/jwks',
    'https://app.test./jwks',
    'https://user:secret@app.test/jwks',
    'https://app.test/jwks#x',
    'file:///etc/passwd',
    'jwks',
  ].map((jwks_uri) => [`keys at ${jwks_uri}`, key({ jwks: undefined, jwks_uri }), refused, 'jwks_uri'] as const),
  // signatures and encryption
  [
    'ID tokens that nobody signs',
    request({ id_token_signed_response_alg: 'none' }),
    refused,
    'id_token_signed_response_alg',
  ],
  [
    'ID tokens signed by a secret',
    request({ id_token_signed_response_alg: 'HS256' }),
    refused,
    'id_token_signed_response_alg',
  ],
  [
    '/userinfo that nobody signs',
    request({ userinfo_signed_response_alg: 'none' }),
    refused,
    'userinfo_signed_response_alg',
  ],
  ...['id_token', 'userinfo'].flatMap((of) =>
    ['alg', 'enc'].map((part) => {
      const member = `${of}_encrypted_response_${part}`
      return [member, request({ [member]: 'RSA-OAEP' }), refused, member] as const
    }),
  ),
  ...Object.entries({
    sector_identifier_uri: 'https://app.test/sector',
    subject_type: 'pairwise',
    default_max_age: 3_600,
    default_acr_values: ['mfa'],
    require_auth_time: true,
    request_uris: ['https://app.test/request'],
    request_object_signing_alg: 'none',
    require_signed_request_object: true,
    require_pushed_authorization_requests: true,
    dpop_bound_access_tokens: true,
    tls_client_certificate_bound_access_tokens: true,
    // of the wrong type, or out of bounds
    client_name: 'a'.repeat(65),
    contacts: 'ops@app.test',
    software_id: 1,
    software_version: '',
    backchannel_logout_session_required: 'true',
    frontchannel_logout_session_required: 1,
    // addresses
    client_uri: 'http://app.test/',
    logo_uri: 'data:image/png;base64,AAAA',
    policy_uri: 'javascript:alert(1)',
    tos_uri: 'https://user@app.test/',
    initiate_login_uri: 'http://127.0.0.1/',
    post_logout_redirect_uris: ['https://app.test/bye', 'https://evil.test/bye'],
    backchannel_logout_uri: 'https://evil.test/back',
    frontchannel_logout_uri: 'https://one.preview.app.test/front',
  }).map(
    ([member, value]) => [`${member} ${JSON.stringify(value)}`, request({ [member]: value }), refused, member] as const,
  ),
  ...['a\nb', 'a\u202eb', 'a\u200bb', '\u2028', ' a', '', 1, ['a']].map(
    (client_name) =>
      [`the name ${JSON.stringify(client_name)}`, request({ client_name }), refused, 'client_name'] as const,
  ),
  ...[
    'https://10.0.0.1/back',
    'http://app.test/back',
    'https://app.test:8443/back',
    'https://app.test/back#x',
    'https://metadata.internal/',
  ].map(
    (backchannel_logout_uri) =>
      [
        `a back channel to ${backchannel_logout_uri}`,
        request({ backchannel_logout_uri }),
        refused,
        'backchannel_logout_uri',
      ] as const,
  ),
]

for (const [title, asked, reason, member, changes] of spoilt)
  test(`${title} is refused, and it is said where`, () => {
    const told = registered(asked, registrationPolicy(changes))
    assert.ok('told' in told, title)
    assert.ok(told.told.startsWith(`${reason} ${member}: `), told.told)
    for (const value of [asked[member]].flat())
      if (typeof value === 'string' && value.includes('/')) assert.ok(!told.told.includes(value), 'it quotes what came')
  })

test('a software statement is refused by a code of its own (RFC 7591 section 3.2.2)', () => {
  assert.deepEqual(registered(request({ software_statement: 'eyJ' })), { told: 'software_statement_refused' })
  assert.deepEqual(registrationFaces({ reason: 'software_statement_refused' }).software_statement_refused.slice(0, 2), [
    400,
    'unapproved_software_statement',
  ])
})

test('on loopback a web application may be there, and so may its keys', () => {
  const asked = request({
    redirect_uris: ['http://127.0.0.1:9000/cb'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: 'http://127.0.0.1:9000/jwks',
    policy_uri: 'http://127.0.0.1:9000/privacy',
  })
  assert.ok('client' in registered(asked, registrationPolicy({}, true)))
  assert.ok('told' in registered(asked))
})

for (const [title, body] of [
  ['nothing', ''],
  ['a list', '[]'],
  ['text', '"a"'],
  ['a form', 'redirect_uris=x'],
  ['a member twice', '{"redirect_uris":["https://app.test/"],"redirect_uris":["https://evil.test/"]}'],
  ['a member of a key twice', '{"jwks":{"keys":[{"kty":"EC","kty":"oct"}]}}'],
  ['a member twice, once escaped', '{"scope":"openid","sc\\u006fpe":"email"}'],
  ['what is nested too deeply', `{"a":${'['.repeat(20)}${']'.repeat(20)}}`],
] as const)
  test(`a body of ${title} is refused`, () => {
    assert.throws(
      () => parseRegistrationRequest(body),
      (error) => error instanceof RefusedError && error.refusal.reason === 'client_metadata_refused',
    )
  })

test('a body of more than 64 KiB is not looked at', () => {
  const body = JSON.stringify({ a: 'x'.repeat(64 * 1024) })
  assert.throws(
    () => parseRegistrationRequest(body),
    (error) => error instanceof RefusedError && error.refusal.reason === 'request_too_large',
  )
})

const policy = registrationPolicy()

test('what is kept is a client until the second of its end', () => {
  assert.ok(toClient(kept(), policy, 1_000 + 86_399))
  assert.equal(toClient(kept(), policy, 1_000 + 86_400), undefined)
})

for (const [title, row, changes] of [
  ['it has no registration', kept(), undefined],
  ['its token is not listed any more', kept(), { initial_access_tokens: { sha256: ['y'.repeat(43)] } }],
  ['its host is not', kept(), { redirect_hosts: ['other.test'] }],
  ['its way to authenticate is not', kept(), { auth: ['private_key_jwt'] }],
  [
    'its grant is not',
    kept({}, { grant_types: ['authorization_code', 'refresh_token'] }),
    { grants: ['authorization_code'] },
  ],
  ['a scope of its is not', kept({ metadata: { ...request(), scope: 'openid email' } }), { scopes: ['openid'] }],
  ['clients live less long', kept(), { lifetime: 3_600 }],
  ['what is kept has no scope', kept({ metadata: request() }), {}],
  ['what is kept is none of ours', kept({ metadata: { redirect_uris: 1 } }), {}],
  ['its secret is gone', kept({}, { token_endpoint_auth_method: 'client_secret_basic' }), {}],
] as const)
  test(`it is none where, by today's broker.yaml, ${title}`, () => {
    const today =
      changes === undefined ? { ...policy, configuration: { ...policy.configuration } } : registrationPolicy(changes)
    if (changes === undefined) delete today.configuration.registration
    assert.equal(toClient(row, today, 1_000 + 3_600), undefined)
  })

test('no rule is for a client that registered itself, whatever it says, and the trace says why', async () => {
  const configuration = { ...withRegistration(), rules: [] }
  const today = await toPolicy(configuration, 'https://broker.test')
  for (const clients of [undefined, [client_id]]) {
    const anybody = rule('r', clients === undefined ? {} : { clients })
    const { claims } = subject({ ref: 'main' })
    assert.equal(evaluateRule(rule('r'), farm, { claims, client_id: 'app' }, today, 0).matched, true)
    assert.deepEqual(evaluateRule(anybody, farm, { claims, client_id }, today, 0), {
      rule: 'r',
      mode: 'enforce',
      matched: false,
      failed: 'the client registered itself, and no rule grants such a client anything',
    })
  }
})
