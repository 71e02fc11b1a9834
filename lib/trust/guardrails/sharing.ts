import type { VerificationKey } from '../../protocol/key-set.ts'
import type { Issuer } from '../configuration.ts'
import { finding, type GuardrailFinding } from './finding.ts'

/** Of issuers with one `iss` only a kid can say whose token it is. So each knows of the others, and no kid is another's too. */
export function ofSharing(issuer: Issuer, sameUrl: readonly Issuer[]): GuardrailFinding[] {
  const path = ['issuers', issuer.name]
  const wrong = (message: string, ...at: string[]) => finding('ambiguous-name', [...path, ...at], message)
  const [twin, ...others] = sameUrl.filter(({ name }) => name !== issuer.name)
  if (!issuer.shares_issuer) {
    const remedy = 'give both jwks: { keys: [...] } and shares_issuer: true, and the kid tells them apart'
    return twin ? [wrong(`${twin.name} has the same issuer URL, so a token could be either's: ${remedy}`)] : []
  }
  if (!twin) return [wrong('no other issuer has this URL: remove it', 'shares_issuer')]
  if (!('keys' in issuer.jwks))
    return [wrong(`only uploaded keys tell it from ${twin.name}: give both jwks: { keys: [...] }`, 'shares_issuer')]
  return issuer.jwks.keys.keys.flatMap((key, index) => {
    const at = ['jwks', 'keys', String(index)]
    if (!key.kid)
      return [wrong(`without a kid it does not tell a token from those of ${twin.name}: give it one`, ...at)]
    const other = [twin, ...others].find(
      ({ jwks }) => 'keys' in jwks && jwks.keys.keys.some(({ kid, jwk }) => kid === key.kid || sameKey(jwk, key.jwk)),
    )
    return other ? [wrong(`${other.name} has this key, or its kid, too: a token could be either's`, ...at)] : []
  })
}

function sameKey(one: VerificationKey['jwk'], other: VerificationKey['jwk']): boolean {
  return ['kty', 'crv', 'n', 'e', 'x', 'y'].every((member) => one[member] === other[member])
}
