import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Accounts } from '../ports.ts'
import { jsonAt, numberAt, rowsAt } from './rows.ts'

/** At `account#<sub>`: what was said at the last login. */
export function dynamodbAccounts(client: DynamoDBClient, table: string): Accounts {
  const rows = rowsAt('account#', client, table)
  return {
    async record({ sub, identity, at, expires_at }, signal) {
      const newer = {
        expression: 'attribute_not_exists(created_at) OR created_at <= :at',
        values: { ':at': at },
      }
      await rows.put(sub, { identity: JSON.stringify(identity), created_at: at, expires_at }, newer, signal)
    },

    async find(sub, now, signal) {
      const item = await rows.find(sub, now, signal)
      if (item === undefined) return undefined
      const identity = jsonAt(item, 'identity')
      return { sub, identity, at: numberAt(item, 'created_at'), expires_at: numberAt(item, 'expires_at') }
    },
  }
}
