import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import type { HtmlBrowser } from '../../local/demo/html-browser.ts'
import { loginBox, type TokenAnswer } from './login-fixture.ts'

/** Where its clients may send people who have logged out. */
const withLogout = (config: string) =>
  config.replaceAll(
    /redirect_uris: \["(http:[^"]*)\/cb"/g,
    (all, app: string) => `post_logout_redirect_uris: ["${app}/bye", "${app}/bye?tenant=1"], ${all}`,
  )

const box = loginBox(withLogout)
const bye = () => `${box.app.url}/bye`

interface LoggedIn {
  browser: HtmlBrowser
  id_token: string
}

async function loggedIn(changes: Record<string, string> = {}): Promise<LoggedIn> {
  const browser = box.browser()
  const { body } = await box.tokens(changes, browser)
  return { browser, id_token: String(body.id_token) }
}

const logoutUrl = (parameters: Record<string, string>) =>
  `${box.broker.url}/logout?${new URLSearchParams(parameters).toString()}`

/** Whether somebody is logged in in it, as a client finds out (OpenID Connect Core section 3.1.2.1). */
async function isLoggedIn(browser: HtmlBrowser): Promise<boolean> {
  const arrived = await box.login(browser, { prompt: 'none' })
  assert.ok(arrived.has('code') || arrived.get('error') === 'login_required', arrived.toString())
  return arrived.has('code')
}

const shows = ({ page, url }: HtmlBrowser, title: string) =>
  assert.ok(page.title.startsWith(title) && url.startsWith(box.broker.url), `${url} shows ${page.title}: ${page.text}`)

