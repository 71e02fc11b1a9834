import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import type { HtmlBrowser } from '../../local/demo/html-browser.ts'
import { close, listen } from '../../local/loopback.ts'
import { loginBox } from './login-fixture.ts'

/** A site of somebody else: `plants` is set as cookies at the broker's host, as http lets another port, or a subdomain, do. */
const evil = { url: '', plants: {} as Record<string, string>, page: '' }
let server: Server
before(async () => {
  const answer: RequestListener = (_, response) =>
    response
      .setHeader(
        'set-cookie',
        Object.entries(evil.plants).map(([name, value]) => `${name}=${value}; Path=/`),
      )
      .setHeader('content-type', 'text/html')
      .end(evil.page)
  server = createServer(answer)
  evil.url = await listen(server, 0)
})
after(() => close(server))

const box = loginBox()
const third = { client_id: 'third-party', prompt: 'consent' }
const host = '127.0.0.1'

async function plant(browser: HtmlBrowser, cookies: Record<string, string>): Promise<void> {
  Object.assign(evil, { plants: cookies, page: '' })
  await browser.open(evil.url)
}

/** By the site's page, which sends itself. Its host is `localhost`, another site than the broker's. */
async function postFromElsewhere(browser: HtmlBrowser, path: string, fields: Record<string, string>): Promise<void> {
  const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
  const form = `<form method="post" action="${box.broker.url}${path}">${inputs.join('')}<button>x</button></form>`
  Object.assign(evil, { plants: {}, page: `${form}<script>document.forms[0].submit()</script>` })
  await browser.open(evil.url.replace(host, 'localhost'))
}

async function consentForm(browser: HtmlBrowser): Promise<Record<string, string>> {
  await box.login(browser, third)
  const form = browser.page.forms.find(({ buttons }) => buttons.some(({ id }) => id === 'consent-allow'))!
  return { ...Object.fromEntries(form.fields.map(({ name, value }) => [name, value])), decision: 'allow' }
}

async function assertEnded(response: Response, status = 400): Promise<void> {
  assert.deepEqual([response.status, response.headers.get('location')], [status, null])
  assert.deepEqual(response.headers.getSetCookie(), [], 'nobody is logged in by it')
  assert.ok((await response.text()).includes('This login cannot be continued'))
}

test('section 4.7: another browser, or none, cannot finish a login, and the one that began it still can', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  const url = await box.held(victim)
  await box.login(attacker, {}, 'bob')
  await assertEnded(await box.ask(url))
  await assertEnded(await box.ask(url, {}, attacker.cookies(host)))
  const { browser: secret, ...others } = victim.cookies(host)
  await assertEnded(await box.ask(url, {}, others))
  await assertEnded(await box.ask(url, {}, { ...others, browser: attacker.cookies(host).browser! }))
  const own = await box.ask(url, {}, { browser: secret! })
  assert.ok(new URL(own.headers.get('location')!).searchParams.has('code'))
})

test('section 4.7: whoever is lured to the callback of another’s login is not logged in as them', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  const url = await box.held(attacker, {}, 'bob')
  await victim.open(url)
  assert.equal(victim.status, 400)
  assert.deepEqual(victim.cookies(host), {})
  await box.login(victim)
  const before = victim.cookies(host)
  await victim.open(await box.held(attacker, { prompt: 'login' }, 'bob'))
  assert.equal(victim.status, 400)
  assert.deepEqual(victim.cookies(host), before, 'and stays logged in as before')
})

test('section 4.7.1: a state that is changed, of another login, or none finishes nothing', async () => {
  const browser = box.browser()
  const other = new URL(await box.held(browser)).searchParams.get('state')!
  const good = new URL(await box.held(browser))
  const state = good.searchParams.get('state')!
  const [id, issuer, mac] = state.split('.') as [string, string, string]
  const [otherId, , otherMac] = other.split('.') as [string, string, string]
  const foreign = new URL(await box.held(box.browser())).searchParams.get('state')!
  for (const each of [
    '',
    id,
    `${id}.${issuer}`,
    `${id}.${issuer}.`,
    `${id}.${issuer}.${mac.slice(0, -1)}`,
    `${id}.${issuer}.${mac}A`,
    `${id}.${issuer}.${'A'.repeat(43)}`,
    `${id}.${issuer}.${otherMac}`,
    `${otherId}.${issuer}.${mac}`,
    `${id}.other.${mac}`,
    `${id}.job.${mac}`,
    `${id}..${mac}`,
    `${'A'.repeat(22)}.${issuer}.${mac}`,
    ` ${state}`,
    `${state}\n`,
    foreign,
    'the-state',
  ]) {
    const url = new URL(good)
    url.searchParams.set('state', each)
    await assertEnded(await box.ask(url.href, {}, browser.cookies(host)))
  }
  const url = new URL(good)
  url.searchParams.delete('state')
  await assertEnded(await box.ask(url.href, {}, browser.cookies(host)))
  assert.equal((await box.ask(good.href, {}, browser.cookies(host))).status, 303)
})

