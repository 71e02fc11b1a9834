import type { SigningAlgorithm } from './algorithms.ts'

/** A public key's members and no other (RFC 7517 section 4, RFC 7518 section 6). */
export type PublicJwk = Record<string, string>

/** One of our KMS keys. `pending` is published and does not sign yet; `retiring` is published and signs no more. */
export interface SigningKey {
  kid: string
  alg: SigningAlgorithm
  state: 'active' | 'pending' | 'retiring'
  arn: string
  jwk: PublicJwk
}

/** What KMS calls them. The deployment allows exactly these, and the signer asks for them. */
export const kmsAlgorithms = {
  ES256: 'ECDSA_SHA_256',
  RS256: 'RSASSA_PKCS1_V1_5_SHA_256',
} as const satisfies Record<SigningAlgorithm, string>

const states: readonly string[] = ['active', 'pending', 'retiring'] satisfies SigningKey['state'][]
const members = ['kid', 'alg', 'state', 'arn', 'jwk']
const keyMembers: Record<SigningAlgorithm, readonly string[]> = {
  ES256: ['kty', 'crv', 'x', 'y'],
  RS256: ['kty', 'n', 'e'],
}
/** Allowed beside the key itself, and dropped: `toJwks` writes its own. */
const labels = ['kid', 'alg', 'use', 'key_ops']

/**
 * Reads BROKER_SIGNING_KEYS. Strict, since a function that starts with half its keys would refuse tokens, or publish what
 * it must not. Throws Error that says which key is wrong and how.
 */
export function parseSigningKeys(json: string): SigningKey[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new Error('signing keys: not valid JSON')
  }
  if (!Array.isArray(value)) throw new Error('signing keys: not an array')
  if (value.length === 0) throw new Error('signing keys: none')
  const keys = value.map(parseSigningKey)
  for (const [index, { kid, alg, state }] of keys.entries()) {
    const earlier = keys.slice(0, index)
    if (earlier.some((key) => key.kid === kid)) throw new Error(`signing keys: two have the kid ${kid}`)
    if (state === 'active' && earlier.some((key) => key.alg === alg && key.state === 'active')) {
      throw new Error(`signing keys: two are active for ${alg}`)
    }
  }
  return keys
}

/** What `/jwks` publishes (RFC 7517 section 5): every key, so that a token outlives the rotation of what signed it. */
export function toJwks(keys: readonly SigningKey[]): { keys: PublicJwk[] } {
  return { keys: keys.map(({ kid, alg, jwk }) => ({ ...jwk, kid, alg, use: 'sig' })) }
}

function parseSigningKey(value: unknown, index: number): SigningKey {
  const wrong = (what: string) => new Error(`signing keys: key ${index}: ${what}`)
  if (!isObject(value)) throw wrong('not an object')
  const unknown = Object.keys(value).find((name) => !members.includes(name))
  if (unknown !== undefined) throw wrong(`an unknown member ${unknown}`)
  const { kid, jwk } = value
  if (typeof kid !== 'string' || kid === '') throw wrong('kid is not a string')
  const wanted = parseWantedKey(value, wrong)
  return { kid, ...wanted, jwk: parseJwk(jwk, { kid, alg: wanted.alg }, wrong) }
}

/** What is known of a key before KMS is asked for its public half. Throws what `wrong` makes of the first thing that is. */
export function parseWantedKey(
  { alg, state, arn }: Record<string, unknown>,
  wrong: (what: string) => Error,
): Pick<SigningKey, 'alg' | 'state' | 'arn'> {
  if (alg !== 'ES256' && alg !== 'RS256') throw wrong('alg is neither ES256 nor RS256')
  if (typeof state !== 'string' || !states.includes(state)) throw wrong('state is not active, pending or retiring')
  if (typeof arn !== 'string' || !isKmsKeyArn(arn)) throw wrong('arn is not that of a KMS key')
  return { alg, state: state as SigningKey['state'], arn }
}

export function isKmsKeyArn(text: string): boolean {
  return /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/.test(text)
}

function parseJwk(
  value: unknown,
  { kid, alg }: Pick<SigningKey, 'kid' | 'alg'>,
  wrong: (what: string) => Error,
): PublicJwk {
  if (!isObject(value)) throw wrong('jwk is not an object')
  const names = keyMembers[alg]
  const other = Object.keys(value).find((name) => !names.includes(name) && !labels.includes(name))
  // First of all `d`: a private key must never get here, let alone out.
  if (other !== undefined) throw wrong(`jwk has a member ${other}, which does not belong in a public ${alg} key`)
  if (value.kid !== undefined && value.kid !== kid) throw wrong('jwk has another kid')
  if (value.alg !== undefined && value.alg !== alg) throw wrong('jwk has another alg')
  const jwk: PublicJwk = {}
  for (const name of names) {
    const member = value[name]
    if (typeof member !== 'string' || !/^[A-Za-z0-9_-]+$/.test(member)) throw wrong(`jwk.${name} is not base64url text`)
    jwk[name] = member
  }
  if (alg === 'ES256' && (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || jwk.x?.length !== 43 || jwk.y?.length !== 43)) {
    throw wrong('jwk is not a P-256 key')
  }
  // 2048 bits are 342 characters.
  if (alg === 'RS256' && (jwk.kty !== 'RSA' || (jwk.n ?? '').length < 342))
    throw wrong('jwk is not an RSA key of 2048 bits or more')
  return jwk
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
