import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { enqueue, moveBack, receive, remove, type Queue, type QueuedMessage } from './sqs-queue.ts'
import { AwsError, startStandin, type Protocol, type Standin } from './standin.ts'

const account = '000000000000'
const arnPrefix = `arn:aws:sqs:eu-west-1:${account}:`
const MAX_BATCH = 10

export interface SqsStandin extends Standin {
  /** How many now wait for a message. */
  waiting(): number
}

type Input = Record<string, unknown>

/**
 * AWS SQS's standard queues on loopback, by its JSON 1.0 protocol: visibility timeouts, long polling, dead letters and moving
 * them back. With a `dataDirectory` queues and messages outlive the process.
 */
export async function startSqs({
  port,
  dataDirectory,
}: { port?: number; dataDirectory?: string } = {}): Promise<SqsStandin> {
  const file = dataDirectory === undefined ? undefined : join(dataDirectory, 'sqs.json')
  const queues: Queue[] = file && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Queue[]) : []
  /** Who waits for a message to come, or to be seen again. */
  const waiting = new Set<() => void>()
  const closing = new AbortController()

  function changed(): void {
    if (file !== undefined && dataDirectory !== undefined) {
      mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
      writeFileSync(`${file}.new`, JSON.stringify(queues), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    }
    for (const wake of waiting) wake()
  }

  /** Until something has changed, that moment has come, or nobody waits any more. */
  function change(moment: number, gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        waiting.delete(wake)
        gone.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, Math.max(0, moment - Date.now()))
      waiting.add(wake)
      gone.addEventListener('abort', wake)
    })
  }

  const named = (name: string) => queues.find((queue) => queue.name === name)

  function findQueue(name: string): Queue {
    const queue = named(name)
    if (queue === undefined)
      throw new AwsError('com.amazonaws.sqs#QueueDoesNotExist', 'The specified queue does not exist.')
    return queue
  }
  const queueOf = (input: Input) => findQueue(text(input, 'QueueUrl').split('/').at(-1) ?? '')
  const urlOf = ({ name }: Queue) => `${standin.url}/${account}/${name}`

  function receivedAs(queue: Queue, input: Input): QueuedMessage {
    const receipt = text(input, 'ReceiptHandle')
    const message = queue.messages.find((message) => message.receipt === receipt)
    if (message === undefined)
      throw new AwsError('com.amazonaws.sqs#ReceiptHandleIsInvalid', 'The input receipt handle is invalid.')
    return message
  }

  function send(queue: Queue, input: Input): Record<string, unknown> {
    const message = enqueue(queue, text(input, 'MessageBody'), Date.now())
    return { MessageId: message.id, MD5OfMessageBody: md5(message.body) }
  }

  /** A message that is gone may be deleted again. */
  function deleteMessage(queue: Queue, input: Input): void {
    const receipt = text(input, 'ReceiptHandle')
    const message = queue.messages.find((message) => message.receipt === receipt)
    if (message !== undefined) remove(queue, message)
  }

  function changeVisibility(queue: Queue, input: Input): void {
    receivedAs(queue, input).visible = Date.now() + count(input, 'VisibilityTimeout', 30) * 1000
  }

  const operations: Record<string, (input: Input, gone: AbortSignal) => object | Promise<object>> = {
    CreateQueue(input) {
      const name = text(input, 'QueueName')
      const attributes = (input.Attributes ?? {}) as Record<string, string>
      const settings = {
        visibility_timeout: Number(attributes.VisibilityTimeout ?? 30),
        retention: Number(attributes.MessageRetentionPeriod ?? 345_600),
        ...redriveOf(attributes.RedrivePolicy),
      }
      if (settings.redrive !== undefined) findQueue(settings.redrive.queue)
      // One that is there stays, with the messages in it. AWS refuses other attributes; here a later run may have others.
      const queue = named(name) ?? { name, messages: [], ...settings }
      if (!queues.includes(queue)) queues.push(queue)
      Object.assign(queue, settings)
      changed()
      return { QueueUrl: urlOf(queue) }
    },
    GetQueueUrl: (input) => ({ QueueUrl: urlOf(findQueue(text(input, 'QueueName'))) }),
    GetQueueAttributes(input) {
      const queue = queueOf(input)
      const seen = queue.messages.filter(({ visible }) => visible <= Date.now()).length
      const { redrive } = queue
      return {
        Attributes: {
          QueueArn: arnPrefix + queue.name,
          VisibilityTimeout: String(queue.visibility_timeout),
          MessageRetentionPeriod: String(queue.retention),
          ApproximateNumberOfMessages: String(seen),
          ApproximateNumberOfMessagesNotVisible: String(queue.messages.length - seen),
          ...(redrive === undefined
            ? {}
            : {
                RedrivePolicy: JSON.stringify({
                  deadLetterTargetArn: arnPrefix + redrive.queue,
                  maxReceiveCount: redrive.most,
                }),
              }),
        },
      }
    },
    SendMessage(input) {
      const answer = send(queueOf(input), input)
      changed()
      return answer
    },
    SendMessageBatch(input) {
      const answer = batch(queueOf(input), input, send)
      changed()
      return answer
    },
    async ReceiveMessage(input, gone) {
      const queue = queueOf(input)
      const until = Date.now() + count(input, 'WaitTimeSeconds', 0) * 1000
      const receiving = {
        most: count(input, 'MaxNumberOfMessages', 1),
        visibility_timeout: count(input, 'VisibilityTimeout', queue.visibility_timeout),
      }
      while (!gone.aborted && !closing.signal.aborted) {
        const now = Date.now()
        const before = queue.messages.length
        const received = receive(queue, named(queue.redrive?.queue ?? ''), { ...receiving, now })
        // Also for dead letters, and whoever waits for them.
        if (received.length > 0 || queue.messages.length < before) changed()
        if (received.length > 0) return { Messages: received.map((message) => shown(message)) }
        if (now >= until) break
        await change(Math.min(until, ...queue.messages.map(({ visible }) => visible)), gone)
      }
      return {}
    },
    DeleteMessage(input) {
      deleteMessage(queueOf(input), input)
      changed()
      return {}
    },
    DeleteMessageBatch(input) {
      const answer = batch(queueOf(input), input, (queue, entry) => {
        deleteMessage(queue, entry)
        return {}
      })
      changed()
      return answer
    },
    ChangeMessageVisibility(input) {
      changeVisibility(queueOf(input), input)
      changed()
      return {}
    },
    StartMessageMoveTask(input) {
      const arn = text(input, 'SourceArn')
      moveBack(findQueue(arn.slice(arnPrefix.length)), named, Date.now())
      changed()
      return { TaskHandle: randomUUID() }
    },
  }

  const protocol: Protocol = {
    operationOf: (headers) => String(headers['x-amz-target'] ?? '').replace(/^AmazonSQS\./, ''),
    async answer({ operation, body, gone }) {
      const handler = Object.hasOwn(operations, operation) ? operations[operation] : undefined
      if (handler === undefined) throw new AwsError('UnknownOperationException', '')
      return json(200, await handler(parse(body), gone))
    },
    error: ({ code, message, status }) => json(status, { __type: code, message }),
  }
  const standin = await startStandin(protocol, port)
  return {
    ...standin,
    waiting: () => waiting.size,
    async close() {
      closing.abort()
      for (const wake of waiting) wake()
      await standin.close()
    },
  }
}

