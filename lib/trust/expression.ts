import type { JsonObject } from '../protocol/strict-json.ts'
import { claimAt } from '../tokens/claim-path.ts'
import type { Configuration, Expression, Rule } from './configuration.ts'

/** The value of an expression over verified claims, or undefined where it has none: absent, null, or an error. */
export type Evaluate = (expression: Expression, claims: JsonObject) => unknown

/** Loads the CEL engine only if the configuration holds an expression that is more than a path: it costs 73 ms of init. */
export async function loadEvaluate(configuration: Configuration): Promise<Evaluate> {
  const sources = celSources(configuration)
  const programs = sources.size === 0 ? undefined : (await import('./cel.ts')).celPrograms(sources)
  return (expression, claims) => {
    if ('path' in expression) return claimAt(claims, expression.path) ?? undefined
    return programs?.(expression.cel, claims)
  }
}

export function celSources(configuration: Configuration): Set<string> {
  const expressions = [...configuration.rules, ...federatedRules(configuration)].flatMap(expressionsOf)
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
