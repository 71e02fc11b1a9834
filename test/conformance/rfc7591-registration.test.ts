import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loginBox } from './login-fixture.ts'
import { ask, initialToken, register, withRegistration } from './registration-fixture.ts'

const box = loginBox(withRegistration())

test('section 3.2.1: a client is answered 201 with all that is registered, and its secrets once', async () => {
  const asked = {
    redirect_uris: ['https://app.example/cb', 'https://one.preview.app.example/cb'],
    token_endpoint_auth_method: 'client_secret_basic',
    client_name: 'An app',
    contacts: ['ops@app.example'],
    logo_uri: 'https://app.example/logo.png',
    policy_uri: 'https://app.example/privacy',
    post_logout_redirect_uris: ['https://app.example/bye'],
    software_id: 'app',
  }
  const before = Math.floor(Date.now() / 1000)
  const { status, headers, body } = await register(box, { ...asked, unknown_member: 1, 'client_name#ja': 'アプリ' })
  assert.deepEqual(
    [status, headers.get('cache-control'), headers.get('content-type')],
    [201, 'no-store', 'application/json'],
  )
  const { client_id, client_id_issued_at, client_secret, client_secret_expires_at, ...others } = body
  const { registration_access_token, registration_client_uri, ...metadata } = others
  assert.match(String(client_id), /^reg\.[A-Za-z0-9_-]{22}$/)
  assert.match(String(client_secret), /^[A-Za-z0-9_-]{43}$/)
  assert.match(String(registration_access_token), /^[A-Za-z0-9_-]{43}$/)
  assert.notEqual(registration_access_token, client_secret)
  assert.equal(registration_client_uri, `${box.broker.issuer}/register/${String(client_id)}`)
  assert.ok(Number(client_id_issued_at) >= before)
  assert.equal(client_secret_expires_at, Number(client_id_issued_at) + 86_400)
  assert.deepEqual(metadata, {
    ...asked,
    response_types: ['code'],
    grant_types: ['authorization_code'],
    application_type: 'web',
    subject_type: 'public',
    id_token_signed_response_alg: 'RS256',
    scope: 'openid profile email',
  })
})

test('section 3.2.1: two clients have nothing in common', async () => {
  const [one, other] = await Promise.all([register(box), register(box)])
  for (const member of ['client_id', 'registration_access_token', 'registration_client_uri'])
    assert.notEqual(one.body[member], other.body[member])
  assert.deepEqual([one.body.client_secret, one.body.client_secret_expires_at], [undefined, undefined])
})

for (const [title, token, challenge] of [
  ['no token', undefined, 'Bearer realm="token-broker"'],
  ['a token that is none', 'x'.repeat(43), 'Bearer realm="token-broker", error="invalid_token"'],
  ['one character less', initialToken.slice(0, -1), 'Bearer realm="token-broker", error="invalid_token"'],
] as const)
  test(`section 3: ${title} registers nothing, and is told nothing of what came (RFC 6750 section 3)`, async () => {
    for (const body of [{ redirect_uris: ['https://app.example/cb'] }, { redirect_uris: 1 }, '{"a":1,"a":2}', '']) {
      const answer = await ask(`${box.broker.url}/register`, 'POST', token, body)
      assert.deepEqual([answer.status, answer.headers.get('www-authenticate')], [401, challenge])
      assert.equal(answer.body.error, 'invalid_token')
    }
  })

test('section 3: a token of another kind registers nothing', async () => {
  const { body } = await register(box)
  const { body: tokens } = await box.tokens()
  for (const token of [body.registration_access_token, tokens.access_token])
    assert.equal((await register(box, {}, String(token))).status, 401)
  const basic = await ask(
    `${box.broker.url}/register`,
    'POST',
    undefined,
    {},
    { authorization: `Basic ${initialToken}` },
  )
  assert.equal(basic.status, 401)
  const inQuery = await ask(`${box.broker.url}/register?access_token=${initialToken}`, 'POST', undefined, {})
  assert.equal(inQuery.status, 401)
})

