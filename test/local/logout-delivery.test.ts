import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, mock, test } from 'node:test'
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { sqsClient } from '../../lib/aws/clients.ts'
import { sqsLogoutNotices } from '../../lib/aws/logout-notices.ts'
import type { LogoutNotice } from '../../lib/ports.ts'
import { startBroker, type LocalBroker } from '../../local/broker.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { openClientApp, type ClientApp } from './client-app.ts'

// From the queue to a client on loopback, by the function that is deployed: docs/logout.md.

const signal = AbortSignal.timeout(60_000)
const lines: Record<string, unknown>[] = []
let app: ClientApp
let broker: LocalBroker
let queueUrl: string
const client = () => sqsClient({ requestHandler: { requestTimeout: 30_000 } })

before(async () => {
  // Powertools then writes to the console that can be replaced.
  process.env.POWERTOOLS_DEV = 'true'
  for (const level of ['info', 'warn', 'error'] as const)
    mock.method(console, level, (text: string) => lines.push(JSON.parse(text) as Record<string, unknown>))
  app = await openClientApp()
  broker = await startBroker({ config: quickstartConfig('http://127.0.0.1:9', undefined, app.url), port: 0 })
  queueUrl = process.env.BROKER_LOGOUT_QUEUE ?? ''
})
after(async () => {
  await broker?.close()
  await app?.close()
})

function newNotice(changes: Partial<LogoutNotice> = {}): LogoutNotice {
  const id = randomBytes(16).toString('base64url')
  const at = Math.floor(Date.now() / 1000)
  return { id, client_id: 'partner-app', sub: 'acme-partner:e-1041', sid: `s-${id}`, at, ...changes }
}

async function send(...notices: LogoutNotice[]): Promise<void> {
  await sqsLogoutNotices(client(), queueUrl).send(notices, signal)
}

/** The next message among the dead letters. */
async function deadLetter(): Promise<string> {
  const { QueueUrl } = await client().send(new GetQueueUrlCommand({ QueueName: 'token-broker-logout-dead-letters' }))
  for (;;) {
    const command = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20, VisibilityTimeout: 600 })
    const { Messages: [message] = [] } = await client().send(command)
    if (message?.Body !== undefined) return message.Body
  }
}

async function left(): Promise<number> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] })
  const { Attributes = {} } = await client().send(command)
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
}

const logged = (id: string) => lines.filter(({ decision_id }) => decision_id === id)

test('a notice comes to its client, which verifies it by our keys', async () => {
  const notice = newNotice()
  await send(notice)
  const { logout_token } = await app.next()
  const jwks = createRemoteJWKSet(new URL(`${broker.url}/jwks`))
  const { payload } = await jwtVerify(logout_token, jwks, {
    issuer: broker.issuer,
    audience: 'partner-app',
    typ: 'logout+jwt',
  })
  assert.deepEqual([payload.jti, payload.sub, payload.sid], [notice.id, notice.sub, notice.sid])
})

test('a client that fails is told again, by a token of the same jti, and then no more', async () => {
  const notice = newNotice()
  app.answers.push(500)
  await send(notice)
  const [first, second] = [await app.next(), await app.next()]
  assert.deepEqual([first.jti, second.jti], [notice.id, notice.id])
  while ((await left()) > 0);
  assert.deepEqual(
    logged(notice.id).map(({ message, detail, status }) => [message, detail ?? status]),
    [
      ['unavailable', 'client: partner-app: answered 500'],
      ['logout delivered', 200],
    ],
  )
  assert.ok(app.idle())
})

test('one that fails does not repeat the others of its batch', async () => {
  const notices = [newNotice(), newNotice(), newNotice()]
  const [, failing] = notices as [LogoutNotice, LogoutNotice]
  app.failsOnce.add(failing.id)
  await send(...notices)
  const told: string[] = []
  for (let i = 0; i < 4; i++) told.push((await app.next()).jti)
  assert.deepEqual(told.toSorted(), [...notices.map(({ id }) => id), failing.id].toSorted())
  while ((await left()) > 0);
  assert.ok(app.idle())
})

test('after the last try a notice lies with the dead letters, and an operator can have it told again', async () => {
  const notice = newNotice()
  app.answers.push(503, 503, 503, 503, 503)
  await send(notice)
  const body = await deadLetter()
  assert.deepEqual(JSON.parse(body), { schema: 1, ...notice })
  assert.equal(logged(notice.id).length, 5)
  for (let i = 0; i < 5; i++) assert.equal((await app.next()).jti, notice.id)
  assert.ok(app.idle())
  // docs/runbooks/logout-dead-letters.md
  const SourceArn = 'arn:aws:sqs:eu-west-1:000000000000:token-broker-logout-dead-letters'
  await client().send(new StartMessageMoveTaskCommand({ SourceArn }))
  assert.equal((await app.next()).jti, notice.id)
})

test('a message that is no notice comes to lie there too, and the log says why', async () => {
  const sent = await client().send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: '{"schema":2}' }))
  assert.equal(await deadLetter(), '{"schema":2}')
  const line = lines.find(({ message_id }) => message_id === sent.MessageId)
  assert.deepEqual([line?.message, line?.detail], ['logout message malformed', 'a message of another schema'])
})

test('a notice for a client that is no more is done with', async () => {
  const notice = newNotice({ client_id: 'gone' })
  await send(notice)
  while (logged(notice.id).length === 0) await left()
  assert.equal(logged(notice.id)[0]?.message, 'logout not delivered')
})
