import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { htmlBrowser, type HtmlBrowser } from '../../local/demo/html-browser.ts'
import { examplePeople } from '../../local/partner-people.ts'
import { startQuickstart, type Quickstart } from '../../local/quickstart.ts'

const markup = '<img src=x onerror="alert(1)">&amp;'
const [alice, bob] = examplePeople as [(typeof examplePeople)[0], (typeof examplePeople)[0]]
const mallory = { ...alice, username: 'mallory', claims: { ...alice.claims, sub: 'e-<i>', name: markup } }

let world: Quickstart
before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  world = await startQuickstart({ partner: { people: [alice, bob, mallory] } })
})
after(() => world?.close())

/** At the app, having logged in there and consented. */
async function loggedIn(username: string, path = '/login'): Promise<HtmlBrowser> {
  const browser = htmlBrowser()
  await browser.open(world.partnerApp.url + path)
  await browser.click('log-in', { username, password: 'example' })
  if (browser.source.includes('consent-allow')) await browser.click('consent-allow')
  return browser
}

const session = (browser: HtmlBrowser) => browser.cookies('127.0.0.1')['partner-app']

test('a person logs in: the app learns who it is, and may act for them at orders', async () => {
  const browser = await loggedIn('alice')
  assert.equal(browser.url, `${world.partnerApp.url}/`)
  const { text } = browser.page
  assert.match(text, /sub acme-partner:e-1041/)
  assert.match(text, /email alice@partner\.example/)
  assert.match(text, /orders:read at https:\/\/orders\.acme\.dev/)
})

test('what people call themselves is shown as text', async () => {
  const browser = await loggedIn('mallory')
  assert.ok(browser.page.text.includes(`name ${markup}`), browser.page.text)
  assert.ok(browser.page.text.includes('sub acme-partner:e-<i>'))
  assert.ok(!browser.source.includes('<img') && !browser.source.includes('<i>'))
})

test('what an answer says is shown as text', async () => {
  const browser = htmlBrowser()
  await browser.open(`${world.partnerApp.url}/login`)
  const authorize = browser.visited.find((url) => url.startsWith(`${world.broker.url}/authorize`))
  const state = new URL(authorize ?? '').searchParams.get('state') ?? ''
  const answer = { error: 'access_denied', error_description: markup, state, iss: world.broker.issuer }
  await browser.open(`${world.partnerApp.url}/cb?${new URLSearchParams(answer).toString()}`)
  assert.equal(browser.status, 403)
  assert.ok(browser.page.text.includes(`access_denied: ${markup}`), browser.page.text)
  assert.ok(!browser.source.includes('<img'))
})

test('who may not use orders is told so, and can log in without', async () => {
  const browser = await loggedIn('bob')
  assert.equal(browser.status, 403)
  assert.match(browser.page.text, /access_denied: .*\(decision [\w-]{22}\)/)
  await browser.click('without-orders')
  await browser.click('consent-allow')
  assert.match(browser.page.text, /sub acme-partner:e-2077/)
  assert.ok(browser.page.text.includes(`at ${world.broker.issuer}/userinfo`))
})

test('a second factor is passed on as ours', async () => {
  const browser = htmlBrowser()
  await browser.open(world.partnerApp.url)
  await browser.click('log-in-mfa')
  await browser.click('log-in', { username: 'alice', password: 'example', code: '246810' })
  assert.match(browser.page.text, /acr urn:acme:mfa/)
})

test('logging out ends the session here and at the broker', async () => {
  const browser = await loggedIn('alice')
  await browser.click('log-out')
  assert.equal(browser.url, `${world.partnerApp.url}/`)
  assert.match(browser.page.text, /You are not logged in/)
  await browser.open(`${world.partnerApp.url}/login?prompt=none`)
  assert.match(browser.page.text, /login_required: /)
})

test('what is no logout token of the broker for this app ends nothing', async () => {
  const browser = await loggedIn('alice')
  for (const logout_token of ['', 'x', 'x.y.z']) {
    const answer = await fetch(`${world.partnerApp.url}/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token }),
    })
    assert.equal(answer.status, 400)
  }
  await browser.open(world.partnerApp.url)
  assert.match(browser.page.text, /You are logged in/)
})

test('the broker’s logout token ends it', async () => {
  const browser = await loggedIn('alice')
  await browser.open(`${world.broker.url}/logout`)
  await browser.click('log-out')
  for (let tries = 0; tries < 200; tries++) {
    await browser.open(world.partnerApp.url)
    if (browser.page.text.includes('You are not logged in')) return
    await setTimeout(25)
  }
  assert.fail('the app was not told')
})

test('prompt=none is login_required where nobody is logged in', async () => {
  const browser = htmlBrowser()
  await browser.open(`${world.partnerApp.url}/login?prompt=none`)
  assert.match(browser.page.text, /login_required: /)
})

test('who has logged in has another session id than before', async () => {
  const browser = htmlBrowser()
  await browser.open(`${world.partnerApp.url}/login`)
  const before = session(browser)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  assert.ok(before)
  assert.notEqual(session(browser), before)
})

test('the answer to a login of another browser is refused', async () => {
  const attacker = await loggedIn('mallory')
  const stolen = attacker.visited.find((url) => url.startsWith(`${world.partnerApp.url}/cb`)) ?? ''
  const browser = htmlBrowser()
  await browser.open(stolen)
  assert.equal(browser.status, 400)
  await browser.open(`${world.partnerApp.url}/login`)
  await browser.open(stolen)
  assert.equal(browser.status, 502)
  await browser.open(world.partnerApp.url)
  assert.match(browser.page.text, /You are not logged in/)
})

test('another page is none, and costs nobody their session', async () => {
  const browser = await loggedIn('alice')
  await browser.open(`${world.partnerApp.url}/favicon.ico`)
  assert.equal(browser.status, 404)
  await browser.open(world.partnerApp.url)
  assert.match(browser.page.text, /sub acme-partner:e-1041/)
})
