import { ACCESS_TOKEN_TYPE, AWS_CREDENTIALS_TYPE } from '../lib/protocol/urns.ts'
import { parseJsonObject } from './json-object.ts'

/** What a target issues: an access token (RFC 8693 section 2.2.1), or AWS credentials if it has a role. */
export type Issued = IssuedAccessToken | IssuedAwsCredentials

interface IssuedAlike {
  /** Seconds since 1970. */
  expires_at: number
}

export interface IssuedAccessToken extends IssuedAlike {
  issued_token_type: typeof ACCESS_TOKEN_TYPE
  access_token: string
  token_type: 'Bearer'
  scope?: string
}

export interface IssuedAwsCredentials extends IssuedAlike {
  issued_token_type: typeof AWS_CREDENTIALS_TYPE
  credentials: ProcessDocument
}

/** AWS SDKs and Tools Reference Guide, Process credential provider. */
export interface ProcessDocument {
  Version: 1
  AccessKeyId: string
  SecretAccessKey: string
  SessionToken: string
  /** RFC 3339, in UTC. */
  Expiration: string
}

/** Visible ASCII: it goes into headers, shells and logs' masks. */
const opaque = /^[\x21-\x7e]+$/
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

/** In seconds: a target's lifetime is 24 hours at most. */
export const LONGEST_LIFETIME = 24 * 3600

/** Undefined for what is no token response of ours. `received_at` in seconds since 1970. */
export function readTokenResponse(body: Record<string, unknown>, received_at: number): Issued | undefined {
  const { issued_token_type, access_token, token_type, expires_in, scope } = body
  if (typeof access_token !== 'string') return undefined
  if (issued_token_type === AWS_CREDENTIALS_TYPE) {
    const credentials = readProcessDocument(parseJsonObject(access_token))
    if (credentials === undefined) return undefined
    if (typeof expires_in !== 'number' || !(expires_in >= 0 && expires_in <= LONGEST_LIFETIME)) return undefined
    // Expiration is of another clock: where ours is behind it comes too late.
    const expires_at = Math.floor(Math.min(Date.parse(credentials.Expiration) / 1000, received_at + expires_in))
    return { issued_token_type, credentials: { ...credentials, Expiration: toTimestamp(expires_at) }, expires_at }
  }
  if (issued_token_type !== ACCESS_TOKEN_TYPE || !opaque.test(access_token)) return undefined
  // RFC 6749 section 5.1: a token_type is case-insensitive.
  if (typeof token_type !== 'string' || token_type.toLowerCase() !== 'bearer') return undefined
  if (typeof expires_in !== 'number' || !(expires_in > 0 && expires_in <= LONGEST_LIFETIME)) return undefined
  if (scope !== undefined && typeof scope !== 'string') return undefined
  return {
    issued_token_type,
    access_token,
    token_type: 'Bearer',
    expires_at: received_at + expires_in,
    ...(scope === undefined ? {} : { scope }),
  }
}

function readProcessDocument(document: Record<string, unknown> = {}): ProcessDocument | undefined {
  const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration } = document
  if (Version !== 1 || !isOpaque(AccessKeyId) || !isOpaque(SecretAccessKey) || !isOpaque(SessionToken)) return undefined
  if (typeof Expiration !== 'string' || !timestamp.test(Expiration) || !isTime(Expiration)) return undefined
  return { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration }
}

/** Date.parse takes February 31 for March 3. */
function isTime(text: string): boolean {
  const milliseconds = Date.parse(text)
  return !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().slice(0, 19) === text.slice(0, 19)
}

function toTimestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

function isOpaque(value: unknown): value is string {
  return typeof value === 'string' && opaque.test(value)
}

/** As the broker answers, with what is left of its time. The inverse of `readTokenResponse`. */
export function toTokenResponse(issued: Issued, now: number): Record<string, unknown> {
  const expires_in = Math.floor(issued.expires_at - now)
  if (issued.issued_token_type === AWS_CREDENTIALS_TYPE)
    return {
      access_token: JSON.stringify(issued.credentials),
      issued_token_type: issued.issued_token_type,
      token_type: 'N_A',
      expires_in,
    }
  const { access_token, issued_token_type, token_type, scope } = issued
  return { access_token, issued_token_type, token_type, expires_in, ...(scope === undefined ? {} : { scope }) }
}

/** What a log must not show. The key's id is none, but leads to it. */
export function secretsOf(issued: Issued): string[] {
  if (issued.issued_token_type !== AWS_CREDENTIALS_TYPE) return [issued.access_token]
  const { AccessKeyId, SecretAccessKey, SessionToken } = issued.credentials
  return [SecretAccessKey, SessionToken, AccessKeyId]
}
