import type { Clock, Log, ReceiptCount, ReceiptCounter, RevocationBook, RevocationRecord } from '../ports.ts'
import {
  FOR_GOOD,
  parseRevocationRequest,
  RevocationRequestError,
  type RevocationRequest,
} from '../protocol/revocation-request.ts'
import type { RevocationDimension } from '../protocol/revocation-dimensions.ts'
import type { Configuration } from '../trust/configuration.ts'

/** One request of an operator, and what it may use. */
export interface RevocationContext {
  configuration: Configuration
  /** Of all published keys. */
  kids: readonly string[]
  ports: { log: Log; now: Clock; register: RevocationBook; receipts: ReceiptCounter }
  /** The caller's ARN, by IAM's word. */
  by: string
  decision_id: string
  signal: AbortSignal
}

export type RevocationAnswer =
  | { revoked: RevocationRecord }
  /** Null: there was nothing to lift. */
  | { lifted: RevocationRecord | null }
  | { records: RevocationRecord[]; next?: string }
  | { counted: ReceiptCount }

/** Sandboxes' clocks may differ by so much: a token of this second may say the one after next. */
const CLOCK_SKEW = 2
/** Longer than any token, or session of AWS, lives. */
const LEAST_ON_RECORD = 2 * 86_400

/** Revokes, lifts, lists and counts. Throws RevocationRequestError and UnavailableError. */
export async function manageRevocations(body: string, context: RevocationContext): Promise<RevocationAnswer> {
  const { ports, by, decision_id, signal } = context
  const now = ports.now()
  const request = parseRevocationRequest(body, now)
  if (request.operation === 'list') return ports.register.list(request.after, signal)
  const { operation, dimension, value } = request
  if (operation === 'count') {
    checkKnown(request, context)
    return { counted: await ports.receipts.count({ ...request, now }, signal) }
  }
  if (operation === 'revoke') {
    checkKnown(request, context)
    const revoked = entryOf(request, now, context)
    await ports.register.revoke(revoked, signal)
    ports.log.info('revoked', { decision_id, ...revoked })
    return { revoked }
  }
  const { reason } = request
  const lifting = { tokens: operation === 'undo', reason, by, at: now, expires_at: onRecordUntil(now, context) }
  const lifted = (await ports.register.lift({ dimension, value }, lifting, signal)) ?? null
  ports.log.info(operation === 'undo' ? 'revocation undone' : 'issuing started again', {
    decision_id,
    dimension,
    value,
    reason,
    by,
    found: lifted !== null,
  })
  return { lifted }
}

function entryOf(
  { dimension, value, reason, before, until }: Extract<RevocationRequest, { operation: 'revoke' }>,
  now: number,
  context: RevocationContext,
) {
  const goesOn = before !== undefined || dimension === 'jti'
  const blocked_until = goesOn ? 0 : (until ?? FOR_GOOD)
  return {
    dimension,
    value,
    // A token is dead for good: nothing is to be made of it later either.
    not_before: before ?? now + (dimension === 'jti' ? LEAST_ON_RECORD : CLOCK_SKEW),
    blocked_until,
    expires_at: Math.max(blocked_until, onRecordUntil(now, context)),
    reason,
    by: context.by,
    at: now,
  }
}

function onRecordUntil(now: number, { configuration }: RevocationContext): number {
  return now + Math.max(configuration.receipts.retention, LEAST_ON_RECORD)
}

/** A misspelt name would revoke nothing, in silence. */
function checkKnown(
  { dimension, value, even_if_unknown }: Extract<RevocationRequest, { even_if_unknown: boolean }>,
  { configuration, kids }: RevocationContext,
): void {
  const { rules, issuers, targets, clients } = configuration
  const known: Partial<Record<RevocationDimension, readonly string[]>> = {
    rule: rules.map(({ name }) => name),
    issuer: Object.keys(issuers),
    target: Object.keys(targets),
    client: Object.keys(clients),
    kid: kids,
  }
  const names = known[dimension]
  if (names === undefined || names.includes(value) || even_if_unknown) return
  throw new RevocationRequestError(
    `the deployed broker.yaml has no ${dimension} ${JSON.stringify(value)}${nearest(value, names)}; even_if_unknown revokes it all the same`,
  )
}

function nearest(value: string, names: readonly string[]): string {
  const shown = names.filter(
    (name) => name.includes(value) || value.includes(name) || name.slice(0, 4) === value.slice(0, 4),
  )
  return shown.length > 0 ? `: did you mean ${shown.slice(0, 5).join(', ')}?` : ''
}
