import { compactVerify, errors } from 'jose'
import { RefusedError } from '../protocol/errors.ts'
import type { SigningKey } from '../protocol/signing-keys.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { parseCompactJws, type CompactJws } from './compact-jws.ts'

/**
 * What a key that we publish has signed as this `typ`, in our one spelling of it: whatever else our keys sign is something
 * else. Undefined for everything else. Needs no network. Throws only what is our own fault.
 */
export async function verifyOwnJws(
  token: string,
  typ: string,
  keys: readonly SigningKey[],
): Promise<{ kid: string; payload: JsonObject } | undefined> {
  const jws = read(token)
  const key = jws && keyOf(jws.header, typ, keys)
  if (jws === undefined || key === undefined || !(await isSignedBy(key, token))) return undefined
  return { kid: key.kid, payload: jws.payload }
}

function read(token: string): CompactJws | undefined {
  try {
    return parseCompactJws(token)
  } catch (error) {
    if (error instanceof RefusedError) return undefined
    throw error
  }
}

function keyOf(header: JsonObject, typ: string, keys: readonly SigningKey[]): SigningKey | undefined {
  if (header.typ !== typ || Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) return undefined
  return keys.find(({ kid, alg }) => kid === header.kid && alg === header.alg)
}

/** Unlike another's key, one of ours that cannot be used is our own fault. */
async function isSignedBy({ jwk, alg }: SigningKey, token: string): Promise<boolean> {
  try {
    await compactVerify(token, jwk, { algorithms: [alg] })
    return true
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return false
    throw error
  }
}
