import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import {
  CreateTableCommand,
  DeleteTableCommand,
  waitUntilTableExists,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import { dynamodbClient } from '../../lib/aws/clients.ts'

export interface TestTable {
  endpoint: string
  table: string
  client: DynamoDBClient
  /** A client like `client`, for another endpoint: see faulty-proxy.ts. */
  clientFor(endpoint: string): DynamoDBClient
  close(): Promise<void>
}

// It has no types.
const dynalite = createRequire(import.meta.url)('dynalite') as (options: {
  createTableMs: number
  deleteTableMs: number
}) => Server

/** A new table of the deployed shape, at TEST_DYNAMODB_ENDPOINT where that is set, else in a dynalite of its own. */
export async function openTestTable(): Promise<TestTable> {
  const given = process.env.TEST_DYNAMODB_ENDPOINT
  const server = given ? undefined : dynalite({ createTableMs: 0, deleteTableMs: 0 })
  const endpoint = server ? await listen(server) : (given ?? '')
  const clients: DynamoDBClient[] = []
  const clientFor = (endpoint: string) => {
    const client = dynamodbClient({
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    })
    clients.push(client)
    return client
  }
  const client = clientFor(endpoint)
  const table = `test-${randomBytes(8).toString('hex')}`
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'decision_id', AttributeType: 'S' },
      ],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by_id',
          KeySchema: [{ AttributeName: 'decision_id', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  )
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { TableName: table })
  return {
    endpoint,
    table,
    client,
    clientFor,
    async close() {
      await client.send(new DeleteTableCommand({ TableName: table }))
      for (const client of clients) client.destroy()
      server?.close()
      server?.closeAllConnections()
    },
  }
}

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
