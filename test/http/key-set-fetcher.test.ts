import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { httpKeySetFetcher } from '../../lib/http/key-set-fetcher.ts'
import type { FetchedKeySet, KeySource } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { parseKeySet } from '../../lib/protocol/key-set.ts'
import { testCertificate } from './test-certificate.ts'
import { serve } from './test-server.ts'

const signal = AbortSignal.timeout(60_000)
const jwk = {
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid: 'a',
  alg: 'ES256',
}
const keys = JSON.stringify({ keys: [jwk] })
const fetcher = httpKeySetFetcher({ local: true })

interface Issuer {
  url: string
  requests: string[]
  discover: (etag?: string) => Promise<FetchedKeySet>
}

/** An issuer whose two documents a test may replace. */
async function issuer(
  t: TestContext,
  documents: { discovery?: (url: string) => unknown; keys?: string | Buffer; serveKeys?: RequestListener } = {},
): Promise<Issuer> {
  const requests: string[] = []
  const port = await serve(t, (request, response) => {
    requests.push(request.url ?? '')
    if (request.url === '/keys')
      return documents.serveKeys ? documents.serveKeys(request, response) : response.end(documents.keys ?? keys)
    const document = documents.discovery ? documents.discovery(url) : { issuer: url, jwks_uri: `${url}/keys` }
    return response.end(typeof document === 'string' ? document : JSON.stringify(document))
  })
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    requests,
    discover: (etag) => fetcher.fetch({ name: 'ci', issuer: url, jwks: { discovery: true } }, etag, signal),
  }
}

async function unavailable(fetching: Promise<unknown>, detail: RegExp): Promise<void> {
  await assert.rejects(fetching, (error) => {
    assert.ok(error instanceof UnavailableError)
    assert.equal(error.dependency, 'issuer_keys')
    assert.match(error.message, detail)
    return true
  })
}

test('discovery names the key set', async (t) => {
  const { discover, requests } = await issuer(t)
  assert.deepEqual(await discover(), { notModified: false, keys: parseKeySet({ keys: [jwk] }), etag: undefined })
  assert.deepEqual(requests, ['/.well-known/openid-configuration', '/keys'])
})

test('one trailing slash of the issuer is left out of the path, and kept in the comparison', async (t) => {
  const { url, requests } = await issuer(t, {
    discovery: (url) => ({ issuer: `${url}/tenant/`, jwks_uri: `${url}/keys` }),
  })
  await fetcher.fetch({ name: 'ci', issuer: `${url}/tenant/`, jwks: { discovery: true } }, undefined, signal)
  assert.equal(requests[0], '/tenant/.well-known/openid-configuration')
  await unavailable(
    fetcher.fetch({ name: 'ci', issuer: `${url}/tenant`, jwks: { discovery: true } }, undefined, signal),
    /another issuer/,
  )
})

test('the keys of a bundle are those of a trust domain alone', async (t) => {
  const bundle = {
    keys: [
      { ...jwk, use: 'jwt-svid' },
      { ...jwk, kid: 'x', use: 'x509-svid' },
    ],
  }
  const { url } = await issuer(t, { keys: JSON.stringify(bundle) })
  const fetchFor = (issuer: string) =>
    fetcher.fetch({ name: 'ci', issuer, jwks: { uri: `${url}/keys` } }, undefined, signal)
  assert.deepEqual(await fetchFor('spiffe://acme.example'), {
    notModified: false,
    keys: parseKeySet({ keys: [jwk] }),
    etag: undefined,
  })
  await unavailable(fetchFor('https://acme.example'), /no usable key/)
})

test('a configured uri needs no discovery, and uploaded keys need nothing', async (t) => {
  const { url, requests } = await issuer(t)
  const fetched = await fetcher.fetch(
    { name: 'ci', issuer: 'https://elsewhere.example', jwks: { uri: `${url}/keys` } },
    undefined,
    signal,
  )
  assert.equal(fetched.notModified, false)
  assert.deepEqual(requests, ['/keys'])
  const uploaded = parseKeySet({ keys: [jwk] })
  const source: KeySource = { name: 'ci', issuer: 'https://elsewhere.example', jwks: { keys: uploaded } }
  assert.deepEqual(await fetcher.fetch(source, undefined, signal), {
    notModified: false,
    keys: uploaded,
    etag: undefined,
  })
})

