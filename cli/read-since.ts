import { parseDuration } from '../lib/config/durations.ts'
import { UsageError } from './command.ts'

/** Seconds since 1970: so long before `now`; absent, the beginning. Throws UsageError. */
export function readSince(text: string | undefined, now: number): number {
  if (text === undefined) return 0
  const ago = parseDuration(text)
  if (ago === undefined) throw new UsageError('--since is how long ago: 30m, 2h, 7d')
  return Math.max(now - ago, 0)
}
