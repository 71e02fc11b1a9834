import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { htmlBrowser, type HtmlBrowser } from '../../local/demo/html-browser.ts'
import { CLIENT_ID, startPartnerIdp, type PartnerIdpOptions } from '../../local/partner-idp.ts'
import { serve } from '../http/test-server.ts'

const keys = await generateKeyPair('ES256', { extractable: true })
const jwks = JSON.stringify({
  keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'broker', alg: 'ES256', use: 'sig' }],
})
const key = { key: keys.privateKey, kid: 'broker' }

interface World {
  idp: string
  /** What the broker stands for: its own URL. */
  broker: string
  configuration: client.Configuration
  browser: HtmlBrowser
}

/** The IdP, a client of it in the broker's place, and a browser. */
async function world(t: TestContext, options: Partial<PartnerIdpOptions> = {}, signingKey = key): Promise<World> {
  // It starts first, and learns only later where its client is.
  let broker = ''
  const idp = await startPartnerIdp({ broker: () => ({ url: broker, issuer: broker }), ...options })
  t.after(() => idp.close())
  const port = await serve(t, ({ url }, response) => {
    if (url === '/jwks') response.setHeader('content-type', 'application/json').end(jwks)
    else response.setHeader('content-type', 'text/plain').end('back')
  })
  broker = `http://127.0.0.1:${port}`
  const authenticate = client.PrivateKeyJwt(signingKey)
  const configuration = await client.discovery(new URL(idp.url), CLIENT_ID, undefined, authenticate, {
    // oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: this is loopback.
    execute: [client.allowInsecureRequests],
  })
  return { idp: idp.url, broker, configuration, browser: htmlBrowser() }
}

const checks = { expectedState: 'state', expectedNonce: 'nonce', pkceCodeVerifier: client.randomPKCECodeVerifier() }

/** Sends the browser to the IdP, as the broker does. */
async function authorize({ configuration, broker, browser }: World, more: Record<string, string> = {}): Promise<void> {
  const parameters = {
    redirect_uri: `${broker}/callback/acme-partner`,
    scope: 'openid profile email',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...more,
  }
  await browser.open(client.buildAuthorizationUrl(configuration, parameters).href)
}

/** What the ID token says, or what openid-client throws. */
async function claimsOf(
  { configuration, browser }: World,
  expected: { maxAge?: number } = {},
): Promise<Record<string, unknown>> {
  const url = new URL(browser.url)
  return { ...(await client.authorizationCodeGrant(configuration, url, { ...checks, ...expected })).claims() }
}

const alice = { username: 'alice', password: 'example' }
const bob = { username: 'bob', password: 'example' }

// The first test, as what is written is written once.
test('it writes nothing to the console', async (t) => {
  const written: unknown[][] = []
  for (const method of ['info', 'warn', 'error', 'log'] as const)
    t.mock.method(console, method, (...words: unknown[]) => void written.push(words))
  const all = await world(t)
  await authorize(all)
  await all.browser.click('log-in', alice)
  await claimsOf(all)
  await authorize(all, { redirect_uri: 'http://127.0.0.1/elsewhere' })
  assert.deepEqual(written, [])
})

test('a person logs in, and the ID token says who it is and in which groups', async (t) => {
  const all = await world(t)
  await authorize(all)
  assert.match(all.browser.page.text, /alice, password example/)
  await all.browser.click('log-in', alice)
  assert.equal(new URL(all.browser.url).searchParams.get('iss'), all.idp)
  const { iss, aud, sub, name, email, email_verified, groups, acr, amr, auth_time } = await claimsOf(all)
  assert.deepEqual(
    { iss, aud, sub, name, email, email_verified, groups, acr, amr },
    {
      iss: all.idp,
      aud: CLIENT_ID,
      sub: 'e-1041',
      name: 'Alice Example',
      email: 'alice@partner.example',
      email_verified: true,
      groups: ['buyers'],
      acr: 'pwd',
      amr: ['pwd'],
    },
  )
  assert.equal(typeof auth_time, 'number')
})

test('a wrong password is told, and the right one still logs in', async (t) => {
  const all = await world(t)
  await authorize(all)
  await all.browser.click('log-in', { ...alice, password: 'wrong' })
  assert.equal(all.browser.status, 403)
  assert.match(all.browser.page.text, /That was not right/)
  await all.browser.click('log-in', alice)
  assert.equal((await claimsOf(all)).sub, 'e-1041')
})

test('cancelling is access_denied at the client', async (t) => {
  const all = await world(t)
  await authorize(all)
  await all.browser.click('cancel')
  await assert.rejects(claimsOf(all), { error: 'access_denied' })
})

