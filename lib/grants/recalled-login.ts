import type { LoginGrant } from '../ports.ts'
import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import { RefusedError } from '../protocol/errors.ts'
import type { IdentityScope } from '../protocol/identity.ts'
import type { Refusal } from '../protocol/refusals.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { howLoggedIn, idTokenClaims } from '../tokens/id-token.ts'
import { recalledSubject } from '../tokens/recalled-subject.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { named } from '../trust/configuration.ts'
import { decideLogin } from '../trust/decide-login.ts'
import type { GrantedToken, Trace } from '../trust/decide.ts'
import { decideRequest } from './decide-request.ts'
import type { GrantContext } from './index.ts'
import { issueAccessToken, type ForLogin } from './issue-access-token.ts'

/** What a person who logged in before is granted now. */
export interface Recalled {
  subject: VerifiedSubject
  scopes: readonly IdentityScope[]
  alg: SigningAlgorithm
  decision: { granted: GrantedToken; trace: Trace }
}

/** `resource`: as the request has it. `scope`: of a target; absent, all that is granted. */
export interface RecalledRequest {
  scopes: readonly string[]
  resource: readonly string[]
  scope: readonly string[] | undefined
}

/** By what holds now: broker.yaml may have changed since the person logged in. Throws RefusedError: `unknown` where nobody is. */
export function decideRecalled(
  { authentication, target }: LoginGrant,
  { scopes: asked, resource, scope }: RecalledRequest,
  unknown: Refusal,
  client: RequestClient,
  context: GrantContext,
): Recalled {
  const { policy } = context
  const issuer = named(policy.configuration.issuers, authentication.issuer_name)
  const subject = issuer && recalledSubject(authentication, issuer)
  if (subject === undefined) throw new RefusedError(unknown)
  const request = { subject, client_id: client.client_id, scopes: asked as readonly IdentityScope[] }
  const login = decideLogin(request, policy)
  if ('refused' in login) throw withdrawn(client, login.refused)
  const { scopes, alg } = login.granted
  const meant = narrowed(resource, target)
  if (target === undefined)
    return { subject, scopes, alg, decision: { granted: login.granted, trace: { rules: [], shadow: [] } } }
  const wanted = { audience: [], resource: meant, scope, wanted: 'token' as const }
  try {
    const { granted, trace } = decideRequest(wanted, subject, client, context)
    if (!('audience' in granted)) throw new Error('a token was wanted, and a session was granted')
    return { subject, scopes, alg, decision: { granted, trace } }
  } catch (error) {
    throw ofPerson(error, client)
  }
}

/** The tokens of a login: an access token, and where that was asked for, one that says who it is. Throws RefusedError and UnavailableError. */
export async function issueRecalled(
  grant: LoginGrant & { nonce?: string },
  { subject, scopes, alg, decision }: Recalled,
  client: RequestClient,
  context: GrantContext,
  how: Omit<ForLogin, 'claims' | 'id_token'>,
): Promise<TokenResponse> {
  const { policy, ports, decision_id } = context
  const { userinfo } = grant.claims
  const forUserinfo = grant.target === undefined
  const about = { iss: policy.ourIssuer, jti: decision_id, now: ports.now(), scopes, withProfile: !forUserinfo }
  try {
    const response = await issueAccessToken(decision, subject, client, context, {
      ...how,
      claims: {
        ...howLoggedIn(grant.acr_values, grant.authentication),
        ...(forUserinfo && userinfo.length > 0 ? { userinfo_claims: userinfo } : {}),
      },
      id_token: scopes.includes('openid') ? { alg, claims: idTokenClaims(grant, about) } : undefined,
    })
    // Not the access token's alone (RFC 6749 section 3.3): what the client may be told of the person is in the ID token.
    const all = [...new Set([...scopes, ...decision.granted.scopes])]
    return { ...response, scope: all.join(' ') }
  } catch (error) {
    throw ofPerson(error, client)
  }
}

/** What a subject token is refused for is here about a person who logged in before. */
const ofSubject: readonly Refusal['reason'][] = [
  'no_rule_matches',
  'event_forbidden',
  'issuance_blocked',
  'token_expired',
]

function ofPerson(error: unknown, client: RequestClient): unknown {
  const isTheirs = error instanceof RefusedError && ofSubject.includes(error.refusal.reason)
  return isTheirs ? withdrawn(client, error.refusal) : error
}

export function withdrawn({ client_id }: RequestClient, cause: Refusal): RefusedError {
  return new RefusedError({ reason: 'login_withdrawn', client_id, cause })
}

/** RFC 8707 section 2.2: some of what was asked for when the person logged in, and nothing else. */
function narrowed(resource: readonly string[], target: LoginGrant['target']): readonly string[] {
  const asked = target?.resource ?? []
  const unknown = resource.filter((each) => !asked.includes(each)).length
  if (unknown > 0) throw new RefusedError({ reason: 'target_unknown', named: [], unknown })
  return resource.length === 0 ? asked : resource
}
