import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { close, listen } from '../../local/loopback.ts'
import { basicAuthorization } from './client-fixture.ts'
import { loginBox } from './login-fixture.ts'
import { ask, ownOf, register, withRegistration, type Registered } from './registration-fixture.ts'

// What a client that registered itself can do, from end to end, and what it cannot: RFC 7591, RFC 7592, OpenID Connect Core.

const box = loginBox(withRegistration({ limit: '60' }))

let published: { keys: JWK[] } = { keys: [] }
const keysAsked: string[] = []
const keyServer = createServer((request, response) => {
  keysAsked.push(request.url ?? '')
  response.setHeader('content-type', 'application/json').end(JSON.stringify(published))
})
const keysUrl = await listen(keyServer, 0)
after(() => close(keyServer))

async function newKey(): Promise<{ jwk: JWK; sign: (client_id: string) => Promise<string> }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const kid = crypto.randomUUID()
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' },
    sign(client_id) {
      const iat = Math.floor(Date.now() / 1000)
      const claims = {
        iss: client_id,
        sub: client_id,
        aud: box.broker.issuer,
        iat,
        exp: iat + 60,
        jti: crypto.randomUUID(),
      }
      return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
    },
  }
}

const idOf = ({ body }: Registered) => String(body.client_id)
const proof = (client_assertion: string) => ({ client_assertion_type: JWT_BEARER_ASSERTION, client_assertion })

/** Logs in, and says yes. What came to the client. */
async function login(made: Registered, changes: Record<string, string | undefined> = {}, browser = box.browser()) {
  await box.login(browser, { client_id: idOf(made), scope: 'openid profile', ...changes })
  assert.equal(browser.status, 200)
  if (browser.page.forms.some(({ buttons }) => buttons.some(({ id }) => id === 'consent-allow')))
    await browser.click('consent-allow')
  return box.app.arrived
}

const userinfo = (token: unknown) => box.ask('/userinfo', { headers: { authorization: `Bearer ${String(token)}` } })

const refreshing = { grant_types: ['authorization_code', 'refresh_token'] }
const staying = { scope: 'openid profile offline_access', prompt: 'consent' }

test('a public client: a login, ID token, /userinfo, and the token is revoked', async () => {
  const made = await register(box, { client_name: 'An app' })
  const client_id = idOf(made)
  const { status, body } = await box.redeem((await login(made)).get('code'), { client_id })
  assert.equal(status, 200)
  assert.deepEqual([decodeJwt(String(body.id_token)).aud, body.scope], [client_id, 'openid profile'])
  const answer = await userinfo(body.access_token)
  assert.equal(answer.status, 200)
  assert.equal(((await answer.json()) as { sub: string }).sub, decodeJwt(String(body.id_token)).sub)
  const form = new URLSearchParams({ token: String(body.access_token), client_id })
  assert.equal((await box.ask('/revoke', { method: 'POST', body: form })).status, 200)
  assert.equal((await userinfo(body.access_token)).status, 401)
})

test('a client with a secret by client_secret_basic, in no other way, and with no other secret', async () => {
  const made = await register(box, { token_endpoint_auth_method: 'client_secret_basic' })
  const client_id = idOf(made)
  const secret = String(made.body.client_secret)
  const code = (await login(made)).get('code')
  for (const [fields, headers] of [
    [{ client_id }, {}],
    [{ client_id, client_secret: secret }, {}],
    [{ client_id: undefined }, { authorization: basicAuthorization(client_id, 'x'.repeat(43)) }],
    [{ client_id: undefined }, { authorization: basicAuthorization('confidential', secret) }],
  ] as const) {
    const { status, body } = await box.redeem(code, fields, headers)
    assert.deepEqual([status, body.error], [401, 'invalid_client'])
  }
  const good = await box.redeem(
    code,
    { client_id: undefined },
    { authorization: basicAuthorization(client_id, secret) },
  )
  assert.equal(good.status, 200)
  // RFC 7009 section 2.1: what is a confidential client's, nobody else takes back.
  const form = new URLSearchParams({ token: String(good.body.access_token) })
  assert.equal((await box.ask('/revoke', { method: 'POST', body: form })).status, 401)
})

