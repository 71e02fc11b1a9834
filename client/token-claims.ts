import { toOneLine } from '../lib/protocol/one-line.ts'
import { parseJsonObject } from './json-object.ts'

/** For who looks for why it was not accepted. Nothing is verified. */
export function describeSubject(token: string): string {
  const { iss, sub, aud, exp } = claimsOf(token) ?? {}
  const date = new Date(typeof exp === 'number' ? exp * 1000 : NaN)
  const expires = Number.isNaN(date.getTime()) ? exp : date.toISOString()
  return Object.entries({ iss, sub, aud, exp: expires })
    .map(([claim, value]) => `${claim} ${shownClaim(value)}`)
    .join(', ')
}

export function shownClaim(value: unknown): string {
  return toOneLine((JSON.stringify(value) ?? 'absent').slice(0, 200))
}

/** Nothing is verified. Undefined where there is no payload, or none that is an object. */
export function claimsOf(token: string): Record<string, unknown> | undefined {
  return parseJsonObject(payloadBytes(token).toString('utf8'))
}

export function payloadBytes(token: string): Buffer {
  return Buffer.from(token.split('.')[1] ?? '', 'base64url')
}
