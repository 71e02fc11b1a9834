import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { cookieJar } from '../../../local/demo/cookie-jar.ts'
import { htmlBrowser } from '../../../local/demo/html-browser.ts'
import { serve } from '../../http/test-server.ts'

interface Received {
  line: string
  body: string
  headers: IncomingMessage['headers']
}

/** A site that answers a path with a page, or as the function says, and keeps what it was asked. */
async function site(
  t: TestContext,
  pages: Record<string, string | ((response: ServerResponse) => void)>,
): Promise<{ origin: string; other: string; received: Received[] }> {
  const received: Received[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url = '', headers } = request
    received.push({ line: `${method} ${url}`, body: await text(request), headers })
    const page = pages[new URL(url, 'http://here.invalid').pathname] ?? ''
    if (typeof page === 'string') response.setHeader('content-type', 'text/html').end(page)
    else page(response)
  }
  const port = await serve(t, (request, response) => void answer(request, response))
  return { origin: `http://127.0.0.1:${port}`, other: `http://localhost:${port}`, received }
}

const to = (location: string, headers: Record<string, string | string[]> = {}, status = 303) => {
  return (response: ServerResponse) => void response.writeHead(status, { location, ...headers }).end()
}
const setting = (...cookies: string[]) => {
  return (response: ServerResponse) => void response.setHeader('set-cookie', cookies).end()
}

test('it follows links and redirects, and tells every URL', async (t) => {
  const { origin, received } = await site(t, {
    '/': '<title>Start</title><h1>Hello</h1> <a id="go" href="/a?x=1&amp;y=2">go</a><style>p{}</style>',
    '/a': to('/b?code=1#fragment', {}, 302),
    '/b': '<p>there</p>',
  })
  const browser = htmlBrowser()
  await browser.open(origin)
  assert.deepEqual([browser.page.title, browser.page.text], ['Start', 'Start Hello go'])
  await browser.click('go')
  assert.deepEqual([browser.status, browser.page.text], [200, 'there'])
  assert.deepEqual(browser.visited, [`${origin}/`, `${origin}/a?x=1&y=2`, `${origin}/b?code=1#fragment`])
  assert.equal(browser.url, browser.visited.at(-1))
  assert.deepEqual(
    received.map(({ line }) => line),
    ['GET /', 'GET /a?x=1&y=2', 'GET /b?code=1'],
  )
})

test('it never says where it comes from', async (t) => {
  const { origin, received } = await site(t, { '/': '<a id="go" href="/a">go</a>' })
  const browser = htmlBrowser()
  await browser.open(`${origin}/?secret=1`)
  await browser.click('go')
  assert.deepEqual(
    received.map(({ headers }) => headers.referer),
    [undefined, undefined],
  )
})

test('a form is sent with what it holds, what was typed and the button that was pressed', async (t) => {
  const { origin, received } = await site(t, {
    '/': `<form method="post" action="/sent">
      <input type="hidden" name="id" value="&quot;&lt;&#39;" /> <input id="who" name="user" value="x" />
      <input type="checkbox" name="off" /> <input type="checkbox" name="on" value="1" checked />
      <button type="button" name="no">no</button>
      <button id="yes" name="decision" value="allow">yes</button> <button id="cancel" name="decision" value="deny">no</button>
    </form>`,
    '/sent': to('/done'),
  })
  const browser = htmlBrowser()
  await browser.open(origin)
  const [form] = browser.page.forms
  await browser.click('cancel', { who: 'a b' })
  await browser.submit(form!)
  const posts = received
    .filter(({ line }) => line === 'POST /sent')
    .map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
  assert.deepEqual(posts, [
    { id: '"<\'', user: 'a b', on: '1', decision: 'deny' },
    { id: '"<\'', user: 'x', on: '1', decision: 'allow' },
  ])
  // Not again what was posted.
  assert.deepEqual(
    received.map(({ line }) => line),
    ['GET /', 'POST /sent', 'GET /done', 'POST /sent', 'GET /done'],
  )
})

