import { subjectTokenAlgorithms, type SubjectTokenAlgorithm } from './algorithms.ts'
import { isTrustDomain } from './spiffe-id.ts'
import type { JsonObject } from './strict-json.ts'

/** A public key that passed `parseKeySet`; `algorithms` are those it can verify. */
export interface VerificationKey {
  kid: string | undefined
  algorithms: readonly SubjectTokenAlgorithm[]
  jwk: JsonObject & { kty: string }
}

/** One usable key at least. */
export interface KeySet {
  keys: readonly VerificationKey[]
}

const MAX_KEYS = 100
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const ecAlgorithms: Record<string, SubjectTokenAlgorithm> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }
const ecCoordinateBytes: Record<string, number> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }
const rsaAlgorithms = subjectTokenAlgorithms.filter((alg) => alg.startsWith('RS') || alg.startsWith('PS'))

/** What a key may say that it is for beside `sig`: JWT-SVID section 6 marks the keys of a bundle, and those of X.509 otherwise. */
export type KeyUse = 'sig' | 'jwt-svid'

/** Of the issuer that a key set belongs to. */
export function keyUseOf(issuer: string): KeyUse {
  return isTrustDomain(issuer) ? 'jwt-svid' : 'sig'
}

/**
 * Reads a JWK Set (RFC 7517 section 5). A key we cannot or must not use (section 5: "implementations SHOULD ignore")
 * is dropped and its neighbours live on. Throws SyntaxError for anything that is not a key set, and for one that holds
 * no usable key: such an answer must never replace keys that worked.
 */
export function parseKeySet(value: unknown, use: KeyUse = 'sig'): KeySet {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'keys'))
    throw new SyntaxError('not a JWK set')
  const { keys } = value as { keys: unknown }
  if (!Array.isArray(keys)) throw new SyntaxError('"keys" is not an array')
  if (keys.length === 0) throw new SyntaxError('the key set is empty')
  if (keys.length > MAX_KEYS) throw new SyntaxError(`the key set has more than ${MAX_KEYS} keys`)
  const usable = keys.map((key) => toVerificationKey(key, use)).filter((key) => key !== undefined)
  if (usable.length === 0) throw new SyntaxError('the key set has no usable key')
  return { keys: usable }
}

/** Whether it is a secret, or holds the private half of a key. */
export function hasPrivateMembers(value: unknown): boolean {
  return typeof value === 'object' && value !== null && privateMembers.some((member) => Object.hasOwn(value, member))
}

/** Undefined for a key that we cannot or must not use. */
export function toVerificationKey(value: unknown, use: KeyUse = 'sig'): VerificationKey | undefined {
  const key = readKey(value, use)
  return 'unusable' in key ? undefined : key
}

/** A key, or why we cannot or must not use it: nothing of it is quoted. */
export function readKey(value: unknown, use: KeyUse = 'sig'): VerificationKey | { unusable: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { unusable: 'it is no object' }
  const jwk = value as JsonObject
  if (typeof jwk.kty !== 'string') return { unusable: 'its kty is no text' }
  if (jwk.kid !== undefined && typeof jwk.kid !== 'string') return { unusable: 'its kid is no text' }
  // A published private key is compromised, and `oct` is a secret by nature.
  if (hasPrivateMembers(jwk)) return { unusable: 'it is a secret, or a private key' }
  // RFC 7517 sections 4.2 and 4.3
  if (jwk.use !== undefined && jwk.use !== 'sig' && jwk.use !== use) return { unusable: `its use is not ${use}` }
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
    return { unusable: 'its key_ops are without verify' }
  const possible = algorithmsOf(jwk)
  if (possible.length === 0)
    return { unusable: 'it is no RSA key of 2048 to 8192 bits, EC key of P-256, P-384 or P-521, or Ed25519 key' }
  const algorithms = jwk.alg === undefined ? possible : possible.filter((alg) => alg === jwk.alg)
  if (algorithms.length === 0) return { unusable: 'its alg is none that such a key verifies' }
  return { kid: jwk.kid, algorithms, jwk: publicMembers(jwk) }
}

function algorithmsOf(jwk: JsonObject): readonly SubjectTokenAlgorithm[] {
  if (jwk.kty === 'RSA') return strongRsa(jwk) ? rsaAlgorithms : []
  const crv = jwk.crv
  if (typeof crv !== 'string') return []
  if (jwk.kty === 'EC') {
    const bytes = Object.hasOwn(ecCoordinateBytes, crv) ? ecCoordinateBytes[crv] : undefined
    if (decode(jwk.x)?.length !== bytes || decode(jwk.y)?.length !== bytes || bytes === undefined) return []
    return [ecAlgorithms[crv] as SubjectTokenAlgorithm]
  }
  if (jwk.kty === 'OKP' && crv === 'Ed25519' && decode(jwk.x)?.length === 32) return ['EdDSA', 'Ed25519']
  return []
}

/** n of 2048 to 8192 bits; e odd and at least 65537 (e = 1 makes every message its own signature), at most 8 bytes. */
function strongRsa(jwk: JsonObject): boolean {
  const n = decode(jwk.n)
  const e = decode(jwk.e)
  if (n === undefined || e === undefined || e.length > 8) return false
  const modulus = trimZeros(n)
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24
  if (bits < 2048 || bits > 8192) return false
  const exponent = e.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  return exponent >= 65537n && exponent % 2n === 1n
}

function trimZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0)
  return first === -1 ? new Uint8Array() : bytes.subarray(first)
}

function decode(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+$/.test(value)) return undefined
  return Buffer.from(value, 'base64url')
}

/** Only what verification needs: `x5u`, `x5c` and whatever else came along is left behind. */
function publicMembers(jwk: JsonObject): VerificationKey['jwk'] {
  const names = jwk.kty === 'RSA' ? ['n', 'e'] : jwk.kty === 'EC' ? ['crv', 'x', 'y'] : ['crv', 'x']
  const members = Object.fromEntries(names.map((name) => [name, jwk[name]]))
  return {
    kty: jwk.kty as string,
    ...members,
    ...(jwk.kid === undefined ? {} : { kid: jwk.kid }),
    ...(jwk.alg === undefined ? {} : { alg: jwk.alg }),
  }
}
