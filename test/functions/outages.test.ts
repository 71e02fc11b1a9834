import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { DeleteItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { dynamodbClient } from '../../lib/aws/clients.ts'
import { compile } from '../../lib/config/compile.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { startDynamodb } from '../../local/dynamodb.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { startKms } from '../../local/kms.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { AwsError, type Standin } from '../../local/standin.ts'
import { startWorld, type World } from '../../local/world.ts'
import { openFaultyProxy, type Fault, type FaultyProxy } from '../contracts/faulty-proxy.ts'

const broker = 'http://127.0.0.1:8787'
const now = () => Math.floor(Date.now() / 1000)

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>
let proxy: FaultyProxy
let fault: (operation: string, nth: number) => Fault = () => 'none'
let client: DynamoDBClient
let kms: Standin
let world: World
let issuer: ExampleIssuer
let configuration: Configuration
let token: LambdaFunction

function compiledFor(issuerUrl: string): Configuration {
  const { text, file } = quickstartConfig(issuerUrl)
  return compile(text, file, { local: true, issuer: broker, now: now() }).configuration
}

before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT'
  dynamodb = await startDynamodb()
  proxy = await openFaultyProxy(dynamodb.url, (operation, nth) => fault(operation, nth))
  kms = await startKms()
  process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.endpoint
  process.env.AWS_ENDPOINT_URL_KMS = kms.url
  process.env.AWS_ACCESS_KEY_ID = 'local'
  process.env.AWS_SECRET_ACCESS_KEY = 'local'
  issuer = await startExampleIssuer()
  configuration = compiledFor(issuer.url)
  world = await startWorld(configuration)
  client = dynamodbClient({ endpoint: dynamodb.url })
  token = await loadFunction('token', configuration)
})
afterEach(() => {
  fault = () => 'none'
  kms.faults.length = 0
})
after(async () => {
  client.destroy()
  await world.close()
  proxy.close()
  await Promise.all([dynamodb.close(), kms.close(), issuer.close()])
})

async function exchange(
  subject_token: string,
  handler = token,
): Promise<{ status: number; body: Record<string, string>; retryAfter: number }> {
  const form = { grant_type: TOKEN_EXCHANGE_GRANT, subject_token_type: JWT_TYPE, subject_token, audience: 'deploy-api' }
  const event = {
    rawPath: '/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    requestContext: { http: { method: 'POST' } },
    body: Buffer.from(new URLSearchParams(form).toString()).toString('base64'),
    isBase64Encoded: true,
  } as unknown as APIGatewayProxyEventV2
  const { statusCode, body, headers } = await handler(event, { awsRequestId: 'r' } as Context)
  return {
    status: Number(statusCode),
    body: JSON.parse(body ?? '') as Record<string, string>,
    retryAfter: Number(headers?.['retry-after']),
  }
}

const jobToken = (changes = {}) => issuer.sign({ aud: broker, ...changes })

/** An outage is said to be one: 503, when to come back, and nothing about what failed. */
async function isUnavailable(subject_token: string, handler?: LambdaFunction): Promise<void> {
  const { status, body, retryAfter } = await exchange(subject_token, handler)
  assert.deepEqual([status, body.error], [503, 'temporarily_unavailable'])
  assert.ok(retryAfter >= 1 && retryAfter <= 5)
  assert.match(body.error_description ?? '', /^the service cannot answer right now, try again \(decision [\w-]{22}\)$/)
}

test('a warm exchange makes three AWS calls: put, batch get, sign', async () => {
  assert.equal((await exchange(await jobToken())).status, 200)
  const signed = kms.calls.get('Sign')!
  proxy.operations.length = 0
  assert.equal((await exchange(await jobToken())).status, 200)
  assert.deepEqual(proxy.operations.toSorted(), ['BatchGetItem', 'PutItem'])
  assert.equal(kms.calls.get('Sign'), signed + 1)
})

test('a refused exchange makes none that writes, and a replayed one writes nothing', async () => {
  proxy.operations.length = 0
  for (const changes of [{ event_name: 'pull_request' }, { aud: 'https://other.test' }, { exp: 1 }])
    assert.equal((await exchange(await jobToken(changes))).status, 400)
  assert.deepEqual(proxy.operations, [])
})

