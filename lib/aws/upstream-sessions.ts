import { createHash } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { UpstreamSessions } from '../ports.ts'
import { rowsAt, textAt } from './rows.ts'

/** At `upstream#<issuer name>#<base64url SHA-256 of its sid>`. */
export function dynamodbUpstreamSessions(client: DynamoDBClient, table: string): UpstreamSessions {
  const rows = rowsAt('upstream#', client, table)
  return {
    async record({ issuer_name, sid, sub, at, expires_at }, signal) {
      await rows.put(keyOf({ issuer_name, sid }), { sub, created_at: at, expires_at }, undefined, signal)
    },

    async find(of, now, signal) {
      const item = await rows.find(keyOf(of), now, signal)
      return item && textAt(item, 'sub')
    },
  }
}

/** An issuer writes what it likes. */
function keyOf({ issuer_name, sid }: { issuer_name: string; sid: string }): string {
  return `${issuer_name}#${createHash('sha256').update(sid).digest('base64url')}`
}