test('section 4.7.1: a good state with the code of another login of the same browser', async () => {
  const browser = box.browser()
  const [first, second] = [new URL(await box.held(browser)), new URL(await box.held(browser))]
  first.searchParams.set('code', second.searchParams.get('code')!)
  const response = await box.ask(first.href, {}, browser.cookies(host))
  assert.equal(response.status, 403, 'the partner refuses it by its code_challenge')
  assert.deepEqual(response.headers.getSetCookie(), [])
  assert.equal((await box.ask(second.href, {}, browser.cookies(host))).status, 303, 'it was good for its own')
})

test('section 4.5: the partner’s code of a victim, in a login that the attacker began', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  const own = new URL(await box.held(victim))
  const url = new URL(await box.held(attacker, {}, 'bob'))
  url.searchParams.set('code', own.searchParams.get('code')!)
  const response = await box.ask(url.href, {}, attacker.cookies(host))
  assert.equal(response.status, 403)
  assert.deepEqual(response.headers.getSetCookie(), [])
  assert.equal((await box.ask(own.href, {}, victim.cookies(host))).status, 303, 'it was good for the victim')
})

test('section 4.7: a callback that is opened twice logs nobody in twice', async () => {
  const browser = box.browser()
  const url = await box.held(browser)
  const cookies = browser.cookies(host)
  const answers = await Promise.all(Array.from({ length: 8 }, () => box.ask(url, {}, cookies)))
  const codes = answers.filter((each) => each.headers.get('location')?.includes('?code='))
  assert.equal(codes.length, 1)
  assert.equal(answers.filter((each) => each.headers.getSetCookie().length > 0).length, 1)
})

test('section 4.7: consent is given by the browser and session that were asked, and by nobody else', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  const form = await consentForm(victim)
  const ours = victim.cookies(host)
  await consentForm(attacker)
  const theirs = attacker.cookies(host)
  const send = (fields: Record<string, string>, cookies: Record<string, string>) =>
    box.ask('/consent', { method: 'POST', body: new URLSearchParams(fields) }, cookies)
  await assertEnded(await send(form, {}))
  await assertEnded(await send(form, theirs))
  await assertEnded(await send(form, { ...ours, browser: theirs.browser! }))
  for (const session of [theirs.session!, 'A'.repeat(43)]) await assertToClient(await send(form, { ...ours, session }))
  for (const proof of ['A'.repeat(43), form.proof!.slice(1), `${form.proof!}=`])
    await assertToClient(await send({ ...form, proof }, ours))
  const other = await consentForm(victim)
  assert.notEqual(other.proof, form.proof)
  await assertToClient(await send({ ...form, proof: other.proof! }, ours))
  const { proof: _, ...unproven } = form
  assert.equal((await send(unproven, ours)).status, 400)
  const good = await send(form, ours)
  assert.ok(new URL(good.headers.get('location')!).searchParams.has('code'), 'none of it has spent the question')
  await assertEnded(await send(form, ours))
})

/** The redirect URI is trusted, and nothing else: an error, and no code. */
async function assertToClient(response: Response): Promise<void> {
  const page = await response.text()
  if (response.status === 400) return assert.ok(page.includes('This login cannot be continued'))
  const location = new URL(response.headers.get('location')!)
  assert.equal(location.searchParams.get('code'), null)
  assert.ok(location.searchParams.has('error'))
}

test('section 4.7: a consent that another site sends comes without cookies, and is none', async () => {
  const victim = box.browser()
  const form = await consentForm(victim)
  box.app.arrived = new URLSearchParams()
  await postFromElsewhere(victim, '/consent', form)
  assert.equal(victim.status, 400)
  assert.deepEqual([...box.app.arrived], [])
  await box.login(victim, third)
  assert.ok(victim.page.forms.length > 0, 'it is still asked for')
})

