import assert from 'node:assert/strict'
import { test } from 'node:test'
import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { requireAccessToken, type AccessTokenVerifierOptions } from '../../verify/access-token.ts'
import { audience, now, playedBroker, type PlayedBroker } from './played-broker.ts'

const context = { getRemainingTimeInMillis: () => 3_000 } as Context

/** A function behind the middleware, which answers whose token it got. */
function functionOf(broker: PlayedBroker, options: Partial<AccessTokenVerifierOptions> = {}) {
  const reached: string[] = []
  const handler = middy<APIGatewayProxyEventV2>()
    .use(requireAccessToken({ issuer: broker.url, audience, scope: 'deploy:write', ...options }))
    .handler(async ({ accessToken }) => {
      reached.push(accessToken.sub)
      return { statusCode: 204 }
    })
  const invoke = async (event: Partial<APIGatewayProxyEventV2> | Partial<APIGatewayProxyEvent>) =>
    (await handler(event as never, context)) as { statusCode: number; headers?: Record<string, string>; body?: string }
  return { invoke, reached }
}

for (const [title, event] of [
  ['payload 2.0', (authorization) => ({ version: '2.0', headers: { authorization } })],
  [
    'payload 1.0',
    (Authorization) => ({ headers: { Authorization }, multiValueHeaders: { Authorization: [Authorization] } }),
  ],
  ['a load balancer', (authorization) => ({ headers: { authorization } })],
  ['a load balancer with all values', (authorization) => ({ multiValueHeaders: { authorization: [authorization] } })],
] as [string, (authorization: string) => object][]) {
  test(`behind ${title} a good token reaches the handler with its claims`, async (t) => {
    const broker = await playedBroker(t)
    const { invoke, reached } = functionOf(broker)
    assert.deepEqual(await invoke(event(`Bearer ${broker.sign()}`)), { statusCode: 204 })
    assert.deepEqual(reached, [broker.claims.sub])
  })
}

const answers: [string, (broker: PlayedBroker) => object, number, object, RegExp | undefined][] = [
  [
    'no token',
    () => ({ headers: {} }),
    401,
    { error_description: 'the request has no bearer token' },
    /^Bearer realm="token-broker"$/,
  ],
  [
    'no headers at all',
    () => ({ headers: null }),
    401,
    { error_description: 'the request has no bearer token' },
    /^Bearer realm="token-broker"$/,
  ],
  [
    'an expired token',
    ({ sign }) => ({ headers: { authorization: `Bearer ${sign({ exp: now - 9 })}` } }),
    401,
    { error: 'invalid_token', error_description: 'the access token has expired' },
    /^Bearer .*error="invalid_token", error_description="the access token has expired"$/,
  ],
  [
    'two headers, of which payload 1.0 shows one',
    ({ sign }) => {
      const good = `Bearer ${sign()}`
      return { headers: { Authorization: good }, multiValueHeaders: { Authorization: ['Bearer x', good] } }
    },
    401,
    { error: 'invalid_token', error_description: 'the request has more than one Authorization header' },
    /error="invalid_token"/,
  ],
  [
    'two headers that differ in case',
    ({ sign }) => ({ headers: { Authorization: `Bearer ${sign()}`, authorization: `Bearer ${sign()}` } }),
    401,
    { error: 'invalid_token', error_description: 'the request has more than one Authorization header' },
    /error="invalid_token"/,
  ],
  [
    'too little scope',
    ({ sign }) => ({ headers: { authorization: `Bearer ${sign({ scope: 'deploy:read' })}` } }),
    403,
    { error: 'insufficient_scope', error_description: 'the access token lacks a scope that is needed here' },
    /error="insufficient_scope", .*scope="deploy:write"$/,
  ],
]

for (const [title, event, status, body, challenge] of answers) {
  test(`${title} is answered ${status}, and the handler not reached`, async (t) => {
    const broker = await playedBroker(t)
    const { invoke, reached } = functionOf(broker)
    const answer = await invoke(event(broker))
    assert.deepEqual([answer.statusCode, JSON.parse(answer.body ?? '')], [status, body])
    assert.match(answer.headers?.['www-authenticate'] ?? '', challenge ?? /^$/)
    assert.equal(answer.headers?.['cache-control'], 'no-store')
    assert.deepEqual(reached, [])
  })
}

test('a broker that is down is answered 503, with when to try again', async (t) => {
  const broker = await playedBroker(t)
  broker.discovery = 'down'
  const { invoke, reached } = functionOf(broker)
  const { statusCode, headers } = await invoke({ headers: { authorization: `Bearer ${broker.sign()}` } })
  assert.deepEqual([statusCode, headers?.['retry-after'], headers?.['www-authenticate']], [503, '5', undefined])
  assert.deepEqual(reached, [])
})

test('what a caller writes into the event’s place for claims is gone', async (t) => {
  const broker = await playedBroker(t)
  const { invoke, reached } = functionOf(broker)
  const headers = { authorization: `Bearer ${broker.sign()}` }
  await invoke({ headers, accessToken: { sub: 'mallory' } } as never)
  assert.deepEqual(reached, [broker.claims.sub])
})

test('options that cannot be are found when the function starts', () => {
  assert.throws(() => requireAccessToken({ issuer: 'x', audience }), /^TypeError: issuer must be/)
})
