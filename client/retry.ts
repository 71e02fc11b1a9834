import { TemporaryError } from './errors.ts'
import type { Ports } from './ports.ts'

/** In milliseconds. */
const limits = { attempts: 5, total: 30_000, firstPause: 250, longestPause: 5_000 }

/**
 * Tries until `work` throws no TemporaryError, at most 5 times, and never again once 30 s have passed. The pauses are of
 * chance (full jitter), after what Retry-After asks for. `work` is told how many milliseconds are left. Throws what it
 * throws; the last TemporaryError says how often it was tried.
 */
export async function retry<T>(work: (left: number) => Promise<T>, ports: Ports): Promise<T> {
  const end = ports.now() + limits.total
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(Math.max(end - ports.now(), limits.firstPause))
    } catch (error) {
      if (!(error instanceof TemporaryError)) throw error
      const longest = Math.min(limits.longestPause, limits.firstPause * 2 ** (attempt - 1))
      const pause = error.retryAfter + ports.random() * longest
      if (attempt === limits.attempts || ports.now() + pause >= end) throw gaveUp(error, attempt)
      await ports.sleep(pause)
    }
  }
}

function gaveUp({ message, retryAfter }: TemporaryError, attempts: number): TemporaryError {
  return new TemporaryError(attempts === 1 ? message : `${message}, tried ${attempts} times`, retryAfter)
}

/** RFC 9110 section 10.2.3: seconds, or a date. In milliseconds; 0 for what is neither. */
export function parseRetryAfter(value: string | null, now: number): number {
  if (value === null) return 0
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return wait > 0 ? wait : 0
}
