import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, mock, test } from 'node:test'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { dynamodbConsents } from '../../lib/aws/consents.ts'
import { compile } from '../../lib/config/compile.ts'
import type { Consent, ConsentBook } from '../../lib/ports.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { broker, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'

const userArn = 'arn:aws:sts::123456789012:assumed-role/oncall/ana'
const signal = AbortSignal.timeout(60_000)

let world: FaultyWorld
let admin: LambdaFunction
let book: ConsentBook
const lines: Record<string, unknown>[] = []
let serial = 0

before(async () => {
  // Powertools then writes to the console that can be replaced.
  process.env.POWERTOOLS_DEV = 'true'
  for (const level of ['info', 'warn'] as const)
    mock.method(console, level, (text: string) => lines.push(JSON.parse(text) as Record<string, unknown>))
  const { text, file } = quickstartConfig('http://127.0.0.1:9')
  const { configuration } = compile(text, file, { local: true, issuer: broker, now: now() })
  world = await openFaultyWorld(configuration)
  admin = await loadFunction('admin', configuration)
  book = dynamodbConsents(world.client, 'token-broker')
})
beforeEach(() => {
  world.mend()
  lines.length = 0
})
after(() => world.close())

async function recorded(changes: Partial<Consent> = {}): Promise<Consent> {
  const one = {
    client_id: 'web-app',
    sub: `acme-partner:person#${serial++}`,
    scopes: ['openid', 'email'],
    at: now() - 60,
    expires_at: now() + 3_600,
    ...changes,
  }
  await book.record(one, signal)
  return one
}

async function ask(body: object, authorizer: object = { iam: { userArn } }, rawPath = '/admin/consents') {
  const event = {
    rawPath,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { http: { method: 'POST', path: rawPath }, authorizer },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2
  const { statusCode, headers = {}, body: text = '' } = await admin(event, { awsRequestId: 'r' } as Context)
  return { status: Number(statusCode), headers, body: JSON.parse(text) as Record<string, unknown> }
}

const withdrawal = ({ client_id, sub }: Consent) => ({ operation: 'withdraw', client_id, subject: sub })

test('a person’s consents are listed, by one look', async () => {
  const one = await recorded()
  const other = await recorded({ sub: one.sub, client_id: 'another' })
  await recorded()
  const { status, headers, body } = await ask({ operation: 'list', subject: one.sub })
  assert.equal(status, 200)
  assert.equal(headers['cache-control'], 'no-store')
  assert.deepEqual(new Set(body.consents as Consent[]), new Set([one, other]))
  assert.deepEqual(world.operations(), ['Query'])
})

test('a client’s consents are listed, and those that have expired are not', async () => {
  const one = await recorded({ client_id: 'listed' })
  await recorded({ client_id: 'listed', expires_at: now() })
  assert.deepEqual((await ask({ operation: 'list', client_id: 'listed' })).body, { consents: [one] })
})

test('what is withdrawn is no more, and the log says who did it', async () => {
  const one = await recorded()
  const { status, headers, body } = await ask(withdrawal(one))
  assert.deepEqual([status, body], [200, { withdrawn: true }])
  assert.equal(await book.find(one, now(), signal), undefined)
  const [line] = lines.map(({ message, decision_id, client_id, sub, by }) => ({
    message,
    decision_id,
    client_id,
    sub,
    by,
  }))
  assert.deepEqual(line, {
    message: 'consent withdrawn',
    decision_id: headers['x-decision-id'],
    client_id: 'web-app',
    sub: one.sub,
    by: userArn,
  })
  assert.deepEqual((await ask(withdrawal(one))).body, { withdrawn: false })
  assert.deepEqual(
    lines.map(({ message, by }) => [message, by]),
    [
      ['consent withdrawn', userArn],
      ['no consent to withdraw', userArn],
    ],
  )
})

test('where nobody knows whether it was withdrawn, it is 503, and the log says who tried', async () => {
  const one = await recorded()
  world.fault = (operation) => (operation === 'DeleteItem' ? 'lose' : 'none')
  const { status, headers, body } = await ask(withdrawal(one))
  assert.deepEqual([status, body.error], [503, 'temporarily_unavailable'])
  assert.match(String(headers['retry-after']), /^[1-5]$/)
  assert.deepEqual(
    lines.slice(0, 1).map(({ message, sub, by }) => [message, sub, by]),
    [['consent perhaps withdrawn', one.sub, userArn]],
  )
})

test('a list that cannot be read is 503', async () => {
  world.fault = () => ({ status: 400, type: 'ThrottlingException' })
  assert.equal((await ask({ operation: 'list' })).status, 503)
})

test('whom IAM has not let in is refused, and nothing is done', async () => {
  const one = await recorded()
  world.mend()
  const { status, body } = await ask(withdrawal(one), {})
  assert.deepEqual([status, body.error], [403, 'access_denied'])
  assert.deepEqual(world.operations(), [])
})

describe('each path has its own operations', () => {
  for (const [path, body] of [
    ['/admin/consents', { operation: 'revoke', dimension: 'all', value: 'all', reason: 'x' }],
    ['/admin/consents', { operation: 'list', subject: 'person' }],
    ['/admin/revocations', { operation: 'withdraw', client_id: 'web-app', subject: 'acme-partner:person' }],
    ['/admin/revocations', { operation: 'list', client_id: 'web-app' }],
  ] as const)
    test(`${path} ${JSON.stringify(body)} is refused, in words`, async () => {
      const { status, body: answer } = await ask(body, { iam: { userArn } }, path)
      assert.deepEqual([status, answer.error], [400, 'invalid_request'])
      assert.ok(String(answer.error_description).length > 10)
      assert.deepEqual(world.operations(), [])
    })
})
