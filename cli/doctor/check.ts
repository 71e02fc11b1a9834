import { toOneLine } from '../../lib/protocol/one-line.ts'
import { coloured } from '../colour.ts'

/** How a check came out. What has a warning works today; what was not tried may work or not. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'not_tried'

export interface Check {
  check: string
  outcome: Outcome
  /** What was seen. It holds no token of anybody. */
  seen: string
  /** What to do about it. */
  remedy?: string
}

/** What was looked at, and what came of it. */
export interface Examined {
  about: string
  checks: Check[]
}

export const ok = (check: string, seen: string): Check => ({ check, outcome: 'ok', seen })
export const notTried = (check: string, seen: string): Check => ({ check, outcome: 'not_tried', seen })
export const warning = (check: string, seen: string, remedy: string): Check => ({
  check,
  outcome: 'warning',
  seen,
  remedy,
})
export const failed = (check: string, seen: string, remedy: string): Check => ({
  check,
  outcome: 'failed',
  seen,
  remedy,
})

const marks: Readonly<Record<Outcome, string>> = { ok: '✓', warning: '!', failed: 'x', not_tried: '-' }

/** For people: a line a check, and what it comes to. */
export function toLines(examined: readonly Examined[]): string[] {
  const checks = examined.flatMap(({ checks }) => checks)
  const width = Math.max(...checks.map(({ check }) => check.length))
  const lines = examined.flatMap(({ about, checks }) => [
    about,
    ...checks.map(
      ({ check, outcome, seen, remedy }) =>
        `  ${marks[outcome]} ${check.padEnd(width)}  ${seen}${remedy === undefined ? '' : `; ${remedy}`}`,
    ),
  ])
  return [...lines, summary(checks)].map((line) => coloured(toOneLine(line)))
}

function summary(checks: readonly Check[]): string {
  const count = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome).length
  const [failures, warnings, skipped] = [count('failed'), count('warning'), count('not_tried')]
  return [
    failures > 0 ? `${failures} of ${checks.length} checks failed` : 'no check failed',
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : []),
    ...(skipped > 0 ? [`${skipped} not tried`] : []),
  ].join(', ')
}
