import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test, type TestContext } from 'node:test'
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { sqsClient } from '../../lib/aws/clients.ts'
import { parseMessage, toMessage } from '../../lib/aws/logout-message.ts'
import { sqsLogoutNotices } from '../../lib/aws/logout-notices.ts'
import type { LogoutNotice } from '../../lib/ports.ts'
import { startSqs } from '../../local/sqs.ts'
import { AwsError, type Standin } from '../../local/standin.ts'
import { openFaultyProxy, type Fault } from './faulty-proxy.ts'

const signal = AbortSignal.timeout(60_000)
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
let standin: Standin
let serial = 0

before(async () => {
  standin = await startSqs()
})
after(() => standin.close())

function noticesOf(count: number): LogoutNotice[] {
  return Array.from({ length: count }, (_, index) => ({
    id: String(index).padStart(22, '0'),
    client_id: `app-${index}`,
    sub: 'partner:alice',
    sid: 's1',
    at: 1_790_000_000,
  }))
}

const [notice] = noticesOf(1) as [LogoutNotice]

/** A queue of its own, and what sends to it, through a network that fails as `fault` says. */
async function queueOf(t: TestContext, fault: Parameters<typeof openFaultyProxy>[1] = () => 'none') {
  const proxy = await openFaultyProxy(standin.url, fault)
  const direct = sqsClient({ endpoint: standin.url, region: 'eu-west-1', credentials })
  const client = sqsClient({ endpoint: proxy.endpoint, region: 'eu-west-1', credentials })
  t.after(() => {
    direct.destroy()
    client.destroy()
    proxy.close()
  })
  const { QueueUrl } = await direct.send(new CreateQueueCommand({ QueueName: `notices-${serial++}` }))
  return {
    proxy,
    notices: sqsLogoutNotices(client, QueueUrl!),
    /** What is in the queue now, in no order. */
    async bodies(): Promise<string[]> {
      const bodies: string[] = []
      for (;;) {
        const { Messages = [] } = await direct.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
        if (Messages.length === 0) return bodies
        bodies.push(...Messages.map(({ Body }) => Body ?? ''))
      }
    },
  }
}

const idsIn = (bodies: string[]) => bodies.map((body) => parseMessage(body).id).toSorted()
const idsOf = (notices: LogoutNotice[]) => notices.map(({ id }) => id).toSorted()

