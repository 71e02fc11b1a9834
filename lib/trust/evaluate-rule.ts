import { isRegisteredId } from '../protocol/registered-client.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { claimAt } from '../tokens/claim-path.ts'
import type { Condition, Expression, Issuer, Operator, Rule } from './configuration.ts'
import type { Evaluated } from './expression.ts'
import { matches } from './match.ts'
import type { Policy } from './policy.ts'
import { forbiddenEvents } from './presets.ts'

/** How one rule fared. Holds values only of claims that the rule itself names. */
export interface RuleTrace {
  rule: string
  mode: Rule['mode']
  matched: boolean
  /** The first thing that failed, in words. */
  failed?: string
  /** Set when all else held and only the issuer's forbidden events stood in the way. */
  forbidden?: { claim: string; value: string }
}

/** Conditions are read in the order they are cheapest to explain: expiry, client, match, when, and last the forbidden events. */
export function evaluateRule(
  rule: Rule,
  issuer: Issuer | undefined,
  { claims, client_id }: { claims: JsonObject; client_id: string | undefined },
  policy: Policy,
  now: number,
): RuleTrace {
  const trace = { rule: rule.name, mode: rule.mode }
  if (rule.expires_at !== undefined && now >= rule.expires_at) {
    return { ...trace, matched: false, failed: `the rule expired at ${new Date(rule.expires_at * 1000).toISOString()}` }
  }
  if (client_id !== undefined && isRegisteredId(client_id)) {
    return {
      ...trace,
      matched: false,
      failed: 'the client registered itself, and no rule grants such a client anything',
    }
  }
  if (rule.clients !== undefined && !rule.clients.some((client) => client === client_id)) {
    return { ...trace, matched: false, failed: `the client is not one of ${rule.clients.join(', ')}` }
  }
  const unmet = rule.match.find((condition) => !matches(condition, claims))
  if (unmet) return { ...trace, matched: false, failed: describe(compare(unmet, claims)) }
  const untrue = rule.when && whyUntrue(rule.when, policy.evaluate(rule.when, claims))
  if (untrue) return { ...trace, matched: false, failed: untrue }
  const forbidden = issuer && forbiddenEvent(rule, issuer, claims)
  if (forbidden) {
    const failed = `${forbidden.claim} is ${JSON.stringify(forbidden.value)}, which is refused unless the rule's match names it`
    return { ...trace, matched: false, failed, forbidden }
  }
  return { ...trace, matched: true }
}

function whyUntrue(when: Expression, result: Evaluated): string | undefined {
  if ('value' in result && result.value === true) return undefined
  const source = 'cel' in when ? when.cel : `claims.${when.path.join('.')}`
  // What an expression makes of claims may hold more than the rule names.
  const what = 'failed' in result ? result.failed : 'path' in when ? shown(result.value) : kindOf(result.value)
  return `when is not true (${what}): ${source}`
}

function kindOf(value: unknown): string {
  return value === false ? 'false' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

/** An event that people without write access can cause, or none at all, needs a rule that names it literally. */
function forbiddenEvent(rule: Rule, issuer: Issuer, claims: JsonObject): RuleTrace['forbidden'] {
  const events = forbiddenEvents(issuer.preset)
  if (events === undefined) return undefined
  const value = claimAt(claims, [events.claim])
  if (typeof value !== typeof events.values[0]) return { claim: events.claim, value: '' }
  if (!events.values.some((each) => each === value)) return undefined
  return namesLiterally(rule, events.claim) ? undefined : { claim: events.claim, value: String(value) }
}

export function namesLiterally({ match }: Rule, claim: string): boolean {
  return match.some(({ path, operator }) => path.length === 1 && path[0] === claim && 'equals' in operator)
}

/** A condition beside what the token says, in words. */
export interface Comparison {
  key: string
  met: boolean
  actual: string
  wanted: string
}

export function compare(condition: Condition, claims: JsonObject): Comparison {
  const { key, path, operator } = condition
  return { key, met: matches(condition, claims), actual: shown(claimAt(claims, path)), wanted: wanted(operator) }
}

function describe({ key, actual, wanted }: Comparison): string {
  return `${key} is ${actual}, not ${wanted}`
}

function wanted(operator: Operator): string {
  if ('equals' in operator)
    return operator.equals.length === 1 ? shown(operator.equals[0]) : `one of ${shown(operator.equals)}`
  if ('glob' in operator) return `like ${shown(operator.glob)}`
  if ('contains' in operator) return `a list containing ${shown(operator.contains)}`
  return `anything but ${operator.not.length === 1 ? shown(operator.not[0]) : `one of ${shown(operator.not)}`}`
}

function shown(value: unknown): string {
  if (value === undefined) return 'absent'
  const text = JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
