import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import { loginBox } from './login-fixture.ts'

/** web-app and third-party are told by the browser; confidential is not. */
const box = loginBox((config) =>
  config
    .replace(
      /(web-app: \{.*)redirect_uris: \["(http:[^"]*)\/cb"/,
      '$1frontchannel_logout_uri: "$2/front?tenant=1", post_logout_redirect_uris: ["$2/bye"], redirect_uris: ["$2/cb"',
    )
    .replace(
      /(third-party: \{.*)redirect_uris: \["(http:[^"]*)\/cb"/,
      '$1frontchannel_logout_uri: "$2/third", redirect_uris: ["$2/cb"',
    ),
)

const framesOf = (source: string) =>
  [...source.matchAll(/<iframe\b[^>]*\ssrc="([^"]*)"/g)].map(([, url = '']) => new URL(url.replaceAll('&amp;', '&')))

async function loggedIn(...client_ids: string[]) {
  const browser = box.browser()
  const { body } = await box.tokens({}, browser)
  for (const client_id of client_ids) {
    await box.login(browser, { client_id })
    if (browser.page.forms.some(({ buttons }) => buttons.some(({ id }) => id === 'consent-allow')))
      await browser.click('consent-allow')
  }
  return { browser, id_token: String(body.id_token) }
}

const logoutUrl = (parameters: Record<string, string>) =>
  `${box.broker.url}/logout?${new URLSearchParams(parameters).toString()}`

describe('OpenID Connect Front-Channel Logout 1.0', () => {
  test('section 3: discovery says so, with the session', async () => {
    const response = await fetch(`${box.broker.url}/.well-known/openid-configuration`)
    const document = (await response.json()) as Record<string, unknown>
    assert.equal(document.frontchannel_logout_supported, true)
    assert.equal(document.frontchannel_logout_session_supported, true)
  })

  test('section 3: every client of the session that asks for it is framed, with iss and sid, and no other', async () => {
    const { browser, id_token } = await loggedIn('third-party', 'confidential')
    await browser.open(logoutUrl({ id_token_hint: id_token }))
    const { sid } = decodeJwt(id_token)
    assert.deepEqual(
      framesOf(browser.source).map(({ origin, pathname, searchParams }) => [origin, pathname, [...searchParams]]),
      [
        [
          box.app.url,
          '/front',
          [
            ['tenant', '1'],
            ['iss', box.broker.issuer],
            ['sid', sid],
          ],
        ],
        [
          box.app.url,
          '/third',
          [
            ['iss', box.broker.issuer],
            ['sid', sid],
          ],
        ],
      ],
    )
  })

  test('the policy lets in frames of these origins and no other', async () => {
    const { browser, id_token } = await loggedIn()
    await browser.open(logoutUrl({ id_token_hint: id_token }))
    const policy = String(browser.headers['content-security-policy'])
    assert.deepEqual(/frame-src ([^;]*)/.exec(policy)?.[1], box.app.url)
  })

  test('the person goes on when the frames have had their time, or by a link', async () => {
    const { browser, id_token } = await loggedIn()
    const back = { post_logout_redirect_uri: `${box.app.url}/bye`, state: 'a b' }
    await browser.open(logoutUrl({ id_token_hint: id_token, ...back }))
    assert.equal(framesOf(browser.source).length, 1)
    assert.equal(browser.headers.refresh, `3; url=${box.app.url}/bye?state=a+b`)
    await browser.click('continue')
    assert.equal(browser.url, `${box.app.url}/bye?state=a+b`)
  })

  test('the session has ended before a frame is shown', async () => {
    const { browser, id_token } = await loggedIn()
    await browser.open(logoutUrl({ id_token_hint: id_token }))
    assert.equal((await box.login(browser, { prompt: 'none' })).get('error'), 'login_required')
  })

  test('who is not logged in has nobody to tell', async () => {
    const { id_token } = await loggedIn()
    const browser = box.browser()
    await browser.open(logoutUrl({ id_token_hint: id_token }))
    assert.deepEqual(framesOf(browser.source), [])
  })
})
