import type { Refusal } from '../lib/protocol/refusals.ts'
import type { Decision } from '../lib/trust/decide.ts'
import { explain } from '../lib/trust/explain.ts'

/** A decision in one line. */
export function outcomeText(decision: Decision): string {
  return 'granted' in decision ? (explain(decision)[0] as string) : `refused: ${refusalText(decision.refused)}`
}

/** A refusal with all that the log would have of it. */
export function refusalText({ reason, ...facts }: Refusal): string {
  const told = Object.entries(facts).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return told.length > 0 ? `${reason} (${told.join(', ')})` : reason
}
