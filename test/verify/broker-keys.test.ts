import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  accessTokenVerifier,
  InvalidTokenError,
  VerifierUnavailableError,
  verifyAccessToken,
} from '../../verify/access-token.ts'
import {
  audience,
  hangUp,
  pass,
  playedBroker,
  publicJwk,
  silence,
  type Answer,
  type PlayedBroker,
} from './played-broker.ts'

const discoveryPath = '/.well-known/openid-configuration'

async function setUp(t: TestContext) {
  const broker = await playedBroker(t)
  return { broker, verify: accessTokenVerifier({ issuer: broker.url, audience }) }
}

function isUnavailable(error: unknown, message: RegExp): true {
  assert.ok(error instanceof VerifierUnavailableError, String(error))
  assert.match(error.message, message)
  assert.deepEqual([error.status, error.code, error.headers], [503, 'temporarily_unavailable', { 'retry-after': '5' }])
  assert.doesNotMatch(error.message, /secret/)
  return true
}

const redirect: RequestListener = (_, response) => response.writeHead(302, { location: '/elsewhere' }).end()
const status =
  (code: number): RequestListener =>
  (_, response) =>
    response.writeHead(code).end('secret')
const bomb: RequestListener = (_, response) =>
  response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(`{"x":"${'x'.repeat(8 * 1024 * 1024)}"}`))
/** Never ends, and comes slowly enough to never be idle. */
const trickle: RequestListener = (request, response) => {
  response.write('{"keys":[')
  const timer = setInterval(() => response.write(' '), 50)
  request.socket.on('close', () => clearInterval(timer))
}
const endless: RequestListener = (request, response) => {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  const more = () => {
    while (response.write(chunk));
  }
  response.on('drain', more)
  request.socket.on('close', () => response.removeListener('drain', more))
  more()
}

/** What is no answer to either question. */
const hostile: [string, Answer, RegExp][] = [
  ['HTML', '<!doctype html><p>secret', /not valid JSON$/],
  ['nothing', '', /not valid JSON$/],
  ['a list', '[]', /not a JSON object$/],
  ['half of it', '{"keys":[', /not valid JSON$/],
  ['a byte order mark', '\uFEFF{}', /not valid JSON$/],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /not valid UTF-8$/],
  ['300 KiB', JSON.stringify({ x: 'x'.repeat(300 * 1024) }), /longer than 262144 bytes$/],
  ['8 MiB that were packed into a few KiB', bomb, /longer than 262144 bytes$/],
  ['what does not end', endless, /longer than 262144 bytes$/],
  ['a redirect', redirect, /answered 302$/],
  ['404', status(404), /answered 404$/],
  ['500', status(500), /answered 500$/],
  ['a broken connection', hangUp, /UND_ERR_SOCKET|ECONNRESET$/],
]

const otherIssuer: Row[] = [
  ['of another issuer', ({ url }) => ({ issuer: `${url}/`, jwks_uri: `${url}/jwks` }), /names another issuer$/],
  ['of no issuer', ({ url }) => ({ jwks_uri: `${url}/jwks` }), /names another issuer$/],
  ['of a list of issuers', ({ url }) => ({ issuer: [url], jwks_uri: `${url}/jwks` }), /names another issuer$/],
  ['with its issuer twice', ({ url }) => `{"issuer":"https://a.test","issuer":"${url}"}`, /duplicate member name$/],
  ['without jwks_uri', ({ url }) => ({ issuer: url }), /no jwks_uri of its own origin$/],
  [
    'whose keys are elsewhere',
    ({ url }) => ({ issuer: url, jwks_uri: 'https://keys.test/jwks' }),
    /no jwks_uri of its own origin$/,
  ],
  [
    'whose keys are at another port',
    ({ url }) => ({ issuer: url, jwks_uri: 'http://127.0.0.1:1/jwks' }),
    /no jwks_uri of its own origin$/,
  ],
  [
    'whose keys are at another name of this machine',
    ({ url }) => ({ issuer: url, jwks_uri: `${url.replace('127.0.0.1', 'localhost')}/jwks` }),
    /no jwks_uri of its own origin$/,
  ],
  [
    'whose keys are a file',
    ({ url }) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' }),
    /no jwks_uri of its own origin$/,
  ],
  [
    'whose keys need a password',
    ({ url }) => ({ issuer: url, jwks_uri: `${url.replace('//', '//a:secret@')}/jwks` }),
    /no jwks_uri of its own origin$/,
  ],
]

