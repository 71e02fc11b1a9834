import { deadlines } from '../deadlines.ts'
import type { ActiveKey, Ports, Receipt, RevocationKey } from '../ports.ts'
import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { ACCESS_TOKEN_TYPE } from '../protocol/urns.ts'
import { signingInput, toCompactJws } from '../tokens/signed-jwt.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { Granted, Trace } from '../trust/decide.ts'
import type { GrantContext } from './index.ts'
import { receiptOf } from './receipt.ts'

/**
 * Records, checks the revocations and signs, all at once: one hop deep. The token leaves only when all three succeeded;
 * otherwise the receipt is marked released, so that what was not the caller's fault does not spend the caller's token.
 */
export async function issueAccessToken(
  decision: { granted: Granted; trace: Trace },
  subject: VerifiedSubject,
  named_client: string | undefined,
  { policy, ports, decision_id, signal }: GrantContext,
): Promise<TokenResponse> {
  const { granted } = decision
  const now = ports.now()
  const key = ports.signer.activeKey(policy.configuration.signing.algorithms[0] as SigningAlgorithm)
  const exp = expiryOf(granted, subject, now)
  // A workload that names no client is its own.
  const client_id = named_client ?? subject.sub
  const claims = {
    ...granted.claims,
    // RFC 9068 section 2.2
    iss: policy.ourIssuer,
    sub: subject.sub,
    aud: granted.audience,
    client_id,
    iat: now,
    exp,
    jti: decision_id,
    ...(granted.scopes.length > 0 ? { scope: granted.scopes.join(' ') } : {}),
  }
  const receipt = receiptOf({ decision, subject, client_id, decision_id, kid: key.kid, exp, now, policy })
  // RFC 9068 section 2.1
  const input = signingInput(key, 'at+jwt', claims)
  const [recorded, revoked, signature] = await Promise.allSettled([
    ports.receipts.record(receipt, signal),
    ports.revocations.find(revocationKeys(granted, subject, named_client, key), signal),
    ports.signer.sign(key, Buffer.from(input), signal),
  ])
  if (recorded.status === 'fulfilled' && recorded.value === 'replayed')
    throw new RefusedError({ reason: 'subject_token_replayed' })
  try {
    if (recorded.status === 'rejected') throw recorded.reason
    if (revoked.status === 'rejected') throw revoked.reason
    const block = revoked.value.find(({ blocked_until, not_before }) => blocked_until > now || not_before >= now)
    if (block) throw new RefusedError({ reason: 'issuance_blocked', dimension: block.dimension, value: block.value })
    if (signature.status === 'rejected') throw signature.reason
    if (signal.aborted) throw new UnavailableError('deadline', 'the request took too long')
    return {
      access_token: toCompactJws(input, signature.value),
      issued_token_type: ACCESS_TOKEN_TYPE,
      token_type: 'Bearer',
      expires_in: exp - now,
      ...(granted.scopes.length > 0 ? { scope: granted.scopes.join(' ') } : {}),
    }
  } catch (error) {
    await release(receipt, ports)
    throw error
  }
}

function expiryOf(granted: Granted, subject: VerifiedSubject, now: number): number {
  const exp = now + granted.lifetime
  if (!granted.expires_with_subject) return exp
  // Within the tolerance a subject token may already be past its exp: there is no lifetime left to give.
  if (subject.exp <= now) throw new RefusedError({ reason: 'token_expired', exp: subject.exp })
  return Math.min(exp, subject.exp)
}

/** Every dimension this issue falls under. */
function revocationKeys(
  granted: Granted,
  subject: VerifiedSubject,
  named_client: string | undefined,
  key: ActiveKey,
): RevocationKey[] {
  return [
    { dimension: 'all', value: 'all' },
    { dimension: 'issuer', value: subject.issuer.name },
    { dimension: 'subject', value: subject.sub },
    { dimension: 'target', value: granted.target },
    { dimension: 'kid', value: key.kid },
    ...granted.rules.map((value) => ({ dimension: 'rule' as const, value })),
    ...(named_client === undefined ? [] : [{ dimension: 'client' as const, value: named_client }]),
  ]
}

/** With time of its own: the request's may be used up. A receipt that cannot be released stays spent, and the log says so. */
async function release(receipt: Receipt, ports: Ports): Promise<void> {
  try {
    await ports.receipts.release(receipt, AbortSignal.timeout(deadlines.release))
  } catch {
    ports.log.error('a receipt could not be released: its subject token stays spent', {
      decision_id: receipt.decision_id,
    })
  }
}
