import type { Authentication, LoginGrant } from '../ports.ts'
import { claimsOfScope, type IdentityScope } from '../protocol/identity.ts'
import type { JsonObject } from '../protocol/strict-json.ts'

/** In seconds: it is looked at when it comes. */
const LIFETIME = 600

/**
 * OpenID Connect Core section 2. `withProfile`: also what the scopes ask for, because the access token beside it does not
 * open /userinfo (section 5.4). `nonce`: of the authorization request, and so in the first alone (section 12.2).
 */
export function idTokenClaims(
  { client_id, nonce, acr_values, claims, authentication }: LoginGrant & { nonce?: string },
  {
    iss,
    jti,
    now,
    scopes,
    withProfile,
  }: { iss: string; jti: string; now: number; scopes: readonly IdentityScope[]; withProfile: boolean },
): JsonObject {
  const { sub, sid, identity, amr } = authentication
  const names = new Set([...claims.id_token, ...(withProfile ? claimNames(scopes) : [])])
  return {
    ...only(identity, names),
    iss,
    sub,
    aud: client_id,
    exp: now + LIFETIME,
    iat: now,
    jti,
    ...(nonce === undefined ? {} : { nonce }),
    ...howLoggedIn(acr_values, authentication),
    ...(amr === undefined ? {} : { amr }),
    sid,
  }
}

/** When and how strongly: also in access tokens (RFC 9068 section 2.2.1, RFC 9470 section 6). */
export function howLoggedIn(
  asked: readonly string[],
  { auth_time, acr }: Pick<Authentication, 'auth_time' | 'acr'>,
): JsonObject {
  const reached = asked.find((value) => acr.includes(value)) ?? acr[0]
  return {
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(reached === undefined ? {} : { acr: reached }),
  }
}

/** Of an identity, what these scopes and names let be seen. */
export function only(identity: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(identity).filter(([name]) => names.has(name)))
}

export function claimNames(scopes: readonly IdentityScope[]): string[] {
  return scopes.flatMap((scope): readonly string[] => claimsOfScope[scope])
}
