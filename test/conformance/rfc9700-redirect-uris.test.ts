import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loginBox } from './login-fixture.ts'

const registered = 'https://app.example/cb'
const box = loginBox((text) => text.replaceAll('redirect_uris: [', `redirect_uris: ["${registered}", `))

/** Each reads as `registered` to somebody: to a prefix or pattern match, to a URL parser, or to a browser. */
const hostile: readonly (readonly [title: string, redirect_uri: string])[] = [
  ['another host', 'https://evil.example/cb'],
  ['another scheme', 'http://app.example/cb'],
  ['a subdomain', 'https://evil.app.example/cb'],
  ['a longer domain', 'https://app.example.evil.example/cb'],
  ['a domain that ends alike', 'https://evilapp.example/cb'],
  ['userinfo', 'https://app.example@evil.example/cb'],
  ['userinfo with a password', 'https://app.example:443@evil.example/cb'],
  ['userinfo at the right host', 'https://evil@app.example/cb'],
  ['the default port, written out', 'https://app.example:443/cb'],
  ['another port', 'https://app.example:8443/cb'],
  ['a trailing dot of the host', 'https://app.example./cb'],
  ['upper case in the host', 'https://APP.example/cb'],
  ['upper case in the scheme', 'HTTPS://app.example/cb'],
  ['upper case in the path', 'https://app.example/CB'],
  ['a trailing slash', 'https://app.example/cb/'],
  ['a longer path', 'https://app.example/cb/open-redirector'],
  ['a path that ends alike', 'https://app.example/cbx'],
  ['a shorter path', 'https://app.example/'],
  ['dot segments', 'https://app.example/x/../cb'],
  ['dot segments, encoded', 'https://app.example/cb/%2e%2e/evil'],
  ['a letter, percent-encoded', 'https://app.example/%63b'],
  ['a backslash', 'https://app.example\\@evil.example/cb'],
  ['a backslash instead of a slash', 'https:\\\\app.example\\cb'],
  ['a query', 'https://app.example/cb?next=https://evil.example'],
  ['an empty query', 'https://app.example/cb?'],
  ['a fragment', 'https://app.example/cb#x'],
  ['an empty fragment', 'https://app.example/cb#'],
  ['a space before', ' https://app.example/cb'],
  ['a line break after', 'https://app.example/cb\r\nLocation: https://evil.example'],
  ['a NUL after', 'https://app.example/cb\0'],
  ['a tab within', 'https://app.exa\tmple/cb'],
  ['letters that look alike', 'https://аpp.example/cb'],
  ['a relative reference', '/cb'],
  ['no scheme', '//app.example/cb'],
  ['a script', 'javascript:location="https://evil.example"//https://app.example/cb'],
  ['data', 'data:text/html,<script>1</script>'],
  ['a wildcard', 'https://*.example/cb'],
  ['two of them', 'https://app.example/cb https://app.example/cb'],
  ['a loopback address that is none', 'http://127.0.0.1.evil.example/cb'],
  ['a loopback address by name', 'http://localhost/cb'],
  ['userinfo at a loopback address', 'http://127.0.0.1:80@evil.example/cb'],
]

test('section 2.1: the redirect URI that is registered is answered, so the rows below fail for what they say', async () => {
  const url = box.authorizationUrl({ redirect_uri: registered, prompt: 'none' })
  const response = await box.ask(url)
  assert.equal(response.status, 303)
  assert.ok(response.headers.get('location')?.startsWith(`${registered}?error=login_required&`))
})