for (const [title, changes, error, member] of [
  [
    'a host of somebody else',
    { redirect_uris: ['https://app.example.evil.com/cb'] },
    'invalid_redirect_uri',
    'redirect_uris',
  ],
  [
    'a host that looks like it',
    { redirect_uris: ['https://evil-app.example/cb'] },
    'invalid_redirect_uri',
    'redirect_uris',
  ],
  [
    'a host with a dot at its end',
    { redirect_uris: ['https://app.example./cb'] },
    'invalid_redirect_uri',
    'redirect_uris',
  ],
  [
    'a host behind an @',
    { redirect_uris: ['https://app.example@evil.example/cb'] },
    'invalid_redirect_uri',
    'redirect_uris',
  ],
  [
    'a host two labels down',
    { redirect_uris: ['https://a.b.preview.app.example/cb'] },
    'invalid_redirect_uri',
    'redirect_uris',
  ],
  ['a pattern', { redirect_uris: ['https://*.preview.app.example/cb'] }, 'invalid_redirect_uri', 'redirect_uris'],
  ['a fragment', { redirect_uris: ['https://app.example/cb#x'] }, 'invalid_redirect_uri', 'redirect_uris'],
  ['an internal address', { redirect_uris: ['https://169.254.169.254/cb'] }, 'invalid_redirect_uri', 'redirect_uris'],
  ['an app’s scheme', { redirect_uris: ['com.example.app:/cb'] }, 'invalid_redirect_uri', 'redirect_uris'],
  ['no redirect URI', { redirect_uris: null }, 'invalid_redirect_uri', 'redirect_uris'],
  [
    'another grant',
    { grant_types: ['authorization_code', 'client_credentials'] },
    'invalid_client_metadata',
    'grant_types',
  ],
  ['another response type', { response_types: ['token'] }, 'invalid_client_metadata', 'response_types'],
  ['a scope of a target', { scope: 'openid orders:read' }, 'invalid_client_metadata', 'scope'],
  [
    'keys inside',
    { jwks_uri: 'https://169.254.169.254/jwks', token_endpoint_auth_method: 'private_key_jwt' },
    'invalid_client_metadata',
    'jwks_uri',
  ],
  [
    'keys twice',
    { jwks_uri: 'https://app.example/jwks', jwks: { keys: [{ kty: 'RSA', n: 'a', e: 'AQAB' }] } },
    'invalid_client_metadata',
    'jwks',
  ],
  ['a secret for a key', { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }, 'invalid_client_metadata', 'jwks'],
  ['no signature', { id_token_signed_response_alg: 'none' }, 'invalid_client_metadata', 'id_token_signed_response_alg'],
  ['subjects of its own', { subject_type: 'pairwise' }, 'invalid_client_metadata', 'subject_type'],
  ['a software statement', { software_statement: 'eyJ' }, 'unapproved_software_statement', 'software_statement'],
] as const)
  test(`section 3.2.2: ${title} is ${error}, and it is said where`, async () => {
    const { status, body, headers } = await register(box, changes)
    assert.deepEqual([status, body.error], [400, error])
    assert.ok(String(body.error_description).startsWith(`${member}: `), String(body.error_description))
    assert.match(String(body.error_description), /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
    assert.equal(headers.get('cache-control'), 'no-store')
  })

for (const [title, body] of [
  ['a member twice', '{"redirect_uris":["https://app.example/cb"],"redirect_uris":["https://evil.example/cb"]}'],
  ['a list', '[]'],
  ['no JSON', 'redirect_uris'],
] as const)
  test(`section 3.1: a body with ${title} is invalid_client_metadata`, async () => {
    const answer = await ask(`${box.broker.url}/register`, 'POST', initialToken, body)
    assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_client_metadata'])
  })

test('section 3.1: only JSON is read, of 64 KiB at most, and only POST registers', async () => {
  const url = `${box.broker.url}/register`
  const form = await ask(url, 'POST', initialToken, 'redirect_uris=x', {
    'content-type': 'application/x-www-form-urlencoded',
  })
  assert.equal(form.status, 415)
  const large = await ask(url, 'POST', initialToken, { client_name: 'x'.repeat(65_536) })
  assert.equal(large.status, 413)
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const answer = await ask(url, method, initialToken)
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'POST'])
  }
  for (const path of ['/register/', '/register/a/b'])
    assert.equal((await ask(`${box.broker.url}${path}`, 'GET', initialToken)).status, 404)
})

test('RFC 7591 section 2: what is left out of token_endpoint_auth_method is client_secret_basic', async () => {
  const { body } = await register(box, { token_endpoint_auth_method: null })
  assert.equal(body.token_endpoint_auth_method, 'client_secret_basic')
  assert.equal(typeof body.client_secret, 'string')
})
