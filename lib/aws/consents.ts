import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Consents } from '../ports.ts'
import { stringsAt } from './attributes.ts'
import { numberAt, required, rowsAt } from './rows.ts'

/** At `consent#<client_id>#<sub>`: no client_id has a # in it. */
export function dynamodbConsents(client: DynamoDBClient, table: string): Consents {
  const rows = rowsAt('consent#', client, table)
  return {
    async record({ client_id, sub, scopes, at, expires_at }, signal) {
      await rows.put(`${client_id}#${sub}`, { client_id, sub, scopes, created_at: at, expires_at }, undefined, signal)
    },

    async find({ client_id, sub }, now, signal) {
      const item = await rows.find(`${client_id}#${sub}`, now, signal)
      if (item === undefined) return undefined
      return {
        client_id,
        sub,
        scopes: required(stringsAt(item, 'scopes'), 'scopes'),
        at: numberAt(item, 'created_at'),
        expires_at: numberAt(item, 'expires_at'),
      }
    },
  }
}