test('25 notices go in three batches, and each reads back as it was', async (t) => {
  const queue = await queueOf(t)
  await queue.notices.send(noticesOf(25), signal)
  assert.deepEqual(
    queue.proxy.asked().map(({ Entries }) => (Entries as unknown[]).length),
    [10, 10, 5],
  )
  const read = (await queue.bodies()).map((body) => parseMessage(body)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  assert.deepEqual(read, noticesOf(25))
})

test('for no notice nobody is asked', async (t) => {
  const queue = await queueOf(t)
  await queue.notices.send([], signal)
  assert.deepEqual(queue.proxy.operations, [])
})

const failed = (...ids: string[]) => ids.map((Id) => ({ Id, Code: 'InternalError', SenderFault: false }))

test('what SQS did not take of a batch is sent once more, and nothing else is', async (t) => {
  const queue = await queueOf(t, (_, nth) =>
    nth === 0 ? { answer: { Successful: [], Failed: failed('0', '1') } } : 'none',
  )
  await queue.notices.send(noticesOf(2), signal)
  assert.deepEqual(idsIn(await queue.bodies()), idsOf(noticesOf(2)))
  assert.equal(queue.proxy.operations.length, 2)
})

test('only those that failed go again', async (t) => {
  const MD5OfMessageBody = createHash('md5').update(toMessage(notice)).digest('hex')
  const taken = { Id: '0', MessageId: 'm', MD5OfMessageBody }
  const queue = await queueOf(t, (_, nth) =>
    nth === 0 ? { answer: { Successful: [taken], Failed: failed('1') } } : 'none',
  )
  await queue.notices.send(noticesOf(2), signal)
  assert.deepEqual(idsIn(await queue.bodies()), idsOf(noticesOf(2).slice(1)))
})

for (const [what, answer, detail] of [
  [
    'says of one that it did not take it',
    { Successful: [], Failed: failed('0') },
    /^sqs: 1 messages were not taken: InternalError$/,
  ],
  ['says nothing of one', { Successful: [], Failed: [] }, /^sqs: 1 messages were not taken: no reason given$/],
] as const)
  test(`where SQS ${what}, twice, it is an outage`, async (t) => {
    const queue = await queueOf(t, () => ({ answer }))
    await assert.rejects(queue.notices.send(noticesOf(1), signal), { name: 'UnavailableError', message: detail })
    assert.equal(queue.proxy.operations.length, 2)
  })

for (const [what, fault, message] of [
  ['denies it', { status: 400, type: 'AccessDeniedException' }, 'sqs: AccessDeniedException'],
  ['has no such queue', { status: 400, type: 'QueueDoesNotExist' }, 'sqs: QueueDoesNotExist'],
  ['fails', { status: 500, type: 'InternalFailure' }, 'sqs: InternalFailure'],
] as [string, Fault, string][])
  test(`where SQS ${what}, it is an outage, by its name alone`, async (t) => {
    const queue = await queueOf(t, () => fault)
    await assert.rejects(queue.notices.send(noticesOf(12), signal), { name: 'UnavailableError', message })
  })

test('an answer that is lost is asked for again: a notice may be there twice, and is never missing', async (t) => {
  const queue = await queueOf(t, (_, nth) => (nth === 0 ? 'lose' : 'none'))
  await queue.notices.send(noticesOf(1), signal)
  assert.deepEqual(idsIn(await queue.bodies()), [...idsOf(noticesOf(1)), ...idsOf(noticesOf(1))])
})

test('where nobody answers it ends with its deadline', async (t) => {
  const deadline = new AbortController()
  const queue = await queueOf(t, () => ({ hold: 'before it is done', reached: () => deadline.abort() }))
  await assert.rejects(queue.notices.send(noticesOf(1), deadline.signal), {
    name: 'UnavailableError',
    message: 'sqs: AbortError',
  })
})

test('it is throttled, and asks again', async (t) => {
  const queue = await queueOf(t)
  standin.faults.push({ operation: 'SendMessageBatch', error: new AwsError('ThrottlingException', 'Rate exceeded') })
  await queue.notices.send(noticesOf(1), signal)
  assert.deepEqual(idsIn(await queue.bodies()), idsOf(noticesOf(1)))
})

const body = { schema: 1, ...notice }
const [badId, badTime] = ['the id is malformed', 'the time is malformed']
for (const [what, text, message] of [
  ['no JSON', 'x', 'not valid JSON'],
  ['an array', '[]', 'not a JSON object'],
  ['no schema', JSON.stringify(notice), 'a message of another schema'],
  ['another schema', JSON.stringify({ ...body, schema: 2 }), 'a message of another schema'],
  ['a schema that is text', JSON.stringify({ ...body, schema: '1' }), 'a message of another schema'],
  ['a member more', JSON.stringify({ ...body, nonce: 'x' }), 'a message with a member that is not known'],
  ['a member twice', JSON.stringify(body).replace('{', '{"sub":"partner:bob",'), 'duplicate member name'],
  ['a shorter id', JSON.stringify({ ...body, id: notice.id.slice(1) }), badId],
  ['a longer id', JSON.stringify({ ...body, id: `${notice.id}0` }), badId],
  ['more before its id', JSON.stringify({ ...body, id: `+${notice.id}` }), badId],
  ['more after its id', JSON.stringify({ ...body, id: `${notice.id}+` }), badId],
  ['an id that is no base64url', JSON.stringify({ ...body, id: `${notice.id.slice(1)}+` }), badId],
  ['a list of one id', JSON.stringify({ ...body, id: [notice.id] }), badId],
  ['a time that is text', JSON.stringify({ ...body, at: '1790000000' }), badTime],
  ['a time with a fraction', JSON.stringify({ ...body, at: 1.5 }), badTime],
  ['a time before 1970', JSON.stringify({ ...body, at: -1 }), badTime],
  ['no id', JSON.stringify({ ...body, id: undefined }), badId],
  ['no time', JSON.stringify({ ...body, at: undefined }), badTime],
  ...(['client_id', 'sub', 'sid'] as const).flatMap((name) =>
    [undefined, '', null, 1, ['x']].map(
      (value) =>
        [
          `a ${name} that is ${JSON.stringify(value)}`,
          JSON.stringify({ ...body, [name]: value }),
          `the ${name} is malformed`,
        ] as const,
    ),
  ),
] as const)
  test(`a message with ${what} is none`, () => {
    assert.throws(() => parseMessage(text), { name: 'SyntaxError', message })
  })

test('a notice of 1970 is one', () => {
  assert.equal(parseMessage(JSON.stringify({ ...body, at: 0 })).at, 0)
})
