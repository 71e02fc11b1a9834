import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox } from './login-fixture.ts'

const box = loginBox()

async function userinfo(token: unknown, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${String(token)}` }
  const response = await fetch(`${box.broker.url}/userinfo`, { headers, ...init })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text }
}

test('OpenID Connect Core section 3.1: a login by code, from authorization to ID token and /userinfo', async () => {
  const arrived = await box.login(box.browser())
  assert.deepEqual([...arrived.keys()], ['code', 'state', 'iss'])
  assert.equal(arrived.get('state'), 'the-state')
  assert.equal(arrived.get('iss'), box.broker.url, 'RFC 9207')
  const { status, headers, body } = await box.redeem(arrived.get('code'))
  assert.equal(status, 200)
  assert.equal(headers.get('cache-control'), 'no-store')
  const { access_token, id_token, ...rest } = body
  assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 900, scope: 'openid profile email' })
  const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
  const checks = { issuer: box.broker.url, audience: 'web-app', algorithms: ['RS256'] }
  const { payload } = await jwtVerify(String(id_token), keys, checks)
  assert.equal(payload.sub, 'acme-partner:e-1041')
  assert.equal(payload.nonce, 'the-nonce')
  assert.equal(payload.email, undefined, 'it is at /userinfo')
  assert.ok(typeof payload.auth_time === 'number')
  const answer = await userinfo(access_token)
  assert.equal(answer.status, 200)
  assert.deepEqual(JSON.parse(answer.text), {
    sub: 'acme-partner:e-1041',
    name: 'Alice Example',
    email: 'alice@partner.example',
    email_verified: true,
  })
})

test('section 5.3.1: /userinfo by GET and POST, in the header or the form', async () => {
  const { body } = await box.tokens()
  const token = String(body.access_token)
  for (const init of [
    {},
    { method: 'POST' },
    { method: 'POST', headers: {}, body: new URLSearchParams({ access_token: token }) },
  ]) {
    const { status, headers } = await userinfo(token, init)
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'application/json')
  }
  assert.equal((await userinfo(token, { method: 'PUT' })).status, 405)
})

test('section 5.3.2: a signed answer for a client that is registered so', async () => {
  const arrived = await box.login(box.browser(), { client_id: 'confidential' })
  const authorization = basicAuthorization('confidential', clientSecret)
  const { body } = await box.redeem(arrived.get('code'), { client_id: undefined }, { authorization })
  const { headers, text } = await userinfo(body.access_token)
  assert.equal(headers.get('content-type'), 'application/jwt')
  const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
  const { payload } = await jwtVerify(text, keys, { issuer: box.broker.url, audience: 'confidential' })
  assert.equal(payload.sub, 'acme-partner:e-1041')
})

for (const [title, token, error] of [
  ['no token', undefined, null],
  ['a token that is none', 'x.y.z', 'invalid_token'],
] as const)
  test(`RFC 6750 section 3: ${title} at /userinfo`, async () => {
    const { status, headers } = await userinfo(token, token === undefined ? { headers: {} } : {})
    assert.equal(status, 401)
    const challenge = headers.get('www-authenticate') ?? ''
    assert.match(challenge, /^Bearer realm="token-broker"/)
    assert.equal(/error="([^"]*)"/.exec(challenge)?.[1] ?? null, error)
  })

test('a token for a target does not open /userinfo, and a token for /userinfo is no target’s', async () => {
  const { body } = await box.tokens({ scope: 'openid email orders:read' })
  assert.equal(decodeJwt(String(body.access_token)).aud, 'https://orders.acme.dev')
  assert.equal((await userinfo(body.access_token)).status, 401)
  assert.equal(decodeJwt(String(body.id_token)).email, 'alice@partner.example')
  assert.equal((await userinfo(body.id_token)).status, 401)
  const { body: plain } = await box.tokens()
  assert.equal(decodeJwt(String(plain.access_token)).aud, `${box.broker.url}/userinfo`)
})

test('single sign-on: the next client needs no login, and prompt=none shows no page', async () => {
  const browser = box.browser()
  await box.login(browser)
  const before = browser.visited.length
  const arrived = await box.login(browser, { client_id: 'second-app', prompt: 'none' })
  assert.ok(arrived.get('code'))
  assert.ok(browser.visited.slice(before).every((url) => !url.startsWith(box.partner.url)))
})

for (const [title, changes, error] of [
  ['nobody is logged in', {}, 'login_required'],
  ['prompt has another beside none', { prompt: 'none login' }, 'invalid_request'],
] as const)
  test(`section 3.1.2.6: prompt=none, and ${title}`, async () => {
    const arrived = await box.login(box.browser(), { prompt: 'none', ...changes })
    assert.equal(arrived.get('error'), error)
    assert.equal(arrived.get('state'), 'the-state')
    assert.equal(arrived.get('iss'), box.broker.url)
    assert.match(arrived.get('error_description') ?? '', /\(decision [\w-]{22}\)$/)
  })

test('section 3.1.2.3: prompt=login logs in again, and auth_time says so', async () => {
  const browser = box.browser()
  const first = decodeJwt(String((await box.tokens({}, browser)).body.id_token))
  const before = browser.visited.length
  const second = decodeJwt(String((await box.tokens({ prompt: 'login' }, browser)).body.id_token))
  assert.ok(browser.visited.slice(before).some((url) => url.startsWith(`${box.partner.url}/login/`)))
  assert.ok(Number(second.auth_time) >= Number(first.auth_time))
  assert.equal(second.sid, first.sid)
})

test('max_age: a login that is young enough is enough', async () => {
  const browser = box.browser()
  await box.login(browser)
  const before = browser.visited.length
  const { body } = await box.tokens({ max_age: '10000' }, browser)
  assert.ok(decodeJwt(String(body.id_token)).auth_time)
  assert.ok(browser.visited.slice(before).every((url) => !url.startsWith(box.partner.url)))
})

test('id_token_hint: the person it is about, and nobody else', async () => {
  const browser = box.browser()
  const { body } = await box.tokens({}, browser)
  const id_token_hint = String(body.id_token)
  assert.ok((await box.login(browser, { id_token_hint, prompt: 'none' })).get('code'))
  const bob = box.browser()
  await box.login(bob, {}, 'bob')
  assert.equal((await box.login(bob, { id_token_hint, prompt: 'none' })).get('error'), 'login_required')
  assert.equal(
    (await box.login(bob, { id_token_hint: `${id_token_hint.slice(0, -4)}AAAA` })).get('error'),
    'invalid_request',
  )
  const access = String(body.access_token)
  assert.equal((await box.login(bob, { id_token_hint: access })).get('error'), 'invalid_request', 'it is no ID token')
})

test('section 5.5: claims by name', async () => {
  const claims = JSON.stringify({ userinfo: { name: { essential: true } }, id_token: { email: null } })
  const { body } = await box.tokens({ scope: 'openid', claims })
  assert.equal(decodeJwt(String(body.id_token)).email, 'alice@partner.example')
  assert.deepEqual(JSON.parse((await userinfo(body.access_token)).text), {
    sub: 'acme-partner:e-1041',
    name: 'Alice Example',
  })
})

test('RFC 9470: a stronger login is asked for, had, and said', async () => {
  const browser = box.browser()
  await box.login(browser)
  await browser.open(box.authorizationUrl({ acr_values: 'urn:acme:mfa' }))
  assert.ok(browser.url.startsWith(box.partner.url), 'back to the partner')
  const form = browser.page.forms.find(({ buttons }) => buttons.some(({ id }) => id === 'log-in'))!
  const ids = new Set(form.fields.map(({ id }) => id))
  const all = { username: 'alice', password: 'example', code: '246810' }
  await browser.click('log-in', Object.fromEntries(Object.entries(all).filter(([id]) => ids.has(id))))
  if (browser.page.forms.some(({ fields }) => fields.some(({ id }) => id === 'code')))
    await browser.click('log-in', { code: '246810' })
  const { body } = await box.redeem(box.app.arrived.get('code'))
  assert.equal(decodeJwt(String(body.id_token)).acr, 'urn:acme:mfa')
  assert.equal(decodeJwt(String(body.access_token)).acr, 'urn:acme:mfa')
})

test('response_mode=form_post', async () => {
  const arrived = await box.login(box.browser(), { response_mode: 'form_post' })
  assert.ok(arrived.get('code'))
  assert.equal(arrived.get('state'), 'the-state')
  assert.equal((await box.redeem(arrived.get('code'))).status, 200)
})

test('section 3.1.2.1: POST /authorize is as good as GET', async () => {
  const url = new URL(box.authorizationUrl())
  const response = await fetch(`${box.broker.url}/authorize`, {
    method: 'POST',
    body: url.searchParams,
    redirect: 'manual',
  })
  assert.equal(response.status, 303)
  const browser = box.browser()
  await browser.open(new URL(response.headers.get('location')!, box.broker.url).href)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  assert.ok(box.app.arrived.get('code'))
})

test('a redirect URI with a query keeps it', async () => {
  const redirect_uri = `${box.app.url}/with?tenant=1`
  const arrived = await box.login(box.browser(), { redirect_uri })
  assert.equal(arrived.get('tenant'), '1')
  assert.equal((await box.redeem(arrived.get('code'), { redirect_uri })).status, 200)
})

for (const [title, changes, error] of [
  ['no response_type', { response_type: undefined }, 'invalid_request'],
  ['response_type=id_token', { response_type: 'id_token' }, 'unsupported_response_type'],
  ['response_mode=fragment', { response_mode: 'fragment' }, 'invalid_request'],
  ['section 6: a request object', { request: 'e30.e30.' }, 'request_not_supported'],
  ['section 6: a request_uri', { request_uri: 'https://x.example/r' }, 'request_uri_not_supported'],
  ['section 7.2.1: a registration', { registration: '{}' }, 'registration_not_supported'],
  [
    'RFC 7636 section 4.4.1: no code_challenge',
    { code_challenge: undefined, code_challenge_method: undefined },
    'invalid_request',
  ],
  ['RFC 7636: plain', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['RFC 7636: no method, which is plain', { code_challenge_method: undefined }, 'invalid_request'],
  ['no scope', { scope: undefined }, 'invalid_scope'],
  ['a scope of nobody', { scope: 'openid nonsense' }, 'invalid_scope'],
  ['a scope that no rule grants', { scope: 'openid orders:write' }, 'invalid_scope'],
  ['RFC 8707: a resource of nobody', { resource: 'https://x.example' }, 'invalid_target'],
  ['RFC 8707: a resource that no rule grants', { resource: 'https://ledger.acme.dev' }, 'invalid_target'],
  ['a max_age that is no number', { max_age: 'x' }, 'invalid_request'],
  ['claims that are no JSON', { claims: '{' }, 'invalid_request'],
] as const)
  test(`told to the client: ${title}`, async () => {
    const arrived = await box.login(box.browser(), changes)
    assert.equal(arrived.get('error'), error)
    assert.equal(arrived.get('code'), null)
    assert.equal(arrived.get('state'), 'the-state')
    assert.equal(arrived.get('iss'), box.broker.url)
  })

for (const [title, changes, status] of [
  ['no client_id', { client_id: undefined }, 400],
  ['an unknown client', { client_id: 'nobody' }, 401],
  ['a client without logins', { client_id: 'job' }, 400],
  ['no redirect_uri', { redirect_uri: undefined }, 400],
  ['another redirect_uri', { redirect_uri: 'https://evil.example/cb' }, 400],
] as const)
  test(`RFC 6749 section 4.1.2.1: ${title} is shown to the person, and sent nowhere`, async () => {
    const browser = box.browser()
    await browser.open(box.authorizationUrl(changes))
    assert.equal(browser.status, status)
    assert.ok(browser.url.startsWith(box.broker.url))
    assert.match(browser.source, /id="decision-id"/)
    assert.equal(
      [...box.app.arrived].length === 0 || browser.visited.every((url) => !url.startsWith(box.app.url)),
      true,
    )
  })

test('consent of a third party is asked for once', async () => {
  const browser = box.browser()
  const third = { client_id: 'third-party' }
  await box.login(browser, third)
  assert.match(browser.page.text, /Third <Party>/)
  await browser.click('consent-deny')
  assert.equal(box.app.arrived.get('error'), 'access_denied')
  await box.login(browser, third)
  await browser.click('consent-allow')
  assert.equal((await box.redeem(box.app.arrived.get('code'), third)).status, 200)
  assert.ok((await box.login(browser, third)).get('code'), 'the second time nothing is asked')
})

test('an issuer is chosen from a page', async () => {
  const browser = box.browser()
  await browser.open(box.authorizationUrl({ client_id: 'second-app' }))
  assert.match(browser.page.text, /Partner Inc\..*Other Ltd\./)
  await browser.click('issuer-other')
  await browser.click('log-in', { username: 'alice', password: 'example' })
  const { body } = await box.redeem(box.app.arrived.get('code'), { client_id: 'second-app' })
  assert.equal(decodeJwt(String(body.id_token)).sub, 'other:e-1041', 'another person than the partner’s')
})

test('who gives up at the partner is told, and may go back or begin again', async () => {
  const browser = box.browser()
  await browser.open(box.authorizationUrl())
  await browser.click('cancel')
  assert.equal(browser.status, 403)
  assert.match(browser.page.text, /Partner Inc\./)
  await browser.click('again')
  await browser.click('log-in', { username: 'alice', password: 'example' })
  assert.ok(box.app.arrived.get('code'))
})

test('every other method is refused by name', async () => {
  for (const [path, method, allow] of [
    ['/authorize', 'PUT', 'GET, POST'],
    ['/login', 'POST', 'GET'],
    ['/callback/acme-partner', 'POST', 'GET'],
    ['/consent', 'PUT', 'GET, POST'],
    ['/userinfo', 'DELETE', 'GET, POST'],
  ] as const) {
    const response = await fetch(box.broker.url + path, { method })
    assert.equal(response.status, 405, path)
    assert.equal(response.headers.get('allow'), allow)
  }
})
