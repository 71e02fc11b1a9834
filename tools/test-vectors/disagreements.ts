import { subjectTokenAlgorithms } from '../../lib/protocol/algorithms.ts'
import type { Vector } from './vector-file.ts'
import type { Verdict } from './verify-vector.ts'

interface Named {
  file: string
  tcIds: readonly number[]
  /** `accepted`, or the reason of the refusal: another one is not explained by this. */
  verdict: string
  why: string
}

/**
 * Where we and the vectors differ, or where jose 6.2.18 and the vectors do and it is our own parser that decides: the first
 * kind must be here, the second is here so that it cannot change unseen.
 */
export const named: readonly Named[] = [
  {
    file: 'json_web_signature_test.json',
    tcIds: [346, 350],
    verdict: 'algorithm_not_allowed',
    why: 'the header says PS384, and the key that it is for PS256 (RFC 7517 section 4.4)',
  },
  {
    file: 'json_web_signature_test.json',
    tcIds: [347, 351],
    verdict: 'key_set_unusable',
    why: 'the key says that it is for ES521, which is no algorithm',
  },
  {
    file: 'json_web_signature_test.json',
    tcIds: [372, 373],
    verdict: 'token_malformed',
    why: 'a character outside base64url, which a lax decoder skips (RFC 7515 section 2)',
  },
  {
    file: 'json_web_signature_test.json',
    tcIds: [360, 365, 368],
    verdict: 'token_malformed',
    why: 'spaces in base64url, which jose skips',
  },
  {
    file: 'json_web_signature_test.json',
    tcIds: [375],
    verdict: 'token_malformed',
    why: 'unused bits that are set, so that two texts are one payload: jose accepts both',
  },
  {
    file: 'json_web_signature_test.json',
    tcIds: [367, 370],
    verdict: 'algorithm_not_allowed',
    why: 'the padding they speak of is not there: they are test 357, which is valid. HS256 is what refuses all three',
  },
  {
    file: 'json_web_key_test.json',
    tcIds: [9],
    verdict: 'key_set_unusable',
    why: 'e = 1: every message is its own signature, and jose takes it',
  },
  {
    file: 'json_web_key_test.json',
    tcIds: [7],
    verdict: 'accepted',
    why: 'a ROCA modulus: an issuer whose private key anybody can compute is lost to every verifier, and we look for none',
  },
  {
    file: 'json_web_crypto_test.json',
    tcIds: [46],
    verdict: 'accepted',
    why: 'a ROCA modulus, as json_web_key 7',
  },
]

/** Why a valid vector is refused, by what it is rather than by its number. */
const rules: readonly [why: string, holds: (vector: Vector, verdict: Exclude<Verdict, 'accepted'>) => boolean][] = [
  [
    'a MAC: no issuer may list a symmetric algorithm',
    (_, verdict) =>
      verdict.reason === 'algorithm_not_allowed' &&
      verdict.alg.startsWith('HS') &&
      !(subjectTokenAlgorithms as readonly string[]).includes(verdict.alg),
  ],
  [
    'an encrypted token: only signed ones are taken',
    // RFC 7516 section 9
    (vector, verdict) => verdict.reason === 'token_malformed' && vector.token('').split('.').length === 5,
  ],
  [
    'an RSA key with a public exponent under 65537',
    ({ keySet }, verdict) => verdict.reason === 'key_set_unusable' && keySet.keys.every(hasSmallExponent),
  ],
]

/** By name or by rule; undefined when nothing explains that this is the verdict. */
export function explain(vector: Vector, verdict: Verdict): string | undefined {
  const given = verdict === 'accepted' ? verdict : verdict.reason
  const name = findNamed(vector)
  if (name !== undefined) return name.verdict === given ? name.why : undefined
  if (verdict === 'accepted' || vector.result === 'invalid') return undefined
  return rules.find(([, holds]) => holds(vector, verdict))?.[0]
}

export function findNamed({ file, tcId }: Vector): Named | undefined {
  return named.find((one) => one.file === file && one.tcIds.includes(tcId))
}

function hasSmallExponent(key: unknown): boolean {
  const { kty, e } = key as { kty: unknown; e: unknown }
  return kty === 'RSA' && typeof e === 'string' && Buffer.from(e, 'base64url').length < 3
}
