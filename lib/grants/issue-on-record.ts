import type { RevocationKey } from '../ports.ts'
import { UnavailableError, RefusedError } from '../protocol/errors.ts'
import type { AuthenticatedClient, RequestClient } from '../tokens/request-client.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { Granted, Trace } from '../trust/decide.ts'
import type { GrantContext } from './index.ts'
import { receiptOf, type Issued, type OfLogin } from './receipt.ts'
import { release } from './release.ts'
import { revocationKeysOf } from './revocation-keys.ts'

interface Issue<T> {
  decision: { granted: Granted; trace: Trace }
  /** A client where it asked for itself. */
  subject: VerifiedSubject | AuthenticatedClient
  client: RequestClient | undefined
  issued: Issued
  /** The keys of ours that sign beside the one that is `issued`. */
  kids?: readonly string[] | undefined
  login?: (OfLogin & { since?: number }) | undefined
  /** Seconds since 1970. */
  now: number
  /** `alongside`: what is made opens nothing until it is handed out, so no time need be lost. `afterwards`: it must not exist in vain. */
  when: 'alongside' | 'afterwards'
  make: () => Promise<T>
  /** The last that must succeed before it is handed out. */
  settle?: (() => Promise<void>) | undefined
}

/**
 * The one way anything is issued: the receipt is recorded, no revocation stands in the way, and what was made is made.
 * Otherwise the receipt is marked released. Throws RefusedError and UnavailableError.
 */
export async function issueOnRecord<T>(
  { decision, subject, client, issued, kids = [], login, now, when, make, settle }: Issue<T>,
  { policy, ports, decision_id, signal }: GrantContext,
): Promise<T> {
  const receipt = receiptOf({ decision, subject, client, decision_id, issued, now, policy, login })
  const keys = revocationKeysOf({
    sub: subject.sub,
    client_id: receipt.client_id,
    client_sub: receipt.client_sub,
    target: decision.granted.target,
    rules: decision.granted.rules,
    kid: 'kid' in issued ? issued.kid : undefined,
  })
  keys.push(
    ...kids.map((value) => ({ dimension: 'kid' as const, value })),
    ...(login?.parents ?? []).map((value) => ({ dimension: 'jti' as const, value })),
  )
  // Of what rests on an earlier login, that was revoked which has come since. A key signs nothing but what is issued now.
  const oldest = ({ dimension }: RevocationKey) => (dimension === 'kid' ? now : (login?.since ?? now))
  const early = when === 'alongside' ? make() : undefined
  const [recorded, revoked] = await Promise.allSettled([
    ports.receipts.record(receipt, signal),
    ports.revocations.find(keys, signal),
    // Here for its failure alone, which would otherwise be nobody's until both are there.
    early,
  ])
  if (recorded.status === 'fulfilled' && recorded.value === 'replayed')
    throw new RefusedError({ reason: 'subject_token_replayed' })
  try {
    if (recorded.status === 'rejected') throw recorded.reason
    if (revoked.status === 'rejected') throw revoked.reason
    const block = revoked.value.find((each) => each.blocked_until > now || each.not_before >= oldest(each))
    if (block) {
      const { dimension, value } = block
      throw new RefusedError({
        reason: 'issuer' in subject ? 'issuance_blocked' : 'client_issuance_blocked',
        dimension,
        value,
      })
    }
    const made = await (early ?? make())
    if (signal.aborted) throw new UnavailableError('deadline', 'the request took too long')
    await settle?.()
    return made
  } catch (error) {
    await release(receipt, ports)
    throw error
  }
}
