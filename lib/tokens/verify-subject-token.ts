import { createHash } from 'node:crypto'
import type { KeySets } from '../ports.ts'
import type { SubjectTokenAlgorithm } from '../protocol/algorithms.ts'
import { RefusedError } from '../protocol/errors.ts'
import type { VerificationKey } from '../protocol/key-set.ts'
import type { Refusal } from '../protocol/refusals.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import type { SubjectTokenType } from '../protocol/token-exchange-request.ts'
import { isSpiffeIdOf, isTrustDomain } from '../protocol/spiffe-id.ts'
import { ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, JWT_TYPE } from '../protocol/urns.ts'
import { claimAt } from './claim-path.ts'
import { parseCompactJws } from './compact-jws.ts'
import { findIssuer, type Issuers } from './issuers.ts'
import { isSignedBy } from './signature.ts'
import { subjectOf, toSub } from './subject.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'

declare const verified: unique symbol

/**
 * Made by `verifySubjectToken`, and by `recalledSubject` of what it made, so that a decision about an unverified token does not
 * compile. Times in seconds since 1970.
 */
export interface VerifiedSubject {
  readonly [verified]: true
  readonly issuer: TrustedIssuer
  /** By immutable id, as the issuer's template builds it. */
  readonly subject: string
  /** Our `sub`: `<issuer name>:<subject>`. */
  readonly sub: string
  readonly claims: JsonObject
  readonly jti: string | undefined
  /** Of who logged in: the end of their session. */
  readonly exp: number
  /** base64url SHA-256 of `header.payload`; never of the whole token, whose signature can be respelt. */
  readonly hash: string
}

export interface Verification {
  issuers: Issuers
  /** The name of the only one of them whose token will do. */
  only?: string
  /** The audience of an issuer that names none. */
  ourIssuer: string
  keySets: KeySets
  now: number
  signal: AbortSignal
}

/**
 * What a token is presented as: a subject_token, the proof of a client (RFC 7523 section 2.2), or the word that somebody has
 * logged out (OpenID Connect Back-Channel Logout 1.0 section 2.4).
 */
export type PresentedAs = SubjectTokenType | 'client_assertion' | 'logout_token'

const MAX_SUB_CHARACTERS = 255
/** It becomes part of a DynamoDB key, which holds 2,048 bytes. */
const MAX_JTI_BYTES = 1_024
const MAX_KID_CHARACTERS = 1_024

/**
 * Believes a token or throws RefusedError; UnavailableError when the issuer's keys cannot be had.
 * Anything read before the signature holds is used only to find the key.
 */
export async function verifySubjectToken(
  token: string,
  presentedAs: Exclude<PresentedAs, 'logout_token'>,
  by: Verification,
): Promise<VerifiedSubject> {
  const { issuer, payload, signed } = await verifyIssuersJws(token, presentedAs, by)
  const read = readClaims(payload, issuer, by)
  const hash = createHash('sha256').update(signed).digest('base64url')
  return { issuer, ...read, claims: payload, hash } as VerifiedSubject
}

/** The same, as far as it is about who has signed what: nothing of the payload but `iss` was looked at. */
export async function verifyIssuersJws(
  token: string,
  presentedAs: PresentedAs,
  by: Verification,
): Promise<{ issuer: TrustedIssuer; payload: JsonObject; signed: string }> {
  const { header, payload, signed } = parseCompactJws(token)
  const issuer = findIssuer(by.issuers, by.ourIssuer, { header, payload })
  checkType(header, presentedAs, issuer)
  if (by.only !== undefined && issuer.name !== by.only)
    throw new RefusedError({ reason: 'issuer_unknown', iss: issuer.issuer.slice(0, 200) })
  const { alg, kid } = checkHeader(header, issuer)
  const { keys } = await by.keySets.find(issuer, kid, by.signal)
  if (!(await isSignedBy(token, selectKey(keys, alg, kid).jwk, alg)))
    throw new RefusedError({ reason: 'signature_invalid' })
  return { issuer, payload, signed }
}

/** What every token of this issuer must say, whoever has signed it. Throws RefusedError. */
export function readClaims(
  payload: JsonObject,
  issuer: TrustedIssuer,
  { ourIssuer, now }: Pick<Verification, 'ourIssuer' | 'now'>,
): Pick<VerifiedSubject, 'subject' | 'sub' | 'jti' | 'exp'> {
  const exp = checkTimes(payload, issuer, now)
  checkAudience(payload, issuer.audiences ?? [ourIssuer])
  // RFC 8417 section 4.1: it tells of an event. Logout tokens are such, and may have no typ of their own.
  if (Object.hasOwn(payload, 'events')) throw new RefusedError({ reason: 'token_type_mismatch', typ: 'events' })
  const jti = checkStrings(payload, issuer)
  const subject = subjectOf(payload, issuer.subject)
  return { subject, sub: toSub(issuer.name, subject), jti, exp }
}

/** RFC 8725 section 3.11, RFC 9068 section 2.1; draft-ietf-oauth-rfc7523bis for assertions. */
const types: Readonly<Record<PresentedAs, readonly string[]>> = {
  [JWT_TYPE]: ['jwt'],
  [ID_TOKEN_TYPE]: ['jwt'],
  [ACCESS_TOKEN_TYPE]: ['jwt', 'at+jwt'],
  client_assertion: ['jwt', 'client-authentication+jwt'],
  logout_token: ['jwt', 'logout+jwt'],
}

