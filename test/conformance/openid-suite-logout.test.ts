import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { createRemoteJWKSet, decodeJwt, generateKeyPair, jwtVerify, SignJWT, type JWTPayload } from 'jose'
import type { HtmlBrowser } from '../../local/demo/html-browser.ts'
import { close, listen } from '../../local/loopback.ts'
import { suiteBox } from './openid-suite-fixture.ts'

// One test for each module of the suite's plans for logout, as docs/conformance.md lists them.
const { promise: told, resolve: tell } = Promise.withResolvers<{ method: string; form: URLSearchParams }>()
const listener = createServer((request, response) => {
  void (async () => {
    tell({ method: request.method ?? '', form: new URLSearchParams(await text(request)) })
    response.end()
  })()
})
const listening = await listen(listener, 0)
after(() => close(listener))

const suite = suiteBox((config) => config.replace(/http:[^"]*(?=\/backchannel_logout")/, listening))
const { box } = suite

type Parameters = Record<'id_token_hint' | 'post_logout_redirect_uri' | 'state', string>

/** Logs in and goes to log out, with what the suite sends unless it is changed. Where that leads. */
async function logOut(
  change: (good: Parameters) => Record<string, string> | Promise<Record<string, string>> = (good) => good,
  client_id = 'suite',
): Promise<{ browser: HtmlBrowser; state: string; id_token: JWTPayload }> {
  const browser = box.browser()
  const { body, id_token } = await suite.flow({ client_id }, browser)
  const id_token_hint = String(body.id_token)
  const state = randomBytes(64).toString('hex')
  const good = { id_token_hint, post_logout_redirect_uri: `${box.app.url}/post_logout_redirect`, state }
  await browser.open(`${box.broker.url}/logout?${new URLSearchParams(await change(good)).toString()}`)
  return { browser, state, id_token }
}

/** As the suite finds out. */
async function assertLoggedOut(browser: HtmlBrowser): Promise<void> {
  const { arrived } = await suite.authorize({ prompt: 'none' }, browser)
  assert.equal(arrived.get('error'), 'login_required')
}

const only =
  (...names: readonly (keyof Parameters)[]) =>
  (good: Parameters) =>
    Object.fromEntries(names.map((name) => [name, good[name]]))

const wentBack = ({ visited }: HtmlBrowser) =>
  visited.some((url) => url.startsWith(`${box.app.url}/post_logout_redirect`))

test('oidcc-rp-initiated-logout-discovery-endpoint-verification: end_session_endpoint', async () => {
  const response = await fetch(`${box.broker.url}/.well-known/openid-configuration`)
  const { end_session_endpoint } = (await response.json()) as Record<string, unknown>
  assert.equal(end_session_endpoint, `${box.broker.issuer}/logout`)
})

test('oidcc-rp-initiated-logout: back at the client with state, and logged out', async () => {
  const { browser, state } = await logOut()
  assert.equal(browser.url, `${box.app.url}/post_logout_redirect?state=${state}`)
  await assertLoggedOut(browser)
})

test('oidcc-rp-initiated-logout-no-state: back at the client without state, and logged out', async () => {
  const { browser } = await logOut(only('id_token_hint', 'post_logout_redirect_uri'))
  assert.equal(browser.url, `${box.app.url}/post_logout_redirect`)
  await assertLoggedOut(browser)
})

const stranger = await generateKeyPair('RS256')
const unsigned = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

