import assert from 'node:assert/strict'
import { loginSite } from './login-site.ts'
import { withBrowser } from './with-browser.ts'

const site = await loginSite()
const { application, box, authorizationUrl, arrived, redeem, logIn, landed, assertOurs } = site

const logoutUrl = (parameters: Record<string, string> = {}) =>
  `${box.broker.url}/logout?${new URLSearchParams(parameters).toString()}`
const framed = () => application.received.filter(({ url }) => url.startsWith('/front'))

withBrowser('who logs out is asked, and their cookie is gone', async (page) => {
  await page.goto(authorizationUrl())
  await logIn(page)
  await landed(page)
  await page.goto(logoutUrl())
  await assertOurs(page, 'Log out?')
  await page.click('#log-out')
  await assertOurs(page, 'You are logged out')
  assert.deepEqual(
    (await site.cookies(page)).map(({ name }) => name),
    ['browser'],
  )
})

withBrowser('an application that is told by the browser is loaded in a frame, and the person goes on', async (page) => {
  await page.goto(authorizationUrl({ client_id: 'shop' }))
  await page.click('#issuer-acme-partner')
  await logIn(page)
  await page.click('#consent-allow')
  await landed(page)
  const { body } = await redeem(arrived().get('code'), { client_id: 'shop' })
  const post_logout_redirect_uri = site.redirect_uri.replace('/cb', '/bye')
  const before = framed().length
  await page.goto(logoutUrl({ id_token_hint: String(body.id_token), post_logout_redirect_uri, state: 's' }))
  await assertOurs(page, 'You are logged out')
  // By itself, once the frames have had their time.
  await page.waitForURL(`${post_logout_redirect_uri}?state=s`)
  const [told, ...others] = framed().slice(before)
  assert.equal(others.length, 0)
  const query = new URL(told!.url, post_logout_redirect_uri).searchParams
  assert.equal(query.get('iss'), box.broker.issuer)
  assert.ok(query.get('sid'))
})

withBrowser(
  'another site cannot log a person out by a form, a picture or a frame',
  async (page) => {
    await page.goto(authorizationUrl())
    await logIn(page)
    await landed(page)
    const attack = `<img src="${logoutUrl()}"><iframe src="${logoutUrl()}"></iframe>
    <form method="post" action="${box.broker.url}/logout/confirm"><input name="proof" value="x"><input name="decision" value="log-out"><button id="go">go</button></form>`
    await page.goto(`${site.redirect_uri.replace('/cb', '/attack')}?html=${encodeURIComponent(attack)}`)
    await page.click('#go')
    await page.goto(authorizationUrl({ prompt: 'none' }))
    await landed(page)
    assert.ok(arrived().get('code'), arrived().toString())
  },
  { expected: /frame-ancestors/ },
)
