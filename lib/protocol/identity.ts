/** OpenID Connect Core sections 3.1.2.1, 5.4 and 11: each scope with the claims that it asks for. */
export const claimsOfScope = {
  openid: ['sub'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
  offline_access: [],
} as const satisfies Record<string, readonly string[]>

export type IdentityScope = keyof typeof claimsOfScope

export const identityScopes = Object.keys(claimsOfScope) as readonly IdentityScope[]

export function isIdentityScope(scope: string): scope is IdentityScope {
  return Object.hasOwn(claimsOfScope, scope)
}

/** All that a client can learn of a person here, but for `sub`, which is ours (OpenID Connect Core section 5.1). */
export const identityClaims: readonly string[] = identityScopes
  .flatMap((scope): readonly string[] => claimsOfScope[scope])
  .filter((claim) => claim !== 'sub')

/**
 * What a token for /userinfo names as its target on receipts and in revocations. No target of broker.yaml has a colon in
 * its name.
 */
export const USERINFO_TARGET = 'openid:userinfo'

/** The audience of such a token, and where it is shown. */
export function userinfoEndpoint(issuer: string): string {
  return `${issuer}/userinfo`
}