for (const [title, spoil] of [
  [
    'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri: an error, and nobody goes there',
    ({ post_logout_redirect_uri: uri }: Parameters) => ({
      post_logout_redirect_uri: `${uri}/${randomBytes(8).toString('hex')}`,
    }),
  ],
  [
    'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri: an error, and nobody goes there',
    ({ post_logout_redirect_uri: uri }: Parameters) => ({ post_logout_redirect_uri: `${uri}?foo=bar` }),
  ],
  [
    'oidcc-rp-initiated-logout-modified-id-token-hint: an error for an ID token that nobody signs',
    ({ id_token_hint }: Parameters) => ({
      id_token_hint: `${unsigned({ alg: 'none' })}.${unsigned(decodeJwt(id_token_hint))}.`,
    }),
  ],
  [
    'oidcc-rp-initiated-logout-bad-id-token-hint: an error for an ID token that somebody else has signed',
    async ({ id_token_hint }: Parameters) => ({
      id_token_hint: await new SignJWT(decodeJwt(id_token_hint))
        .setProtectedHeader({ alg: 'RS256' })
        .sign(stranger.privateKey),
    }),
  ],
] as const)
  test(title, async () => {
    const { browser } = await logOut(async (good) => ({ ...good, ...(await spoil(good)) }))
    assert.equal(browser.status, 400)
    assert.match(browser.source, /id="decision-id"/)
    assert.ok(!wentBack(browser))
  })

for (const [title, left] of [
  [
    'oidcc-rp-initiated-logout-no-id-token-hint: the person is asked, and stays here',
    ['post_logout_redirect_uri', 'state'],
  ],
  ['oidcc-rp-initiated-logout-no-params: the person is asked, and then logged out', []],
  ['oidcc-rp-initiated-logout-only-state: the person is asked, and then logged out', ['state']],
] as const)
  test(title, async () => {
    const { browser } = await logOut(only(...left))
    await browser.click('log-out')
    assert.match(browser.page.title, /^You are logged out/)
    assert.ok(!wentBack(browser))
    await assertLoggedOut(browser)
  })

test('oidcc-rp-initiated-logout-no-post-logout-redirect-uri: the person stays, and reads that they are logged out', async () => {
  const { browser } = await logOut(only('id_token_hint', 'state'))
  assert.match(browser.page.title, /^You are logged out/)
  assert.ok(!wentBack(browser))
  await assertLoggedOut(browser)
})

for (const [title, channel] of [
  ['oidcc-backchannel-logout-discovery-endpoint-verification: with sessions', 'back'],
  ['oidcc-frontchannel-logout-discovery-endpoint-verification: with sessions', 'front'],
] as const)
  test(title, async () => {
    const response = await fetch(`${box.broker.url}/.well-known/openid-configuration`)
    const document = (await response.json()) as Record<string, unknown>
    assert.equal(document.end_session_endpoint, `${box.broker.issuer}/logout`)
    assert.equal(document[`${channel}channel_logout_supported`], true)
    assert.equal(document[`${channel}channel_logout_session_supported`], true)
  })

test('oidcc-backchannel-rp-initiated-logout: a logout token of this login, and back at the client', async () => {
  const { browser, state, id_token } = await logOut(undefined, 'suite-back')
  assert.equal(browser.url, `${box.app.url}/post_logout_redirect?state=${state}`)
  const { method, form } = await told
  assert.equal(method, 'POST')
  assert.deepEqual([...form.keys()], ['logout_token'])
  const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
  const checks = { issuer: box.broker.issuer, audience: 'suite-back' }
  const { payload } = await jwtVerify(form.get('logout_token') ?? '', keys, checks)
  assert.equal(payload.sub, id_token.sub)
  assert.equal(payload.sid, id_token.sid)
  assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} })
  assert.ok(payload.jti && payload.iat && !('nonce' in payload))
  await assertLoggedOut(browser)
})

test('oidcc-frontchannel-rp-initiated-logout: a frame of the client with iss and sid, and then back at the client', async () => {
  const { browser, state, id_token } = await logOut(undefined, 'suite-front')
  const [, frame = ''] = /<iframe\b[^>]*\ssrc="([^"]*)"/.exec(browser.source) ?? []
  const url = new URL(frame.replaceAll('&amp;', '&'))
  assert.equal(url.origin + url.pathname, `${box.app.url}/frontchannel_logout`)
  assert.deepEqual(Object.fromEntries(url.searchParams), { iss: box.broker.issuer, sid: id_token.sid })
  const back = `${box.app.url}/post_logout_redirect?state=${state}`
  assert.equal(String(browser.headers.refresh).replace(/^\d+; url=/, ''), back)
  await browser.click('continue')
  assert.equal(browser.url, back)
  await assertLoggedOut(browser)
})
