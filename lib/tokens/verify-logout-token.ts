import { RefusedError } from '../protocol/errors.ts'
import { LOGOUT_EVENT } from '../protocol/urns.ts'
import { claimAt } from './claim-path.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'
import { checkAudience, checkTimes, verifyIssuersJws, type Verification } from './verify-subject-token.ts'
import type { JsonObject } from '../protocol/strict-json.ts'

/** Whom an issuer says has logged out there: a person, one session of theirs, or both. */
export interface VerifiedLogout {
  issuer: TrustedIssuer
  claims: JsonObject
  /** What the issuer calls the person. */
  sub: string | undefined
  sid: string | undefined
  /** Seconds since 1970. */
  iat: number
}

/** In seconds: how long one counts that does not say (the draft of the specification did not ask it to). */
const LIFETIME = 300
const MAX_CHARACTERS = 255
/** It is an issuer's own, and of no form. */
const MAX_SID_CHARACTERS = 2_048

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.6. That it is told once does not matter: there is nothing left to end the
 * second time. Throws RefusedError; UnavailableError when the issuer's keys cannot be had.
 */
export async function verifyLogoutToken(token: string, by: Verification): Promise<VerifiedLogout> {
  const { issuer, payload } = await verifyIssuersJws(token, 'logout_token', by)
  const { iat, events, nonce } = payload
  if (!Number.isSafeInteger(iat)) throw malformed('iat', 'not an integer')
  const exp = payload.exp === undefined ? Number(iat) + Math.min(LIFETIME, issuer.max_token_lifetime) : payload.exp
  checkTimes({ ...payload, exp }, issuer, by.now)
  checkAudience(payload, issuer.audiences ?? [by.ourIssuer])
  // An ID token has none, so neither passes for the other.
  if (!isObject(events) || !isObject(claimAt(events, [LOGOUT_EVENT]))) throw malformed('events', 'not that of a logout')
  if (nonce !== undefined) throw malformed('nonce', 'present in a logout token')
  if (text(payload, 'jti') === undefined) throw malformed('jti', 'absent')
  const [sub, sid] = [text(payload, 'sub'), text(payload, 'sid', MAX_SID_CHARACTERS)]
  if (sub === undefined && sid === undefined) throw malformed('sub', 'absent, as sid is')
  return { issuer, claims: payload, sub, sid, iat: iat as number }
}

function text(payload: JsonObject, claim: string, most = MAX_CHARACTERS): string | undefined {
  const value = claimAt(payload, [claim])
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '' || value.length > most)
    throw malformed(claim, `not a string of 1 to ${most} characters`)
  return value
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(claim: string, detail: string): RefusedError {
  return new RefusedError({ reason: 'claim_malformed', claim, detail })
}
