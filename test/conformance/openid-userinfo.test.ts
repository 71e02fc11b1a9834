import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox, type TokenAnswer } from './login-fixture.ts'

const box = loginBox((text) =>
  text.replace('\nclients:\n', '\nclients:\n  orders-api: { %SECRET, introspect: [orders] }\n').replace(
    '%SECRET',
    // As the client `confidential` has it.
    () => /confidential: \{ (auth: .*?\} \})/.exec(text)?.[1] ?? assert.fail('no secret'),
  ),
)
const browser = box.browser()
const tokens = (changes: Record<string, string> = {}): Promise<TokenAnswer> => box.tokens(changes, browser)
const access = async (changes: Record<string, string> = {}) => String((await tokens(changes)).body.access_token)

interface Answer {
  status: number
  headers: Headers
  text: string
}

async function send(path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(box.broker.url + path, init)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` })
const userinfo = (token: unknown) => send('/userinfo', { headers: bearer(token) })
const form = (fields: Record<string, string>) => new URLSearchParams(fields)

/** RFC 6750 section 3: the challenge's parameters. */
function challengeOf({ headers }: Answer): Record<string, string> {
  const challenge = headers.get('www-authenticate') ?? assert.fail('no challenge')
  assert.match(challenge, /^Bearer /)
  return Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))
}

test('section 5.3.2: sub always, and what the scopes ask for', async () => {
  const sub = 'acme-partner:e-1041'
  const email = { email: 'alice@partner.example', email_verified: true }
  for (const [scope, want] of [
    ['openid', { sub }],
    ['openid email', { sub, ...email }],
    ['openid profile', { sub, name: 'Alice Example' }],
    ['openid profile email phone', { sub, name: 'Alice Example', ...email }],
  ] as const) {
    const { status, headers, text } = await userinfo(await access({ scope }))
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'application/json')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.deepEqual(JSON.parse(text), want)
  }
})

test('section 5.3.2: the sub is that of the ID token', async () => {
  const { body } = await tokens()
  const { sub } = JSON.parse((await userinfo(body.access_token)).text) as { sub: string }
  assert.equal(sub, decodeJwt(String(body.id_token)).sub)
})

test('a token opens it as often as is liked', async () => {
  const token = await access()
  for (let i = 0; i < 3; i++) assert.equal((await userinfo(token)).status, 200)
})

test('section 5.3.2: signed, with iss and aud, for the client that is registered so', async () => {
  const arrived = await box.login(browser, { client_id: 'confidential' })
  const headers = { authorization: basicAuthorization('confidential', clientSecret) }
  const { body } = await box.redeem(arrived.get('code'), { client_id: undefined }, headers)
  const answer = await userinfo(body.access_token)
  assert.equal(answer.headers.get('content-type'), 'application/jwt')
  const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
  const { payload } = await jwtVerify(answer.text, keys, { issuer: box.broker.url, audience: 'confidential' })
  assert.deepEqual(Object.keys(payload).toSorted(), ['aud', 'email', 'email_verified', 'iss', 'name', 'sub'])
  assert.equal(decodeProtectedHeader(answer.text).typ, 'userinfo+jwt')
  assert.equal((await box.login(browser, { id_token_hint: answer.text })).get('error'), 'invalid_request')
})

for (const [title, request] of [
  ['section 2.1: in the header of a GET', (token: string) => ({ headers: bearer(token) })],
  ['section 2.1: in the header of a POST', (token: string) => ({ method: 'POST', headers: bearer(token) })],
  ['section 2.2: in the form of a POST', (access_token: string) => ({ method: 'POST', body: form({ access_token }) })],
] as const)
  test(`RFC 6750 ${title}`, async () => {
    assert.equal((await send('/userinfo', request(await access()))).status, 200)
  })

for (const [title, request, status, error] of [
  ['without a token', () => ['', {}], 401, undefined],
  ['by POST without a token', () => ['', { method: 'POST' }], 401, undefined],
  ['with a token in the URL', (token: string) => [`?access_token=${token}`, {}], 401, undefined],
  ['with a token that is none', () => ['', { headers: bearer('x') }], 401, 'invalid_token'],
  [
    'with another scheme',
    (token: string) => ['', { headers: { authorization: `Basic ${token}` } }],
    401,
    'invalid_token',
  ],
  [
    'with a changed signature',
    (token: string) => ['', { headers: bearer(`${token.slice(0, -4)}AAAA`) }],
    401,
    'invalid_token',
  ],
] as const satisfies readonly (readonly [
  string,
  (token: string) => [string, RequestInit],
  number,
  string | undefined,
])[])
  test(`RFC 6750 section 3: ${title} there is a challenge${error ? ` of ${error}` : ', and no error code'}`, async () => {
    const [query, init] = request(await access())
    const answer = await send(`/userinfo${query}`, init)
    assert.equal(answer.status, status)
    assert.deepEqual(challengeOf(answer), { realm: 'token-broker', ...(error ? { error } : {}) })
    assert.equal(answer.headers.get('cache-control'), 'no-store')
  })

for (const [title, request] of [
  [
    'two tokens',
    (token: string) => ['', { method: 'POST', headers: bearer(token), body: form({ access_token: token }) }],
  ],
  ['a token in form and URL', (token: string) => [`?access_token=${token}`, { method: 'POST', body: form({}) }]],
] as const satisfies readonly (readonly [string, (token: string) => [string, RequestInit]])[])
  test(`RFC 6750 section 2: ${title} is 400 invalid_request`, async () => {
    const [query, init] = request(await access())
    const { status, text } = await send(`/userinfo${query}`, init)
    assert.equal(status, 400)
    assert.equal((JSON.parse(text) as { error: string }).error, 'invalid_request')
  })

test('other methods are 405, and Allow says which are not', async () => {
  const headers = bearer(await access())
  for (const method of ['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']) {
    const answer = await send('/userinfo', { method, headers })
    assert.equal(answer.status, 405, method)
    assert.equal(answer.headers.get('allow'), 'GET, POST')
  }
})

test('neither the ID token nor a token for a target opens it', async () => {
  const { body } = await tokens({ scope: 'openid email orders:read' })
  for (const token of [body.id_token, body.access_token, (await tokens()).body.id_token]) {
    const answer = await userinfo(token)
    assert.equal(answer.status, 401)
    assert.equal(challengeOf(answer).error, 'invalid_token')
  }
})

test('RFC 7009: a token that its client has given back opens it no more', async () => {
  const token = await access()
  const { status } = await send('/revoke', { method: 'POST', body: form({ token }) })
  assert.equal(status, 200)
  assert.equal(challengeOf(await userinfo(token)).error, 'invalid_token')
  assert.equal((await userinfo(await access())).status, 200)
})

test('RFC 7662: no target’s server is told of a token for /userinfo, nor of an ID token', async () => {
  const { body } = await tokens()
  const { body: other } = await tokens({ scope: 'openid orders:read' })
  const headers = { authorization: basicAuthorization('orders-api', clientSecret) }
  const active = async (token: unknown) => {
    const { text } = await send('/introspect', { method: 'POST', headers, body: form({ token: String(token) }) })
    return (JSON.parse(text) as { active: boolean }).active
  }
  assert.equal(await active(other.access_token), true)
  for (const token of [body.access_token, body.id_token, other.id_token]) assert.equal(await active(token), false)
})

test('RFC 8693: neither token of a login is anything to exchange', async () => {
  const { body } = await tokens()
  const { body: other } = await tokens({ scope: 'openid orders:read' })
  for (const subject_token of [body.access_token, body.id_token, other.access_token].map(String))
    for (const subject_token_type of [JWT_TYPE, ID_TOKEN_TYPE, ACCESS_TOKEN_TYPE]) {
      const fields = { grant_type: TOKEN_EXCHANGE_GRANT, subject_token, subject_token_type, audience: 'orders' }
      const { status, text } = await send('/token', { method: 'POST', body: form(fields) })
      assert.equal(status, 400)
      assert.equal((JSON.parse(text) as { error: string }).error, 'invalid_request')
    }
})
