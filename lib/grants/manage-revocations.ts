import type { Clock, Log, ReceiptCount, ReceiptCounter, RevocationBook, RevocationRecord } from '../ports.ts'
import { OperatorRequestError } from '../protocol/operator-request.ts'
import { FOR_GOOD, parseRevocationRequest, type RevocationRequest } from '../protocol/revocation-request.ts'
import { endLogins, type EndedLogins, type LoginPorts } from './end-logins.ts'
import type { RevocationDimension } from '../protocol/revocation-dimensions.ts'
import type { Configuration } from '../trust/configuration.ts'

/** One request of an operator, and what it may use. */
export interface RevocationContext {
  configuration: Configuration
  /** Of all published keys. */
  kids: readonly string[]
  ports: { log: Log; now: Clock; register: RevocationBook; receipts: ReceiptCounter }
  /** Absent where nobody logs in. */
  logins?: LoginPorts | undefined
  /** The caller's ARN, by IAM's word. */
  by: string
  decision_id: string
  signal: AbortSignal
}

export type RevocationAnswer =
  | { revoked: RevocationRecord }
  /** Null: nothing is on record. */
  | { found: RevocationRecord | null }
  | { lifted: RevocationRecord }
  | { records: RevocationRecord[]; next?: string }
  | { counted: ReceiptCount }
  | { ended: EndedLogins }

type Revoke = Extract<RevocationRequest, { operation: 'revoke' }>
type End = Extract<RevocationRequest, { operation: 'end' }>
type Lift = Extract<RevocationRequest, { operation: 'start' | 'undo' }>

/** Sandboxes' clocks may differ by so much: a token of this second may say the one after next. */
const CLOCK_SKEW = 2
/** Longer than any token, or session of AWS, lives. */
const LEAST_ON_RECORD = 2 * 86_400

/** Revokes, finds, lifts, lists and counts. Throws OperatorRequestError and UnavailableError. */
export async function manageRevocations(body: string, context: RevocationContext): Promise<RevocationAnswer> {
  const { ports, signal } = context
  const request = parseRevocationRequest(body, ports.now())
  switch (request.operation) {
    case 'list':
      return ports.register.list(request.after, signal)
    case 'find':
      return { found: (await ports.register.find(request, signal)) ?? null }
    case 'count':
      checkKnown(request, context)
      return { counted: await ports.receipts.count({ ...request, now: ports.now() }, signal) }
    case 'end':
      return { ended: await end(request, context) }
    case 'revoke':
      checkKnown(request, context)
      return { revoked: await revoke(request, context) }
    default:
      return { lifted: await lift(request, context) }
  }
}

async function revoke(request: Revoke, context: RevocationContext): Promise<RevocationRecord> {
  const { ports, decision_id, signal } = context
  const begun = ports.now()
  let revoked = await ports.register.revoke(entryOf(request, begun, context), signal)
  const written = ports.now()
  // What was issued by then, because the record was not yet there to be read, is revoked too. Nothing is issued since.
  if (revoked.blocked_until > 0 && written > begun)
    revoked = await ports.register.revoke(entryOf(request, written, context), signal)
  ports.log.info('revoked', { decision_id, ...revoked })
  return revoked
}

/** What is not revoked goes on. */
async function end({ after, ...key }: End, context: RevocationContext): Promise<EndedLogins> {
  const { ports, logins, signal } = context
  const found = await ports.register.find(key, signal)
  if (found === undefined || found.expires_at <= ports.now() || found.not_before === 0)
    throw new OperatorRequestError(`${key.value} is not revoked: revoke it first, and then end what it has`, 409)
  if (logins === undefined) return { sessions: 0, families: 0, told: 0 }
  return endLogins(key.value, found.not_before, after, logins, context)
}

const messages = {
  undo: { done: 'revocation undone', changed: 'not undone' },
  start: { done: 'issuing started again', changed: 'not started' },
} as const

async function lift(request: Lift, context: RevocationContext): Promise<RevocationRecord> {
  const { ports, by, decision_id, signal } = context
  const { operation, dimension, value, id, reason } = request
  const now = ports.now()
  const lifting = { tokens: operation === 'undo', reason, by, at: now, expires_at: onRecordUntil(now, context) }
  const lifted = await ports.register.lift({ dimension, value, id }, lifting, signal)
  const changed = lifted === 'changed'
  ports.log.info(messages[operation][changed ? 'changed' : 'done'], { decision_id, dimension, value, id, reason, by })
  if (changed)
    throw new OperatorRequestError(
      'somebody has revoked or lifted this since, so nothing was changed: look at what is on record now, and at who wrote it',
      409,
    )
  return lifted
}

function entryOf({ dimension, value, reason, before, until }: Revoke, now: number, context: RevocationContext) {
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
  const { receipts, login } = configuration
  // Sessions and refresh tokens that are older than it are refused by it.
  return now + Math.max(receipts.retention, LEAST_ON_RECORD, login.session.absolute, login.refresh_tokens.absolute)
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
  throw new OperatorRequestError(
    `the deployed broker.yaml has no ${dimension} ${JSON.stringify(value)}${nearest(value, names)}; even_if_unknown revokes it all the same`,
  )
}

function nearest(value: string, names: readonly string[]): string {
  const shown = names.filter(
    (name) => name.includes(value) || value.includes(name) || name.slice(0, 4) === value.slice(0, 4),
  )
  return shown.length > 0 ? `: did you mean ${shown.slice(0, 5).join(', ')}?` : ''
}
