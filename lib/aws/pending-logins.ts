import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { PendingLogins } from '../ports.ts'
import { numberAt, rowsAt, textAt } from './rows.ts'

/** At `login#<id>`. An id is never drawn twice, so nothing is there before. */
export function dynamodbPendingLogins(client: DynamoDBClient, table: string): PendingLogins {
  const rows = rowsAt('login#', client, table)
  return {
    async record({ id, browser, request, at, expires_at }, signal) {
      await rows.put(id, { browser, request, created_at: at, expires_at }, undefined, signal)
    },

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

    // Where the SDK has to ask twice, and the first time it was done, nobody has consumed it.
    consume: (id, now, signal) =>
      rows.delete(id, { expression: 'attribute_exists(pk) AND expires_at > :now', values: { ':now': now } }, signal),
  }
}