/** A token made for one purpose is not taken for another. An absent typ says nothing. */
function checkType(header: JsonObject, presentedAs: PresentedAs, { issuer }: TrustedIssuer): void {
  const { typ } = header
  if (typ === undefined) return
  if (typeof typ !== 'string') throw malformed('typ is not a string')
  // RFC 7515 section 4.1.9: compared without case, "application/" may be left out.
  const bare = typ.toLowerCase().replace(/^application\//, '')
  // JWT-SVID section 2.3: JOSE says no more than that it is a JWS, so it is for those who are told to write it.
  const fits = types[presentedAs].includes(bare) || (bare === 'jose' && isTrustDomain(issuer))
  if (!fits) throw new RefusedError({ reason: 'token_type_mismatch', typ: typ.slice(0, 64) })
}

/** The header chooses nothing but the key: jwk, jku, x5u and x5c are never read. */
function checkHeader(
  header: JsonObject,
  issuer: TrustedIssuer,
): { alg: SubjectTokenAlgorithm; kid: string | undefined } {
  const { alg, kid } = header
  // RFC 7515 section 4.1.11: an extension that is not understood must be refused, and we understand none.
  if (Object.hasOwn(header, 'crit')) throw malformed('crit names an extension')
  if (Object.hasOwn(header, 'b64')) throw malformed('b64 is not supported')
  const allowed = issuer.algorithms.find((allowed) => allowed === alg)
  if (allowed === undefined)
    throw new RefusedError({ reason: 'algorithm_not_allowed', alg: typeof alg === 'string' ? alg.slice(0, 32) : '' })
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_CHARACTERS))
    throw malformed('kid is not a short string')
  return { alg: allowed, kid }
}

/** Without a kid the set must leave no choice. */
function selectKey(
  keys: readonly VerificationKey[],
  alg: SubjectTokenAlgorithm,
  kid: string | undefined,
): VerificationKey {
  const named = kid === undefined ? keys : keys.filter((key) => key.kid === kid)
  const [key, ...others] = named.filter((key) => key.algorithms.includes(alg))
  if (key !== undefined && others.length === 0) return key
  if (named.length > 0 && key === undefined && kid !== undefined)
    throw new RefusedError({ reason: 'algorithm_not_allowed', alg })
  throw new RefusedError({ reason: 'key_unknown', kid: kid?.slice(0, 64) ?? '' })
}

/** RFC 7519 sections 4.1.4 to 4.1.6; the tolerance is applied once, in the token's favour, at each edge. Returns exp. */
export function checkTimes(payload: JsonObject, issuer: TrustedIssuer, now: number): number {
  const tolerance = issuer.clock_tolerance
  const exp = numericDate(payload, 'exp')
  const nbf = numericDate(payload, 'nbf')
  const iat = numericDate(payload, 'iat')
  if (exp === undefined) throw claimMalformed('exp', 'absent')
  if (now >= exp + tolerance) throw new RefusedError({ reason: 'token_expired', exp })
  if (nbf !== undefined && nbf > now + tolerance)
    throw new RefusedError({ reason: 'token_not_yet_valid', claim: 'nbf', value: nbf })
  if (iat !== undefined && iat > now + tolerance)
    throw new RefusedError({ reason: 'token_not_yet_valid', claim: 'iat', value: iat })
  const lifetime = exp - (iat ?? now)
  if (lifetime > issuer.max_token_lifetime) {
    throw new RefusedError({
      reason: 'token_lifetime_too_long',
      lifetime,
      max_token_lifetime: issuer.max_token_lifetime,
    })
  }
  return exp
}

function numericDate(payload: JsonObject, claim: string): number | undefined {
  const value = claimAt(payload, [claim])
  if (value === undefined) return undefined
  if (!Number.isSafeInteger(value)) throw claimMalformed(claim, 'not an integer')
  return value as number
}

/** One audience and no other: a token for several parties can be replayed by each of them. */
export function checkAudience(payload: JsonObject, audiences: readonly string[]): void {
  const aud = claimAt(payload, ['aud'])
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  if (typeof only !== 'string') throw claimMalformed('aud', 'not one string')
  if (!audiences.includes(only)) throw new RefusedError({ reason: 'audience_mismatch', aud: only.slice(0, 200) })
}

/** Returns jti. */
function checkStrings(payload: JsonObject, { issuer }: TrustedIssuer): string | undefined {
  const sub = claimAt(payload, ['sub'])
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUB_CHARACTERS)
    throw claimMalformed('sub', 'not a string of 1 to 255 characters')
  if (isTrustDomain(issuer) && !isSpiffeIdOf(issuer, sub))
    throw claimMalformed('sub', 'not the SPIFFE ID of a workload of this trust domain')
  const jti = claimAt(payload, ['jti'])
  if (jti === undefined) return undefined
  if (typeof jti !== 'string' || jti === '' || Buffer.byteLength(jti) > MAX_JTI_BYTES)
    throw claimMalformed('jti', 'not a short string')
  return jti
}

function claimMalformed(claim: string, detail: string): RefusedError {
  return new RefusedError({ reason: 'claim_malformed', claim, detail } satisfies Refusal)
}

function malformed(detail: string): RefusedError {
  return new RefusedError({ reason: 'token_malformed', detail })
}
