import type { RevocationKey, RevocationRecord } from '../lib/ports.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'

export function nameOf({ dimension, value }: { dimension: string; value: string }): string {
  return toOneLine(dimension === 'all' ? 'everything' : `${dimension} ${value}`)
}

/** As it is typed again. */
export function optionOf({ dimension, value }: RevocationKey): string {
  if (dimension === 'all') return '--all'
  return `--${dimension} ${/^[\w.:/-]+$/.test(value) ? value : `'${toOneLine(value).replaceAll("'", String.raw`'\''`)}'`}`
}

/** What a revocation did, and how to take it back. `now` in seconds since 1970. */
export function describeRevoked(
  named: RevocationKey,
  { not_before, blocked_until }: RevocationRecord,
  now: number,
): string {
  const { dimension, value } = named
  const blocks = blocked_until > now
  return [
    `${nameOf(named)}: revoked`,
    dimension === 'jti'
      ? '  token: inactive at /introspect from now on'
      : `  tokens: issued until ${iso(not_before)}, inactive at /introspect from now on`,
    `  issuing: ${issuing(named, blocked_until, now)}`,
    ...(dimension === 'kid' && blocks
      ? [
          '  if this key signs now, nothing that it would sign is issued: see "To rotate a signing key" in docs/deploy.md',
        ]
      : []),
    '  not reached: AWS sessions that are open, and whoever verifies tokens without asking (docs/revocation.md)',
    ...(blocks
      ? [
          `  to issue again, by new tokens only: token-broker start ${dimension === 'rule' ? value : optionOf(named)} --reason "..."`,
        ]
      : []),
    `  to take it back, and revive what has not ended: token-broker revoke undo ${optionOf(named)} --reason "..."`,
  ].join('\n')
}

function issuing({ dimension }: RevocationKey, blocked_until: number, now: number): string {
  if (dimension === 'jti') return 'this is one token, and there is no more of it'
  if (blocked_until <= now) return 'goes on'
  return `stopped until ${isForGood(blocked_until) ? 'somebody lifts it' : iso(blocked_until)}`
}

/** A revocation in the list, in two or three lines. `now` in seconds since 1970. */
export function describeRecord(record: RevocationRecord, now: number): string {
  const { reason, by, at, lifted_at, lifted_by = '', lifted_reason = '' } = record
  return [
    `${nameOf(record)}: ${stateOf(record, now)}`,
    `  ${iso(at)} by ${by}: ${reason}`,
    ...(lifted_at === undefined ? [] : [`  lifted ${iso(lifted_at)} by ${lifted_by}: ${lifted_reason}`]),
  ]
    .map(toOneLine)
    .join('\n')
}

function stateOf({ not_before, blocked_until }: RevocationRecord, now: number): string {
  if (not_before === 0 && blocked_until <= now) return 'undone'
  const tokens = not_before === 0 ? 'tokens are not touched' : `tokens issued until ${iso(not_before)} are inactive`
  if (blocked_until <= now) return `${tokens}, issuing goes on`
  return `${tokens}, issuing is stopped${isForGood(blocked_until) ? '' : ` until ${iso(blocked_until)}`}`
}

/** The broker's word for ever is the last second of the year 9999; nobody means a time in that year. */
function isForGood(seconds: number): boolean {
  return seconds > 253_370_764_800
}

export function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
