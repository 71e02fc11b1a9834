import type { JsonObject } from '../protocol/strict-json.ts'
import { claimAt } from '../tokens/claim-path.ts'
import type { Configuration, Expression, Rule } from './configuration.ts'

/** `failed`: why there is no value, in words that quote no claim. */
export type Evaluated = { value: unknown } | { failed: string }

/** Over verified claims. A value is neither undefined nor null. */
export type Evaluate = (expression: Expression, claims: JsonObject) => Evaluated

/** Loads the CEL engine only if the configuration holds an expression that is more than a path: it costs 73 ms of init. */
export async function loadEvaluate(configuration: Configuration): Promise<Evaluate> {
  const sources = celSources(configuration)
  const programs = sources.size === 0 ? undefined : (await import('./cel.ts')).celPrograms(sources)
  return (expression, claims) => {
    if ('cel' in expression) return programs?.(expression.cel, claims) ?? { failed: 'an error' }
    const value = claimAt(claims, expression.path)
    return value === undefined || value === null ? { failed: value === null ? 'null' : 'absent' } : { value }
  }
}

export function celSources(configuration: Configuration): Set<string> {
  const expressions = [
    ...[...configuration.rules, ...federatedRules(configuration)].flatMap(expressionsOf),
    ...Object.values(configuration.issuers).flatMap(({ login }) => Object.values(login?.claims ?? {})),
  ]
  return new Set(expressions.flatMap((expression) => ('cel' in expression ? [expression.cel] : [])))
}

/** What federated clients are known by. */
export function federatedRules({ clients }: Pick<Configuration, 'clients'>): Rule[] {
  return Object.values(clients).flatMap(({ auth }) => (auth?.kind === 'federated' ? [auth.rule] : []))
}

/** All that a rule evaluates. */
export function expressionsOf({ when, grant }: Pick<Rule, 'when' | 'grant'>): Expression[] {
  return [
    ...(when ? [when] : []),
    ...grant.flatMap(({ claims, session }) => [...Object.values(claims), ...Object.values(session?.tags ?? {})]),
  ]
}
