import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { loginBox } from './login-fixture.ts'
import { ask, otherToken, ownOf, register, withRegistration, type Registered } from './registration-fixture.ts'

const box = loginBox(withRegistration({ limit: '60' }))

/** What a client says of itself, of what it was answered. */
function metadataOf({ body }: Registered): Record<string, unknown> {
  const { client_secret: _, client_secret_expires_at: __, client_id_issued_at: ___, ...others } = body
  const { registration_access_token: ____, registration_client_uri: _____, ...metadata } = others
  return metadata
}

test('section 2.1: a client reads what is registered; its secret is not told again', async () => {
  const made = await register(box, { token_endpoint_auth_method: 'client_secret_basic', client_name: 'An app' })
  const { url, token } = ownOf(made)
  const { status, headers, body } = await ask(url, 'GET', token)
  const { client_secret, ...others } = made.body
  assert.equal(typeof client_secret, 'string')
  assert.deepEqual([status, headers.get('cache-control')], [200, 'no-store'])
  assert.deepEqual(body, others)
})

test('section 2.2: an update is a full replacement, and its id, token, end and secret stay', async () => {
  const made = await register(box, {
    token_endpoint_auth_method: 'client_secret_basic',
    client_name: 'An app',
    policy_uri: 'https://app.example/privacy',
  })
  const { url, token } = ownOf(made)
  const { policy_uri: _, ...kept } = metadataOf(made)
  const updated = await ask(url, 'PUT', token, { ...kept, client_name: null, contacts: ['ops@app.example'] })
  assert.equal(updated.status, 200)
  const { client_secret: __, client_name: ___, policy_uri: ____, ...same } = made.body
  assert.deepEqual(updated.body, { ...same, contacts: ['ops@app.example'] })
  assert.deepEqual((await ask(url, 'GET', token)).body, updated.body)
})

test('section 2.2: who needs a secret and has none is given one, and who needs none any more has none', async () => {
  const made = await register(box)
  const { url, token } = ownOf(made)
  const withSecret = await ask(url, 'PUT', token, {
    ...metadataOf(made),
    token_endpoint_auth_method: 'client_secret_post',
  })
  assert.match(String(withSecret.body.client_secret), /^[A-Za-z0-9_-]{43}$/)
  assert.equal(withSecret.body.client_secret_expires_at, Number(made.body.client_id_issued_at) + 86_400)
  const again = await ask(url, 'PUT', token, {
    ...metadataOf(withSecret),
    client_secret: withSecret.body.client_secret,
  })
  assert.deepEqual([again.status, again.body.client_secret], [200, undefined])
  const without = await ask(url, 'PUT', token, metadataOf(made))
  assert.deepEqual([without.status, without.body.client_secret_expires_at], [200, undefined])
  const refused = await ask(url, 'PUT', token, { ...metadataOf(made), client_secret: withSecret.body.client_secret })
  assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_client_metadata'])
})

const mine = register.bind(undefined, box)

suite('section 2.2: what an update may not say', () => {
  for (const [title, changes, error, member] of [
    ['another id', { client_id: `reg.${'a'.repeat(22)}` }, 'invalid_client_metadata', 'client_id'],
    ['no id', { client_id: undefined }, 'invalid_client_metadata', 'client_id'],
    ['a secret of its choice', { client_secret: 'x'.repeat(43) }, 'invalid_client_metadata', 'client_secret'],
    ['its token', { registration_access_token: 'x' }, 'invalid_client_metadata', 'registration_access_token'],
    ['its address', { registration_client_uri: 'x' }, 'invalid_client_metadata', 'registration_client_uri'],
    ['when its secret ends', { client_secret_expires_at: 0 }, 'invalid_client_metadata', 'client_secret_expires_at'],
    ['when it registered', { client_id_issued_at: 0 }, 'invalid_client_metadata', 'client_id_issued_at'],
    ['another host', { redirect_uris: ['https://evil.example/cb'] }, 'invalid_redirect_uri', 'redirect_uris'],
    [
      'more grants',
      { grant_types: ['authorization_code', 'client_credentials'] },
      'invalid_client_metadata',
      'grant_types',
    ],
    ['more scopes', { scope: 'openid orders:read' }, 'invalid_client_metadata', 'scope'],
    ['a member twice', '{"client_id":"a","client_id":"b"}', 'invalid_client_metadata', 'the body'],
  ] as const)
    test(`${title}: ${error}, and nothing has changed`, async () => {
      const made = await mine()
      const { url, token } = ownOf(made)
      const body = typeof changes === 'string' ? changes : { ...metadataOf(made), ...changes }
      const answer = await ask(url, 'PUT', token, body)
      assert.deepEqual([answer.status, answer.body.error], [400, error])
      assert.ok(String(answer.body.error_description).startsWith(`${member}: `), String(answer.body.error_description))
      assert.deepEqual((await ask(url, 'GET', token)).body, made.body)
    })
})

test('section 2.3: a deleted client is gone, answered 204 with nothing', async () => {
  const { url, token } = ownOf(await mine())
  const { status, body, headers } = await ask(url, 'DELETE', token)
  assert.deepEqual([status, body, headers.get('cache-control')], [204, {}, 'no-store'])
  for (const method of ['GET', 'DELETE']) assert.equal((await ask(url, method, token)).status, 401)
})

test('sections 2.1 to 2.3: a wrong token, another client’s, an unknown and a deleted client are answered alike', async () => {
  const [one, other, gone] = [ownOf(await mine()), ownOf(await mine()), ownOf(await mine())]
  await ask(gone.url, 'DELETE', gone.token)
  const unknown = one.url.replace(/[^/]+$/, `reg.${'A'.repeat(22)}`)
  const cases = [
    [one.url, 'x'.repeat(43)],
    [one.url, other.token],
    [one.url, one.token.slice(0, -1)],
    [one.url, otherToken],
    [unknown, one.token],
    [gone.url, gone.token],
    [one.url.replace(/[^/]+$/, 'web-app'), one.token],
    [`${one.url}x`, one.token],
  ] as const
  for (const [url, token] of cases)
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await ask(url, method, token, method === 'PUT' ? { client_id: 'x' } : undefined)
      assert.equal(answer.status, 401, `${method} ${url}`)
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="token-broker", error="invalid_token"')
      assert.equal(answer.body.error, 'invalid_token')
      assert.match(String(answer.body.error_description), /^the access token was not accepted \(decision /)
    }
  assert.equal((await ask(one.url, 'GET', undefined)).headers.get('www-authenticate'), 'Bearer realm="token-broker"')
  assert.equal((await ask(one.url, 'GET', one.token)).status, 200)
})

test('only GET, PUT and DELETE are for a client', async () => {
  const { url, token } = ownOf(await mine())
  for (const method of ['POST', 'PATCH']) {
    const answer = await ask(url, method, token, {})
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET, PUT, DELETE'])
  }
  assert.equal(
    (await ask(url, 'PUT', token, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status,
    415,
  )
})

test('a registration access token opens nothing else', async () => {
  const { token } = ownOf(await mine())
  const userinfo = await box.ask('/userinfo', { headers: { authorization: `Bearer ${token}` } })
  assert.equal(userinfo.status, 401)
})
