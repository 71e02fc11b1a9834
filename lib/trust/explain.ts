import type { Decision, Granted } from './decide.ts'

/** A decision in lines that a person reads: what was decided, and how each rule fared. For operators only. */
export function explain(decision: Decision): string[] {
  const { trace } = decision
  const outcome =
    'granted' in decision
      ? `granted: target ${decision.granted.target}${whatOf(decision.granted)}, by ${grantors(decision.granted.rules)}`
      : `refused: ${decision.refused.reason}`
  const requirement =
    trace.requirement_failed === undefined ? [] : [`the issuer's require fails at ${trace.requirement_failed}`]
  const rules = trace.rules.map(({ rule, mode, matched, failed }) => {
    const name = mode === 'shadow' ? `${rule} (shadow)` : rule
    return matched ? `rule ${name} matches` : `rule ${name} does not match: ${failed}`
  })
  return [outcome, ...requirement, ...rules]
}

/** None granted where nobody got more than to be known to a client. */
export function grantors(rules: readonly string[]): string {
  return rules.length > 0 ? rules.join(', ') : 'the login itself'
}

function whatOf(granted: Granted): string {
  if ('role' in granted) return `, role ${granted.role}`
  return granted.scopes.length > 0 ? `, scope ${granted.scopes.join(' ')}` : ''
}