/** Each entry by itself: one that fails does not fail the others. */
function batch(
  queue: Queue,
  input: Input,
  carryOut: (queue: Queue, entry: Input) => Record<string, unknown>,
): { Successful: object[]; Failed: object[] } {
  const entries = Array.isArray(input.Entries) ? (input.Entries as Input[]) : []
  if (entries.length === 0)
    throw new AwsError('com.amazonaws.sqs#EmptyBatchRequest', 'There should be at least one entry in the request.')
  if (entries.length > MAX_BATCH)
    throw new AwsError(
      'com.amazonaws.sqs#TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${MAX_BATCH}. You have sent ${entries.length}.`,
    )
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length)
    throw new AwsError('com.amazonaws.sqs#BatchEntryIdsNotDistinct', 'Two entries have the same Id.')
  const Successful: object[] = []
  const Failed: object[] = []
  for (const entry of entries) {
    try {
      Successful.push({ Id: entry.Id, ...carryOut(queue, entry) })
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      Failed.push({ Id: entry.Id, Code: error.code, Message: error.message, SenderFault: true })
    }
  }
  return { Successful, Failed }
}

/** All that there is, whatever of it was asked for. */
function shown({ id, body, sent, received, first_received, receipt }: QueuedMessage): Record<string, unknown> {
  return {
    MessageId: id,
    ReceiptHandle: receipt,
    Body: body,
    MD5OfBody: md5(body),
    Attributes: {
      SenderId: 'AIDALOCAL',
      SentTimestamp: String(sent),
      ApproximateReceiveCount: String(received),
      ApproximateFirstReceiveTimestamp: String(first_received),
    },
  }
}

function redriveOf(policy: string | undefined): Pick<Queue, 'redrive'> {
  if (policy === undefined) return {}
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(policy) as Record<string, unknown>
  return { redrive: { queue: String(deadLetterTargetArn).slice(arnPrefix.length), most: Number(maxReceiveCount) } }
}

function md5(body: string): string {
  return createHash('md5').update(body).digest('hex')
}

function parse(body: Buffer): Input {
  try {
    return JSON.parse(body.toString('utf8')) as Input
  } catch {
    throw new AwsError('SerializationException', '')
  }
}

function json(status: number, value: unknown): { status: number; contentType: string; body: string } {
  return { status, contentType: 'application/x-amz-json-1.0', body: JSON.stringify(value) }
}

function text(input: Input, name: string): string {
  const value = input[name]
  if (typeof value === 'string' && value !== '') return value
  throw new AwsError('MissingParameter', `The request must contain the parameter ${name}.`)
}

function count(input: Input, name: string, otherwise: number): number {
  const value = input[name] ?? otherwise
  if (Number.isInteger(value) && (value as number) >= 0) return value as number
  throw new AwsError('InvalidParameterValue', `Value ${JSON.stringify(value)} for parameter ${name} is invalid.`)
}