test('a login lasts, unless prompt or max_age ask for another', async (t) => {
  const all = await world(t)
  const { browser, broker } = all
  await authorize(all)
  await browser.click('log-in', alice)
  await authorize(all, { prompt: 'none' })
  assert.equal((await claimsOf(all)).sub, 'e-1041')
  for (const more of [{ prompt: 'login' }, { prompt: 'select_account' }, { max_age: '0' }] as Record<
    string,
    string
  >[]) {
    await authorize(all, more)
    assert.ok(browser.url.startsWith(all.idp), JSON.stringify(more))
    await browser.click('log-in', alice)
    assert.ok(browser.url.startsWith(broker), JSON.stringify(more))
  }
  const { auth_time } = await claimsOf(all, { maxAge: 60 })
  assert.equal(typeof auth_time, 'number')
})

test('prompt=none without a login is login_required', async (t) => {
  const all = await world(t)
  await authorize(all, { prompt: 'none' })
  await assert.rejects(claimsOf(all), { error: 'login_required' })
})

test('another person can take over', async (t) => {
  const all = await world(t)
  await authorize(all)
  await all.browser.click('log-in', alice)
  await authorize(all, { prompt: 'select_account' })
  await all.browser.click('log-in', bob)
  assert.equal((await claimsOf(all)).sub, 'e-2077')
})

test('login_hint fills in the user name', async (t) => {
  const all = await world(t)
  await authorize(all, { login_hint: 'alice@partner.example' })
  await all.browser.click('log-in', { password: 'example' })
  assert.equal((await claimsOf(all)).sub, 'e-1041')
})

test('acr_values=mfa asks for a code, also of who is logged in already', async (t) => {
  const all = await world(t)
  const { browser } = all
  await authorize(all)
  await browser.click('log-in', alice)
  await authorize(all, { acr_values: 'mfa' })
  await browser.click('log-in', { code: '000000' })
  assert.match(browser.page.text, /That was not right/)
  await browser.click('log-in', { code: '246810' })
  const { acr, amr } = await claimsOf(all)
  assert.deepEqual([acr, amr], ['mfa', ['pwd', 'otp', 'mfa']])
})

test('who has no code logs in as well, only not as strongly', async (t) => {
  const all = await world(t)
  await authorize(all, { acr_values: 'mfa' })
  await all.browser.click('log-in', bob)
  assert.equal((await claimsOf(all)).acr, 'pwd')
})

test('an authorization request without PKCE is refused', async (t) => {
  const all = await world(t)
  const { redirect_uri, state } = { redirect_uri: `${all.broker}/callback/acme-partner`, state: 'state' }
  const parameters = { redirect_uri, state, scope: 'openid' }
  await all.browser.open(client.buildAuthorizationUrl(all.configuration, parameters).href)
  await assert.rejects(claimsOf(all), { error: 'invalid_request' })
})

test('nobody but its client gets an answer', async (t) => {
  const all = await world(t)
  await authorize(all, { redirect_uri: `${all.broker}/elsewhere` })
  assert.equal(all.browser.status, 400)
  assert.equal(all.browser.page.text, '')
  assert.match(all.browser.source, /invalid_redirect_uri/)
})

test('a client with another key is refused', async (t) => {
  const { privateKey } = await generateKeyPair('ES256')
  const all = await world(t, {}, { key: privateKey, kid: 'broker' })
  await authorize(all)
  await all.browser.click('log-in', alice)
  await assert.rejects(claimsOf(all), { error: 'invalid_client' })
})

test('its ID tokens can be changed, and its answers replaced', async (t) => {
  let changes: Record<string, unknown> = { auth_time: undefined, groups: 'buyers' }
  const all = await world(t, {
    idTokenChanges: () => changes,
    instead(request, response) {
      if (request.url !== '/me') return false
      response.writeHead(500).end()
      return true
    },
  })
  await authorize(all)
  await all.browser.click('log-in', alice)
  const { auth_time, groups, sub } = await claimsOf(all)
  assert.deepEqual([auth_time, groups, sub], [undefined, 'buyers', 'e-1041'])
  const { userinfo_endpoint } = all.configuration.serverMetadata()
  assert.equal((await fetch(String(userinfo_endpoint))).status, 500)
  changes = { nonce: 'another' }
  await authorize(all)
  await assert.rejects(claimsOf(all))
})

test('two of them keep apart what one browser has with each', async (t) => {
  const first = await world(t)
  const second = { ...(await world(t)), browser: first.browser }
  await authorize(first)
  await first.browser.click('log-in', alice)
  await authorize(second)
  await second.browser.click('log-in', bob)
  await authorize(first, { prompt: 'none' })
  assert.equal((await claimsOf(first)).sub, 'e-1041')
  await authorize(second, { prompt: 'none' })
  assert.equal((await claimsOf(second)).sub, 'e-2077')
})
