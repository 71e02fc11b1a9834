import type { RevocationEntry } from '../ports.ts'

/**
 * How long it is remembered: no token lives longer than a day, so none that was exchanged from this one does either, whatever
 * broker.yaml says by then. And five minutes, for verifiers whose clocks are late.
 */
const REMEMBERED = 24 * 3_600 + 300

/**
 * A token of ours that is to be no more. For good: nothing is to be made of it later either, however long this takes to be
 * written. `longer`: for how many seconds more something could still be made of it.
 */
export function tokenRevocation(jti: string, reason: string, by: string, now: number, longer = 0): RevocationEntry {
  const end = now + longer + REMEMBERED
  return {
    dimension: 'jti',
    value: jti,
    not_before: end,
    blocked_until: 0,
    expires_at: end,
    reason,
    by,
    at: now,
  }
}
