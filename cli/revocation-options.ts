import { parseDuration } from '../lib/config/durations.ts'
import type { RevocationDimension, RevocationKey } from '../lib/protocol/revocation-dimensions.ts'
import { UsageError } from './command.ts'

/** By what something is revoked. */
export const dimensionOptions = {
  jti: { type: 'string' },
  subject: { type: 'string' },
  issuer: { type: 'string' },
  rule: { type: 'string' },
  client: { type: 'string' },
  kid: { type: 'string' },
  target: { type: 'string' },
  all: { type: 'boolean' },
} as const satisfies Record<RevocationDimension, object>

/** Of everything that is put on record. */
export const recordOptions = {
  broker: { type: 'string' },
  reason: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Values = { [Name in RevocationDimension]?: string | boolean | undefined }

/** The one thing that is named. Throws UsageError. */
export function readNamed(values: Values): RevocationKey {
  const given = (Object.keys(dimensionOptions) as RevocationDimension[]).filter((name) => values[name] !== undefined)
  const [dimension, ...more] = given
  if (dimension === undefined) throw new UsageError(`say what: one of ${listed(Object.keys(dimensionOptions))}`)
  if (more.length > 0) throw new UsageError(`one thing at a time: not ${listed(given)} together`)
  const value = dimension === 'all' ? 'all' : String(values[dimension])
  if (value === '') throw new UsageError(`--${dimension} is empty: say which`)
  return { dimension, value }
}

/** Throws UsageError. The broker says what else it may not be. */
export function readReason(reason: string | undefined): string {
  if (!reason?.trim()) throw new UsageError('--reason is missing: say why, in one line, for the record')
  return reason
}

/** Seconds since 1970: of a time with its zone (RFC 3339), or so long before `now`. Throws UsageError. */
export function readBefore(text: string, now: number): number {
  const ago = parseDuration(text)
  const [, day] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  const time = ago !== undefined ? now - ago : day !== undefined && isDay(day) ? Date.parse(text) / 1000 : Number.NaN
  if (!(time >= 0))
    throw new UsageError('--before is a time with its zone, as 2026-11-25T09:00:00Z, or how long ago: 30m, 2h, 7d')
  if (time > now) throw new UsageError('--before is in the future: what is not issued yet cannot be revoked')
  return time
}

/** Seconds. Throws UsageError. */
export function readFor(text: string): number {
  const seconds = parseDuration(text)
  if (!seconds || seconds < 60) throw new UsageError('--for is a duration of a minute or more: 30m, 2h, 7d')
  return seconds
}

/** Date.parse takes the 31st of February for the 3rd of March. */
function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

function listed(names: readonly string[]): string {
  return names.map((name) => `--${name}`).join(', ')
}
