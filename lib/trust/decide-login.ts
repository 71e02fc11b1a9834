import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import { USERINFO_TARGET, userinfoEndpoint, type IdentityScope } from '../protocol/identity.ts'
import type { Refusal } from '../protocol/refusals.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { isRefreshable, named } from './configuration.ts'
import { unmetRequirement, type GrantedToken } from './decide.ts'
import type { Policy } from './policy.ts'

/** Who wants to log in to which client. */
export interface LoginRequest {
  subject: VerifiedSubject
  client_id: string
  scopes: readonly IdentityScope[]
}

/** A yes to a login: a token for /userinfo, with no more than these identity scopes. */
export type GrantedLogin = GrantedToken & {
  scopes: readonly IdentityScope[]
  /** That of the ID token. */
  alg: SigningAlgorithm
}

/** In seconds. */
const USERINFO_LIFETIME = 900

/**
 * The only place that lets a person log in to a client: the issuer's requirements are met, and the client names the issuer.
 * What else they may have there, rules say (`decide`). Scopes that the client may not have are left out (RFC 6749 section
 * 3.3), and so is offline_access without a grant that it would be for (OpenID Connect Core section 11).
 */
export function decideLogin(
  { subject, client_id, scopes }: LoginRequest,
  policy: Policy,
): { granted: GrantedLogin } | { refused: Refusal } {
  const client = named(policy.configuration.clients, client_id)
  if (client?.login === undefined) return { refused: { reason: 'client_without_login', client_id } }
  const { login } = client
  if (!login.issuers.includes(subject.issuer.name))
    return { refused: { reason: 'issuer_not_offered', client_id, issuer: subject.issuer.name } }
  const unmet = unmetRequirement(subject, policy)
  if (unmet !== undefined) return { refused: { reason: 'issuer_requirement_failed', claim: unmet } }
  return {
    granted: {
      target: USERINFO_TARGET,
      audience: userinfoEndpoint(policy.ourIssuer),
      rules: [],
      scopes: scopes.filter(
        (scope) => login.scopes.includes(scope) && (scope !== 'offline_access' || isRefreshable(client)),
      ),
      claims: {},
      lifetime: USERINFO_LIFETIME,
      expires_with_subject: false,
      alg: login.id_token_signed_response_alg,
    },
  }
}
