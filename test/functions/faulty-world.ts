import { mock } from 'node:test'
import { GetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Context } from 'aws-lambda'
import { dynamodbClient } from '../../lib/aws/clients.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { startDynamodb } from '../../local/dynamodb.ts'
import { startKms } from '../../local/kms.ts'
import type { LambdaFunction } from '../../local/load-function.ts'
import { startWorld } from '../../local/world.ts'
import { openFaultyProxy, type Fault } from '../contracts/faulty-proxy.ts'
import { exchangeEvent } from './token-event.ts'

export const broker = 'http://127.0.0.1:8787'
export const now = () => Math.floor(Date.now() / 1000)

export type Item = Record<string, AttributeValue>

/** DynamoDB and KMS behind networks that fail as a test says. What they hold is seen past them. */
export interface FaultyWorld {
  /** Asked for each request to either service: `PutItem`, `GetItem`, `UpdateItem`, `BatchGetItem`, `Sign`. */
  fault: (operation: string, nth: number) => Fault
  /** Operations since `mend`. */
  operations(): string[]
  /** No more faults, and nothing counted yet. */
  mend(): void
  client: DynamoDBClient
  row(pk: string): Promise<Item | undefined>
  close(): Promise<void>
}

/** Tells functions about itself as a deployment does: in process.env. */
export async function openFaultyWorld(configuration: Configuration): Promise<FaultyWorld> {
  const services = [await startDynamodb(), await startKms()] as const
  const [dynamodb, kms] = await Promise.all(
    services.map(({ url }) => openFaultyProxy(url, (operation, nth) => world.fault(operation, nth))),
  )
  const client = dynamodbClient({
    endpoint: services[0].url,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  const world: FaultyWorld = {
    fault: () => 'none',
    operations: () => [...dynamodb!.operations, ...kms!.operations],
    mend() {
      world.fault = () => 'none'
      dynamodb!.operations.length = 0
      kms!.operations.length = 0
    },
    client,
    async row(pk) {
      const command = new GetItemCommand({ TableName: 'token-broker', Key: { pk: { S: pk } }, ConsistentRead: true })
      return (await client.send(command)).Item
    },
    async close() {
      client.destroy()
      dynamodb!.close()
      kms!.close()
      await Promise.all([...services, rest].map((opened) => opened.close()))
    },
  }
  process.env.AWS_ENDPOINT_URL_DYNAMODB = dynamodb!.endpoint
  process.env.AWS_ENDPOINT_URL_KMS = kms!.endpoint
  process.env.AWS_ACCESS_KEY_ID = 'local'
  process.env.AWS_SECRET_ACCESS_KEY = 'local'
  const rest = await startWorld(configuration)
  world.mend()
  return world
}

export interface Answer {
  status: number
  body: Record<string, string>
  retryAfter: number
}

export async function exchange(handler: LambdaFunction, subject_token: string): Promise<Answer> {
  const { statusCode, body, headers } = await handler(exchangeEvent(subject_token, { audience: 'deploy-api' }), {
    awsRequestId: 'r',
  } as Context)
  return {
    status: Number(statusCode),
    body: JSON.parse(body ?? '') as Record<string, string>,
    retryAfter: Number(headers?.['retry-after']),
  }
}

/** What an operator would read, a text a line: its message and why. Lines that say what was decided are left out. */
export function captureLog(): string[] {
  // Powertools then writes to the console that can be replaced.
  process.env.POWERTOOLS_DEV = 'true'
  const lines: string[] = []
  for (const level of ['info', 'warn', 'error'] as const) {
    mock.method(console, level, (text: string) => {
      const { message, detail, reason } = JSON.parse(text) as Record<string, string>
      if (message !== 'decided') lines.push([message, detail ?? reason].filter(Boolean).join(': '))
    })
  }
  return lines
}