const noKeys: [string, Answer, RegExp][] = [
  ['of no keys', { keys: [] }, /the key set is empty$/],
  ['of a secret', { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'e1' }] }, /no usable key$/],
  ['whose key is private', { keys: [{ ...publicJwk('ES256', 'e1'), d: 'secret' }] }, /no usable key$/],
  ['whose key is for encryption', { keys: [{ ...publicJwk('RS256', 'r1'), use: 'enc' }] }, /no usable key$/],
  ['whose key has no kid', { keys: [{ ...publicJwk('ES256', 'e1'), kid: undefined }] }, /no key that the broker could/],
  [
    'whose key is of another algorithm',
    { keys: [{ ...publicJwk('RS256', 'r1'), alg: 'PS512' }] },
    /no key that the broker could sign with$/,
  ],
  ['of keys that are no list', { keys: {} }, /not an array$/],
  ['with its keys twice', '{"keys":[],"keys":[]}', /duplicate member name$/],
]

type Row = [title: string, answer: (broker: PlayedBroker) => Answer, message: RegExp]
const always = (rows: [string, Answer, RegExp][]): Row[] =>
  rows.map(([title, answer, message]) => [title, () => answer, message])
const cases: ['discovery' | 'jwks', Row[]][] = [
  ['discovery', [...always([...hostile, ['silence', silence, /no answer in time$/]]), ...otherIssuer]],
  ['jwks', always([...hostile, ['a trickle', trickle, /no answer in time$/], ...noKeys])],
]

for (const [document, rows] of cases) {
  for (const [title, answer, message] of rows) {
    test(`${document}: ${title} gives no keys to a verifier that has none, and takes none from one that has`, async (t) => {
      const { broker, verify } = await setUp(t)
      const token = broker.sign()
      const good = broker[document]
      broker[document] = answer(broker)
      await assert.rejects(verify(token), (error) => isUnavailable(error, message))
      assert.ok(!broker.asked.includes('/elsewhere'), 'no redirect is followed')

      broker[document] = good
      pass(t, 1)
      await verify(token)
      broker[document] = answer(broker)
      pass(t, 601)
      const asked = broker.asked.length
      const later = broker.sign({ exp: Math.floor(Date.now() / 1000) + 60 })
      await verify(later)
      assert.ok(broker.asked.length > asked, 'the broker was asked again')
    })
  }
}

test('a hundred tokens at once make one request of each', async (t) => {
  const { broker, verify } = await setUp(t)
  const token = broker.sign()
  await Promise.all(Array.from({ length: 100 }, () => verify(token)))
  assert.deepEqual(broker.asked, [discoveryPath, '/jwks'])
})

test('a hundred calls of verifyAccessToken share one cache', async (t) => {
  const broker = await playedBroker(t)
  const token = broker.sign()
  const options = { issuer: broker.url, audience }
  await Promise.all(Array.from({ length: 100 }, () => verifyAccessToken(token, options)))
  assert.deepEqual(broker.asked, [discoveryPath, '/jwks'])
})

test('verifyAccessToken keeps the keys of 16 issuers, those asked for last', async (t) => {
  const brokers: PlayedBroker[] = [await playedBroker(t)]
  for (let i = 1; i < 17; i++) {
    t.mock.timers.reset()
    brokers.push(await playedBroker(t))
  }
  const verify = (broker: PlayedBroker) => verifyAccessToken(broker.sign(), { issuer: broker.url, audience })
  const [first, second, ...others] = brokers as [PlayedBroker, PlayedBroker, ...PlayedBroker[]]
  const asked = [first, second, ...others.slice(0, 14), others[3]!, first, others[14]!, first, second]
  for (const broker of asked) await verify(broker)
  assert.equal(first.asked.length, 2, 'the first was asked for meanwhile')
  assert.equal(second.asked.length, 4, 'the second was not')
})

test('each verifier has keys of its own', async (t) => {
  const { broker, verify } = await setUp(t)
  await verify(broker.sign())
  await accessTokenVerifier({ issuer: broker.url, audience })(broker.sign())
  assert.equal(broker.asked.length, 4)
})

test('keys are used for ten minutes without asking, whatever the broker says of caching', async (t) => {
  const { broker, verify } = await setUp(t)
  const keys = JSON.stringify(broker.jwks)
  broker.jwks = (_, response) => response.writeHead(200, { 'cache-control': 'max-age=86400' }).end(keys)
  const token = broker.sign({ exp: Math.floor(Date.now() / 1000) + 3600 })
  await verify(token)
  pass(t, 599)
  await verify(token)
  assert.equal(broker.asked.length, 2)
  pass(t, 1)
  await Promise.all([verify(token), verify(token)])
  assert.equal(broker.asked.length, 4)
})

test('an issuer with a slash at its end is asked where OpenID Connect Discovery says', async (t) => {
  const broker = await playedBroker(t)
  const issuer = `${broker.url}/`
  broker.discovery = { issuer, jwks_uri: `${broker.url}/jwks` }
  await accessTokenVerifier({ issuer, audience })(broker.sign({ iss: issuer }))
  assert.deepEqual(broker.asked, [discoveryPath, '/jwks'])
})

