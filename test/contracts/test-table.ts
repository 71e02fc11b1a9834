import { randomBytes } from 'node:crypto'
import { DeleteTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { dynamodbClient } from '../../lib/aws/clients.ts'
import { createTable, startDynamodb } from '../../local/dynamodb.ts'

export interface TestTable {
  endpoint: string
  table: string
  client: DynamoDBClient
  /** A client like `client`, for another endpoint: see faulty-proxy.ts. */
  clientFor(endpoint: string): DynamoDBClient
  close(): Promise<void>
}

/** A new table of the deployed shape, at TEST_DYNAMODB_ENDPOINT where that is set, else in a stand-in of its own. */
export async function openTestTable(): Promise<TestTable> {
  const given = process.env.TEST_DYNAMODB_ENDPOINT
  const standin = given ? undefined : await startDynamodb()
  const endpoint = standin?.url ?? given ?? ''
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
  await createTable(client, table)
  return {
    endpoint,
    table,
    client,
    clientFor,
    async close() {
      await client.send(new DeleteTableCommand({ TableName: table }))
      for (const client of clients) client.destroy()
      await standin?.close()
    },
  }
}
