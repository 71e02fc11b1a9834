import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
  type Message,
} from '@aws-sdk/client-sqs'
import { startSqs, type SqsStandin } from '../../local/sqs.ts'
import type { Standin } from '../../local/standin.ts'

let standin: SqsStandin
let client: SQSClient
let serial = 0

function clientOf({ url }: Standin): SQSClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  return new SQSClient({ endpoint: url, region: 'eu-west-1', credentials, maxAttempts: 1 })
}

before(async () => {
  standin = await startSqs()
  client = clientOf(standin)
})
after(async () => {
  client.destroy()
  await standin.close()
})

async function newQueue(Attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: `queue-${serial++}`, Attributes }))
  return QueueUrl!
}

async function send(QueueUrl: string, ...bodies: string[]): Promise<void> {
  for (const MessageBody of bodies) await client.send(new SendMessageCommand({ QueueUrl, MessageBody }))
}

async function receive(QueueUrl: string, options: Partial<ReceiveMessageCommand['input']> = {}): Promise<Message[]> {
  const command = { QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All' as const], ...options }
  return (await client.send(new ReceiveMessageCommand(command))).Messages ?? []
}

async function attributesOf(QueueUrl: string): Promise<Record<string, string>> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
  return (await client.send(command)).Attributes as Record<string, string>
}

test('what is sent is received once, until it is deleted or seen again, and each time is counted', async () => {
  const queue = await newQueue({ VisibilityTimeout: '60' })
  await send(queue, 'one')
  const [first] = (await receive(queue)) as [Message]
  assert.equal(first.Body, 'one')
  assert.deepEqual(await receive(queue), [])
  const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible } = await attributesOf(queue)
  assert.deepEqual([ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible], ['0', '1'])
  const { ReceiptHandle } = first
  await client.send(new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle, VisibilityTimeout: 0 }))
  const [second] = await receive(queue, { VisibilityTimeout: 0 })
  assert.deepEqual([first.Attributes?.ApproximateReceiveCount, second?.Attributes?.ApproximateReceiveCount], ['1', '2'])
  assert.equal(second?.MessageId, first.MessageId)
  // What it was received by before opens nothing now.
  await client.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }))
  const [third] = await receive(queue)
  await client.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: third?.ReceiptHandle }))
  assert.deepEqual(await receive(queue, { VisibilityTimeout: 0 }), [])
})

test('who waits is woken by what is sent, and by what can be seen again', async () => {
  const queue = await newQueue({ VisibilityTimeout: '1' })
  const waiting = receive(queue, { WaitTimeSeconds: 20 })
  await send(queue, 'one')
  assert.equal((await waiting)[0]?.Body, 'one')
  assert.equal((await receive(queue, { WaitTimeSeconds: 20 }))[0]?.Attributes?.ApproximateReceiveCount, '2')
})

test('who has hung up receives nothing: the next one does', async () => {
  const queue = await newQueue()
  const hangUp = new AbortController()
  const waiting = client.send(new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 20 }), {
    abortSignal: hangUp.signal,
  })
  while (standin.waiting() === 0) await attributesOf(queue)
  hangUp.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  while (standin.waiting() === 1) await attributesOf(queue)
  await send(queue, 'one')
  assert.equal((await receive(queue, { WaitTimeSeconds: 20 }))[0]?.Body, 'one')
})

test('what was received as often as may be goes to the dead letters, and from there back', async () => {
  const deadLetters = await newQueue()
  const { QueueArn } = await attributesOf(deadLetters)
  const queue = await newQueue({
    VisibilityTimeout: '0',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: QueueArn, maxReceiveCount: 2 }),
  })
  await send(queue, 'one')
  for (const count of ['1', '2']) assert.equal((await receive(queue))[0]?.Attributes?.ApproximateReceiveCount, count)
  assert.deepEqual(await receive(queue), [])
  assert.equal((await receive(deadLetters, { VisibilityTimeout: 0 }))[0]?.Body, 'one')
  await client.send(new StartMessageMoveTaskCommand({ SourceArn: QueueArn }))
  assert.deepEqual(await receive(deadLetters), [])
  assert.equal((await receive(queue))[0]?.Attributes?.ApproximateReceiveCount, '1')
})

test('batches: ten at most, with ids of their own; each entry by itself', async () => {
  const queue = await newQueue()
  const entries = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ Id: String(index), MessageBody: `body ${index}` }))
  const sent = await client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries: entries(10) }))
  assert.equal(sent.Successful?.length, 10)
  for (const [Entries, name] of [
    [[], 'EmptyBatchRequest'],
    [entries(11), 'TooManyEntriesInBatchRequest'],
    [[...entries(1), ...entries(1)], 'BatchEntryIdsNotDistinct'],
  ] as const)
    await assert.rejects(client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries: [...Entries] })), { name })
  const mixed = [{ Id: 'empty', MessageBody: '' }, ...entries(1)]
  const { Successful, Failed } = await client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries: mixed }))
  assert.deepEqual([Successful?.map(({ Id }) => Id), Failed?.map(({ Id }) => Id)], [['0'], ['empty']])
  const messages = [...(await receive(queue)), ...(await receive(queue))]
  assert.equal(messages.length, 11)
  const deleting = messages.slice(0, 10).map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
  await client.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries: deleting }))
  assert.equal((await attributesOf(queue)).ApproximateNumberOfMessagesNotVisible, '1')
})

test('what is not there is refused by the name that SQS gives it', async () => {
  const queue = await newQueue()
  await assert.rejects(client.send(new GetQueueUrlCommand({ QueueName: 'none' })), { name: 'QueueDoesNotExist' })
  await assert.rejects(send(`${queue}-none`, 'one'), { name: 'QueueDoesNotExist' })
  const unknown = { QueueUrl: queue, ReceiptHandle: 'none', VisibilityTimeout: 0 }
  await assert.rejects(client.send(new ChangeMessageVisibilityCommand(unknown)), { name: 'ReceiptHandleIsInvalid' })
  const dead = JSON.stringify({ deadLetterTargetArn: 'arn:aws:sqs:eu-west-1:000000000000:none', maxReceiveCount: 1 })
  await assert.rejects(newQueue({ RedrivePolicy: dead }), { name: 'QueueDoesNotExist' })
})

test('a data directory keeps queues and messages', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'token-broker-sqs-'))
  try {
    const first = await startSqs({ dataDirectory })
    const sender = clientOf(first)
    const { QueueUrl } = await sender.send(new CreateQueueCommand({ QueueName: 'kept' }))
    await sender.send(new SendMessageCommand({ QueueUrl, MessageBody: 'one' }))
    sender.destroy()
    await first.close()
    const second = await startSqs({ dataDirectory })
    const receiver = clientOf(second)
    const found = await receiver.send(new GetQueueUrlCommand({ QueueName: 'kept' }))
    const { Messages } = await receiver.send(new ReceiveMessageCommand({ QueueUrl: found.QueueUrl }))
    assert.equal(Messages?.[0]?.Body, 'one')
    receiver.destroy()
    await second.close()
  } finally {
    rmSync(dataDirectory, { recursive: true })
  }
})

test('it closes at once while somebody waits', async () => {
  const own = await startSqs()
  const waiter = clientOf(own)
  const { QueueUrl } = await waiter.send(new CreateQueueCommand({ QueueName: 'q' }))
  const waiting = waiter.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
  const ended = waiting.then(
    () => 'ended',
    () => 'ended',
  )
  while (own.waiting() === 0) await waiter.send(new GetQueueUrlCommand({ QueueName: 'q' }))
  await own.close()
  assert.equal(await ended, 'ended')
  waiter.destroy()
})
