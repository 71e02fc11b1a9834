import type { Clock, Consent, ConsentBook, Log } from '../ports.ts'
import { parseConsentRequest } from '../protocol/consent-request.ts'

/** One request of an operator, and what it may use. */
export interface ConsentContext {
  ports: { log: Log; now: Clock; consents: Pick<ConsentBook, 'list' | 'withdraw'> }
  /** The caller's ARN, by IAM's word. */
  by: string
  decision_id: string
  signal: AbortSignal
}

export type ConsentAnswer =
  | { consents: Consent[]; next?: string }
  /** False: there was none. */
  | { withdrawn: boolean }

/** Lists, and withdraws: then the person is asked again. Throws OperatorRequestError and UnavailableError. */
export async function manageConsents(
  body: string,
  { ports, by, decision_id, signal }: ConsentContext,
): Promise<ConsentAnswer> {
  const request = parseConsentRequest(body)
  const { client_id, subject: sub } = request
  if (request.operation === 'list') return ports.consents.list({ client_id, sub }, ports.now(), request.after, signal)
  const fields = { decision_id, client_id, sub, by }
  try {
    const withdrawn = await ports.consents.withdraw({ client_id: request.client_id, sub: request.subject }, signal)
    ports.log.info(withdrawn ? 'consent withdrawn' : 'no consent to withdraw', fields)
    return { withdrawn }
  } catch (error) {
    // It may have been done all the same, and this is all that says by whom.
    ports.log.warn('consent perhaps withdrawn', fields)
    throw error
  }
}
