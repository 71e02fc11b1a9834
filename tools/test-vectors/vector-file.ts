import * as z from 'zod'
import type { SubjectTokenAlgorithm } from '../../lib/protocol/algorithms.ts'

/** One vector of a Wycheproof file, as something that can be presented to a broker. */
export interface Vector {
  file: string
  tcId: number
  comment: string
  /** Some files have `acceptable` too: either answer will do. */
  result: 'valid' | 'invalid' | 'acceptable'
  /** What the issuer's jwks_uri answers. */
  keySet: { keys: unknown[] }
  /** `claims` is the payload to put in: the vector's own is no JWT claims set. A token that cannot be read for another reason stays as it is. */
  token(claims: string): string
  /** The bytes that the vector's signature is, or is not, over. */
  signed: Uint8Array
}

export interface VectorFile {
  vectors: Vector[]
  /** How many there are of what we verify nothing of. */
  skipped: Map<string, number>
}

const test = z.looseObject({
  tcId: z.int(),
  comment: z.string(),
  result: z.enum(['valid', 'invalid', 'acceptable']),
})
const group = z.looseObject({ type: z.string(), tests: z.array(test) })
const vectorFile = z.object({ testGroups: z.array(group).min(1) })
type Test = z.infer<typeof test>
type Group = z.infer<typeof group>

const hex = z.string().regex(/^(?:[\da-f]{2})*$/)
const signature = z.object({ msg: hex, sig: hex })
const jwk = z.record(z.string(), z.unknown())
const ecPoint = z.object({ curve: z.string(), uncompressed: hex })

/** The groups that hold a bare signature, with the algorithm that JOSE knows it by; undefined where JOSE knows none. */
const signatureGroups: Readonly<Record<string, (group: Group) => SubjectTokenAlgorithm | undefined>> = {
  EcdsaP1363Verify: ({ publicKey, sha }) => {
    const { curve } = ecPoint.parse(publicKey)
    return sha === ecHashes[curve] ? ecAlgorithms[curve] : undefined
  },
  EddsaVerify: ({ publicKeyJwk }) => (jwk.parse(publicKeyJwk).crv === 'Ed25519' ? 'EdDSA' : undefined),
  RsassaPkcs1Verify: ({ sha }) => rsaAlgorithms.RS[String(sha)],
  // RFC 7518 section 3.5: the same hash in MGF1, and a salt as long as the hash.
  RsassaPssVerify: ({ sha, mgfSha, sLen }) =>
    mgfSha === sha && `SHA-${Number(sLen) * 8}` === sha ? rsaAlgorithms.PS[sha] : undefined,
}
const jwsGroups = ['JsonWebSignature', 'JsonWebKey', 'JsonWebCrypto']

const ecAlgorithms: Readonly<Record<string, SubjectTokenAlgorithm>> = {
  secp256r1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}
const ecHashes: Readonly<Record<string, string>> = { secp256r1: 'SHA-256', secp384r1: 'SHA-384', secp521r1: 'SHA-512' }
const crvs: Readonly<Record<string, string>> = { secp256r1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
const rsaAlgorithms: Readonly<Record<'RS' | 'PS', Readonly<Record<string, SubjectTokenAlgorithm>>>> = {
  RS: { 'SHA-256': 'RS256', 'SHA-384': 'RS384', 'SHA-512': 'RS512' },
  PS: { 'SHA-256': 'PS256', 'SHA-384': 'PS384', 'SHA-512': 'PS512' },
}

/** Throws SyntaxError for what is not a file of Wycheproof vectors. `name` is what its vectors are called by. */
export function parseVectorFile(text: string, name: string): VectorFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SyntaxError('not valid JSON')
  }
  const skipped = new Map<string, number>()
  try {
    const vectors = vectorFile.parse(value).testGroups.flatMap((group) => {
      if (jwsGroups.includes(group.type)) return group.tests.map((test) => toJwsVector(test, group, name))
      const alg = signatureGroups[group.type]?.(group)
      if (alg !== undefined) return group.tests.map((test) => toSignatureVector(test, group, alg, name))
      skipped.set(group.type, (skipped.get(group.type) ?? 0) + group.tests.length)
      return []
    })
    return { vectors, skipped }
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    const [issue] = error.issues
    throw new SyntaxError(`no file of vectors: ${issue?.path.join('.')} ${issue?.message}`, { cause: error })
  }
}

/** The vector's own token. Its payload is some word, which the parser refuses before any key is looked for: claims take its place. */
function toJwsVector(test: Test, group: Group, file: string): Vector {
  const { tcId, comment, result } = test
  const given = test.jws ?? test.jwe
  // A JSON serialization is presented as what it is: text.
  const token = typeof given === 'string' ? given : JSON.stringify(given ?? '')
  const [header, payload = '', signature, ...more] = token.split('.')
  const replaceable = signature !== undefined && more.length === 0 && isCanonical(payload)
  const key = jwk.parse(group.public ?? group.private)
  return {
    file,
    tcId,
    comment,
    result,
    keySet: { keys: Array.isArray(key.keys) ? key.keys : [key] },
    token: (claims) => (replaceable ? `${header}.${claims}.${signature}` : token),
    signed: Buffer.from(`${header}.${payload}`),
  }
}

/** A bare signature, presented as that of a token. */
function toSignatureVector(test: Test, group: Group, alg: SubjectTokenAlgorithm, file: string): Vector {
  const { tcId, comment, result } = test
  const { msg, sig } = signature.parse(test)
  const key = group.publicKeyJwk ?? group.keyJwk ?? ecJwk(group.publicKey)
  const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
  return {
    file,
    tcId,
    comment,
    result,
    keySet: { keys: [jwk.parse(key)] },
    token: (claims) => `${header}.${claims}.${Buffer.from(sig, 'hex').toString('base64url')}`,
    signed: Buffer.from(msg, 'hex'),
  }
}

function ecJwk(publicKey: unknown): unknown {
  const { curve, uncompressed } = ecPoint.parse(publicKey)
  const point = Buffer.from(uncompressed, 'hex').subarray(1)
  const [x, y] = [point.subarray(0, point.length / 2), point.subarray(point.length / 2)]
  return { kty: 'EC', crv: crvs[curve], x: x.toString('base64url'), y: y.toString('base64url') }
}

function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment
}
