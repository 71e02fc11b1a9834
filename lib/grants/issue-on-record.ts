import { deadlines } from '../deadlines.ts'
import type { Ports, Receipt, RevocationKey } from '../ports.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { Granted } from '../trust/decide.ts'
import type { GrantContext } from './index.ts'

interface Issue<T> {
  receipt: Receipt
  revocationKeys: RevocationKey[]
  /** `alongside`: what is made opens nothing until it is handed out, so no time need be lost. `afterwards`: it must not exist in vain. */
  when: 'alongside' | 'afterwards'
  make: () => Promise<T>
}

/**
 * The one way anything is issued: the receipt is recorded, no revocation stands in the way, and what was made is made.
 * Otherwise the receipt is marked released, so that what was not the caller's fault does not spend the caller's token.
 * Throws RefusedError and UnavailableError.
 */
export async function issueOnRecord<T>(
  { receipt, revocationKeys, when, make }: Issue<T>,
  { ports, signal }: Pick<GrantContext, 'ports' | 'signal'>,
): Promise<T> {
  const early = when === 'alongside' ? make() : undefined
  const [recorded, revoked] = await Promise.allSettled([
    ports.receipts.record(receipt, signal),
    ports.revocations.find(revocationKeys, signal),
    early,
  ])
  if (recorded.status === 'fulfilled' && recorded.value === 'replayed')
    throw new RefusedError({ reason: 'subject_token_replayed' })
  try {
    if (recorded.status === 'rejected') throw recorded.reason
    if (revoked.status === 'rejected') throw revoked.reason
    const block = revoked.value.find(
      ({ blocked_until, not_before }) => blocked_until > receipt.at || not_before >= receipt.at,
    )
    if (block) throw new RefusedError({ reason: 'issuance_blocked', dimension: block.dimension, value: block.value })
    const made = await (early ?? make())
    if (signal.aborted) throw new UnavailableError('deadline', 'the request took too long')
    return made
  } catch (error) {
    await release(receipt, ports)
    throw error
  }
}

/** Every dimension this issue falls under. `kid` only where a key of ours signs. */
export function revocationKeysOf(
  granted: Granted,
  subject: VerifiedSubject,
  named_client: string | undefined,
  kid: string | undefined,
): RevocationKey[] {
  return [
    { dimension: 'all', value: 'all' },
    { dimension: 'issuer', value: subject.issuer.name },
    { dimension: 'subject', value: subject.sub },
    { dimension: 'target', value: granted.target },
    ...(kid === undefined ? [] : [{ dimension: 'kid' as const, value: kid }]),
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
