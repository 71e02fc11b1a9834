import { named, type Condition, type Issuer } from '../configuration.ts'
import { presets } from '../presets.ts'
import { finding, type GuardrailFinding } from './finding.ts'

/** What a person has typed, and nobody verified, is whatever that person likes to be taken for. */
export function unverified(
  { key, path: claim }: Condition,
  beside: readonly Condition[],
  { preset, require }: Issuer,
  path: readonly string[],
): GuardrailFinding[] {
  const verifier = preset && named(presets[preset].verifiedBy ?? {}, claim[0] ?? '')
  if (verifier === undefined || [...beside, ...require].some((other) => isTrue(other, verifier))) return []
  const message = `${key}: people type it themselves until it is verified: add ${verifier}: true`
  return [finding('unverified-claim', path, message)]
}

function isTrue({ path, operator }: Condition, claim: string): boolean {
  return (
    path.length === 1 &&
    path[0] === claim &&
    'equals' in operator &&
    operator.equals.length === 1 &&
    operator.equals[0] === true
  )
}