for (const [title, error] of [
  ['throttles', new AwsError('ThrottlingException', 'Rate exceeded')],
  ['has the key disabled', new AwsError('DisabledException', 'is disabled.')],
  ['fails', new AwsError('KMSInternalException', '', 500)],
] as const) {
  test(`KMS ${title}: 503, and the same token works when it is over`, async () => {
    const subject_token = await jobToken()
    kms.faults.push({ operation: 'Sign', times: 2, error })
    await isUnavailable(subject_token)
    kms.faults.length = 0
    assert.equal((await exchange(subject_token)).status, 200)
    assert.equal((await exchange(subject_token)).body.error, 'invalid_request')
  })
}

test('KMS cuts the connection once: the SDK tries again, and nothing is spent twice', async () => {
  const subject_token = await jobToken()
  kms.faults.push({ operation: 'Sign', drop: 'after' })
  assert.equal((await exchange(subject_token)).status, 200)
  assert.equal((await exchange(subject_token)).status, 400)
})

for (const operation of ['PutItem', 'BatchGetItem'] as const) {
  for (const [title, failing] of [
    ['answers 500', { status: 500, type: 'InternalServerError' }],
    ['throttles', { status: 400, type: 'ProvisionedThroughputExceededException' }],
    ['denies', { status: 400, type: 'AccessDeniedException' }],
  ] as const) {
    test(`DynamoDB ${title} at ${operation}: 503, and the same token works when it is over`, async () => {
      const subject_token = await jobToken()
      fault = (asked) => (asked === operation ? failing : 'none')
      await isUnavailable(subject_token)
      fault = () => 'none'
      assert.equal((await exchange(subject_token)).status, 200)
    })
  }
}

test('revocations that were only read in part are 503', async () => {
  const answer = {
    Responses: { 'token-broker': [] },
    UnprocessedKeys: { 'token-broker': { Keys: [{ pk: { S: 'x' } }] } },
  }
  fault = (asked) => (asked === 'BatchGetItem' ? { answer } : 'none')
  await isUnavailable(await jobToken())
})

test('a put whose answer is lost is settled: one token, and the next is a replay', async () => {
  const subject_token = await jobToken()
  fault = (asked) => (asked === 'PutItem' ? 'lose' : 'none')
  assert.equal((await exchange(subject_token)).status, 200)
  fault = () => 'none'
  assert.equal((await exchange(subject_token)).body.error, 'invalid_request')
})

test('a token that failed three times for our reasons is spent', async () => {
  const subject_token = await jobToken()
  for (let i = 0; i < 3; i++) {
    kms.faults.push({ operation: 'Sign', times: 2, error: new AwsError('DisabledException', '') })
    await isUnavailable(subject_token)
    kms.faults.length = 0
  }
  assert.deepEqual((await exchange(subject_token)).body.error, 'invalid_request')
})

for (const [dimension, value] of [
  ['all', 'all'],
  ['issuer', 'github'],
  ['subject', 'github:repo:1234567/987654'],
  ['target', 'deploy-api'],
  ['rule', 'web-deploys'],
] as const) {
  test(`a revocation by ${dimension} stops issuing, and only while it stands`, async () => {
    const pk = { S: `revocation#${dimension}#${value}` }
    const times = {
      not_before: { N: '0' },
      blocked_until: { N: String(now() + 600) },
      expires_at: { N: String(now() + 900) },
    }
    const table = { TableName: 'token-broker' }
    const subject_token = await jobToken()
    await client.send(new PutItemCommand({ ...table, Item: { pk, ...times } }))
    const refused = await exchange(subject_token)
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_request'])
    assert.match(refused.body.error_description ?? '', /^the subject token was not accepted/)
    await client.send(new DeleteItemCommand({ ...table, Key: { pk } }))
    assert.equal((await exchange(subject_token)).status, 200)
  })
}

test('an issuer that is down: a new sandbox finds its keys in the table, and without them it is 503, not a bad token', async () => {
  const forget = new DeleteItemCommand({ TableName: 'token-broker', Key: { pk: { S: 'keyset#github' } } })
  const other = await startExampleIssuer()
  const elsewhere = compiledFor(other.url)
  const tokens = [
    await other.sign({ aud: broker }),
    await other.sign({ aud: broker }),
    await other.sign({ aud: broker }),
  ]
  await client.send(forget)
  try {
    assert.equal((await exchange(tokens[0]!, await loadFunction('token', elsewhere))).status, 200)
  } finally {
    await other.close()
  }
  assert.equal((await exchange(tokens[1]!, await loadFunction('token', elsewhere))).status, 200)
  await client.send(forget)
  await isUnavailable(tokens[2]!, await loadFunction('token', elsewhere))
})
