import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { DeleteMessageBatchCommand, ReceiveMessageCommand, type Message } from '@aws-sdk/client-sqs'
import type { Context, SQSRecord } from 'aws-lambda'
import { sqsClient } from '../lib/aws/clients.ts'
import type { QueueFunction } from './load-function.ts'

const BATCH_SIZE = 5
const WAIT_SECONDS = 20
/** Milliseconds, after a queue that did not answer. */
const PAUSE = 1_000

export interface EventSource {
  /** Receives no more, and waits for what is in work. */
  close(): Promise<void>
}

/**
 * What Lambda's event source mapping does, one batch after another: invokes the function with the queue's messages, and
 * deletes those that it does not report as failed. The others come again once they can be seen.
 */
export function startEventSource(queueUrl: string, invoke: QueueFunction): EventSource {
  const stopping = new AbortController()
  const { signal } = stopping
  // It waits longer for an answer than anything in a request may.
  const client = sqsClient({
    maxAttempts: 1,
    requestHandler: { requestTimeout: (WAIT_SECONDS + 5) * 1000, throwOnRequestTimeout: true },
  })

  async function receive(): Promise<Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: BATCH_SIZE,
      WaitTimeSeconds: WAIT_SECONDS,
      MessageSystemAttributeNames: ['All'],
    })
    return (await client.send(command, { abortSignal: signal })).Messages ?? []
  }

  async function work(messages: Message[]): Promise<void> {
    const Records = messages.map((message) => toRecord(message, queueUrl))
    const { batchItemFailures } = await invoke({ Records }, { awsRequestId: randomUUID() } as Context)
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
    const done = Records.filter(({ messageId }) => !failed.has(messageId))
    if (done.length === 0) return
    const Entries = done.map(({ messageId, receiptHandle }) => ({ Id: messageId, ReceiptHandle: receiptHandle }))
    await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }))
  }

  async function poll(): Promise<void> {
    while (!signal.aborted) {
      try {
        const messages = await receive()
        if (messages.length > 0) await work(messages)
      } catch {
        await setTimeout(PAUSE, undefined, { signal }).catch(() => {})
      }
    }
  }

  const polling = poll()
  return {
    async close() {
      stopping.abort()
      await polling
      client.destroy()
    },
  }
}

function toRecord(
  { MessageId = '', ReceiptHandle = '', Body = '', MD5OfBody = '', Attributes }: Message,
  queueUrl: string,
): SQSRecord {
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    md5OfBody: MD5OfBody,
    attributes: Attributes as unknown as SQSRecord['attributes'],
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:eu-west-1:000000000000:${queueUrl.split('/').at(-1)}`,
    awsRegion: 'eu-west-1',
  }
}
