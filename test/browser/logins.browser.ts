import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import type { Page } from 'playwright-core'
import { tabs } from './accessibility.ts'
import { loginSite } from './login-site.ts'
import { withBrowser } from './with-browser.ts'

const site = await loginSite()
const { application, box, redirect_uri, authorizationUrl, answers, arrived, redeem, logIn, landed, assertOurs } = site

/** Every place that the browser was at, redirects and all. */
function visits(page: Page): string[] {
  const urls: string[] = []
  page.on('request', (request) => {
    if (request.isNavigationRequest()) urls.push(request.url())
  })
  return urls
}

withBrowser('a person logs in at the one issuer, and the application gets a code that is good', async (page) => {
  await page.goto(authorizationUrl())
  await logIn(page)
  await landed(page)
  const { status, body } = await redeem(arrived().get('code'))
  assert.equal(status, 200)
  assert.equal(decodeJwt(String(body.id_token)).sub, 'acme-partner:e-1041')
  const cookies = await site.cookies(page)
  assert.deepEqual(
    cookies.map(({ name, path, expires, httpOnly, sameSite }) => ({ name, path, expires, httpOnly, sameSite })),
    ['browser', 'session'].map((name) => ({ name, path: '/', expires: -1, httpOnly: true, sameSite: 'Lax' })),
  )
  assert.ok(
    cookies.every(({ domain }) => domain === '127.0.0.1'),
    'of the host alone',
  )
  await page.goto(`${box.broker.url}/nowhere`)
  assert.equal(await page.evaluate('document.cookie'), '')
})

withBrowser('single sign-on: the next application sees nobody but the broker', async (page) => {
  await page.goto(authorizationUrl())
  await logIn(page)
  await landed(page)
  const urls = visits(page)
  await page.goto(authorizationUrl({ client_id: 'second-app' }))
  await landed(page)
  assert.deepEqual(
    urls.map((url) => new URL(url).pathname),
    ['/authorize', '/cb'],
  )
  assert.equal((await redeem(arrived().get('code'), { client_id: 'second-app' })).status, 200)
})

withBrowser('an issuer is chosen by an address, once it is one that we know', async (page) => {
  await page.goto(authorizationUrl({ client_id: 'second-app' }))
  await assertOurs(page, 'Log in to second-app')
  await page.fill('#login-hint', 'alice@nowhere.example')
  await page.click('#login-hint-continue')
  await assertOurs(page, 'Log in to second-app')
  assert.match((await page.textContent('#login-hint-error')) ?? '', /We do not know/)
  await page.fill('#login-hint', 'alice@partner.example')
  await page.click('#login-hint-continue')
  assert.equal(await page.inputValue('#username'), 'alice')
  await logIn(page)
  await landed(page)
  assert.ok(arrived().get('code'))
})

withBrowser('with keys alone a person chooses, logs in and allows', async (page) => {
  await page.goto(authorizationUrl({ client_id: 'shop' }))
  assert.deepEqual(await tabs(page, 3), ['issuer-acme-partner', 'issuer-other', 'login-hint'])
  await page.keyboard.type('bob@partner.example')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#password')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.type('example')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#consent-allow')
  assert.deepEqual(await tabs(page, 2), ['consent-allow', 'consent-deny'])
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Enter')
  await landed(page)
  assert.equal((await redeem(arrived().get('code'), { client_id: 'shop' })).status, 200)
})

withBrowser('a person who denies is asked again, and one who allows is not', async (page) => {
  const asking = authorizationUrl({ client_id: 'third-party' })
  await page.goto(asking)
  await logIn(page)
  await assertOurs(page, 'Third <Party> asks for access')
  assert.equal(await page.textContent('#person'), 'alice@partner.example')
  await page.click('#consent-deny')
  await landed(page)
  assert.equal(arrived().get('error'), 'access_denied')
  await page.goto(asking)
  await page.click('#consent-allow')
  await landed(page)
  assert.ok(arrived().get('code'))
  const before = answers().length
  await page.goto(asking)
  await landed(page)
  assert.equal(answers().length, before + 1)
  assert.ok(arrived().get('code'))
})

withBrowser('a stronger login takes one more factor, and then is there', async (page) => {
  await page.goto(authorizationUrl())
  await logIn(page)
  await landed(page)
  const stronger = authorizationUrl({ acr_values: 'urn:acme:mfa' })
  await page.goto(stronger)
  assert.equal(await page.locator('#password').count(), 0)
  await logIn(page, { code: '246810' })
  await landed(page)
  const { body } = await redeem(arrived().get('code'))
  assert.equal(decodeJwt(String(body.id_token)).acr, 'urn:acme:mfa')
  const urls = visits(page)
  await page.goto(stronger)
  await landed(page)
  assert.equal(urls.length, 2)
})

withBrowser('form_post sends itself to the application, and where it cannot the person does', async (page) => {
  const asking = authorizationUrl({ response_mode: 'form_post' })
  await page.goto(asking)
  await logIn(page)
  await landed(page)
  assert.equal(answers().at(-1)?.method, 'POST')
  assert.equal((await redeem(arrived().get('code'))).status, 200)
  const before = answers().length
  // A browser stays where it is.
  await page.route(redirect_uri, (route) => route.fulfill({ status: 204 }))
  await page.goto(asking, { waitUntil: 'commit' })
  await page.waitForSelector('#continue')
  await assertOurs(page, 'Back to web-app')
  await page.unroute(redirect_uri)
  await page.click('#continue')
  await landed(page)
  assert.equal(answers().length, before + 1)
  assert.equal((await redeem(arrived().get('code'))).status, 200)
})

