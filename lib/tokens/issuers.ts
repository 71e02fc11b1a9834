import { RefusedError } from '../protocol/errors.ts'
import { groupBy } from '../protocol/group-by.ts'
import { isTrustDomain, trustDomainOf } from '../protocol/spiffe-id.ts'
import type { CompactJws } from './compact-jws.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'

/** Those whose tokens are taken, by `iss`, or by the trust domain in `sub` (SPIFFE); where several share one, by the `kid` too, for all their keys are uploaded. */
export type Issuers = ReadonlyMap<string, TrustedIssuer | ReadonlyMap<string, TrustedIssuer>>

export function toIssuers(all: readonly TrustedIssuer[]): Issuers {
  const groups = groupBy(all, ({ issuer }) => [issuer])
  return new Map([...groups].map(([iss, same]) => [iss, same.length === 1 ? (same[0] as TrustedIssuer) : byKid(same)]))
}

function byKid(same: readonly TrustedIssuer[]): Map<string, TrustedIssuer> {
  const kids = same.flatMap((issuer) =>
    'keys' in issuer.jwks ? issuer.jwks.keys.keys.map(({ kid }) => [kid, issuer] as const) : [],
  )
  return new Map(kids.filter((entry): entry is [string, TrustedIssuer] => entry[0] !== undefined))
}

/** Whoever has a trust domain as `iss`, and not in `sub`, is not of it. */
function byIss(issuers: Issuers, iss: string | undefined): ReturnType<Issuers['get']> {
  return iss === undefined || isTrustDomain(iss) ? undefined : issuers.get(iss)
}

/** Whose token it says it is: nothing of it is believed yet. Our own tokens are nobody's. Throws RefusedError. */
export function findIssuer(
  issuers: Issuers,
  ourIssuer: string,
  { header, payload }: Pick<CompactJws, 'header' | 'payload'>,
): TrustedIssuer {
  const { iss, sub } = payload
  const domain = trustDomainOf(sub)
  const ofDomain = domain === undefined ? undefined : issuers.get(domain)
  // JWT-SVID section 3 knows no iss: whatever it says there, or not, the keys of the trust domain decide.
  if (typeof iss !== 'string' && (iss !== undefined || ofDomain === undefined))
    throw new RefusedError({ reason: 'claim_malformed', claim: 'iss', detail: 'not a string' })
  const known = iss === ourIssuer ? undefined : (ofDomain ?? byIss(issuers, iss))
  if (known === undefined) throw new RefusedError({ reason: 'issuer_unknown', iss: (iss ?? '').slice(0, 200) })
  if ('name' in known) return known
  const kid = typeof header.kid === 'string' ? header.kid : ''
  const issuer = known.get(kid)
  if (issuer === undefined) throw new RefusedError({ reason: 'key_unknown', kid: kid.slice(0, 64) })
  return issuer
}
