import assert from 'node:assert/strict'
import { test } from 'node:test'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox } from './login-fixture.ts'

const box = loginBox()
const host = '127.0.0.1'
const third = { client_id: 'third-party', prompt: 'consent' }
const jwt = /eyJ[\w-]+(?:\.|%2E)/i

for (const response_type of [
  'token',
  'id_token',
  'id_token token',
  'code token',
  'code id_token',
  'code id_token token',
  'none',
  'code code',
  'Code',
])
  for (const response_mode of [undefined, 'query', 'fragment', 'form_post'])
    test(`section 2.1.2: response_type=${response_type}, response_mode=${response_mode}: no token in the front channel`, async () => {
      const browser = box.browser()
      await box.login(browser)
      const arrived = await box.login(browser, { response_type, response_mode })
      assert.equal(arrived.get('error'), 'unsupported_response_type')
      for (const name of ['code', 'access_token', 'id_token']) assert.equal(arrived.get(name), null)
      assert.ok(!browser.visited.some((url) => url.includes('#') || jwt.test(url)))
    })

test('section 2.1.2 and 4.3.2: no URL on the way of a login holds a token or a cookie’s secret', async () => {
  const browser = box.browser()
  await box.login(browser)
  await box.login(browser, third)
  await browser.click('consent-allow')
  await box.login(browser, { response_mode: 'form_post' })
  await box.login(browser, { prompt: 'login' })
  const { session, browser: secret } = browser.cookies(host)
  assert.ok(session && secret && browser.visited.length > 15)
  for (const url of browser.visited) {
    assert.doesNotMatch(url, jwt)
    assert.doesNotMatch(url, /access_token|id_token=|client_secret|code_verifier/)
    assert.ok(!url.includes(session) && !url.includes(secret))
  }
})

test('section 4.3.2: /userinfo takes no token from a URL', async () => {
  const { body } = await box.tokens()
  const response = await box.ask(`/userinfo?access_token=${String(body.access_token)}`)
  assert.equal(response.status, 401)
})

