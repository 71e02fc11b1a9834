import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { PendingLogins } from '../ports.ts'
import { numberAt, rowsAt, textAt } from './rows.ts'

/** At `login#<id>`. One conditional delete decides whose it is. */
export function dynamodbPendingLogins(client: DynamoDBClient, table: string): PendingLogins {
  const rows = rowsAt('login#', client, table)
  return {
    record: ({ id, browser, request, at, expires_at }, signal) =>
      rows.record(id, { browser, request, created_at: at, expires_at }, signal),

    async find(id, now, signal) {
      const item = await rows.find(id, now, signal)
      if (item === undefined) return undefined
      return {
        id,
        browser: textAt(item, 'browser'),
        request: textAt(item, 'request'),
        at: numberAt(item, 'created_at'),
        expires_at: numberAt(item, 'expires_at'),
      }
    },

    consume: (id, now, signal) => rows.delete(id, { expression: 'expires_at > :now', values: { ':now': now } }, signal),
  }
}