for (const [title, redirect_uri] of hostile)
  test(`section 2.1: ${title} in redirect_uri is sent nowhere, whoever asks and however`, async () => {
    const browser = box.browser()
    await box.login(browser)
    const { session, browser: secret } = browser.cookies('127.0.0.1')
    for (const client_id of ['web-app', 'confidential'])
      for (const changes of [
        {},
        { prompt: 'none' },
        { response_mode: 'form_post' },
        { response_type: 'nonsense' },
        { scope: 'x' },
      ]) {
        const url = box.authorizationUrl({ client_id, redirect_uri, ...changes })
        const response = await box.ask(url, {}, { session: session!, browser: secret! })
        assert.equal(response.status, 400, url)
        assert.equal(response.headers.get('location'), null)
        assert.deepEqual(response.headers.getSetCookie(), [])
        const page = await response.text()
        assert.doesNotMatch(page, /<form|href="(?!data:,)|http-equiv|\bevil\b/, 'nor is there a way on')
      }
  })

test('section 2.1: at the token endpoint it is the very same one too, and whoever errs has spent nothing', async () => {
  const { searchParams } = new URL(box.authorizationUrl())
  const redirect_uri = searchParams.get('redirect_uri')!
  const code = (await box.login(box.browser())).get('code')
  const others = [
    registered,
    redirect_uri.replace('/cb', '/with?tenant=1'),
    // RFC 8252 section 7.3 frees the port where it is asked for, not between there and here.
    redirect_uri.replace(/:\d+\//, ':1/'),
    `${redirect_uri}/`,
    `${redirect_uri}?`,
    `${redirect_uri}#`,
    redirect_uri.replace('127.0.0.1', 'localhost'),
    ...hostile.map(([, each]) => each),
  ]
  for (const each of others) {
    const { status, body } = await box.redeem(code, { redirect_uri: each })
    assert.deepEqual([status, body.error], [400, 'invalid_grant'], each)
  }
  const without = await box.redeem(code, { redirect_uri: undefined })
  assert.deepEqual([without.status, without.body.error], [400, 'invalid_request'])
  assert.equal((await box.redeem(code)).status, 200)
})

test('section 4.1.3: only of a loopback redirect URI the port is free', async () => {
  const { port } = new URL(box.app.url)
  for (const [uri, status] of [
    [`http://127.0.0.1:1/cb`, 303],
    [`http://127.0.0.1/cb`, 303],
    [`http://127.0.0.1:65536/cb`, 400],
    [`http://127.0.0.1:0${port}/cb`, 400],
    [`http://127.0.0.1:${port}/other`, 400],
    [`http://127.0.0.2:${port}/cb`, 400],
    [`http://[::1]:${port}/cb`, 400],
    [`http://2130706433:${port}/cb`, 400],
    [`http://127.1:${port}/cb`, 400],
  ] as const)
    assert.equal((await box.ask(box.authorizationUrl({ redirect_uri: uri, prompt: 'none' }))).status, status, uri)
})

for (const repeated of ['client_id', 'redirect_uri', 'response_mode', 'state'])
  test(`section 4.1: two of ${repeated} are sent nowhere`, async () => {
    for (const value of [new URL(box.authorizationUrl()).searchParams.get(repeated) ?? 'query', registered]) {
      const twice = `${box.authorizationUrl({ response_mode: 'query' })}&${new URLSearchParams({ [repeated]: value }).toString()}`
      const response = await box.ask(twice)
      assert.deepEqual([response.status, response.headers.get('location')], [400, null])
    }
  })

test('section 4.11.2: no other endpoint sends a browser where a parameter says', async () => {
  const evil = 'https://evil.example/'
  const names = ['redirect_uri', 'post_logout_redirect_uri', 'return_to', 'next', 'url', 'target_link_uri', 'iss']
  const query = new URLSearchParams(names.map((name): [string, string] => [name, evil])).toString()
  for (const [path, init] of [
    [`/login?${query}`, {}],
    [`/login?id=x&${query}`, {}],
    [`/callback/acme-partner?${query}`, {}],
    [`/callback/acme-partner?state=x&code=x&${query}`, {}],
    [`/authorize?${query}`, {}],
    [`/consent`, { method: 'POST', body: new URLSearchParams(query) }],
    [`//evil.example/authorize`, {}],
    [`/authorize//evil.example`, {}],
    [`/\\evil.example`, {}],
  ] as const) {
    const response = await fetch(box.broker.url + path, { redirect: 'manual', ...init })
    assert.ok(response.status >= 400, path)
    assert.equal(response.headers.get('location'), null, path)
    assert.doesNotMatch(await response.text(), /evil/, path)
  }
})

test('section 4.11.2: a POST of another host’s parameters comes back to /authorize itself', async () => {
  const body = new URLSearchParams({ redirect_uri: 'https://evil.example/', client_id: '//evil.example' })
  for (const path of ['/authorize', '/authorize?redirect_uri=https://evil.example']) {
    const response = await box.ask(path, { method: 'POST', body })
    const next = new URL(response.headers.get('location')!, box.broker.url)
    assert.equal(next.origin + next.pathname, `${box.broker.url}/authorize`)
    assert.equal((await box.ask(next.href)).headers.get('location'), null)
  }
})

test('section 4.12: every redirect is a 303, and a form that is passed on is a GET', async () => {
  const browser = box.browser()
  const seen: number[] = []
  const step = async (path: string, init: RequestInit = {}) => {
    const response = await box.ask(path, init, browser.cookies('127.0.0.1'))
    if (response.headers.has('location')) seen.push(response.status)
    return response
  }
  await step(box.authorizationUrl())
  await step('/authorize', { method: 'POST', body: new URL(box.authorizationUrl()).searchParams })
  await step(box.authorizationUrl({ prompt: 'none' }))
  await step(await box.held(browser))
  await box.login(browser)
  await step(box.authorizationUrl())
  await box.login(browser, { client_id: 'third-party' })
  const fields = browser.page.forms[0]!.fields.map(({ name, value }): [string, string] => [name, value])
  await step('/consent', { method: 'POST', body: new URLSearchParams([...fields, ['decision', 'allow']]) })
  await browser.open(box.authorizationUrl({ client_id: 'second-app', prompt: 'select_account' }))
  await step(browser.page.links.find(({ id }) => id === 'issuer-other')!.href)
  assert.deepEqual(
    seen,
    Array.from({ length: 7 }, () => 303),
  )
})
