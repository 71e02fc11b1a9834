import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { withCors } from '../../lib/http/cors.ts'

const app = 'https://app.example'

async function ask(
  {
    origin,
    method = 'POST',
    path = '/token',
    preflight = false,
  }: { origin?: string; method?: string; path?: string; preflight?: boolean },
  origins = [app, 'http://127.0.0.1:3000'],
) {
  let asked = 0
  const handler = withCors(new Set(origins), { '/token': 'POST' }, () => {
    asked++
    return Promise.resolve({ statusCode: 400, headers: { 'x-decision-id': 'd' }, body: '{}' })
  })
  const headers = { ...(origin ? { origin } : {}), ...(preflight ? { 'access-control-request-method': 'POST' } : {}) }
  const event = { rawPath: path, headers, requestContext: { http: { method } } } as unknown as APIGatewayProxyEventV2
  const { statusCode, headers: answered } = await handler(event)
  return { statusCode, headers: answered, asked }
}

test('a script of a listed origin may read every answer, errors too', async () => {
  assert.deepEqual(await ask({ origin: app }), {
    statusCode: 400,
    headers: {
      'x-decision-id': 'd',
      vary: 'origin',
      'access-control-allow-origin': app,
      'access-control-expose-headers': 'x-decision-id, retry-after, www-authenticate',
    },
    asked: 1,
  })
})

test('a preflight is answered by what may be asked, and asks nothing', async () => {
  assert.deepEqual(await ask({ origin: app, method: 'OPTIONS', preflight: true }), {
    statusCode: 204,
    headers: {
      vary: 'origin',
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-max-age': '7200',
    },
    asked: 0,
  })
})

for (const [title, request] of [
  ['another origin', { origin: 'https://evil.example' }],
  ['an origin that begins alike', { origin: `${app}.evil.example` }],
  ['an origin with a slash', { origin: `${app}/` }],
  ['an origin in upper case', { origin: app.toUpperCase() }],
  ['another port', { origin: `${app}:8443` }],
  ['an opaque origin', { origin: 'null' }],
  ['no origin', {}],
  ['a preflight of another origin', { origin: 'https://evil.example', method: 'OPTIONS', preflight: true }],
] as const)
  test(`${title} is told nothing`, async () => {
    const { headers, statusCode } = await ask(request)
    assert.deepEqual(headers, { 'x-decision-id': 'd', vary: 'origin' })
    assert.equal(statusCode, 400)
  })

test('OPTIONS that is no preflight, and other paths, are as without', async () => {
  assert.equal((await ask({ origin: app, method: 'OPTIONS' })).statusCode, 400)
  assert.deepEqual((await ask({ origin: app, path: '/introspect' })).headers, { 'x-decision-id': 'd' })
  assert.deepEqual((await ask({ origin: app }, [])).headers, { 'x-decision-id': 'd' })
})
