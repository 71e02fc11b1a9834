import type { AdminClient } from './admin-client.ts'

/** In how many parts the table is read at once. */
const SEGMENTS = 4
/** Between two words of progress, in milliseconds. */
const EVERY = 500

export interface Total {
  tokens: number
  sessions: number
  /** Rows that were looked at. */
  read: number
}

/** What a revocation would reach, by reading all receipts. On a terminal it says how far it is. Throws CommandError. */
export async function countReceipts(ask: AdminClient, asked: object): Promise<Total> {
  const total = { tokens: 0, sessions: 0, read: 0 }
  // When one part fails, nobody waits for the others.
  const over = new AbortController()
  const count = async (segment: number) => {
    let after: string | undefined
    do {
      const place = after === undefined ? {} : { after }
      const answer = await ask({ operation: 'count', ...asked, segment, segments: SEGMENTS, ...place })
      const { tokens, sessions, read, next } = answer.counted as Total & { next?: string }
      total.tokens += tokens
      total.sessions += sessions
      total.read += read
      after = next
    } while (after !== undefined && !over.signal.aborted)
  }
  const progress = process.stderr.isTTY
    ? setInterval(
        () => process.stderr.write(`\r${total.read} rows read, ${total.tokens + total.sessions} found`),
        EVERY,
      )
    : undefined
  try {
    await Promise.all(Array.from({ length: SEGMENTS }, (_, segment) => count(segment)))
  } finally {
    over.abort()
    clearInterval(progress)
    // The line is cleared for what follows.
    if (progress !== undefined) process.stderr.write('\r\u001b[K')
  }
  return total
}