test('a client with a key of its own in jwks, and one of another client’s is refused', async () => {
  const [own, other] = [await newKey(), await newKey()]
  const made = await register(box, { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [own.jwk] } })
  const client_id = idOf(made)
  const code = (await login(made)).get('code')
  const refused = await box.redeem(code, { client_id: undefined, ...proof(await other.sign(client_id)) })
  assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client'])
  const assertion = await own.sign(client_id)
  const good = await box.redeem(code, { client_id: undefined, ...proof(assertion) })
  assert.equal(good.status, 200)
  const replayed = await box.redeem(code, { client_id, ...proof(assertion) })
  assert.deepEqual([replayed.status, replayed.body.error], [401, 'invalid_client'])
})

test('a client with keys at its jwks_uri, which is asked when an assertion comes and never before, and which it rotates', async (t: TestContext) => {
  const first = await newKey()
  published = { keys: [first.jwk] }
  const made = await register(box, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${keysUrl}/jwks`,
    logo_uri: `${keysUrl}/logo`,
    policy_uri: `${keysUrl}/policy`,
    client_uri: `${keysUrl}/`,
    ...refreshing,
  })
  const client_id = idOf(made)
  const code = (await login(made, staying)).get('code')
  assert.deepEqual(keysAsked, [])
  const { status, body } = await box.redeem(code, { client_id: undefined, ...proof(await first.sign(client_id)) })
  assert.equal(status, 200)
  assert.deepEqual(keysAsked, ['/jwks'])
  const second = await newKey()
  published = { keys: [second.jwk] }
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  const fields = { client_id: undefined, ...proof(await second.sign(client_id)) }
  assert.equal((await box.refresh(body.refresh_token, fields)).status, 200)
  // A key server of another kind has not the keys of this one.
  const { url, token } = ownOf(made)
  const { client_id_issued_at: _, registration_access_token: __, registration_client_uri: ___, ...metadata } = made.body
  assert.equal((await ask(url, 'PUT', token, { ...metadata, jwks_uri: `${keysUrl}/other` })).status, 200)
  published = { keys: [(await newKey()).jwk] }
  t.mock.timers.setTime(Date.now() + 31_000)
  const late = await box.refresh(body.refresh_token, { client_id: undefined, ...proof(await second.sign(client_id)) })
  assert.notEqual(late.status, 200)
})

test('people are told that it registered itself, where they go back to, and what it says of itself', async () => {
  const made = await register(box, {
    client_name: 'Orders <b>',
    policy_uri: 'https://app.example/privacy',
    tos_uri: 'https://app.example/terms?v=1',
  })
  const browser = box.browser()
  await box.login(browser, { client_id: idOf(made), scope: 'openid profile' })
  const { text, links } = browser.page
  assert.deepEqual(links, [
    { id: 'consent-policy', href: 'https://app.example/privacy' },
    { id: 'consent-terms', href: 'https://app.example/terms?v=1' },
  ])
  assert.match(text, /This application registered itself, and chose the name Orders <b>/)
  assert.ok(text.includes(`You go back to ${new URL(box.app.url).host} : allow it only if you know that address`), text)
  assert.match(text, /Its privacy policy at app\.example/)
  assert.match(text, /Its terms of service at app\.example/)
  await browser.click('consent-deny')
  assert.equal(box.app.arrived.get('error'), 'access_denied')
})

test('consent is asked once, and again once the client has changed', async () => {
  const made = await register(box)
  const browser = box.browser()
  const silent = () => login(made, { prompt: 'none' }, browser)
  await login(made, {}, browser)
  assert.equal(typeof (await silent()).get('code'), 'string')
  const { url, token } = ownOf(made)
  const { client_id_issued_at: _, registration_access_token: __, registration_client_uri: ___, ...metadata } = made.body
  assert.equal((await ask(url, 'PUT', token, { ...metadata, client_name: 'Your bank' })).status, 200)
  assert.equal((await silent()).get('error'), 'consent_required')
})

test('no rule is for it, also one that is for every client: it gets no token for a target', async () => {
  const made = await register(box)
  const arrived = await login(made, { resource: 'https://orders.acme.dev', scope: 'openid orders:read' })
  assert.equal(arrived.get('error'), 'access_denied')
  const exchange = await box.redeem(null, {
    client_id: idOf(made),
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  })
  assert.deepEqual([exchange.status, exchange.body.error], [400, 'unauthorized_client'])
})

test('a redirect URI of another client is a page, never a redirect', async () => {
  const made = await register(box, { redirect_uris: ['https://app.example/cb'] })
  const browser = box.browser()
  await browser.open(box.authorizationUrl({ client_id: idOf(made) }))
  assert.equal(browser.status, 400)
  assert.ok(browser.url.startsWith(box.broker.url))
})

test('a code of one registered client is not redeemed by another', async () => {
  const [one, other] = [await register(box), await register(box)]
  const { status, body } = await box.redeem((await login(one)).get('code'), { client_id: idOf(other) })
  assert.deepEqual([status, body.error], [400, 'invalid_grant'])
})

test('once it is deleted nothing of it is worth anything: codes, refresh tokens, access tokens, logins under way', async () => {
  const made = await register(box, refreshing)
  const client_id = idOf(made)
  const browser = box.browser()
  const { body } = await box.redeem((await login(made, staying, browser)).get('code'), { client_id })
  assert.equal(typeof body.refresh_token, 'string')
  const unused = (await login(made, {}, browser)).get('code')
  const waiting = await box.held(box.browser(), { client_id })
  const asking = box.browser()
  await box.login(asking, { client_id, scope: 'openid profile email' })
  const { url, token } = ownOf(made)
  assert.equal((await ask(url, 'DELETE', token)).status, 204)
  for (const answer of [await box.redeem(unused, { client_id }), await box.refresh(body.refresh_token, { client_id })])
    assert.deepEqual([answer.status, answer.body.error], [401, 'invalid_client'])
  const refused = await userinfo(body.access_token)
  assert.deepEqual(
    [refused.status, refused.headers.get('www-authenticate')],
    [401, 'Bearer realm="token-broker", error="invalid_token"'],
  )
  await asking.click('consent-allow')
  assert.ok(asking.url.startsWith(box.broker.url))
  assert.ok(asking.status >= 400)
  assert.ok(waiting.startsWith(`${box.broker.issuer}/callback`))
  await browser.open(box.authorizationUrl({ client_id, prompt: 'none' }))
  assert.ok(browser.url.startsWith(box.broker.url))
})

test('once it has expired nothing of it is worth anything, to the second', async (t: TestContext) => {
  const made = await register(box, refreshing)
  const client_id = idOf(made)
  const { body } = await box.redeem((await login(made, staying)).get('code'), { client_id })
  const { url, token } = ownOf(made)
  t.mock.timers.enable({ apis: ['Date'], now: (Number(made.body.client_id_issued_at) + 86_400) * 1000 - 1 })
  assert.equal((await ask(url, 'GET', token)).status, 200)
  t.mock.timers.setTime((Number(made.body.client_id_issued_at) + 86_400) * 1000)
  assert.equal((await ask(url, 'GET', token)).status, 401)
  const answer = await box.refresh(body.refresh_token, { client_id })
  assert.deepEqual([answer.status, answer.body.error], [401, 'invalid_client'])
})

test('it is told of a logout at the back channel that it registered, by a token for it', async (t: TestContext) => {
  const told: string[] = []
  const listener = createServer((request, response) => {
    void (async () => {
      told.push(new URLSearchParams(await text(request)).get('logout_token') ?? '')
      response.writeHead(200).end()
    })()
  })
  const url = await listen(listener, 0)
  t.after(() => close(listener))
  const made = await register(box, { backchannel_logout_uri: `${url}/back` })
  const browser = box.browser()
  const { body } = await box.redeem((await login(made, {}, browser)).get('code'), { client_id: idOf(made) })
  const query = new URLSearchParams({ id_token_hint: String(body.id_token) })
  await browser.open(`${box.broker.url}/logout?${query.toString()}`)
  for (let tries = 0; told.length === 0 && tries < 400; tries++) await setTimeout(25)
  assert.equal(decodeJwt(told[0] ?? '').aud, idOf(made))
})

test('at /logout its ID token is a hint, and people go back to where it registered', async () => {
  const bye = `${box.app.url}/bye`
  const made = await register(box, { post_logout_redirect_uris: [bye] })
  const browser = box.browser()
  const { body } = await box.redeem((await login(made, {}, browser)).get('code'), { client_id: idOf(made) })
  const logout = (changes: Record<string, string>) =>
    browser.open(
      `${box.broker.url}/logout?${new URLSearchParams({ id_token_hint: String(body.id_token), ...changes }).toString()}`,
    )
  await logout({ post_logout_redirect_uri: `${box.app.url}/other` })
  assert.equal(browser.status, 400)
  await logout({ post_logout_redirect_uri: bye, state: 'x' })
  assert.ok(browser.status < 400, `${browser.status}`)
})