test('a flood of kids that nobody knows makes one refetch in 30 s, and answers 401', async (t) => {
  const { broker, verify } = await setUp(t)
  await verify(broker.sign())
  const flood = async () => {
    for (let i = 0; i < 50; i++)
      await assert.rejects(verify(broker.sign({}, { header: { kid: `x${i}` } })), InvalidTokenError)
  }
  await flood()
  assert.equal(broker.asked.length, 2, 'right after a fetch it is known that there is no such key')
  pass(t, 30)
  await flood()
  assert.equal(broker.asked.length, 4)
  pass(t, 29)
  await flood()
  assert.equal(broker.asked.length, 4)
})

test('a key that is new is found by its kid, once the last fetch is 30 s ago', async (t) => {
  const { broker, verify } = await setUp(t)
  await verify(broker.sign())
  broker.jwks = { keys: [publicJwk('ES256', 'e2'), publicJwk('ES256', 'e1')] }
  pass(t, 30)
  await verify(broker.sign({}, { header: { kid: 'e2' } }))
  await verify(broker.sign())
})

test('a key that the broker took away is refused after the next fetch', async (t) => {
  const { broker, verify } = await setUp(t)
  const token = broker.sign({ exp: Math.floor(Date.now() / 1000) + 3600 })
  await verify(token)
  broker.jwks = { keys: [publicJwk('RS256', 'r1')] }
  pass(t, 599)
  await verify(token)
  pass(t, 1)
  await assert.rejects(verify(token), /names a key that the broker has not/)
})

test('while the broker is down, known keys serve for a day, with one attempt in 30 s; then it is 503', async (t) => {
  const { broker, verify } = await setUp(t)
  const token = () => broker.sign({ exp: Math.floor(Date.now() / 1000) + 60 })
  await verify(token())
  const good = broker.discovery
  broker.discovery = status(503)
  pass(t, 600)
  for (let i = 0; i < 10; i++) await verify(token())
  assert.equal(broker.asked.length, 3)
  pass(t, 30)
  await verify(token())
  assert.equal(broker.asked.length, 4)
  pass(t, 86_400 - 631)
  await verify(token())
  pass(t, 1)
  await assert.rejects(verify(token()), (error) => isUnavailable(error, /keys of the broker .* answered 503$/))
  broker.discovery = good
  pass(t, 1)
  await verify(token())
})

test('a kid that is unknown while the broker is down is nobody’s fault: 503', async (t) => {
  const { broker, verify } = await setUp(t)
  await verify(broker.sign())
  broker.discovery = hangUp
  pass(t, 30)
  const unknown = broker.sign({}, { header: { kid: 'x' } })
  for (let i = 0; i < 2; i++) await assert.rejects(verify(unknown), VerifierUnavailableError)
  await verify(broker.sign())
})

test('without any keys the broker is asked once a second at most', async (t) => {
  const { broker, verify } = await setUp(t)
  broker.discovery = status(503)
  for (let i = 0; i < 10; i++) await assert.rejects(verify(broker.sign()), VerifierUnavailableError)
  assert.equal(broker.asked.length, 1)
  pass(t, 1)
  await assert.rejects(verify(broker.sign()), VerifierUnavailableError)
  assert.equal(broker.asked.length, 2)
})

test('a clock that is put back makes keys be fetched again, and none older than they are', async (t) => {
  const { broker, verify } = await setUp(t)
  await verify(broker.sign())
  pass(t, -61)
  const token = broker.sign({ iat: Math.floor(Date.now() / 1000) })
  await verify(token)
  await verify(token)
  assert.equal(broker.asked.length, 4)
})

test('a connection that died while it was kept alive is replaced by another', async (t) => {
  const { broker, verify } = await setUp(t)
  const good = broker.discovery
  broker.discovery = (request, response) => {
    broker.discovery = good
    hangUp(request, response)
  }
  await verify(broker.sign())
  assert.deepEqual(broker.asked, [discoveryPath, discoveryPath, '/jwks'])
})

test('discovery and the key set share two seconds', async (t) => {
  const { broker, verify } = await setUp(t)
  const slowly =
    (answer: Answer): RequestListener =>
    (_, response) =>
      void setTimeout(() => response.end(JSON.stringify(answer)), 1_200)
  broker.discovery = slowly(broker.discovery)
  broker.jwks = slowly(broker.jwks)
  const started = performance.now()
  await assert.rejects(verify(broker.sign()), (error) => isUnavailable(error, /key set: no answer in time$/))
  assert.ok(performance.now() - started < 2_300)
})
