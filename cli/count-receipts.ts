import type { AdminClient } from './admin-client.ts'
import { readSegments } from './read-segments.ts'

export interface Total {
  tokens: number
  sessions: number
  /** Rows that were looked at. */
  read: number
}

/** What a revocation would reach, by reading all receipts. On a terminal it says how far it is. Throws CommandError. */
export async function countReceipts(ask: AdminClient, asked: object): Promise<Total> {
  const total = { tokens: 0, sessions: 0, read: 0 }
  await readSegments(
    async (place) => {
      const answer = await ask({ operation: 'count', ...asked, ...place })
      const { tokens, sessions, read, next } = answer.counted as Total & { next?: string }
      total.tokens += tokens
      total.sessions += sessions
      total.read += read
      return next
    },
    () => `${total.read} rows read, ${total.tokens + total.sessions} found`,
  )
  return total
}
