import { Duration } from 'aws-cdk-lib'
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { Configuration } from '../lib/trust/configuration.ts'
import { BrokerFunction } from './broker-function.ts'

/** Of the delivery function. */
const TIMEOUT = Duration.seconds(10)

/** AWS asks for six times the function's timeout. It is also how long after a try the next one comes. */
const VISIBILITY_TIMEOUT = Duration.seconds(60)

/** The first try and one a minute: the last comes a quarter of an hour after the first. */
const MAX_RECEIVE_COUNT = 16

/** Few to a function: those of one batch wait for the slowest client among them. */
const BATCH_SIZE = 5

/** So that clients who are slow to answer do not take the account's sandboxes from logins and exchanges. */
const MAX_CONCURRENCY = 5

const common: QueueProps = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true }

export interface LogoutQueueProps {
  configuration: Configuration
}

/**
 * The way of a logout to a client: a queue, the function that tells clients (docs/logout.md), and a queue for those of which
 * a client could not be told, until an operator looks.
 */
export class LogoutQueue extends Construct {
  readonly delivery: BrokerFunction
  readonly deadLetters: Queue
  readonly #queue: Queue

  constructor(scope: Construct, id: string, { configuration }: LogoutQueueProps) {
    super(scope, id)
    // The longest there is. It counts from when the notice was sent.
    this.deadLetters = new Queue(this, 'DeadLetters', { ...common, retentionPeriod: Duration.days(14) })
    this.#queue = new Queue(this, 'Queue', {
      ...common,
      visibilityTimeout: VISIBILITY_TIMEOUT,
      // Longer than all tries take, also where many wait.
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
    })
    this.delivery = new BrokerFunction(this, 'Delivery', {
      name: 'logout-delivery',
      description: 'tells clients of logouts',
      configuration,
      timeout: TIMEOUT,
      retainLog: true,
    })
    this.delivery.allow({
      actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      resources: [this.#queue.queueArn],
    })
    const source = new EventSourceMapping(this, 'Source', {
      target: this.delivery.function,
      eventSourceArn: this.#queue.queueArn,
      batchSize: BATCH_SIZE,
      maxConcurrency: MAX_CONCURRENCY,
      reportBatchItemFailures: true,
    })
    // Lambda makes none for a function that may not read the queue.
    source.node.addDependency(this.delivery.role)
  }

  /** Lets a function send notices, and tells it where to. */
  bindSender(sender: BrokerFunction): void {
    sender.setEnvironment('BROKER_LOGOUT_QUEUE', this.#queue.queueUrl)
    sender.allow({ actions: ['sqs:SendMessage'], resources: [this.#queue.queueArn] })
  }
}
