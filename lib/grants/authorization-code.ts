import type { AuthorizationCode } from '../ports.ts'
import { authenticationFailed } from '../protocol/client-authentication.ts'
import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import { RefusedError } from '../protocol/errors.ts'
import { parameter, requiredParameter, type Form } from '../protocol/form.ts'
import type { IdentityScope } from '../protocol/identity.ts'
import type { Refusal } from '../protocol/refusals.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import { howLoggedIn, idTokenClaims } from '../tokens/id-token.ts'
import { fitsChallenge } from '../tokens/pkce.ts'
import { recalledSubject } from '../tokens/recalled-subject.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { named } from '../trust/configuration.ts'
import { decideLogin } from '../trust/decide-login.ts'
import type { GrantedToken, Trace } from '../trust/decide.ts'
import { decideRequest } from './decide-request.ts'
import type { GrantContext } from './index.ts'
import { issueAccessToken } from './issue-access-token.ts'
import { codeReceiptKey } from './receipt.ts'
import { tokenRevocation } from './token-revocation.ts'

/** RFC 6749 section 4.1.3: trade the code of a login for tokens. Whatever is wrong before the receipt leaves it unspent. */
export async function authorizationCode(
  form: Form,
  client: RequestClient | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  if (client === undefined) throw authenticationFailed('a code is traded by the client that asked for it')
  const hash = hashOfSecret(requiredParameter(form, 'code'))
  const code = await findCode(hash, form, client, context)
  const { subject, scopes, alg, decision } = decide(code, form, client, context)
  const { policy, ports, decision_id } = context
  const { userinfo } = code.claims
  const forUserinfo = code.target === undefined
  try {
    const response = await issueAccessToken(decision, subject, client, context, {
      hash,
      claims: {
        ...howLoggedIn(code.acr_values, code.authentication),
        ...(forUserinfo && userinfo.length > 0 ? { userinfo_claims: userinfo } : {}),
      },
      id_token: scopes.includes('openid')
        ? {
            alg,
            claims: idTokenClaims(code, {
              iss: policy.ourIssuer,
              jti: decision_id,
              now: ports.now(),
              scopes,
              withProfile: !forUserinfo,
            }),
          }
        : undefined,
    })
    // Not the access token's alone (RFC 6749 section 3.3): what the client may be told of the person is in the ID token.
    const all = [...new Set([...scopes, ...decision.granted.scopes])]
    return { ...response, scope: all.join(' ') }
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    const { reason } = error.refusal
    if (reason === 'subject_token_replayed') throw await revokeFirstUse(codeReceiptKey(subject, hash), client, context)
    throw reason === 'issuance_blocked' ? withdrawn(client, error) : error
  }
}

/** By the client that asked for it, from where it was sent, with the proof that it asked. Throws RefusedError. */
async function findCode(
  hash: string,
  form: Form,
  { client_id }: RequestClient,
  { ports, signal }: GrantContext,
): Promise<AuthorizationCode> {
  const redirect_uri = requiredParameter(form, 'redirect_uri')
  const code = await ports.codes.find(hash, ports.now(), signal)
  if (code === undefined) throw new RefusedError({ reason: 'code_unknown' })
  if (code.client_id !== client_id) throw new RefusedError({ reason: 'code_of_another_client', client_id })
  if (code.redirect_uri !== redirect_uri) throw new RefusedError({ reason: 'code_mismatch', parameter: 'redirect_uri' })
  if (!fitsChallenge(parameter(form, 'code_verifier'), code.code_challenge))
    throw new RefusedError({ reason: 'code_mismatch', parameter: 'code_verifier' })
  return code
}

/** By what holds now: broker.yaml may have changed since the person logged in. Throws RefusedError. */
function decide(
  code: AuthorizationCode,
  form: Form,
  client: RequestClient,
  context: GrantContext,
): {
  subject: VerifiedSubject
  scopes: readonly IdentityScope[]
  alg: SigningAlgorithm
  decision: { granted: GrantedToken; trace: Trace }
} {
  const { policy } = context
  const issuer = named(policy.configuration.issuers, code.authentication.issuer_name)
  const subject = issuer && recalledSubject(code.authentication, issuer)
  if (subject === undefined) throw new RefusedError({ reason: 'code_unknown' })
  const request = { subject, client_id: client.client_id, scopes: code.scopes as readonly IdentityScope[] }
  const login = decideLogin(request, policy)
  if ('refused' in login) throw withdrawn(client, new RefusedError(login.refused))
  const { scopes, alg } = login.granted
  const resource = narrowed(form.get('resource') ?? [], code)
  if (code.target === undefined)
    return { subject, scopes, alg, decision: { granted: login.granted, trace: { rules: [], shadow: [] } } }
  const wanted = { audience: [], resource, scope: code.target.scope, wanted: 'token' as const }
  try {
    const { granted, trace } = decideRequest(wanted, subject, client, context)
    if (!('audience' in granted)) throw new Error('a token was wanted, and a session was granted')
    return { subject, scopes, alg, decision: { granted, trace } }
  } catch (error) {
    const ofPerson = error instanceof RefusedError && ofSubject.includes(error.refusal.reason)
    throw ofPerson ? withdrawn(client, error) : error
  }
}

/** What a subject token is refused for is here about a person who logged in before. */
const ofSubject: readonly Refusal['reason'][] = ['no_rule_matches', 'event_forbidden']

function withdrawn({ client_id }: RequestClient, { refusal: cause }: RefusedError): RefusedError {
  return new RefusedError({ reason: 'login_withdrawn', client_id, cause })
}

/** RFC 8707 section 2.2: some of what was asked for when the person logged in, and nothing else. */
function narrowed(resource: readonly string[], { target }: AuthorizationCode): readonly string[] {
  const asked = target?.resource ?? []
  const unknown = resource.filter((each) => !asked.includes(each)).length
  if (unknown > 0) throw new RefusedError({ reason: 'target_unknown', named: [], unknown })
  return resource.length === 0 ? asked : resource
}

/**
 * RFC 6749 section 4.1.2: whoever has client, redirect URI and proof has used the code before, or somebody else has: what
 * came of it is revoked. Returns what the client is told.
 */
async function revokeFirstUse(
  key: string,
  { client_id }: RequestClient,
  { ports, decision_id, signal }: GrantContext,
): Promise<RefusedError> {
  const first = await ports.receipts.find(key, signal)
  if (first !== undefined) {
    const entry = tokenRevocation(first.decision_id, 'its code was used again', client_id, ports.now())
    await ports.register.revoke(entry, signal)
    ports.log.warn('revoked', { decision_id, jti: first.decision_id, by: client_id })
  }
  return new RefusedError({ reason: 'code_replayed', revoked: first?.decision_id })
}
