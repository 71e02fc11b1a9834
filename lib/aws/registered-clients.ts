import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { RegisteredClient, RegisteredClients } from '../ports.ts'
import { jsonAt, numberAt, rowsAt, textAt, type Rows } from './rows.ts'

/** At `client#<client_id>`. Of its secret and its tokens only hashes are in it. */
export function registeredClientRows(client: DynamoDBClient, table: string): Rows {
  return rowsAt('client#', client, table)
}

/** For those who only look: a function that issues tokens carries no more. */
export function dynamodbRegisteredClients(
  client: DynamoDBClient,
  table: string,
  rows: Pick<Rows, 'find'> = registeredClientRows(client, table),
): RegisteredClients {
  return {
    async find(client_id, now, signal) {
      const item = await rows.find(client_id, now, signal)
      if (item === undefined) return undefined
      return {
        client_id,
        registered_by: textAt(item, 'registered_by'),
        management: textAt(item, 'management'),
        ...(item.client_secret === undefined ? {} : { client_secret: textAt(item, 'client_secret') }),
        metadata: jsonAt(item, 'metadata'),
        at: numberAt(item, 'created_at'),
        ...(item.changed_at === undefined ? {} : { changed_at: numberAt(item, 'changed_at') }),
        expires_at: numberAt(item, 'expires_at'),
      }
    },
  }
}

export function toRegisteredFields({ at, metadata, ...client }: RegisteredClient) {
  return { ...client, metadata: JSON.stringify(metadata), created_at: at }
}
