import type { Comparison, RuleTrace } from '../lib/trust/evaluate-rule.ts'

/** A condition beside what is there; `met` is null where the receipt does not have it. */
export type ShownCondition = Omit<Comparison, 'met'> & { met: boolean | null }

/** A rule, with every condition of its match: not only the first that fails. */
export type ExplainedRule = RuleTrace & {
  conditions: ShownCondition[]
  /** The claims without which it cannot be told. */
  untold?: string[]
}

export function ruleLines({ rule, mode, matched, failed, conditions, untold = [] }: ExplainedRule): string[] {
  const verdict = untold.length > 0 ? 'cannot be told' : matched ? 'matches' : 'does not match'
  return [
    `rule ${rule}${mode === 'shadow' ? ' (shadow)' : ''} ${verdict}`,
    ...conditionLines(conditions),
    ...(untold.length > 0 && conditions.every(({ met }) => met !== null) ? [`  ? ${notThere(untold)}`] : []),
    // What is no condition of its match: when, its clients, its end, an event that it does not name.
    ...(untold.length === 0 && failed !== undefined && conditions.every(({ met }) => met !== false)
      ? [`  x ${failed}`]
      : []),
  ]
}

export function conditionLines(conditions: readonly ShownCondition[]): string[] {
  const width = Math.max(...conditions.map(({ key }) => key.length))
  return conditions.map(({ key, met, actual, wanted }) => {
    if (met === null) return `  ? ${key.padEnd(width)}  not in the receipt; it must be ${wanted}`
    return met ? `  ✓ ${key.padEnd(width)}  ${actual}` : `  x ${key.padEnd(width)}  ${actual}, not ${wanted}`
  })
}

export function notThere(claims: readonly string[]): string {
  return `the receipt does not have ${claims.join(', ')}`
}
