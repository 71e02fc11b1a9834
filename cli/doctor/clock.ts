import { notTried, ok, warning, type Check } from './check.ts'

/** In seconds: what a clock that is set by the network is never off by. */
const SUSPECT = 30
/** In seconds: Date has whole ones, and the way there and back takes its time. */
const PRECISION = 2

/** By the headers of an answer: how many seconds the other clock is ahead of ours. Times in milliseconds since 1970. */
export function clockOffset(
  { date, age }: { date?: string | undefined; age?: string | undefined },
  asked_at: number,
  answered_at: number,
): number | undefined {
  const sent_at = Date.parse(date ?? '')
  if (Number.isNaN(sent_at)) return undefined
  // RFC 9111 section 5.1: a cache answers with the Date of long ago.
  const kept = /^\d{1,9}$/.test(age ?? '') ? Number(age) * 1000 : 0
  return (sent_at + 500 + kept - (asked_at + answered_at) / 2) / 1000
}

/** `tolerance` in seconds. Which of the two clocks is wrong, nobody knows: it is a warning. */
export function checkClock(offset: number | undefined, tolerance: number): Check {
  if (offset === undefined) return notTried('clock', 'the answer has no Date to compare with')
  const seconds = Math.round(Math.abs(offset))
  if (seconds <= Math.max(Math.min(SUSPECT, tolerance), PRECISION))
    return ok('clock', `${seconds} s from this machine's`)
  const seen = `${seconds} s ${offset > 0 ? 'ahead of' : 'behind'} this machine's`
  return warning(
    'clock',
    seen,
    `set the one that is wrong: tokens are good within ${tolerance} s of the broker's clock`,
  )
}
