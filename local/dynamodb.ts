import { mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  CreateTableCommand,
  DescribeTableCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  waitUntilTableExists,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import { close, listen } from './loopback.ts'

interface DynaliteOptions {
  createTableMs: number
  deleteTableMs: number
  updateTableMs: number
  path?: string
}

// It has no types.
const dynalite = createRequire(import.meta.url)('dynalite') as (options: DynaliteOptions) => Server

/** DynamoDB on loopback, in this process: in memory, or in a `dataDirectory`. */
export async function startDynamodb({
  port = 0,
  dataDirectory,
}: { port?: number; dataDirectory?: string } = {}): Promise<{ url: string; close(): Promise<void> }> {
  const path = dataDirectory === undefined ? {} : { path: join(dataDirectory, 'dynamodb') }
  if (path.path !== undefined) mkdirSync(path.path, { recursive: true, mode: 0o700 })
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0, ...path })
  return { url: await listen(server, port), close: () => close(server) }
}

/** The deployed table's shape, where it is not there yet. */
export async function createTable(client: DynamoDBClient, TableName: string): Promise<void> {
  if (await exists(client, TableName)) return
  const command = new CreateTableCommand({
    TableName,
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
  })
  try {
    await client.send(command)
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  }
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { TableName })
}

async function exists(client: DynamoDBClient, TableName: string): Promise<boolean> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus === 'ACTIVE'
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return false
    throw error
  }
}
