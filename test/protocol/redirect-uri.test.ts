import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRegistered, withParameters } from '../../lib/protocol/redirect-uri.ts'

const registered = [
  'https://app.example/cb',
  'https://app.example/with?tenant=1',
  'http://127.0.0.1/cb',
  'http://[::1]:9000/cb',
  'com.example.app:/cb',
]

for (const uri of [
  ...registered,
  'http://127.0.0.1:80/cb',
  'http://127.0.0.1:51004/cb',
  'http://127.0.0.1:65535/cb',
  'http://[::1]/cb',
  'http://[::1]:1/cb',
])
  test(`${uri} is registered`, () => assert.equal(isRegistered(uri, registered), true))

// RFC 9700 section 4.1.1: each is a way in which looser comparisons were open redirects.
for (const [title, uri] of [
  ['another host', 'https://evil.example/cb'],
  ['a host that begins alike', 'https://app.example.evil.example/cb'],
  ['a host that ends alike', 'https://evilapp.example/cb'],
  ['a subdomain', 'https://www.app.example/cb'],
  ['a user name before another host', 'https://app.example@evil.example/cb'],
  ['a path below', 'https://app.example/cb/../evil'],
  ['an encoded path', 'https://app.example/%63b'],
  ['a dot segment', 'https://app.example/./cb'],
  ['a double slash', 'https://app.example//cb'],
  ['a trailing slash', 'https://app.example/cb/'],
  ['no path', 'https://app.example'],
  ['another path', 'https://app.example/other'],
  ['another scheme', 'http://app.example/cb'],
  ['an upper-case scheme', 'HTTPS://app.example/cb'],
  ['an upper-case host', 'https://APP.example/cb'],
  ['a port', 'https://app.example:8443/cb'],
  ['the default port', 'https://app.example:443/cb'],
  ['a query', 'https://app.example/cb?next=https://evil.example'],
  ['an empty query', 'https://app.example/cb?'],
  ['a fragment', 'https://app.example/cb#x'],
  ['another query', 'https://app.example/with?tenant=2'],
  ['a longer query', 'https://app.example/with?tenant=1&x=1'],
  ['no query', 'https://app.example/with'],
  ['a space at the end', 'https://app.example/cb '],
  ['a line break', 'https://app.example/cb\n'],
  ['a back slash', 'https://app.example\\cb'],
  ['a loopback name', 'http://localhost/cb'],
  ['another loopback address', 'http://127.0.0.2/cb'],
  ['a loopback address, spelt otherwise', 'http://127.1/cb'],
  ['a loopback address with https', 'https://127.0.0.1/cb'],
  ['a loopback port that is none', 'http://127.0.0.1:65536/cb'],
  ['a loopback port with zeros', 'http://127.0.0.1:080/cb'],
  ['an empty loopback port', 'http://127.0.0.1:/cb'],
  ['a loopback user name', 'http://127.0.0.1:1@evil.example/cb'],
  ['a loopback user name before a slash', 'http://127.0.0.1@evil.example/cb'],
  ['a host that begins as loopback', 'http://127.0.0.1.evil.example/cb'],
  ['another loopback path', 'http://127.0.0.1:51004/other'],
  ['a loopback fragment', 'http://127.0.0.1:51004/cb#x'],
  ['another private-use scheme', 'com.example.evil:/cb'],
  ['javascript', 'javascript:alert(1)'],
  ['nothing', ''],
] as const)
  test(`${title} is not: ${JSON.stringify(uri)}`, () => assert.equal(isRegistered(uri, registered), false))

test('of a client without redirect URIs none is', () => assert.equal(isRegistered('', []), false))

test('RFC 6749 section 4.1.2: parameters are added to what the query has', () => {
  assert.equal(
    withParameters('https://app.example/cb', { code: 'a b', iss: 'x' }),
    'https://app.example/cb?code=a+b&iss=x',
  )
  assert.equal(withParameters('https://app.example/cb?t=1', { code: 'a' }), 'https://app.example/cb?t=1&code=a')
  assert.equal(withParameters('com.example.app:/cb', { code: '&' }), 'com.example.app:/cb?code=%26')
})
