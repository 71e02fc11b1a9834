import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test, type TestContext } from 'node:test'
import {
  accessTokenVerifier,
  InsufficientScopeError,
  InvalidTokenError,
  VerifierUnavailableError,
  type IntrospectionOptions,
} from '../../verify/access-token.ts'
import { introspection } from '../../verify/introspection.ts'
import { audience, hangUp, now, pass, playedBroker, silence, strangersKey, type Answer } from './played-broker.ts'

const client = { clientId: 'deploy-api', clientSecret: 'hunter2' }

async function setUp(t: TestContext, options: Partial<IntrospectionOptions> = {}) {
  const broker = await playedBroker(t)
  const introspection = { ...client, ...options } as IntrospectionOptions
  return { broker, verify: accessTokenVerifier({ issuer: broker.url, audience, introspection }) }
}

test('the broker is asked about each token, and what is returned is what the token says', async (t) => {
  const { broker, verify } = await setUp(t)
  broker.introspect = { active: true, sub: 'somebody else' }
  const token = broker.sign()
  assert.deepEqual(await verify(token), broker.claims)
  await verify(token)
  assert.deepEqual(
    broker.questions.map(({ form }) => Object.fromEntries(form)),
    [{ token }, { token }],
  )
})

test('a revoked token is refused, with nothing said of why', async (t) => {
  const { broker, verify } = await setUp(t)
  await verify(broker.sign())
  broker.introspect = { active: false }
  await assert.rejects(verify(broker.sign()), /^InvalidTokenError: the access token is not active any more$/)
})

test('a token that does not hold is not asked about', async (t) => {
  const { broker, verify } = await setUp(t)
  await assert.rejects(verify(broker.sign({}, { key: strangersKey })), InvalidTokenError)
  await assert.rejects(verify(broker.sign({ exp: now - 9 })), InvalidTokenError)
  await assert.rejects(verify(broker.sign(), { scope: 'deploy:admin' }), InsufficientScopeError)
  assert.deepEqual(broker.questions, [])
})

test('id and secret are form-encoded before they are Basic', async (t) => {
  const { broker, verify } = await setUp(t, { clientId: 'api:1 ü', clientSecret: 'a+b%c:d&é' })
  await verify(broker.sign())
  const [, encoded = ''] = /^Basic (\S+)$/.exec(broker.questions[0]?.authorization ?? '') ?? []
  // RFC 6749 section 2.3.1
  assert.equal(Buffer.from(encoded, 'base64').toString(), 'api%3A1+%C3%BC:a%2Bb%25c%3Ad%26%C3%A9')
  assert.deepEqual([...(broker.questions[0]?.form.keys() ?? [])], ['token'])
})

test('an assertion is asked for anew for each question', async (t) => {
  let made = 0
  const broker = await playedBroker(t)
  const introspection = { clientId: 'deploy-api', assertion: async () => `proof-${++made}` }
  const verify = accessTokenVerifier({ issuer: broker.url, audience, introspection })
  const token = broker.sign()
  for (let i = 0; i < 2; i++) await verify(token)
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  assert.deepEqual(
    broker.questions.map(({ authorization, form }) => ({ authorization, ...Object.fromEntries(form) })),
    [1, 2].map((n) => ({
      authorization: undefined,
      token,
      client_id: 'deploy-api',
      client_assertion_type: type,
      client_assertion: `proof-${n}`,
    })),
  )
})

test('no assertion is no answer, also offline: that is for a broker that is down', async (t) => {
  const broker = await playedBroker(t)
  const reason = new Error('no identity here')
  const assertion = () => Promise.reject(reason)
  const introspection = { clientId: 'deploy-api', assertion, whenUnreachable: 'offline' } as const
  const verify = accessTokenVerifier({ issuer: broker.url, audience, introspection })
  await assert.rejects(verify(broker.sign()), (error) => {
    assert.ok(error instanceof VerifierUnavailableError)
    assert.equal(error.cause, reason)
    return true
  })
})

const status =
  (code: number): RequestListener =>
  (_, response) =>
    response.writeHead(code, { location: '/elsewhere' }).end('{"active":true}')

const unreachable: [string, Answer, RegExp][] = [
  ['503', status(503), /answered 503$/],
  ['500', status(500), /answered 500$/],
  ['429', status(429), /answered 429$/],
  ['silence', silence, /no answer in time$/],
  ['a broken connection', hangUp, /UND_ERR_SOCKET|ECONNRESET$/],
]
const noAnswer: [string, Answer, RegExp][] = [
  ['401, to a wrong secret', status(401), /answered 401$/],
  ['400', status(400), /answered 400$/],
  ['404', status(404), /answered 404$/],
  ['204', (_, response) => response.writeHead(204).end(), /answered 204$/],
  ['a redirect', status(307), /answered 307$/],
  ['HTML', '<p>active', /not valid JSON$/],
  ['no active', {}, /does not say whether it is active$/],
  ['an active that is text', { active: 'true' }, /does not say/],
  ['an active that is a number', { active: 1 }, /does not say/],
  ['active twice', '{"active":false,"active":true}', /duplicate member name$/],
  ['300 KiB', JSON.stringify({ active: true, x: 'x'.repeat(300 * 1024) }), /longer than/],
]

for (const [title, answer, message] of [...unreachable, ...noAnswer]) {
  test(`${title} lets nobody in`, async (t) => {
    const { broker, verify } = await setUp(t, { cacheSeconds: 60 })
    const token = broker.sign()
    broker.introspect = answer
    await assert.rejects(verify(token), (error) => {
      assert.ok(error instanceof VerifierUnavailableError)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    })
    assert.ok(!broker.asked.includes('/elsewhere'))
    broker.introspect = { active: true }
    await verify(token)
  })
}