withBrowser(
  'without script a person chooses, logs in, allows and continues',
  async (page) => {
    await page.goto(authorizationUrl({ client_id: 'shop', response_mode: 'form_post' }))
    await page.click('#issuer-acme-partner')
    await logIn(page)
    await page.click('#consent-allow')
    await page.click('#continue')
    await landed(page)
    assert.equal(answers().at(-1)?.method, 'POST')
    assert.equal((await redeem(arrived().get('code'), { client_id: 'shop' })).status, 200)
  },
  { javaScriptEnabled: false },
)

withBrowser('who asks for a redirect URI that is not known goes nowhere', async (page) => {
  const before = application.received.length
  await page.goto(authorizationUrl({ redirect_uri: `${application.otherOrigin}/elsewhere` }))
  await assertOurs(page, 'This did not work', 400)
  assert.equal(await page.locator('main a').count(), 0)
  assert.equal(application.received.length, before)
})

withBrowser('who cancels at the partner may log in again, or go back', async (page) => {
  await page.goto(authorizationUrl())
  await page.click('#cancel')
  await assertOurs(page, 'You are not logged in', 403)
  await page.click('#back')
  await landed(page)
  assert.equal(arrived().get('error'), 'access_denied')
  assert.equal(arrived().get('state'), 'the-state')
  await page.goBack()
  await page.click('#again')
  await logIn(page)
  await landed(page)
  assert.equal((await redeem(arrived().get('code'))).status, 200)
})

withBrowser('while the partner is down a person is told so, and logs in once it is up', async (page) => {
  const { instead } = box
  await page.goto(authorizationUrl())
  box.instead = ({ url }, response) => url === '/token' && Boolean(response.writeHead(503).end())
  await logIn(page)
  box.instead = instead
  await assertOurs(page, 'Partner Inc. does not answer', 503)
  await page.click('#again')
  await landed(page)
  assert.ok(arrived().get('code'))
})

withBrowser('where the issuer that was chosen cannot be reached the application hears of it', async (page) => {
  await box.other.close()
  await page.goto(authorizationUrl({ client_id: 'shop' }))
  await page.click('#issuer-other')
  await landed(page)
  assert.equal(arrived().get('error'), 'temporarily_unavailable')
})

withBrowser('a login that another browser began ends on a page, and leaves nothing', async (page) => {
  const before = answers().length
  await page.goto(await box.held(box.browser(), {}, 'bob'))
  await assertOurs(page, 'This did not work', 400)
  assert.deepEqual(await site.cookies(page), [])
  assert.equal(answers().length, before)
})

withBrowser('a callback that is opened again is of no use, and changes nothing', async (page) => {
  const urls = visits(page)
  await page.goto(authorizationUrl())
  await logIn(page)
  await landed(page)
  const [before, cookies] = [answers().length, await site.cookies(page)]
  const callback = urls.find((url) => url.startsWith(`${box.broker.url}/callback/acme-partner?`))!
  await page.goto(callback)
  await assertOurs(page, 'This did not work', 400)
  await page.reload()
  await assertOurs(page, 'This did not work', 400)
  assert.equal(answers().length, before)
  assert.deepEqual(await site.cookies(page), cookies)
})

withBrowser('who goes back after a consent is not asked again for the same login', async (page) => {
  await page.goto(authorizationUrl({ client_id: 'third-party', prompt: 'consent' }))
  await logIn(page)
  await page.click('#consent-allow')
  await landed(page)
  const [before, cookies] = [answers().length, await site.cookies(page)]
  await page.goBack()
  await assertOurs(page, 'This did not work', 400)
  assert.equal(answers().length, before)
  assert.deepEqual(await site.cookies(page), cookies)
})

withBrowser('who loads the question anew, or comes back to it, is asked again', async (page) => {
  await page.goto(authorizationUrl({ client_id: 'third-party', prompt: 'login consent' }))
  await logIn(page)
  const cookies = await site.cookies(page)
  assert.equal(new URL(page.url()).pathname, '/consent', 'and no code of the partner beside it')
  await page.reload()
  await assertOurs(page, 'Third <Party> asks for access')
  await page.goto(`${box.broker.url}/nowhere`)
  await page.goBack()
  await page.click('#consent-allow')
  await landed(page)
  assert.equal((await redeem(arrived().get('code'), { client_id: 'third-party' })).status, 200)
  assert.deepEqual(await site.cookies(page), cookies)
})

withBrowser('of two clicks on Allow comes one code', async (page) => {
  await page.goto(authorizationUrl({ client_id: 'third-party', prompt: 'consent' }))
  await logIn(page)
  const before = answers().length
  await page.dblclick('#consent-allow')
  await landed(page)
  assert.equal(answers().length, before + 1)
  assert.equal((await redeem(arrived().get('code'), { client_id: 'third-party' })).status, 200)
})
