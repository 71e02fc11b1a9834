import { groupBy } from '../protocol/group-by.ts'
import type { ClaimPath } from '../tokens/claim-path.ts'
import { toIssuers, type Issuers } from '../tokens/issuers.ts'
import { uriOf, type Configuration, type Expression, type Issuer, type Rule } from './configuration.ts'
import { expressionsOf, federatedRules, loadEvaluate, type Evaluate } from './expression.ts'
import { forbiddenEvents } from './presets.ts'

/** A configuration made ready to decide by: what a request looks up is a lookup. Built once, at init. */
export interface Policy {
  configuration: Configuration
  /** Our `iss`, known at the latest now. */
  ourIssuer: string
  issuers: Issuers
  /** By issuer name. */
  rules: ReadonlyMap<string, readonly Rule[]>
  /** By client_id: what clients get for themselves. */
  clientRules: ReadonlyMap<string, readonly Rule[]>
  /** Every name, URI and role ARN that `audience` or `resource` may say, to the target's name. */
  targets: ReadonlyMap<string, string>
  /** By issuer name: the claims that its preset, its subject, its requirements or its rules name, each once. */
  namedClaims: ReadonlyMap<string, readonly ClaimPath[]>
  evaluate: Evaluate
}

export async function toPolicy(configuration: Configuration, ourIssuer: string): Promise<Policy> {
  const conditions = groupBy([...configuration.rules, ...federatedRules(configuration)], ({ issuers }) => issuers)
  return {
    configuration,
    ourIssuer,
    issuers: toIssuers(Object.values(configuration.issuers)),
    rules: rulesByIssuer(configuration.rules),
    clientRules: groupBy(configuration.rules, ({ client }) => (client === undefined ? [] : [client])),
    targets: new Map(
      Object.entries(configuration.targets).flatMap(([name, target]) => [
        [name, name],
        [uriOf(target), name],
      ]),
    ),
    namedClaims: new Map(
      Object.values(configuration.issuers).map((issuer) => [
        issuer.name,
        namedClaims(issuer, conditions.get(issuer.name) ?? []),
      ]),
    ),
    evaluate: await loadEvaluate(configuration),
  }
}

export function rulesByIssuer(rules: readonly Rule[]): Map<string, Rule[]> {
  return groupBy(rules, ({ issuers }) => issuers)
}

function namedClaims(issuer: Issuer, rules: readonly Rule[]): ClaimPath[] {
  const events = forbiddenEvents(issuer.preset)
  const paths = [
    ...issuer.subject.flatMap((part) =>
      typeof part === 'string' ? [] : part.otherwise ? [part.claim, part.otherwise] : [part.claim],
    ),
    ...(events === undefined ? [] : [[events.claim]]),
    ...issuer.require.map(({ path }) => path),
    ...rules.flatMap((rule) => [...rule.match.map(({ path }) => path), ...expressionsOf(rule).flatMap(claimsNamedBy)]),
  ]
  return [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()]
}

/** The claims that an expression reads: of CEL those at the top that it mentions. */
export function claimsNamedBy(expression: Expression): ClaimPath[] {
  if ('path' in expression) return [expression.path]
  return [...expression.cel.matchAll(mention)].map(([, ...names]) => names.filter((name) => name !== undefined))
}

/** A claim at the top, by its name. */
export const mention = /\bclaims(?:\.([A-Za-z_]\w*)|\[(?:"([^"\\]+)"|'([^'\\]+)')\])/g
