import type { SigningKey } from '../protocol/signing-keys.ts'
import { verifyOwnJws } from './verify-own-jws.ts'

/** What an ID token of ours says of whom it was about, whether it has expired or not. */
export interface IdTokenHint {
  sub: string
  /** The client it was for. */
  aud: string
  sid: string | undefined
}

export interface HintVerification {
  /** All that are published, whether they sign still, no more or not yet. */
  keys: readonly SigningKey[]
  ourIssuer: string
  /** Ours, by client_id. */
  clients: Readonly<Record<string, unknown>>
}

/**
 * OpenID Connect Core section 3.1.2.1, id_token_hint: an ID token of ours for a client of ours, signed by a key that we
 * publish. Undefined for everything else, our access tokens among it. Throws only what is our own fault.
 */
export async function verifyIdTokenHint(
  token: string,
  { keys, ourIssuer, clients }: HintVerification,
): Promise<IdTokenHint | undefined> {
  const signed = await verifyOwnJws(token, 'JWT', keys)
  if (signed === undefined) return undefined
  const { iss, sub, aud, sid } = signed.payload
  // What we prove ourselves to an issuer by has our name too, where it calls us so; its audience is no client.
  if (iss !== ourIssuer || typeof sub !== 'string' || typeof aud !== 'string' || !Object.hasOwn(clients, aud))
    return undefined
  return { sub, aud, sid: typeof sid === 'string' ? sid : undefined }
}