for (const [title, answer] of unreachable) {
  test(`${title} lets a good token in where offline was chosen, and is not waited for by every request`, async (t) => {
    const { broker, verify } = await setUp(t, { whenUnreachable: 'offline', cacheSeconds: 60 })
    broker.introspect = answer
    await verify(broker.sign())
    const asked = broker.questions.length
    for (let i = 0; i < 10; i++) await verify(broker.sign())
    assert.equal(broker.questions.length, asked)
    await assert.rejects(verify(broker.sign({}, { key: strangersKey })), InvalidTokenError)
    pass(t, 5)
    broker.introspect = { active: false }
    await assert.rejects(verify(broker.sign()), InvalidTokenError)
  })
}

for (const [title, answer] of noAnswer) {
  test(`${title} lets nobody in where offline was chosen either`, async (t) => {
    const { broker, verify } = await setUp(t, { whenUnreachable: 'offline' })
    broker.introspect = answer
    await assert.rejects(verify(broker.sign()), VerifierUnavailableError)
  })
}

for (const [title, endpoint] of [
  ['none', () => undefined],
  ['one elsewhere', () => 'https://other.test/introspect'],
  ['one in the clear', ({ url }) => url.replace('127.0.0.1', '127.0.0.2')],
] as [string, (broker: { url: string }) => string | undefined][]) {
  test(`a discovery with no introspection_endpoint of its origin, but ${title}, lets nobody in who must be asked about`, async (t) => {
    const { broker, verify } = await setUp(t, { whenUnreachable: 'offline' })
    broker.discovery = { ...(broker.discovery as object), introspection_endpoint: endpoint(broker) }
    await assert.rejects(verify(broker.sign()), /its discovery has no introspection_endpoint of its own origin/)
    await accessTokenVerifier({ issuer: broker.url, audience })(broker.sign())
  })
}

test('an answer holds for cacheSeconds: so long a revocation goes unnoticed, and no longer', async (t) => {
  const { broker, verify } = await setUp(t, { cacheSeconds: 30 })
  const token = broker.sign()
  await verify(token)
  broker.introspect = { active: false }
  pass(t, 29)
  await verify(token)
  assert.equal(broker.questions.length, 1)
  pass(t, 1)
  await assert.rejects(verify(token), InvalidTokenError)
})

test('that a token is not active is asked again each time', async (t) => {
  const { broker, verify } = await setUp(t, { cacheSeconds: 300 })
  const token = broker.sign()
  broker.introspect = { active: false }
  for (let i = 0; i < 3; i++) await assert.rejects(verify(token), InvalidTokenError)
  assert.equal(broker.questions.length, 3)
  broker.introspect = { active: true }
  await verify(token)
})

test('an answer does not outlive the token', async (t) => {
  const { broker, verify } = await setUp(t, { cacheSeconds: 300 })
  const token = broker.sign({ exp: now + 2 })
  await verify(token)
  broker.introspect = { active: false }
  pass(t, 2)
  // Within the tolerance the token itself still passes.
  await assert.rejects(verify(token), /not active any more/)
})

test('an answer is for one token only', async (t) => {
  const { broker, verify } = await setUp(t, { cacheSeconds: 300 })
  await verify(broker.sign({ jti: 'one' }))
  broker.introspect = { active: false }
  await assert.rejects(verify(broker.sign({ jti: 'two' })), InvalidTokenError)
})

test('an answer from before the clock was put back holds no longer', async (t) => {
  const { broker, verify } = await setUp(t, { cacheSeconds: 30 })
  const token = broker.sign()
  await verify(token)
  broker.introspect = { active: false }
  pass(t, -2)
  await assert.rejects(verify(token), InvalidTokenError)
})

test('who asks about one token at the same moment asks once, where an answer may be kept', async (t) => {
  const { broker, verify } = await setUp(t, { cacheSeconds: 1 })
  const token = broker.sign()
  await Promise.all(Array.from({ length: 100 }, () => verify(token)))
  assert.equal(broker.questions.length, 1)
})

test('where none may be kept each asks for itself', async (t) => {
  const { broker, verify } = await setUp(t)
  const token = broker.sign()
  await Promise.all(Array.from({ length: 20 }, () => verify(token)))
  assert.equal(broker.questions.length, 20)
})

test('answers are kept for 10,000 tokens, and the one asked about longest ago goes first', async (t) => {
  const { mock } = t.mock.method(globalThis, 'fetch', async () => Response.json({ active: true }))
  let at = now
  const ask = introspection({ ...client, cacheSeconds: 300 }, () => at * 1000)
  /** How often the broker was asked about these. */
  const asked = async (...tokens: number[]) => {
    const before = mock.callCount()
    for (const token of tokens)
      await ask({ token: `token-${token}`, exp: now + 3600, endpoint: 'https://broker.test/introspect' })
    return mock.callCount() - before
  }
  const first = Array.from({ length: 10_000 }, (_, i) => i)
  assert.deepEqual([await asked(...first), await asked(...first)], [10_000, 0])
  assert.deepEqual([await asked(10_000), await asked(1), await asked(0)], [1, 0, 1])
  at += 300
  assert.equal(await asked(7), 1)
  assert.equal(await asked(...Array.from({ length: 20 }, (_, i) => 20_000 + i), 7), 20)
})
