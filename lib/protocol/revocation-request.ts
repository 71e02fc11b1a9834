import { afterOf, readOperatorRequest, wrong } from './operator-request.ts'
import { isRevocationDimension, revocationDimensions, type RevocationKey } from './revocation-dimensions.ts'
import type { JsonObject } from './strict-json.ts'

/** What an operator asks of the broker's revocations. Times in seconds since 1970. */
export type RevocationRequest =
  | ({
      operation: 'revoke'
      reason: string
      /** Tokens issued at or before it, and issuing goes on. Absent: all there are, and no more are issued. */
      before?: number
      /** When issuing goes on by itself. Absent: never. */
      until?: number
      /** Also where broker.yaml has no such name any more. */
      even_if_unknown: boolean
    } & RevocationKey)
  /** What is on record of it now. */
  | ({ operation: 'find' } & RevocationKey)
  /** `start` issues again, and leaves dead what is dead; `undo` revives it too. `id`: of the record that is meant. */
  | ({ operation: 'start' | 'undo'; id: string; reason: string } & RevocationKey)
  /** The sessions and refresh tokens of a person who is revoked. */
  | ({ operation: 'end'; after?: string } & RevocationKey)
  | { operation: 'list'; after?: string }
  | ({
      operation: 'count'
      before?: number
      even_if_unknown: boolean
      segment: number
      segments: number
      after?: string
    } & RevocationKey)

/** The last second of the year 9999. */
export const FOR_GOOD = 253_402_300_799

const MAX_SEGMENTS = 64
/** In seconds: longer than a revocation takes to be written, or it would be over before it was there. */
const MIN_BLOCK = 30

const members = {
  revoke: ['dimension', 'value', 'reason', 'before', 'until', 'even_if_unknown'],
  find: ['dimension', 'value'],
  end: ['dimension', 'value', 'after'],
  start: ['dimension', 'value', 'id', 'reason'],
  undo: ['dimension', 'value', 'id', 'reason'],
  list: ['after'],
  count: ['dimension', 'value', 'before', 'even_if_unknown', 'segment', 'segments', 'after'],
} as const satisfies Record<RevocationRequest['operation'], readonly string[]>

/** `now` in seconds since 1970. Throws OperatorRequestError. */
export function parseRevocationRequest(body: string, now: number): RevocationRequest {
  const { operation, request } = readOperatorRequest(body, members)
  if (operation === 'list') return { operation, ...afterOf(request, 'revocation#') }
  const named = namedOf(request)
  if (operation === 'count') {
    return {
      operation,
      ...named,
      ...beforeOf(request, now),
      ...segmentOf(request),
      ...afterOf(request, ''),
      even_if_unknown: flagOf(request, 'even_if_unknown'),
    }
  }
  if (operation === 'find') return { operation, ...named }
  if (operation === 'end') {
    if (named.dimension !== 'subject') throw wrong('end is for a subject: a person who logs in')
    const ofFamilies = typeof request.after === 'string' && request.after.startsWith('family#')
    return { operation, ...named, ...afterOf(request, ofFamilies ? 'family#' : 'session#') }
  }
  const reason = reasonOf(request)
  if (operation === 'start' && named.dimension === 'jti')
    throw wrong('a single token has nothing that could start again: undo revives it')
  if (operation !== 'revoke') return { operation, ...named, id: idOf(request), reason }
  const before = beforeOf(request, now)
  const until = untilOf(request, now)
  if ('before' in before && 'until' in until) throw wrong('before goes on issuing: there is no until to it')
  if (named.dimension === 'jti' && ('before' in before || 'until' in until))
    throw wrong('a single token is revoked for good: without before and until')
  return { operation, ...named, reason, ...before, ...until, even_if_unknown: flagOf(request, 'even_if_unknown') }
}

function namedOf({ dimension, value }: JsonObject): RevocationKey {
  if (typeof dimension !== 'string' || !isRevocationDimension(dimension))
    throw wrong(`dimension must be one of ${revocationDimensions.join(', ')}`)
  if (typeof value !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(value))
    throw wrong('value must be 1 to 255 printable ASCII characters')
  if (dimension === 'all' && value !== 'all') throw wrong('the value of all is all')
  if (dimension === 'client' && value.includes(':'))
    throw wrong('a client is one of broker.yaml, by its client_id: a workload, which is its own client, is a subject')
  if (dimension === 'subject' && !/^[a-z][a-z0-9/-]{0,19}:.|^[A-Za-z0-9][\w.-]{0,63}$/.test(value))
    throw wrong('a subject is <issuer name>:<subject>, as tokens, receipts and logs have it in sub, or a client_id')
  return { dimension, value }
}

function idOf({ id }: JsonObject): string {
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id))
    throw wrong('id must be that of the record that is meant, as find, list and revoke answer it')
  return id
}

function reasonOf({ reason }: JsonObject): string {
  if (typeof reason !== 'string' || !/^[^\p{Cc}\p{Cf}\u2028\u2029]{1,256}$/u.test(reason) || reason.trim() === '')
    throw wrong('reason must be one line of 1 to 256 characters')
  return reason
}

function beforeOf({ before }: JsonObject, now: number): { before?: number } {
  if (before === undefined) return {}
  if (!isTime(before) || before > now) throw wrong('before must be whole seconds since 1970, and not in the future')
  return { before }
}

function untilOf({ until }: JsonObject, now: number): { until?: number } {
  if (until === undefined) return {}
  if (!isTime(until) || until < now + MIN_BLOCK)
    throw wrong('until must be whole seconds since 1970, half a minute from now or later')
  return { until }
}

function segmentOf({ segment, segments }: JsonObject): { segment: number; segments: number } {
  if (!isTime(segments) || segments < 1 || segments > MAX_SEGMENTS) throw wrong(`segments must be 1 to ${MAX_SEGMENTS}`)
  if (!isTime(segment) || segment >= segments) throw wrong('segment must be a number from 0, less than segments')
  return { segment, segments }
}

function flagOf(request: JsonObject, name: string): boolean {
  const value = request[name] ?? false
  if (typeof value !== 'boolean') throw wrong(`${name} must be true or false`)
  return value
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= FOR_GOOD
}
