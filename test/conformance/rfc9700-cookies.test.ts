import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loginBox } from './login-fixture.ts'

/** Behind a gateway that ends TLS, as deployed. */
const issuer = 'https://broker.acme.test'
const box = loginBox(undefined, { issuer })

/** Names and values of what is set, and that it is set as it must be. */
function cookiesOf(response: Response): Record<string, string> {
  const all = response.headers.getSetCookie().map((line) => {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split('=')
    assert.match(name, /^__Host-(?:browser|session)$/)
    assert.match(value, /^[\w-]{43}$/)
    assert.deepEqual(attributes.toSorted(), ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
    return [name, value]
  })
  return Object.fromEntries(all) as Record<string, string>
}

test('cookies over https: __Host-, Secure, HttpOnly, SameSite=Lax, until the browser is closed', async () => {
  const began = await box.ask(box.authorizationUrl())
  const first = cookiesOf(began)
  assert.deepEqual(Object.keys(first), ['__Host-browser'])
  const browser = box.browser()
  const url = await box.holding(async () => {
    await browser.open(began.headers.get('location')!)
    await browser.click('log-in', { username: 'alice', password: 'example' })
  })
  assert.ok(url.startsWith(`${issuer}/callback/acme-partner?`))
  const { search } = new URL(url)
  // As another host of the domain, or http, can set them.
  const plain = Object.fromEntries(Object.entries(first).map(([name, value]) => [name.replace('__Host-', ''), value]))
  assert.equal((await box.ask(`/callback/acme-partner${search}`, {}, plain)).status, 400)
  const answered = await box.ask(`/callback/acme-partner${search}`, {}, first)
  const second = cookiesOf(answered)
  assert.deepEqual(Object.keys(second), ['__Host-session'])
  const location = new URL(answered.headers.get('location')!)
  assert.ok(location.searchParams.get('code'))
  assert.equal(location.searchParams.get('iss'), issuer)
  const silent = box.authorizationUrl({ prompt: 'none' })
  assert.match((await box.ask(silent, {}, second)).headers.get('location')!, /[?]code=/)
  const session = second['__Host-session']!
  assert.match((await box.ask(silent, {}, { session })).headers.get('location')!, /error=login_required/)
})

test('answers without anything to remember set no cookie', async () => {
  for (const changes of [{ prompt: 'none' }, { response_type: 'x' }, { client_id: 'nobody' }, { redirect_uri: 'x' }])
    assert.deepEqual(cookiesOf(await box.ask(box.authorizationUrl(changes))), {})
  for (const path of ['/callback/acme-partner?state=x', '/login?id=x', '/token', '/userinfo', '/jwks', '/x'])
    assert.deepEqual(cookiesOf(await box.ask(path)), {})
})

test('answers over https say that it stays so', async () => {
  for (const path of [box.authorizationUrl(), '/authorize', '/callback/acme-partner', '/token', '/userinfo', '/jwks'])
    assert.match((await box.ask(path)).headers.get('strict-transport-security') ?? '', /^max-age=[1-9]\d{7}/, path)
})
