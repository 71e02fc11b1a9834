import { claimAt } from '../tokens/claim-path.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import type { Condition, Scalar } from './configuration.ts'
import { globMatches } from './glob.ts'

/**
 * Equality of type and value; a scalar never equals an array. An absent or null claim matches nothing, also under
 * `not`: what a token does not say cannot be held in its favour.
 */
export function matches(condition: Condition, claims: JsonObject): boolean {
  const value = claimAt(claims, condition.path)
  const { operator } = condition
  if ('contains' in operator) return Array.isArray(value) && value.includes(operator.contains)
  if (!isScalar(value)) return false
  if ('equals' in operator) return operator.equals.includes(value)
  if ('not' in operator) return !operator.not.includes(value)
  return typeof value === 'string' && globMatches(operator.glob, value)
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