test('the etag comes back with the next fetch of the same url, and 304 says so', async (t) => {
  const asked: (string | undefined)[] = []
  const serveKeys: RequestListener = ({ headers }, response) => {
    asked.push(headers['if-none-match'])
    if (headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else response.writeHead(200, { etag: '"1"' }).end(keys)
  }
  const [one, other] = [await issuer(t, { serveKeys }), await issuer(t, { serveKeys })]
  const first = await one.discover()
  assert.ok(!first.notModified && first.etag !== undefined)
  assert.deepEqual(await one.discover(first.etag), { notModified: true })
  assert.equal((await other.discover(first.etag)).notModified, false, 'a tag says nothing about another url')
  assert.equal((await one.discover('"1"\r\nx: y')).notModified, false, 'what is no tag is not sent')
  assert.deepEqual(asked, [undefined, '"1"', undefined, undefined])
})

for (const [what, discovery, detail] of [
  [
    'another issuer',
    (url: string) => ({ issuer: `${url}/`, jwks_uri: `${url}/keys` }),
    /discovery: the document names another issuer/,
  ],
  ['no issuer', (url: string) => ({ jwks_uri: `${url}/keys` }), /another issuer/],
  ['an issuer in an array', (url: string) => ({ issuer: [url], jwks_uri: `${url}/keys` }), /another issuer/],
  [
    'an issuer twice',
    (url: string) => `{"issuer":"https://x.example","issuer":"${url}","jwks_uri":"${url}/keys"}`,
    /duplicate member name/,
  ],
  ['no jwks_uri', (url: string) => ({ issuer: url }), /no jwks_uri/],
  [
    'a jwks_uri over http',
    (url: string) => ({ issuer: url, jwks_uri: 'http://keys.example/' }),
    /key set: not an https URL/,
  ],
  [
    'a jwks_uri inside',
    (url: string) => ({ issuer: url, jwks_uri: 'https://169.254.169.254/latest' }),
    /key set: the host has an address/,
  ],
  ['a jwks_uri that is a file', (url: string) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' }), /not an https URL/],
  ['HTML', () => '<!doctype html><p>secret', /discovery: not valid JSON$/],
  ['an array', () => '[]', /not a JSON object/],
  ['nothing', () => '', /not valid JSON/],
] as [string, (url: string) => unknown, RegExp][]) {
  test(`a discovery document with ${what} is no answer`, async (t) => {
    const { discover, requests } = await issuer(t, { discovery })
    await unavailable(discover(), detail)
    assert.deepEqual(requests, ['/.well-known/openid-configuration'])
  })
}

for (const [what, body, detail] of [
  ['HTML', '<!doctype html><p>secret', /key set: not valid JSON$/],
  ['nothing', '', /not valid JSON/],
  ['garbage', '{"keys":[', /not valid JSON/],
  ['no keys', '{"keys":[]}', /the key set is empty/],
  ['no usable key', '{"keys":[{"kty":"oct","k":"c2VjcmV0"},null]}', /no usable key/],
  ['keys that are no array', '{"keys":{}}', /not an array/],
  ['another object', '{"error":"secret"}', /not a JWK set/],
  ['its keys twice', `{"keys":[],"keys":[${JSON.stringify(jwk)}]}`, /duplicate member name/],
  ['a byte order mark', `\uFEFF${keys}`, /not valid JSON/],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /not valid UTF-8/],
  ['300 KiB', JSON.stringify({ keys: [jwk], x: 'x'.repeat(300 * 1024) }), /longer than/],
] as [string, string | Buffer, RegExp][]) {
  test(`a key set with ${what} is no answer, and nothing of it is quoted`, async (t) => {
    const { discover } = await issuer(t, { keys: body })
    await unavailable(discover(), detail)
    await discover().catch((error: Error) => assert.doesNotMatch(error.message, /secret/))
  })
}

for (const [what, serveKeys, detail] of [
  ['gzip', (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(keys)), /encoded/],
  [
    'a redirect',
    (_, response) => response.writeHead(302, { location: '/.well-known/openid-configuration' }).end(),
    /answered 302/,
  ],
  ['an error', (_, response) => response.writeHead(500).end(keys), /answered 500/],
  ['an unasked 304', (_, response) => response.writeHead(304).end(), /answered 304/],
] as [string, RequestListener, RegExp][]) {
  test(`${what} is no answer`, async (t) => {
    const { discover } = await issuer(t, { serveKeys })
    await unavailable(discover(), detail)
  })
}

test('both documents share two seconds', async (t) => {
  const port = await serve(t, async ({ url }, response) => {
    await setTimeout(1_200)
    response.end(
      url === '/keys'
        ? keys
        : JSON.stringify({ issuer: `http://127.0.0.1:${port}`, jwks_uri: `http://127.0.0.1:${port}/keys` }),
    )
  })
  const started = performance.now()
  await unavailable(
    fetcher.fetch({ name: 'ci', issuer: `http://127.0.0.1:${port}`, jwks: { discovery: true } }, undefined, signal),
    /key set: no answer in time/,
  )
  assert.ok(performance.now() - started < 2_300)
})

test('outside local runs it is https for both', async (t) => {
  const tls = testCertificate('issuer.example')
  const port = await serve(
    t,
    ({ url }, response) => {
      const issuer = `https://issuer.example:${port}`
      response.end(url === '/keys' ? keys : JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }))
    },
    tls,
  )
  const deployed = httpKeySetFetcher({
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    permits: () => true,
    ca: tls.cert,
  })
  const fetched = await deployed.fetch(
    { name: 'ci', issuer: `https://issuer.example:${port}`, jwks: { discovery: true } },
    undefined,
    signal,
  )
  assert.equal(!fetched.notModified && fetched.keys.keys[0]?.kid, 'a')
  const { url } = await issuer(t)
  await unavailable(
    httpKeySetFetcher().fetch({ name: 'ci', issuer: url, jwks: { discovery: true } }, undefined, signal),
    /not an https URL/,
  )
})