describe('OpenID Connect RP-Initiated Logout 1.0', () => {
  test('section 2.1: discovery says where', async () => {
    const response = await fetch(`${box.broker.url}/.well-known/openid-configuration`)
    const document = (await response.json()) as Record<string, unknown>
    assert.equal(document.end_session_endpoint, `${box.broker.url}/logout`)
  })

  test('section 2: with an ID token of this session the person is logged out, and sent back with state', async () => {
    const { browser, id_token } = await loggedIn()
    await browser.open(logoutUrl({ id_token_hint: id_token, post_logout_redirect_uri: bye(), state: 'st &é' }))
    const url = new URL(browser.url)
    assert.equal(url.origin + url.pathname, bye())
    assert.deepEqual([...url.searchParams], [['state', 'st &é']])
    assert.equal(await isLoggedIn(browser), false)
  })

  test('section 2: the same by POST, from another site', async () => {
    const { browser, id_token } = await loggedIn()
    const form = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: bye(), state: 's' })
    const answer = await box.ask('/logout', { method: 'POST', body: form })
    assert.equal(answer.status, 303)
    await browser.open(new URL(answer.headers.get('location')!, box.broker.url).href)
    assert.equal(browser.url, `${bye()}?state=s`)
    assert.equal(await isLoggedIn(browser), false)
  })

  test('section 3: without state there is none', async () => {
    const { browser, id_token } = await loggedIn()
    await browser.open(logoutUrl({ id_token_hint: id_token, post_logout_redirect_uri: bye() }))
    assert.equal(browser.url, bye())
  })

  test('section 3: a query of the URI is kept', async () => {
    const { browser, id_token } = await loggedIn()
    const post_logout_redirect_uri = `${bye()}?tenant=1`
    await browser.open(logoutUrl({ id_token_hint: id_token, post_logout_redirect_uri, state: 's' }))
    assert.equal(browser.url, `${post_logout_redirect_uri}&state=s`)
  })

  test('section 2: an expired ID token will do as well', async () => {
    // Its exp is not looked at: verifyIdTokenHint has no clock (test/tokens/verify-id-token-hint.test.ts).
    const { browser, id_token } = await loggedIn()
    assert.ok(Number(decodeJwt(id_token).exp) > 0)
    await browser.open(logoutUrl({ id_token_hint: id_token }))
    shows(browser, 'You are logged out')
  })

  test('section 2: without post_logout_redirect_uri the person stays, and reads that they are logged out', async () => {
    const { browser, id_token } = await loggedIn()
    await browser.open(logoutUrl({ id_token_hint: id_token, state: 's' }))
    shows(browser, 'You are logged out')
    assert.ok(browser.page.text.includes('You may still be logged in at Partner Inc.'), browser.page.text)
    assert.equal(await isLoggedIn(browser), false)
  })

  for (const [title, parameters] of [
    ['no parameters', {}],
    ['only state', { state: 's' }],
    ['no id_token_hint, and a URI that is some client’s', { post_logout_redirect_uri: 'bye', state: 's' }],
  ] as const)
    test(`section 2: with ${title} the person is asked, and then stays here`, async () => {
      const { browser } = await loggedIn()
      const uri = 'post_logout_redirect_uri' in parameters ? { post_logout_redirect_uri: bye() } : {}
      await browser.open(logoutUrl({ ...parameters, ...uri }))
      shows(browser, 'Log out?')
      assert.ok(browser.page.text.includes('alice@partner.example'), browser.page.text)
      assert.equal(await isLoggedIn(browser), true, 'nothing has happened yet')
      await browser.open(logoutUrl({ ...parameters, ...uri }))
      await browser.click('log-out')
      shows(browser, 'You are logged out')
      assert.equal(await isLoggedIn(browser), false)
    })

  test('section 2: by client_id the person is asked, and then sent back', async () => {
    const { browser } = await loggedIn()
    await browser.open(logoutUrl({ client_id: 'third-party', post_logout_redirect_uri: bye(), state: 's' }))
    shows(browser, 'Log out?')
    assert.ok(browser.page.text.includes('Third <Party> asks whether you want to log out'), browser.page.text)
    await browser.click('log-out')
    assert.equal(browser.url, `${bye()}?state=s`)
    assert.equal(await isLoggedIn(browser), false)
  })

  test('section 2: an ID token of another session, of the same person, is not enough: they are asked', async () => {
    const [first, second] = [await loggedIn(), await loggedIn()]
    await first.browser.open(logoutUrl({ id_token_hint: second.id_token, post_logout_redirect_uri: bye() }))
    shows(first.browser, 'Log out?')
    assert.equal(await isLoggedIn(first.browser), true)
    assert.equal(await isLoggedIn(second.browser), true)
  })

  test('who would rather stay is still logged in, and may go back', async () => {
    const { browser } = await loggedIn()
    await browser.open(logoutUrl({ client_id: 'web-app', post_logout_redirect_uri: bye() }))
    await browser.click('stay')
    shows(browser, 'You are still logged in')
    await browser.click('continue')
    assert.equal(browser.url, bye())
    assert.equal(await isLoggedIn(browser), true)
  })

  test('who is not logged in is told so, or sent back', async () => {
    const { id_token } = await loggedIn()
    const browser = box.browser()
    await browser.open(logoutUrl({}))
    shows(browser, 'You are logged out')
    assert.ok(browser.page.text.includes('Nobody is logged in here'), browser.page.text)
    await browser.open(logoutUrl({ id_token_hint: id_token, post_logout_redirect_uri: bye(), state: 's' }))
    assert.equal(browser.url, `${bye()}?state=s`)
  })

  const modified = (id_token: string) => {
    const [header, payload = '', signature = ''] = id_token.split('.')
    const other = Buffer.from(JSON.stringify({ ...decodeJwt(id_token), nonce: 'x' })).toString('base64url')
    return {
      payload: `${header}.${other}.${signature}`,
      signature: `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
    }
  }
  for (const [title, spoil, phrase] of [
    [
      'a post_logout_redirect_uri of nobody',
      () => ({ post_logout_redirect_uri: 'https://evil.example/' }),
      /post_logout_redirect_uri is not one of this client/,
    ],
    [
      'one with a path after it',
      () => ({ post_logout_redirect_uri: `${bye()}/x` }),
      /post_logout_redirect_uri is not one/,
    ],
    [
      'one with a query added to it',
      () => ({ post_logout_redirect_uri: `${bye()}?foo=bar` }),
      /post_logout_redirect_uri is not one/,
    ],
    [
      'one in another case',
      () => ({ post_logout_redirect_uri: bye().replace('bye', 'Bye') }),
      /post_logout_redirect_uri is not one/,
    ],
    [
      'a redirect URI of a login',
      () => ({ post_logout_redirect_uri: `${box.app.url}/cb` }),
      /post_logout_redirect_uri is not one/,
    ],
    [
      'another port of loopback',
      () => ({ post_logout_redirect_uri: 'http://127.0.0.1:1/bye' }),
      /post_logout_redirect_uri is not one/,
    ],
    ['an id_token_hint that is none', () => ({ id_token_hint: 'x.y.z' }), /id_token_hint is none of our ID tokens/],
    [
      'an id_token_hint with another payload',
      (id_token: string) => ({ id_token_hint: modified(id_token).payload }),
      /id_token_hint is none/,
    ],
    [
      'an id_token_hint with another signature',
      (id_token: string) => ({ id_token_hint: modified(id_token).signature }),
      /id_token_hint is none/,
    ],
    [
      'a client_id that is not the ID token’s',
      () => ({ client_id: 'second-app' }),
      /id_token_hint is not one of this client/,
    ],
    ['a client_id of nobody', () => ({ id_token_hint: '', client_id: 'nobody' }), /client_id is not known/],
    [
      'a client to which nobody logs in',
      () => ({ id_token_hint: '', client_id: 'job' }),
      /People do not log in to this client/,
    ],
  ] as const)
    test(`section 4: ${title} is an error page, never a redirect, and nobody is logged out by it`, async () => {
      const { browser, id_token } = await loggedIn()
      const good = { id_token_hint: id_token, post_logout_redirect_uri: bye(), state: 's' }
      await browser.open(logoutUrl({ ...good, ...spoil(id_token) }))
      assert.equal(browser.status, 400)
      shows(browser, 'This did not work')
      assert.match(browser.page.text, phrase)
      assert.equal(await isLoggedIn(browser), true)
      await browser.open(logoutUrl({ ...good, ...spoil(id_token) }))
      await browser.click('log-out')
      shows(browser, 'Log out?')
    })

  for (const name of ['state', 'client_id', 'id_token_hint', 'post_logout_redirect_uri'])
    test(`a second ${name} is an error page`, async () => {
      const { browser, id_token } = await loggedIn()
      const url = logoutUrl({
        id_token_hint: id_token,
        client_id: 'web-app',
        post_logout_redirect_uri: bye(),
        state: 's',
      })
      await browser.open(`${url}&${name}=x`)
      assert.equal(browser.status, 400)
      assert.equal(await isLoggedIn(browser), true)
    })

  test('an access token of ours is no id_token_hint', async () => {
    const browser = box.browser()
    const { body }: TokenAnswer = await box.tokens({}, browser)
    await browser.open(logoutUrl({ id_token_hint: String(body.access_token) }))
    assert.equal(browser.status, 400)
    assert.equal(await isLoggedIn(browser), true)
  })

  test('a request of 9 KiB is refused, by GET and by POST', async () => {
    const state = 's'.repeat(9 * 1024)
    assert.equal((await box.ask(`/logout?state=${state}`)).status, 413)
    assert.equal((await box.ask('/logout', { method: 'POST', body: new URLSearchParams({ state }) })).status, 413)
  })

  test('other methods are not allowed', async () => {
    for (const [path, method, allow] of [
      ['/logout', 'PUT', 'GET, POST'],
      ['/logout/confirm', 'GET', 'POST'],
      ['/backchannel-logout/acme-partner', 'GET', 'POST'],
    ] as const) {
      const answer = await box.ask(path, { method })
      assert.equal(answer.status, 405, path)
      assert.equal(answer.headers.get('allow'), allow)
    }
  })

  test('RFC 9700 section 4.7: the answer of a page that another browser was shown ends nothing', async () => {
    const [alice, mallory] = [await loggedIn(), await loggedIn()]
    await mallory.browser.open(logoutUrl({}))
    const [form] = mallory.browser.page.forms
    const cookie = cookiesOf(alice.browser)
    const fields = new URLSearchParams(form!.fields.map(({ name, value }): [string, string] => [name, value]))
    fields.set('decision', 'log-out')
    const answer = await box.ask('/logout/confirm', { method: 'POST', body: fields }, cookie)
    assert.equal(answer.status, 400)
    assert.equal(await isLoggedIn(alice.browser), true)
  })

  test('RFC 9700 section 4.7: with a form of another site comes no cookie, and its answer takes none away', async () => {
    const body = new URLSearchParams({ proof: 'x', decision: 'log-out' })
    const confirmed = await box.ask('/logout/confirm', { method: 'POST', body })
    assert.deepEqual([confirmed.status, confirmed.headers.get('location')], [303, '/logout'])
    const asked = await box.ask('/logout')
    assert.equal(asked.status, 200)
    for (const answer of [confirmed, asked]) assert.deepEqual(answer.headers.getSetCookie(), [])
  })

  test('the session ends in the table, not in the browser alone: a stolen cookie opens nothing after', async () => {
    const { browser, id_token } = await loggedIn()
    const cookie = cookiesOf(browser)
    const before = await box.ask(box.authorizationUrl({ prompt: 'none' }), {}, cookie)
    assert.match(before.headers.get('location')!, /[?&]code=/)
    await browser.open(logoutUrl({ id_token_hint: id_token }))
    assert.equal(cookiesOf(browser).session, undefined, 'the browser keeps its cookie')
    const after = await box.ask(box.authorizationUrl({ prompt: 'none' }), {}, cookie)
    assert.match(after.headers.get('location')!, /[?&]error=login_required/)
  })

  test('the answer is kept by no cache, and its page frames nothing', async () => {
    const { browser } = await loggedIn()
    await browser.open(logoutUrl({}))
    assert.equal(browser.headers['cache-control'], 'no-store')
    assert.match(String(browser.headers['content-security-policy']), /default-src 'none'/)
    assert.doesNotMatch(String(browser.headers['content-security-policy']), /frame-src/)
  })
})

function cookiesOf(browser: HtmlBrowser): Record<string, string> {
  return browser.cookies(new URL(box.broker.url).hostname)
}
