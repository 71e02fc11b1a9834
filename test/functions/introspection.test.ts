import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, afterEach, before, describe, test } from 'node:test'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { decodeJwt } from 'jose'
import { compile } from '../../lib/config/compile.ts'
import { INTROSPECTION_JWT } from '../../lib/protocol/introspection.ts'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import type { Fault } from '../contracts/faulty-proxy.ts'
import { broker, captureLog, exchange, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'

const secret = 'k4uYm3xJ0Zb1f7Qe9Tn2sWv5Rc8Ld6HgPq'
const sha256 = createHash('sha256').update(secret).digest('base64url')

let world: FaultyWorld
let issuer: ExampleIssuer
let configuration: Configuration
let token: LambdaFunction
let introspection: LambdaFunction
let logged: string[]

before(async () => {
  logged = captureLog()
  issuer = await startExampleIssuer()
  const { text, file } = quickstartConfig(issuer.url)
  const auth = `auth: { client_secret: { sha256: [${sha256}] } }`
  const clients = `  orders-api: { ${auth}, introspect: [deploy-api] }\n  billing: { ${auth}, introspect: [billing-api] }\n`
  const withClients = text.replace('\nclients:\n', `\nclients:\n${clients}`)
  configuration = compile(withClients, file, { local: true, issuer: broker, now: now() }).configuration
  world = await openFaultyWorld(configuration)
  token = await loadFunction('token', configuration)
  introspection = await loadFunction('introspection', configuration)
  // Keys of the issuers are fetched, and known from now on.
  await ask('/introspect', { token: 'x', ...(await podFields()) }, {})
})
afterEach(() => {
  world.mend()
  logged.length = 0
})
after(() => Promise.all([world.close(), issuer.close()]))

interface Answer {
  status: number
  headers: Record<string, unknown>
  body: string
}

const byOrders = { authorization: `Basic ${Buffer.from(`orders-api:${secret}`).toString('base64')}` }
const byBilling = { authorization: `Basic ${Buffer.from(`billing:${secret}`).toString('base64')}` }

/** The deployment's own client of the quickstart: a pod's token is its proof. */
async function podFields() {
  return {
    client_id: 'deploy-server',
    client_assertion_type: JWT_BEARER_ASSERTION,
    client_assertion: await issuer.signForPod({
      aud: [broker],
      'kubernetes.io': {
        namespace: 'apps',
        serviceaccount: { name: 'deploy-server', uid: '8d1f6b1e-90f4-4a55-b2c6-7f0d2c9e4a10' },
      },
    }),
  }
}

async function ask(
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = byOrders,
  changes: Record<string, unknown> = {},
): Promise<Answer> {
  const event = {
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    requestContext: { http: { method: 'POST', path } },
    body: Buffer.from(new URLSearchParams(fields).toString()).toString('base64'),
    isBase64Encoded: true,
    ...changes,
  } as unknown as APIGatewayProxyEventV2
  const { statusCode, headers: answered = {}, body } = await introspection(event, { awsRequestId: 'r' } as Context)
  return { status: Number(statusCode), headers: answered, body: body ?? '' }
}

async function issued(): Promise<string> {
  const { body } = await exchange(token, await issuer.sign({ aud: broker }))
  world.mend()
  logged.length = 0
  return body.access_token!
}

const inactive = '{"active":false}'
const isActive = async (access_token: string) =>
  (JSON.parse((await ask('/introspect', { token: access_token })).body) as { active: boolean }).active

describe('what it asks of AWS', () => {
  for (const [what, headers, visible] of [
    ['a token of the caller’s', byOrders, true],
    ['a token of another target', byBilling, false],
  ] as const)
    test(`to look up ${what}: one read`, async () => {
      const access_token = await issued()
      const { status, body } = await ask('/introspect', { token: access_token }, headers)
      assert.deepEqual([status, body !== inactive], [200, visible])
      assert.deepEqual(world.operations(), ['BatchGetItem'])
    })

  test('to look up what is no token: the same read', async () => {
    assert.equal((await ask('/introspect', { token: 'not-a-token' })).body, inactive)
    assert.deepEqual(world.operations(), ['BatchGetItem'])
  })

  test('to sign the answer: one signature more', async () => {
    await ask('/introspect', { token: await issued() }, { ...byOrders, accept: INTROSPECTION_JWT })
    assert.deepEqual(world.operations().toSorted(), ['BatchGetItem', 'Sign'])
  })

  test('to refuse a caller: nothing', async () => {
    const access_token = await issued()
    for (const headers of [{}, { authorization: 'Basic eDp5' }, { authorization: 'Bearer x' }])
      assert.equal((await ask('/introspect', { token: access_token }, headers as Record<string, string>)).status, 401)
    assert.deepEqual(world.operations(), [])
  })

  test('to revoke what is no live token of ours: nothing', async () => {
    for (const other of ['not-a-token', await issuer.sign({ aud: broker })])
      assert.equal((await ask('/revoke', { token: other }, {})).status, 200)
    assert.deepEqual(world.operations(), [])
  })

  test('for a caller that is a pod: its keys are known, and its token is used again and again', async () => {
    const access_token = await issued()
    const { body } = await ask('/introspect', { token: access_token, ...(await podFields()) }, {})
    assert.equal((JSON.parse(body) as { active: boolean }).active, true)
    assert.deepEqual(world.operations(), ['BatchGetItem'])
  })
})

test('a revocation is a row by the token’s jti, and a line of the log; both functions heed it', async () => {
  const access_token = await issued()
  const { jti, sub } = decodeJwt(access_token)
  const { status, headers, body } = await ask('/revoke', { token: access_token }, {})
  assert.deepEqual([status, body], [200, ''])
  assert.match(String(headers['x-decision-id']), /^[\w-]{22}$/)
  assert.deepEqual(logged, ['revoked'])
  const row = await world.row(`revocation#jti#${jti}`)
  assert.equal(row?.by?.S, sub)
  assert.ok(Number(row?.not_before?.N) > now() && Number(row?.expires_at?.N) > Number(decodeJwt(access_token).exp))
  assert.equal(await isActive(access_token), false)
})

for (const [dimension, value] of [
  ['all', 'all'],
  ['issuer', 'github'],
  ['subject', 'github:repo:1234567/987654'],
  ['target', 'deploy-api'],
  ['rule', 'web-deploys'],
] as const)
  test(`a row by ${dimension} takes what was issued until then`, async () => {
    const access_token = await issued()
    assert.equal(await isActive(access_token), true)
    const { iat } = decodeJwt(access_token)
    const put = (not_before: number, expires_at: number) =>
      world.client.send(
        new PutItemCommand({
          TableName: 'token-broker',
          Item: {
            pk: { S: `revocation#${dimension}#${value}` },
            not_before: { N: String(not_before) },
            blocked_until: { N: '0' },
            expires_at: { N: String(expires_at) },
          },
        }),
      )
    await put(iat!, now() + 900)
    assert.equal(await isActive(access_token), false)
    await put(iat! - 1, now() + 900)
    assert.equal(await isActive(access_token), true)
    // One that has expired and is still there.
    await put(iat!, now() - 1)
    assert.equal(await isActive(access_token), true)
  })

const at =
  (wanted: string, fails: Fault): FaultyWorld['fault'] =>
  (operation) =>
    operation === wanted ? fails : 'none'
const unprocessed = {
  answer: { Responses: { 'token-broker': [] }, UnprocessedKeys: { 'token-broker': { Keys: [{ pk: { S: 'x' } }] } } },
}

describe('what fails is 503, never an answer', () => {
  for (const [what, path, fault, headers] of [
    ['the table throttles the read', '/introspect', at('BatchGetItem', { status: 400, type: 'ThrottlingException' })],
    ['the table denies the read', '/introspect', at('BatchGetItem', { status: 400, type: 'AccessDeniedException' })],
    ['the table fails', '/introspect', at('BatchGetItem', { status: 500, type: 'InternalServerError' })],
    ['the read is cut off', '/introspect', at('BatchGetItem', 'lose')],
    ['a part of it is missing', '/introspect', at('BatchGetItem', unprocessed)],
    ['it says nothing of the table', '/introspect', at('BatchGetItem', { answer: { Responses: {} } })],
    [
      'KMS fails',
      '/introspect',
      at('Sign', { status: 500, type: 'KMSInternalException' }),
      { accept: INTROSPECTION_JWT },
    ],
    [
      'its key is disabled',
      '/introspect',
      at('Sign', { status: 400, type: 'DisabledException' }),
      { accept: INTROSPECTION_JWT },
    ],
    [
      'nothing can be written',
      '/revoke',
      (operation: string) =>
        /^(?:Put|Update)Item$/.test(operation) ? { status: 500, type: 'InternalServerError' } : 'none',
    ],
  ] as const)
    test(`${what}: ${path}`, async () => {
      const access_token = await issued()
      world.fault = fault
      const answer = await ask(path, { token: access_token }, { ...byOrders, ...headers })
      assert.equal(answer.status, 503)
      assert.equal((JSON.parse(answer.body) as { error: string }).error, 'temporarily_unavailable')
      assert.ok(Number(answer.headers['retry-after']) >= 1 && Number(answer.headers['retry-after']) <= 5)
      assert.match(logged.join(), /^unavailable: (?:dynamodb|kms): /)
      world.mend()
      assert.equal(await isActive(access_token), true, 'and nothing was done')
    })

  test('the table is down: what it holds nothing of is 503 too, so nobody can tell', async () => {
    const access_token = await issued()
    world.fault = at('BatchGetItem', { status: 500, type: 'InternalServerError' })
    for (const [text, headers] of [
      ['not-a-token', byOrders],
      [access_token, byBilling],
    ] as const)
      assert.equal((await ask('/introspect', { token: text }, headers)).status, 503)
  })

  test('KMS is down: answers in JSON need none of it, and neither does a revocation', async () => {
    const access_token = await issued()
    world.fault = at('Sign', { status: 500, type: 'KMSInternalException' })
    assert.equal(await isActive(access_token), true)
    assert.equal((await ask('/revoke', { token: access_token })).status, 200)
    assert.equal(await isActive(access_token), false)
  })

  test('the answer to a write was lost: 200, and the token is revoked', async () => {
    const access_token = await issued()
    world.fault = (operation, nth) => (/^(?:Put|Update)Item$/.test(operation) && nth === 0 ? 'lose' : 'none')
    assert.equal((await ask('/revoke', { token: access_token })).status, 200)
    assert.equal(await isActive(access_token), false)
  })
})

describe('the edge', () => {
  test('an answer has these headers and no others', async () => {
    const common = {
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'Strict-Transport-Security': 'max-age=63072000',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    }
    for (const [path, accept, type] of [
      ['/introspect', '*/*', { 'content-type': 'application/json' }],
      ['/introspect', INTROSPECTION_JWT, { 'content-type': INTROSPECTION_JWT }],
      // Here a script of the quickstart's single-page app may ask too.
      ['/revoke', '*/*', { vary: 'origin' }],
    ] as const) {
      const { headers } = await ask(path, { token: 'x' }, { ...byOrders, accept })
      const { 'x-decision-id': decision_id, ...others } = headers
      assert.match(String(decision_id), /^[\w-]{22}$/)
      assert.deepEqual(others, { ...common, ...type })
    }
  })

  for (const [what, changes, status] of [
    ['another path', { rawPath: '/token' }, 404],
    ['no path', { rawPath: undefined }, 404],
    ['a GET', { requestContext: { http: { method: 'GET' } } }, 405],
    ['JSON', { headers: { 'content-type': 'application/json' } }, 415],
    ['a large body', { body: 'A'.repeat(90_000) }, 413],
    ['a token in the query', { rawQueryString: 'token=x' }, 400],
    ['no body', { body: undefined }, 400],
    ['an event of nobody’s', { headers: null, requestContext: null }, 405],
  ] as const)
    test(`${what}: ${status}, with a decision id`, async () => {
      for (const path of ['/introspect', '/revoke']) {
        const answer = await ask(path, { token: 'x' }, byOrders, changes)
        assert.equal(answer.status, status)
        assert.match(String(answer.headers['x-decision-id']), /^[\w-]{22}$/)
        assert.equal(answer.headers['cache-control'], 'no-store')
      }
    })

  test('it does not start without its environment, or over an unsafe configuration', async () => {
    for (const variable of ['BROKER_TABLE', 'BROKER_SIGNING_KEYS']) {
      const value = process.env[variable]
      delete process.env[variable]
      try {
        await assert.rejects(loadFunction('introspection', configuration), new RegExp(variable))
      } finally {
        process.env[variable] = value
      }
    }
    const github = { ...configuration.issuers.github!, require: [] }
    const unsafe = { ...configuration, issuers: { ...configuration.issuers, github } }
    await assert.rejects(loadFunction('introspection', unsafe), /require/)
  })
})
