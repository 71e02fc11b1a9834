import type { SigningKey } from '../protocol/signing-keys.ts'
import { areStrings, type JsonObject } from '../protocol/strict-json.ts'
import { verifyOwnJws } from './verify-own-jws.ts'

declare const verified: unique symbol

/** An access token of ours, made by `verifyOwnToken` alone. Whether it was revoked is another question. */
export interface OwnToken {
  readonly [verified]: true
  readonly kid: string
  readonly claims: OwnClaims
}

/** RFC 9068 section 2.2, and our own. Times in seconds since 1970. */
export interface OwnClaims extends Readonly<JsonObject> {
  readonly iss: string
  readonly sub: string
  readonly aud: string
  readonly client_id: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  readonly scope?: string
  /** What broker.yaml called its audience, and the rules that granted it, when it was issued. */
  readonly target: string
  readonly rules: readonly string[]
  /** Of a federated client: our `sub` for the workload that authenticated as it. */
  readonly client_sub?: string
  /** The `jti` of each token that it was exchanged from, oldest first. */
  readonly parents?: readonly string[]
}

export interface OwnVerification {
  /** All that are published, whether they sign still, no more or not yet. */
  keys: readonly SigningKey[]
  ourIssuer: string
  now: number
}

const MAX_PARENTS = 4

/**
 * An access token that a key signed which we publish, unspoilt and unexpired; undefined for everything else. Our own clock
 * made `exp`, so there is no tolerance. Needs no network. Throws only what is our own fault.
 */
export async function verifyOwnToken(
  token: string,
  { keys, ourIssuer, now }: OwnVerification,
): Promise<OwnToken | undefined> {
  // RFC 9068 section 2.1
  const signed = await verifyOwnJws(token, 'at+jwt', keys)
  if (signed === undefined) return undefined
  const { kid, payload } = signed
  if (!areOwnClaims(payload) || payload.iss !== ourIssuer || payload.exp <= now) return undefined
  return { kid, claims: payload } as OwnToken
}

function areOwnClaims(claims: JsonObject): claims is OwnClaims {
  const { iss, sub, aud, client_id, iat, exp, jti, scope, target, rules, client_sub, parents } = claims
  return (
    [iss, sub, aud, client_id, jti, target].every((value) => typeof value === 'string' && value !== '') &&
    [iat, exp].every(Number.isSafeInteger) &&
    [scope, client_sub].every((value) => value === undefined || typeof value === 'string') &&
    areStrings(rules) &&
    (parents === undefined || (areStrings(parents) && parents.length <= MAX_PARENTS))
  )
}