/** Every kind of page, by how one comes to it. */
async function pages(): Promise<Map<string, Response>> {
  const browser = box.browser()
  const all = new Map<string, Response>()
  const add = async (title: string, path: string, init?: RequestInit, cookies = browser.cookies(host)) => {
    const response = await box.ask(path, init, cookies)
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8', title)
    all.set(title, response)
  }
  await box.login(browser)
  await browser.open(box.authorizationUrl({ client_id: 'second-app', prompt: 'select_account' }))
  const login = browser.page.links.find(({ id }) => id === 'issuer-other')!.href
  await add('choice', box.authorizationUrl({ client_id: 'second-app', prompt: 'select_account' }))
  await add('choice, unknown', login.replace('issuer=other', 'login_hint=a@nowhere.example'))
  await add('consent', box.authorizationUrl(third))
  await add('form_post', box.authorizationUrl({ response_mode: 'form_post' }))
  await add('form_post of an error', box.authorizationUrl({ response_mode: 'form_post', scope: 'x' }))
  const cancelled = new URL(await box.held(browser, { prompt: 'login' }))
  cancelled.searchParams.delete('code')
  cancelled.searchParams.set('error', 'access_denied')
  await add('upstream error', cancelled.href)
  await add('error at /authorize', '/authorize')
  await add('unknown client', box.authorizationUrl({ client_id: 'nobody' }))
  await add('error at /callback', '/callback/acme-partner?state=x&code=x')
  await add('error at /login', '/login?id=x')
  await add('error at /consent', '/consent', { method: 'POST', body: new URLSearchParams({ id: 'x' }) })
  await add('415', '/consent', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  await add('405', '/authorize', { method: 'DELETE' })
  await add('413', `/authorize?${'x=y&'.repeat(4_000)}`)
  await add('another browser', cancelled.href, {}, {})
  return all
}

test('section 4.16: no page is framed, in browsers old and new', async () => {
  for (const [title, { headers }] of await pages()) {
    assert.match(headers.get('content-security-policy') ?? '', /(?:^|; )frame-ancestors 'none'(?:;|$)/, title)
    assert.equal(headers.get('x-frame-options'), 'DENY', title)
  }
})

test('section 4.2.4 and 4.3: no page is kept, or tells where one came from, or loads anything of others', async () => {
  for (const [title, response] of await pages()) {
    assert.equal(response.headers.get('referrer-policy'), 'no-referrer', title)
    assert.equal(response.headers.get('cache-control'), 'no-store', title)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff', title)
    const policy = response.headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; style-src (?:'sha256-[^']+' ?)+;/, title)
    assert.doesNotMatch(policy, /unsafe|https?:\/\/(?!127\.0\.0\.1)|\*/, title)
    assert.equal(/script-src ([^;]*)/.exec(policy)?.[1]?.split(' ').length ?? 0, title.startsWith('form_post') ? 1 : 0)
    const source = await response.text()
    assert.doesNotMatch(
      source,
      /\b(?:src|srcset|poster|background)=|url\(|@import|http-equiv|<(?:iframe|object|embed|base)\b/i,
      title,
    )
    assert.deepEqual([...source.matchAll(/<link\b[^>]*>/g)].map(String), ['<link rel="icon" href="data:," />'], title)
  }
})

test('section 4.2: pages hold no more of a login than what is sent on from them', async () => {
  const { searchParams } = new URL(box.authorizationUrl())
  for (const [title, response] of await pages()) {
    const source = await response.text()
    for (const name of ['nonce', 'code_challenge']) assert.ok(!source.includes(searchParams.get(name)!), title)
    const answers = title.startsWith('form_post') || title === 'upstream error'
    assert.equal(source.includes(searchParams.get('state')!), answers, title)
    assert.doesNotMatch(source, jwt, title)
  }
})

test('section 4.2.4: redirects, and the answers of /token and /userinfo, are kept by nobody', async () => {
  const browser = box.browser()
  const redirects = [
    await box.ask(box.authorizationUrl()),
    await box.ask(box.authorizationUrl({ prompt: 'none' })),
    await box.ask('/authorize', { method: 'POST', body: new URL(box.authorizationUrl()).searchParams }),
    await box.ask(await box.held(browser), {}, browser.cookies(host)),
  ]
  for (const { status, headers } of redirects) {
    assert.equal(status, 303)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
  }
  const { headers, body } = await box.tokens()
  const asked = await fetch(`${box.broker.url}/userinfo`, {
    headers: { authorization: `Bearer ${String(body.access_token)}` },
  })
  for (const each of [headers, asked.headers, (await box.redeem('x')).headers, (await box.ask('/userinfo')).headers])
    assert.equal(each.get('cache-control'), 'no-store')
})

test('what a request says is text on a page, and nothing else', async () => {
  const markup = `"'><script>alert(1)</script><!--`
  const browser = box.browser()
  await box.login(browser)
  for (const changes of [
    { response_mode: 'form_post', state: markup },
    { response_mode: 'form_post', state: markup, scope: markup },
    { client_id: markup },
    { redirect_uri: markup },
    { ...third, state: markup, nonce: markup, login_hint: markup },
    { client_id: 'second-app', prompt: 'select_account', login_hint: markup, ui_locales: markup },
  ]) {
    const response = await box.ask(box.authorizationUrl(changes), {}, browser.cookies(host))
    assert.ok(!(await response.text()).includes('<script>alert'))
  }
  const arrived = await box.login(browser, { response_mode: 'form_post', state: markup })
  assert.equal(arrived.get('state'), markup)
})

test('a line break in state or redirect_uri makes no header', async () => {
  const state = 'x\r\nSet-Cookie: session=1\r\n\r\n<p>'
  const { headers } = await box.ask(box.authorizationUrl({ state, prompt: 'none' }))
  assert.equal(new URL(headers.get('location')!).searchParams.get('state'), state)
  assert.deepEqual(headers.getSetCookie(), [])
})

test('section 4.13: what a proxy, or a client in its place, says of the request changes no URL of ours', async () => {
  const headers = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'ftp',
    'x-forwarded-prefix': '/evil',
    forwarded: 'host=evil.example;proto=ftp',
    'x-original-url': '/evil',
    'x-rewrite-url': '/evil',
    origin: 'https://evil.example',
    referer: 'https://evil.example/',
  }
  for (const path of [
    box.authorizationUrl(),
    box.authorizationUrl({ prompt: 'none' }),
    box.authorizationUrl({ client_id: 'second-app' }),
    '/.well-known/openid-configuration',
    '/authorize',
  ]) {
    const response = await box.ask(path, { headers })
    const all = JSON.stringify([...response.headers]) + (await response.text())
    assert.doesNotMatch(all, /evil|ftp/, path)
  }
  const upstream = new URL((await box.ask(box.authorizationUrl(), { headers })).headers.get('location')!)
  assert.equal(upstream.searchParams.get('redirect_uri'), `${box.broker.url}/callback/acme-partner`)
})

test('section 2.6: what the metadata lists is there, and what is there it lists', async () => {
  const metadata = (await (await box.ask('/.well-known/openid-configuration')).json()) as Record<string, unknown>
  assert.equal(metadata.issuer, box.broker.url)
  assert.deepEqual(metadata.response_types_supported, ['code'])
  assert.deepEqual(metadata.response_modes_supported, ['query', 'form_post'])
  assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
  assert.equal(metadata.authorization_response_iss_parameter_supported, true)
  for (const [name, value] of Object.entries(metadata))
    if (/_endpoint$|_uri$/.test(name)) assert.notEqual((await box.ask(String(value))).status, 404, name)
  const authorization = basicAuthorization('confidential', clientSecret)
  const granted = async (grant_type: string) =>
    (await box.redeem('x', { grant_type, client_id: undefined }, { authorization })).body.error !==
    'unsupported_grant_type'
  for (const grant_type of metadata.grant_types_supported as string[]) assert.ok(await granted(grant_type), grant_type)
  for (const grant_type of ['password', 'implicit', 'urn:ietf:params:oauth:grant-type:device_code'])
    assert.equal(
      await granted(grant_type),
      (metadata.grant_types_supported as string[]).includes(grant_type),
      grant_type,
    )
  for (const [name, supported] of [
    ['request', metadata.request_parameter_supported],
    ['request_uri', metadata.request_uri_parameter_supported],
    ['claims', metadata.claims_parameter_supported],
  ] as const) {
    const { headers } = await box.ask(box.authorizationUrl({ prompt: 'none', [name]: '{}' }))
    assert.equal(headers.get('location')?.includes('error=login_required'), supported, name)
  }
})
