import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { compile } from '../../lib/config/compile.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { startWorld, type World } from '../../local/world.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'

const issuerUrl = 'http://127.0.0.1:8787'
let issuer: ExampleIssuer
let world: World
let configuration: Configuration
let token: LambdaFunction
let metadata: LambdaFunction

before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT'
  issuer = await startExampleIssuer()
  const { text, file } = quickstartConfig(issuer.url)
  configuration = compile(text, file, {
    local: true,
    issuer: issuerUrl,
    now: Math.floor(Date.now() / 1000),
  }).configuration
  world = await startWorld(configuration)
  token = await loadFunction('token', configuration)
  metadata = await loadFunction('metadata', configuration)
})
after(async () => {
  await world.close()
  await issuer.close()
})

const context = {
  awsRequestId: 'r',
  functionName: 'token',
  getRemainingTimeInMillis: () => 10_000,
} as unknown as Context

/** A version 2.0 event as an HTTP API sends it for a POST of a form: base64, lower-case header names. */
function event(changes: Record<string, unknown> = {}): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: 'ANY /token',
    rawPath: '/token',
    rawQueryString: '',
    headers: {
      accept: '*/*',
      'content-length': '100',
      'content-type': 'application/x-www-form-urlencoded',
      host: 'abcdefghij.execute-api.eu-west-1.amazonaws.com',
      'user-agent': 'curl/8.5.0',
      'x-amzn-trace-id': 'Root=1-65f00000-000000000000000000000000',
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abcdefghij',
      domainName: 'abcdefghij.execute-api.eu-west-1.amazonaws.com',
      domainPrefix: 'abcdefghij',
      http: { method: 'POST', path: '/token', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'curl/8.5.0' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: 'ANY /token',
      stage: '$default',
      time: '24/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_521_600_000,
    },
    isBase64Encoded: true,
    ...changes,
  }
}

async function form(): Promise<string> {
  const subject_token = await issuer.sign({ aud: issuerUrl })
  return new URLSearchParams({
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token,
    audience: 'deploy-api',
  }).toString()
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

test('a base64 body, as HTTP APIs send forms', async () => {
  assert.equal((await token(event({ body: base64(await form()) }), context)).statusCode, 200)
})

test('a plain body', async () => {
  assert.equal((await token(event({ body: await form(), isBase64Encoded: false }), context)).statusCode, 200)
})

test('header names in any case', async () => {
  const headers = { 'Content-TYPE': 'application/x-www-form-urlencoded', AUTHORIZATION: 'Basic eDp5' }
  assert.equal((await token(event({ headers, body: base64(await form()) }), context)).statusCode, 401)
})

test('a raw query string with parameters of others', async () => {
  assert.equal(
    (await token(event({ rawQueryString: 'utm=1&x=%zz', body: base64(await form()) }), context)).statusCode,
    200,
  )
})

test('bytes that are no UTF-8 are refused, also in a parameter that nobody reads', async () => {
  const body = Buffer.concat([Buffer.from(`${await form()}&x=`), Buffer.from([0xff])]).toString('base64')
  assert.equal((await token(event({ body }), context)).statusCode, 400)
})

test('an answer has these headers and no others', async () => {
  const { headers = {} } = await token(event({ body: base64(await form()) }), context)
  const { 'x-decision-id': decision_id, ...others } = headers
  assert.match(String(decision_id), /^[\w-]{22}$/)
  assert.deepEqual(others, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    // A script of the quickstart's single-page app may ask too.
    vary: 'origin',
    'Strict-Transport-Security': 'max-age=63072000',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  })
})

for (const [title, changes, status] of [
  ['no body', {}, 400],
  ['a null body', { body: null }, 400],
  ['a body that is not the base64 it says', { body: '%%%%' }, 400],
  ['a body of bytes that are no UTF-8', { body: Buffer.from([0x61, 0x3d, 0xff]).toString('base64') }, 400],
  ['no headers', { headers: undefined }, 415],
  ['a path of another function', { rawPath: '/jwks' }, 404],
  ['no path', { rawPath: undefined }, 404],
  ['a body over the limit', { body: base64('a'.repeat(70_000)) }, 413],
] as const) {
  test(`the token function answers ${status} to ${title}`, async () => {
    const response = await token(event(changes), context)
    assert.equal(response.statusCode, status)
    assert.ok(response.headers?.['x-decision-id'])
    assert.equal(
      response.headers?.['X-Content-Type-Options'] ?? response.headers?.['x-content-type-options'],
      'nosniff',
    )
  })
}

test('an event that is none of API Gateway’s is answered, not thrown at', async () => {
  const http = { method: 7 }
  for (const odd of [
    {},
    { requestContext: {} },
    { requestContext: { http: {} }, rawPath: '/token' },
    { requestContext: { http }, rawPath: '/token' },
    { requestContext: { http }, rawPath: '/jwks' },
    null,
    { rawPath: 7 },
    event({ headers: { 'content-type': [] } }),
    event({ rawQueryString: [7] }),
    event({ body: {} }),
  ] as APIGatewayProxyEventV2[])
    for (const answered of [token(odd, context), metadata(odd, context)]) {
      const status = Number((await answered).statusCode)
      assert.ok(status >= 400 && status < 500, `${status} to ${JSON.stringify(odd)}`)
    }
})

test('a function without its environment does not start, and says what it lacks', async () => {
  for (const [name, variable] of [
    ['token', 'BROKER_TABLE'],
    ['token', 'BROKER_SIGNING_KEYS'],
    ['metadata', 'BROKER_SIGNING_KEYS'],
  ] as const) {
    const value = process.env[variable]
    delete process.env[variable]
    try {
      await assert.rejects(loadFunction(name, configuration), new RegExp(variable))
    } finally {
      process.env[variable] = value
    }
  }
  await assert.rejects(loadFunction('metadata', { ...configuration, issuer: 'auto' }), /BROKER_ISSUER/)
})

test('an unsafe configuration does not start, also where nothing checked it before', async () => {
  const github = { ...configuration.issuers.github!, require: [] }
  await assert.rejects(
    loadFunction('token', { ...configuration, issuers: { ...configuration.issuers, github } }),
    /require/,
  )
})

test('metadata needs nothing but its own environment', async () => {
  const saved = { ...process.env }
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_') || name === 'BROKER_TABLE') delete process.env[name]
  try {
    const alone = await loadFunction('metadata', configuration)
    for (const path of ['/jwks', '/.well-known/openid-configuration', '/healthz']) {
      const http = { ...event().requestContext.http, method: 'GET', path }
      const response = await alone(
        event({ rawPath: path, requestContext: { ...event().requestContext, http } }),
        context,
      )
      assert.equal(response.statusCode, 200)
    }
  } finally {
    Object.assign(process.env, saved)
  }
})
