import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, beforeEach, test } from 'node:test'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import type { HtmlBrowser } from '../../local/demo/html-browser.ts'
import { close, listen } from '../../local/loopback.ts'
import { loginBox } from './login-fixture.ts'

/** An issuer of ours that an attacker runs. `asked` is what came to its token endpoint. */
const evil = {
  url: '',
  asked: [] as URLSearchParams[],
  /** Answers /authorize by itself, with these claims of its ID token; absent: sends the browser on to the honest partner. */
  says: undefined as JWTPayload | undefined,
  nonce: '',
  /** What it writes over what the honest partner is asked. */
  instead: {} as Record<string, string>,
}
const { privateKey, publicKey } = await generateKeyPair('RS256')
const server = createServer((request, response) => void answer(request, response))
evil.url = await listen(server, 0)
after(() => close(server))
beforeEach(() => {
  Object.assign(evil, { asked: [], says: undefined, instead: {} })
  box.says = {}
  box.instead = () => false
})

const box = loginBox((text) =>
  text
    .replace(
      '\ntargets:',
      `\n  evil: { issuer: "${evil.url}", login: { client_id: token-broker, display_name: Evil } }\ntargets:`,
    )
    .replace('[acme-partner, other]', '[acme-partner, other, evil]'),
)
const second = { client_id: 'second-app' }
const host = '127.0.0.1'

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', evil.url)
  const json = (body: object) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  if (pathname === '/.well-known/openid-configuration')
    return void json({
      issuer: evil.url,
      authorization_endpoint: `${evil.url}/authorize`,
      token_endpoint: `${evil.url}/token`,
      jwks_uri: `${evil.url}/jwks`,
    })
  if (pathname === '/jwks')
    return void json({ keys: [{ ...(await exportJWK(publicKey)), kid: 'evil', alg: 'RS256', use: 'sig' }] })
  if (pathname === '/authorize') {
    evil.nonce = searchParams.get('nonce') ?? ''
    const back = new URLSearchParams({ code: 'x', state: searchParams.get('state') ?? '' })
    const own = `${box.broker.url}/callback/evil?${back.toString()}`
    // The honest issuer sends nobody to the attacker's path, but to its own; the rest is the attacker's to choose.
    const lure = new URLSearchParams({ ...Object.fromEntries(searchParams), ...evil.instead })
    lure.set('redirect_uri', `${box.broker.url}/callback/acme-partner`)
    return void response
      .writeHead(303, { location: evil.says ? own : `${box.partner.url}/auth?${lure.toString()}` })
      .end()
  }
  evil.asked.push(new URLSearchParams(await text(request)))
  if (evil.says === undefined) return void response.writeHead(400).end()
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: evil.url, aud: 'token-broker', sub: 'e-1041', nonce: evil.nonce, iat: now, exp: now + 60 }
  const id_token = await new SignJWT({ ...claims, ...evil.says })
    .setProtectedHeader({ alg: 'RS256', kid: 'evil' })
    .sign(privateKey)
  json({ access_token: 'x', token_type: 'Bearer', id_token })
}

/** Lured to the attacker's issuer, which sends the person on to the honest one, where they are used to log in. */
async function lured(browser: HtmlBrowser): Promise<void> {
  box.app.arrived = new URLSearchParams()
  await browser.open(box.authorizationUrl(second))
  await browser.click('issuer-evil')
  assert.ok(browser.url.startsWith(box.partner.url))
}

/** The very answer of the honest issuer to that login, under the attacker's name. */
async function luredAnswer(browser: HtmlBrowser): Promise<URL> {
  const url = await box.holding(async () => {
    await lured(browser)
    await browser.click('log-in', { username: 'alice', password: 'example' })
  })
  return new URL(url)
}

function assertNobody(browser: HtmlBrowser): void {
  assert.equal(browser.cookies(host).session, undefined, 'nobody is logged in')
  assert.deepEqual([...box.app.arrived], [], 'and the client has nothing')
}

test('section 4.4.2: the honest issuer’s answer, got by the attacker’s, comes to the honest issuer’s path, and goes no further', async () => {
  const browser = box.browser()
  await lured(browser)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  assert.equal(browser.status, 400)
  assert.ok(browser.visited.some((url) => url.includes(`iss=${encodeURIComponent(box.partner.url)}`)))
  assertNobody(browser)
  assert.deepEqual(evil.asked, [])
})

test('section 4.4.2: and so does that of an error', async () => {
  const browser = box.browser()
  await lured(browser)
  await browser.click('cancel')
  assert.equal(browser.status, 400)
  assertNobody(browser)
})

test('section 4.4: where the honest issuer says no iss, and the attacker has asked for an answer to a login of its own', async () => {
  // The attacker's own login at the honest issuer: what it must be answered with to be taken in the attacker's browser.
  const attacker = box.browser()
  await attacker.open(box.authorizationUrl())
  const begun = attacker.visited.map((url) => new URL(url)).find(({ pathname }) => pathname === '/auth')!.searchParams
  evil.instead = { nonce: begun.get('nonce')!, code_challenge: begun.get('code_challenge')! }
  const victim = box.browser()
  const url = await luredAnswer(victim)
  assert.ok(url.searchParams.get('code'), 'the honest issuer knows no better')
  url.searchParams.delete('iss')
  const response = await box.ask(url.href, {}, victim.cookies(host))
  assert.deepEqual([response.status, response.headers.getSetCookie()], [400, []])
  assert.deepEqual(evil.asked, [])
})

