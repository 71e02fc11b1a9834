import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import type { ActiveKey } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import type { AuthenticatedClient, RequestClient } from '../tokens/request-client.ts'
import { signingInput, toCompactJws } from '../tokens/signed-jwt.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { GrantedToken, Trace } from '../trust/decide.ts'
import type { GrantContext } from './index.ts'
import { issueOnRecord } from './issue-on-record.ts'
import { askerOf, type OfLogin } from './receipt.ts'

/** What else comes of a login. */
export interface ForLogin extends OfLogin {
  /** Of a refresh: the second from which on nothing that it rests on may have been revoked. */
  since?: number
  /** Of the access token, beside its own. */
  claims: JsonObject
  /** What is signed beside it, where who it is was asked for. */
  id_token: { alg: SigningAlgorithm; claims: JsonObject } | undefined
  /** The last that must succeed before they are handed out. */
  settle?: () => Promise<void>
}

/** Records, checks the revocations and signs, all at once: one hop deep. */
export async function issueAccessToken(
  decision: { granted: GrantedToken; trace: Trace },
  subject: VerifiedSubject | AuthenticatedClient,
  client: RequestClient | undefined,
  context: GrantContext,
  login?: ForLogin,
): Promise<TokenResponse> {
  const { granted } = decision
  const { policy, ports, decision_id, signal } = context
  const now = ports.now()
  const key = ports.signer.activeKey(policy.configuration.signing.algorithms[0] as SigningAlgorithm)
  const exp = expiryOf(granted, subject, now)
  const scope = granted.scopes.length > 0 ? { scope: granted.scopes.join(' ') } : {}
  const { client_id, ...ofClient } = askerOf(subject, client)
  const claims = {
    ...granted.claims,
    ...login?.claims,
    // RFC 9068 section 2.2
    iss: policy.ourIssuer,
    sub: subject.sub,
    aud: granted.audience,
    client_id,
    iat: now,
    exp,
    jti: decision_id,
    ...scope,
    // What else it can be revoked by, so that looking it up needs no more than the token.
    target: granted.target,
    rules: granted.rules,
    ...ofClient,
    ...(login?.parents.length ? { parents: login.parents } : {}),
  }
  // RFC 9068 section 2.1
  const input = signingInput(key, 'at+jwt', claims)
  const idKey = login?.id_token && ports.signer.activeKey(login.id_token.alg)
  // OpenID Connect Core section 2. Without at_hash, which would have to wait for the other signature.
  const idInput = login?.id_token && idKey && signingInput(idKey, 'JWT', login.id_token.claims)
  const [access_token, id_token] = await issueOnRecord(
    {
      decision,
      subject,
      client,
      issued: { kid: key.kid, exp },
      kids: idKey && [idKey.kid],
      login,
      now,
      when: 'alongside',
      make: () => Promise.all([sign(key, input), idKey && idInput && sign(idKey, idInput)]),
      settle: login?.settle,
    },
    context,
  )
  return { access_token, token_type: 'Bearer', expires_in: exp - now, ...scope, ...(id_token ? { id_token } : {}) }

  async function sign(by: ActiveKey, text: string): Promise<string> {
    return toCompactJws(text, await ports.signer.sign(by, Buffer.from(text), signal))
  }
}

function expiryOf(granted: GrantedToken, subject: VerifiedSubject | AuthenticatedClient, now: number): number {
  const exp = now + granted.lifetime
  if (!granted.expires_with_subject || !('issuer' in subject)) return exp
  // Within the tolerance a subject token may already be past its exp: there is no lifetime left to give.
  if (subject.exp <= now) throw new RefusedError({ reason: 'token_expired', exp: subject.exp })
  return Math.min(exp, subject.exp)
}