test('section 4.7: an authorization request that another site posts is no consent', async () => {
  const victim = box.browser()
  await box.login(victim)
  const { searchParams } = new URL(box.authorizationUrl(third))
  box.app.arrived = new URLSearchParams()
  await postFromElsewhere(victim, '/authorize', { ...Object.fromEntries(searchParams), decision: 'allow', proof: 'x' })
  assert.match(victim.page.text, /Third <Party>/)
  assert.deepEqual([...box.app.arrived], [])
})

test('section 4.7: a choice that another site makes begins a login at an issuer, and ends none', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  await attacker.open(box.authorizationUrl({ client_id: 'second-app' }))
  const { href } = attacker.page.links.find(({ id }) => id === 'issuer-other')!
  await box.login(victim)
  await assertEnded(await box.ask(href, {}, victim.cookies(host)))
})

test('fixation: a session that was planted before a login is worth nothing after it', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  await box.login(attacker, {}, 'bob')
  const planted = attacker.cookies(host)
  await plant(victim, { session: planted.session!, browser: planted.browser! })
  await box.login(victim, { prompt: 'login' })
  const { session } = victim.cookies(host)
  assert.ok(session !== undefined && session !== planted.session)
  assert.equal((await box.login(attacker, { prompt: 'none' })).get('error'), 'login_required')
  const { body } = await box.redeem((await box.login(victim, { prompt: 'none' })).get('code'))
  assert.equal(decodeJwt(String(body.id_token)).sub, 'acme-partner:e-1041')
})

test('fixation: a secret of nobody that was planted is never a session, nor becomes one', async () => {
  const victim = box.browser()
  const planted = 'A'.repeat(43)
  await plant(victim, { session: planted })
  await box.login(victim)
  assert.notEqual(victim.cookies(host).session, planted)
  const response = await box.ask(box.authorizationUrl({ prompt: 'none' }), {}, { session: planted })
  assert.match(response.headers.get('location')!, /error=login_required/)
})

test('fixation: who has planted the browser’s secret can neither finish its login nor use its session', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  await box.held(attacker, {}, 'bob')
  const secret = attacker.cookies(host).browser!
  await plant(victim, { browser: secret })
  const arrived = await box.login(victim)
  assert.ok(arrived.get('code'))
  assert.ok(victim.cookies(host).session)
  for (const cookies of [{ browser: secret }, attacker.cookies(host)]) {
    const response = await box.ask(box.authorizationUrl({ prompt: 'none' }), {}, cookies)
    assert.match(response.headers.get('location')!, /error=login_required/)
  }
  // The consent of the victim hangs on their session too.
  const form = await consentForm(victim)
  const answer = await box.ask('/consent', { method: 'POST', body: new URLSearchParams(form) }, { browser: secret })
  await assertToClient(answer)
})

test('fixation: a session that is planted later shows its own login, and nothing of the victim’s', async () => {
  const [victim, attacker] = [box.browser(), box.browser()]
  await box.login(victim)
  await box.login(attacker, {}, 'bob')
  await plant(victim, { session: attacker.cookies(host).session! })
  const code = (await box.login(victim, { prompt: 'none' })).get('code')
  const { sub } = decodeJwt(String((await box.redeem(code)).body.id_token))
  assert.equal(sub, 'acme-partner:e-2077')
  await box.login(victim, third)
  assert.match(victim.page.text, /bob@partner\.example/, 'the consent page says whose login it is')
  assert.doesNotMatch(victim.source, /alice/i)
})

test('cookies: of two of one name neither is believed', async () => {
  const browser = box.browser()
  await box.login(browser)
  const { session } = browser.cookies(host)
  const url = box.authorizationUrl({ prompt: 'none' })
  for (const cookie of [
    `session=${session!}; session=${'A'.repeat(43)}`,
    `session=${'A'.repeat(43)}; session=${session!}`,
  ]) {
    const response = await box.ask(url, { headers: { cookie } })
    assert.match(response.headers.get('location')!, /error=login_required/)
  }
  assert.match((await box.ask(url, {}, { session: session! })).headers.get('location')!, /[?]code=/)
})