test('section 4.4: the answer of one issuer under the name of another that the same login was offered', async () => {
  const browser = box.browser()
  await browser.open(box.authorizationUrl(second))
  const href = (id: string) => browser.page.links.find((link) => link.id === id)!.href
  const cookies = browser.cookies(host)
  const asked = async (id: string) => new URL((await box.ask(href(id), {}, cookies)).headers.get('location')!)
  const [partner, other] = [await asked('issuer-acme-partner'), await asked('issuer-other')]
  assert.notEqual(partner.searchParams.get('state'), other.searchParams.get('state'))
  assert.notEqual(partner.searchParams.get('nonce'), other.searchParams.get('nonce'))
  assert.notEqual(partner.searchParams.get('code_challenge'), other.searchParams.get('code_challenge'))
  const answer = new URL(`${box.broker.url}/callback/other`)
  for (const iss of [box.partner.url, evil.url, `${box.other.url}/`, '']) {
    answer.search = new URLSearchParams({ code: 'x', state: other.searchParams.get('state')!, iss }).toString()
    assert.equal((await box.ask(answer.href, {}, cookies)).status, 403)
    answer.search = new URLSearchParams({
      error: 'access_denied',
      state: other.searchParams.get('state')!,
      iss,
    }).toString()
    assert.equal((await box.ask(answer.href, {}, cookies)).status, 403)
  }
})

test('RFC 9207 section 2.4: an iss that is another’s, none, or there twice: the code is not even shown to its issuer', async () => {
  const browser = box.browser()
  const good = new URL(await box.held(browser))
  const cookies = browser.cookies(host)
  let redemptions = 0
  box.instead = ({ url }) => {
    if (url === '/token') redemptions++
    return false
  }
  const { searchParams } = good
  const without = (name: string) => new URLSearchParams([...searchParams].filter(([key]) => key !== name)).toString()
  for (const query of [
    without('iss'),
    ...['', box.other.url, evil.url, box.broker.url, `${box.partner.url}/`, box.partner.url.toUpperCase()].map(
      (iss) => `${without('iss')}&${new URLSearchParams({ iss }).toString()}`,
    ),
    `${searchParams.toString()}&${new URLSearchParams({ iss: box.partner.url }).toString()}`,
    `${searchParams.toString()}&code=x`,
    `${searchParams.toString()}&error=access_denied`,
    `${searchParams.toString()}&id_token=x`,
    `${without('code')}&response=x.y.z`,
    without('code'),
  ]) {
    const response = await box.ask(`/callback/acme-partner?${query}`, {}, cookies)
    assert.equal(response.status, 403, query.replaceAll(/=[^&]*/g, ''))
    assert.deepEqual(response.headers.getSetCookie(), [])
  }
  assert.equal(redemptions, 0)
  assert.equal((await box.ask(good.href, {}, cookies)).status, 303)
  assert.equal(redemptions, 1)
})

test('an issuer speaks for its own people alone, whatever names it gives them', async () => {
  for (const [claims, sub] of [
    [{}, 'evil:e-1041'],
    [{ sub: 'acme-partner:e-1041' }, 'evil:acme-partner:e-1041'],
    [{ email: 'alice@partner.example', email_verified: true }, 'evil:e-1041'],
  ] as const) {
    evil.says = claims
    const browser = box.browser()
    await browser.open(box.authorizationUrl(second))
    await browser.click('issuer-evil')
    const { body } = await box.redeem(box.app.arrived.get('code'), second)
    assert.equal(decodeJwt(String(body.id_token)).sub, sub)
  }
})

for (const [title, claims] of [
  ['of another issuer', () => ({ iss: box.partner.url })],
  ['of ours', () => ({ iss: box.broker.url })],
  ['without an issuer', () => ({ iss: undefined })],
  ['for another client', () => ({ aud: 'web-app' })],
  ['for another client too', () => ({ aud: ['token-broker', 'web-app'], azp: 'web-app' })],
  ['with the nonce of another login', () => ({ nonce: 'x' })],
  ['without nonce', () => ({ nonce: undefined })],
  ['that has expired', () => ({ exp: 1_000_000_000 })],
] as const)
  test(`section 4.5: an ID token ${title} logs nobody in`, async () => {
    evil.says = claims() as JWTPayload
    const browser = box.browser()
    box.app.arrived = new URLSearchParams()
    await browser.open(box.authorizationUrl(second))
    await browser.click('issuer-evil')
    assert.equal(evil.asked.length, 1)
    assert.equal(browser.status, 403)
    assertNobody(browser)
  })

test('a person of one issuer is nobody to a client that offers another', async () => {
  const browser = box.browser()
  evil.says = {}
  await browser.open(box.authorizationUrl(second))
  await browser.click('issuer-evil')
  assert.ok(browser.cookies(host).session)
  assert.equal((await box.login(browser, { prompt: 'none' })).get('error'), 'login_required')
  const { body } = await box.tokens({}, browser)
  assert.equal(decodeJwt(String(body.id_token)).sub, 'acme-partner:e-1041')
})
