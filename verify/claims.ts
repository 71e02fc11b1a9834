import type { JsonObject } from '../lib/protocol/strict-json.ts'
import { InvalidTokenError } from './errors.ts'
import type { Expected } from './options.ts'

/** What a token of the broker says (RFC 9068 section 2.2). Times in seconds since 1970. */
export interface AccessTokenClaims {
  readonly iss: string
  /** The audience that was asked for. */
  readonly aud: string
  /** `<issuer name>:<subject>`: whose token it is, by immutable ids. */
  readonly sub: string
  /** The broker's client, or the same as `sub`. */
  readonly client_id: string
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
  /** The id of the broker's decision, under which its log has the reason. */
  readonly jti: string
  /** Separated by spaces (RFC 8693 section 4.2). */
  readonly scope?: string
  /** What the rule that granted it added. */
  readonly [claim: string]: unknown
}

/** `now` in seconds since 1970. Throws InvalidTokenError. */
export function checkClaims(payload: JsonObject, expected: Expected, now: number): AccessTokenClaims {
  if (payload.iss !== expected.issuer) throw new InvalidTokenError('the access token is of another issuer')
  // The broker writes one string. A token for several could be replayed by each of them.
  if (payload.aud !== expected.audience) throw new InvalidTokenError('the access token is for another audience')
  checkTimes(payload, expected.clockTolerance, now)
  for (const claim of ['sub', 'client_id', 'jti'])
    if (typeof payload[claim] !== 'string' || payload[claim] === '') throw malformed(claim, 'a string')
  if (payload.scope !== undefined && typeof payload.scope !== 'string') throw malformed('scope', 'a string')
  return payload as JsonObject & AccessTokenClaims
}

/** RFC 7519 sections 4.1.4 to 4.1.6; the tolerance is applied once, in the token's favour, at each edge. */
function checkTimes(payload: JsonObject, tolerance: number, now: number): void {
  const { exp, iat, nbf } = payload
  if (!isNumericDate(exp)) throw malformed('exp', 'an integer')
  if (!isNumericDate(iat)) throw malformed('iat', 'an integer')
  if (nbf !== undefined && !isNumericDate(nbf)) throw malformed('nbf', 'an integer')
  if (now >= exp + tolerance) throw new InvalidTokenError('the access token has expired')
  if (Math.max(iat, nbf ?? iat) > now + tolerance) throw new InvalidTokenError('the access token is not valid yet')
}

function isNumericDate(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function malformed(claim: string, kind: string): InvalidTokenError {
  return new InvalidTokenError(`the access token is malformed: ${claim} is not ${kind}`)
}
