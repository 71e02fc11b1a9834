import { named, type Condition, type Configuration, type Expression, type Rule } from '../../trust/configuration.ts'
import { claimsNamedBy } from '../../trust/policy.ts'
import { presets } from '../../trust/presets.ts'
import type { Preset } from '../../trust/presets/preset.ts'
import { suggestion } from '../suggest.ts'
import { doubt, type Doubt } from './finding.ts'

/** Every token may have these (RFC 7519 section 4.1). */
const registeredClaims = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']

/** Claims that a rule, or a federated client, asks for and that its issuers never send; names where they send ids too. */
export function ofClaims(rule: Rule, path: readonly string[], { issuers }: Configuration): Doubt[] {
  const kinds = rule.issuers.map((name) => named(issuers, name)?.preset)
  const known = kinds.flatMap((kind) => (kind === undefined ? [] : [presets[kind]]))
  // Of what an issuer without a preset sends nothing is known.
  const strangers = known.length < kinds.length || known.length === 0
  return [
    ...(strangers ? [] : unknownClaims(rule, path, known)),
    ...namesWithoutIds(rule.match, [...path, 'match'], known),
  ]
}

export function ofRequirements({ issuers }: Configuration): Doubt[] {
  return Object.values(issuers).flatMap(({ name, preset, require }) => {
    if (preset === undefined) return []
    const path = ['issuers', name, 'require']
    return [
      ...require.flatMap(({ key, path: [top = ''] }) => unknown(top, [...path, key], [presets[preset]])),
      ...namesWithoutIds(require, path, [presets[preset]]),
    ]
  })
}

function unknownClaims({ match, when, grant }: Rule, path: readonly string[], known: readonly Preset[]): Doubt[] {
  const ofExpression = (expression: Expression, at: readonly string[]) =>
    [...new Set(claimsNamedBy(expression).map(([top = '']) => top))].flatMap((top) => unknown(top, at, known))
  return [
    ...match.flatMap(({ key, path: [top = ''] }) => unknown(top, [...path, 'match', key], known)),
    ...(when ? ofExpression(when, [...path, 'when']) : []),
    ...grant.flatMap(({ claims, session }, index) => [
      ...Object.entries(claims).flatMap(([name, expression]) =>
        ofExpression(expression, [...path, 'grant', String(index), 'claims', name]),
      ),
      ...Object.entries(session?.tags ?? {}).flatMap(([name, expression]) =>
        ofExpression(expression, [...path, 'grant', String(index), 'session_tags', name]),
      ),
    ]),
  ]
}

function unknown(claim: string, path: readonly string[], known: readonly Preset[]): Doubt[] {
  const claims = [...registeredClaims, ...known.flatMap((preset) => preset.claims ?? ['*'])]
  if (claims.some((pattern) => (pattern.endsWith('*') ? claim.startsWith(pattern.slice(0, -1)) : claim === pattern)))
    return []
  const spellings = [...claims, ...known.flatMap(({ aliases }) => Object.keys(aliases))]
  return [
    doubt(
      'unknown-claim',
      path,
      `no token of this issuer has a claim ${claim}, as far as we know${suggestion(claim, spellings)}: where it is absent, nothing is granted`,
    ),
  ]
}

/**
 * Of issuers that anybody can have tokens of: there a name that is given up can be taken by a stranger. In one tenant's own
 * whoever gives names is trusted anyway.
 */
function namesWithoutIds(conditions: readonly Condition[], path: readonly string[], known: readonly Preset[]): Doubt[] {
  return known
    .filter(({ tenantClaims }) => tenantClaims !== undefined)
    .flatMap(({ ids }) =>
      conditions.flatMap(({ key, operator }) => {
        const id = Object.hasOwn(ids, key) ? ids[key] : undefined
        if (id === undefined || 'not' in operator || conditions.some((other) => other.key === id)) return []
        return [
          doubt(
            'name-not-id',
            [...path, key],
            `${key} is a name, which can be given up and taken by others: write { name: …, id: … }, as \`token-broker pin\` does, or match ${id}`,
          ),
        ]
      }),
    )
    .slice(0, conditions.length)
}