test('a form without method and action asks its own page', async (t) => {
  const { origin, received } = await site(t, {
    '/p': '<form><input name="q" value="1"><button id="b">b</button></form>',
  })
  const browser = htmlBrowser()
  await browser.open(`${origin}/p?old=1`)
  await browser.click('b')
  assert.equal(received.at(-1)?.line, 'GET /p?q=1')
})

test('the button of a page that a script would send on is pressed, but not where a person is asked', async (t) => {
  const script = '<script>document.forms[0].submit()</script>'
  const form = (field: string) => `<form method="post" action="/cb">${field}<button id="b">Continue</button></form>`
  const hidden = '<input type="hidden" name="code" value="1">'
  const { origin, received } = await site(t, {
    '/auto': form(hidden) + script,
    '/asks': form(`${hidden}<input name="who">`) + script,
    '/plain': form(hidden),
  })
  const browser = htmlBrowser()
  await browser.open(`${origin}/asks`)
  await browser.open(`${origin}/plain`)
  assert.equal(browser.url, `${origin}/plain`)
  await browser.open(`${origin}/auto`)
  assert.equal(browser.url, `${origin}/cb`)
  assert.deepEqual(
    received.filter(({ line }) => line.startsWith('POST')).map(({ body }) => body),
    ['code=1'],
  )
})

test('what is not there cannot be clicked or filled in', async (t) => {
  const { origin } = await site(t, {
    '/': '<a id="link" href="/">l</a><form><input id="a" name="a"><button id="b">b</button></form>',
  })
  const browser = htmlBrowser()
  await browser.open(origin)
  await assert.rejects(browser.click('c'), /nothing to click called c/)
  await assert.rejects(browser.click('b', { other: '' }), /no field other/)
  await assert.rejects(browser.click('link', { a: '' }), /nothing to click called link/)
})

test('it gives up where redirects have no end', async (t) => {
  const { origin, received } = await site(t, { '/': to('/') })
  await assert.rejects(htmlBrowser().open(origin), /redirects without end/)
  assert.equal(received.length, 21)
})

for (const [title, cookies, path, sent] of [
  ['a cookie comes back', ['a=1'], '/', 'a=1'],
  ['an equals sign in the value stays', ['a=1=2'], '/', 'a=1=2'],
  ['the last of a name counts', ['a=1; Path=/', 'a=2; Path=/'], '/', 'a=2'],
  ['longer paths come first', ['a=1; Path=/', 'b=2; Path=/x'], '/x/y', 'b=2; a=1'],
  ['a path is not a prefix of names', ['a=1; Path=/x'], '/xy', undefined],
  ['without a path it is the folder of the page', ['a=1'], '/other', 'a=1'],
  ['Max-Age=0 removes', ['a=1; Path=/', 'a=; Path=/; Max-Age=0'], '/', undefined],
  [
    'an Expires that is past removes',
    ['a=1; Path=/', 'a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'],
    '/',
    undefined,
  ],
  ['Max-Age wins over Expires', ['a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT'], '/', 'a=1'],
  ['Secure is not set without TLS', ['a=1; Secure'], '/', undefined],
  ['__Host- is not set without Secure', ['__Host-a=1; Path=/'], '/', undefined],
  ['SameSite=None is not set without Secure', ['a=1; SameSite=None'], '/', undefined],
] as const) {
  test(`cookies: ${title}`, async (t) => {
    const { origin, received } = await site(t, { '/set': setting(...cookies) })
    const browser = htmlBrowser()
    await browser.open(`${origin}/set`)
    await browser.open(origin + path)
    assert.equal(received.at(-1)?.headers.cookie, sent)
  })
}

test('cookies: set below a folder, they stay there', async (t) => {
  const { origin, received } = await site(t, { '/x/y': setting('a=1') })
  const browser = htmlBrowser()
  for (const path of ['/x/y', '/x/z', '/x', '/z']) await browser.open(origin + path)
  assert.deepEqual(
    received.map(({ headers }) => headers.cookie),
    [undefined, 'a=1', 'a=1', undefined],
  )
})

