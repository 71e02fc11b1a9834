import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { loginSite } from './login-site.ts'
import { withBrowser } from './with-browser.ts'

const site = await loginSite()
const { application, box, authorizationUrl, answers, arrived, redeem, logIn, landed, assertOurs } = site
const { origin: sameSite, otherOrigin: otherSite } = application

/** A page of the application at that origin. */
const at = (origin: string, html: string) => `${origin}/?${new URLSearchParams({ html }).toString()}`

async function haveSession(page: Page): Promise<void> {
  await page.goto(authorizationUrl())
  await logIn(page)
  await landed(page)
}

const attribute = (url: string) => url.replaceAll('&', '&amp;')

/** Shows what the window or frame that it opens answers. */
const listening = `<p id="heard"></p><script>
  addEventListener('message', ({ origin, data }) => { if (origin === location.origin) heard.textContent = data })
</script>`

async function heard(page: Page): Promise<URLSearchParams> {
  await page.waitForSelector('#heard:not(:empty)')
  return new URLSearchParams((await page.textContent('#heard')) ?? '')
}

/** A form that sends itself. */
function form(url: string, fields: Iterable<[string, string]>): string {
  const inputs = [...fields].map(([name, value]) => `<input name="${name}" value="${value}">`)
  return `<form method="post" action="${url}">${inputs.join('')}</form><script>document.forms[0].submit()</script>`
}

withBrowser('a popup logs a person in, tells the window that opened it, and closes', async (page) => {
  const open = `<button onclick="window.open('${attribute(authorizationUrl())}', 'log-in', 'popup')">Log in</button>`
  await page.goto(at(otherSite, listening + open))
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('button')])
  await popup.waitForURL(site.atPartner)
  await Promise.all([popup.waitForEvent('close'), logIn(popup)])
  assert.equal((await redeem((await heard(page)).get('code'))).status, 200)
})

const silent = (origin: string) => {
  const url = authorizationUrl({ prompt: 'none', redirect_uri: `${origin}/cb` })
  return at(origin, `${listening}<iframe hidden src="${attribute(url)}"></iframe>`)
}

withBrowser('prompt=none in a frame: an application on another site hears that nobody is logged in', async (page) => {
  await haveSession(page)
  await page.goto(silent(otherSite))
  const answer = await heard(page)
  assert.equal(answer.get('error'), 'login_required')
  assert.equal(answer.get('state'), 'the-state')
})

withBrowser('prompt=none in a frame: an application on our site has a code', async (page) => {
  await haveSession(page)
  await page.goto(silent(sameSite))
  const code = (await heard(page)).get('code')
  assert.equal((await redeem(code, { redirect_uri: `${sameSite}/cb` })).status, 200)
})

withBrowser('an authorization request that another site posts finds the session', async (page) => {
  await haveSession(page)
  const { origin, pathname, searchParams } = new URL(authorizationUrl({ client_id: 'second-app' }))
  const before = answers().length
  const sent: Promise<[string, boolean]>[] = []
  page.on('request', (request) => {
    if (new URL(request.url()).pathname !== '/authorize') return
    sent.push(request.allHeaders().then(({ cookie }) => [request.method(), cookie !== undefined]))
  })
  await page.goto(at(otherSite, form(origin + pathname, searchParams)))
  await landed(page)
  assert.deepEqual(await Promise.all(sent), [
    ['POST', false],
    ['GET', true],
  ])
  assert.equal(answers().length, before + 1)
  assert.equal((await redeem(arrived().get('code'), { client_id: 'second-app' })).status, 200)
})

withBrowser('a consent that another site posts is none, even with the proof', async (page) => {
  await haveSession(page)
  await page.goto(authorizationUrl({ client_id: 'third-party', prompt: 'consent' }))
  const fields = await page.evaluate<[string, string][]>('[...new FormData(document.forms[0])]')
  assert.deepEqual(
    fields.map(([name]) => name),
    ['id', 'proof'],
  )
  const before = answers().length
  const attack = await page.context().newPage()
  const posted = attack.waitForRequest((request) => request.url().endsWith('/consent'))
  await attack.goto(at(otherSite, form(`${box.broker.url}/consent`, [...fields, ['decision', 'allow']])))
  assert.equal((await (await posted).allHeaders()).cookie, undefined)
  await attack.waitForSelector('#decision-id')
  await assertOurs(attack, 'This did not work', 400)
  assert.equal(answers().length, before)
  await page.click('#consent-allow')
  await landed(page)
  assert.equal((await redeem(arrived().get('code'), { client_id: 'third-party' })).status, 200)
})

for (const [name, changes, origin] of [
  ['choice', { client_id: 'second-app' }, otherSite],
  ['consent', { client_id: 'third-party', prompt: 'consent' }, sameSite],
  ['error', { redirect_uri: 'https://elsewhere.example' }, sameSite],
] as const)
  withBrowser(
    `the page with ${name} shows itself in no frame`,
    async (page) => {
      if (name === 'consent') await haveSession(page)
      await page.goto(at(origin, `<iframe src="${attribute(authorizationUrl(changes))}"></iframe>`))
      await page.waitForLoadState()
      assert.equal(await page.frames()[1]?.evaluate("document.querySelector('main')"), null)
    },
    { expected: /frame-ancestors|X-Frame-Options|chrome-error/i },
  )