test('cookies: Max-Age ends them', async (t) => {
  const { origin, received } = await site(t, { '/set': setting('a=1; Max-Age=60') })
  let now = 1_000_000
  const browser = htmlBrowser(() => now)
  await browser.open(`${origin}/set`)
  now += 59_999
  await browser.open(origin)
  assert.deepEqual(browser.cookies('127.0.0.1'), { a: '1' })
  now += 1
  await browser.open(origin)
  assert.deepEqual(
    received.map(({ headers }) => headers.cookie),
    [undefined, 'a=1', undefined],
  )
  assert.deepEqual(browser.cookies('127.0.0.1'), {})
})

test('cookies: a host has them on all its ports, and another host has none', async (t) => {
  const one = await site(t, { '/set': setting('a=1; Path=/') })
  const two = await site(t, {})
  const browser = htmlBrowser()
  await browser.open(`${one.origin}/set`)
  await browser.open(two.origin)
  await browser.open(two.other)
  assert.deepEqual(
    two.received.map(({ headers }) => headers.cookie),
    ['a=1', undefined],
  )
})

test('cookies: with what another site sends go those that are not strict, and with its POSTs none', async (t) => {
  const { origin, other, received } = await site(t, {
    '/set': setting('default=1', 'lax=1; SameSite=Lax', 'strict=1; SameSite=Strict'),
    '/elsewhere': '',
  })
  const page = `<a id="link" href="${origin}/in">in</a><form method="post" action="${origin}/in"><button id="post">in</button></form>`
  const attacker = await site(t, { '/': page, '/back': to(`${origin}/in`) })
  const browser = htmlBrowser()
  await browser.open(`${origin}/set`)
  for (const id of ['link', 'post']) {
    await browser.open(attacker.other)
    await browser.click(id)
  }
  await browser.open(`${attacker.other}/back`)
  await browser.open(attacker.origin)
  await browser.click('post')
  assert.ok(other !== origin)
  assert.deepEqual(
    received.slice(1).map(({ headers }) => headers.cookie),
    [
      'default=1; lax=1',
      undefined,
      // The address was typed, and the site sends on.
      'default=1; lax=1; strict=1',
      // The same host.
      'default=1; lax=1; strict=1',
    ],
  )
})

test('cookies: one with a Domain is an error, as none of ours should have it', async (t) => {
  const { origin } = await site(t, { '/': setting('a=1; Domain=example.com') })
  await assert.rejects(htmlBrowser().open(origin), /has a Domain/)
})

for (const [cookie, kept] of [
  ['__Host-a=1; Secure; Path=/', '__Host-a=1'],
  ['__Host-a=1; Secure; Path=/x', ''],
  ['__Host-a=1; Secure', ''],
  ['__Host-a=1; Path=/', ''],
  ['__Secure-a=1; Secure', '__Secure-a=1'],
  ['__Secure-a=1', ''],
  ['a=1; Secure; SameSite=None', 'a=1'],
  ['a=1; SameSite=None', ''],
] as const) {
  test(`cookies: over TLS, ${cookie} is ${kept === '' ? 'not kept' : 'kept'}`, () => {
    const jar = cookieJar(() => 0)
    const url = new URL('https://broker.test/x')
    jar.keep(url, [cookie])
    // Below the path that one of them names.
    assert.equal(jar.header(new URL('https://broker.test/x/y'), { method: 'GET', from: undefined }), kept)
  })
}

test('cookies: what is Secure is not sent without TLS', () => {
  const jar = cookieJar(() => 0)
  jar.keep(new URL('https://broker.test/'), ['a=1; Secure', 'b=1'])
  assert.equal(jar.header(new URL('http://broker.test/'), { method: 'GET', from: undefined }), 'b=1')
})

test('cookies: what is Secure is not taken without TLS', () => {
  const jar = cookieJar(() => 0)
  jar.keep(new URL('http://broker.test/'), ['a=1; Secure', 'b=1'])
  assert.equal(jar.header(new URL('https://broker.test/'), { method: 'GET', from: undefined }), 'b=1')
})
