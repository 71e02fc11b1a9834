import { subjectTokenAlgorithms } from '../../lib/protocol/algorithms.ts'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import { parseKeySet, type KeySet } from '../../lib/protocol/key-set.ts'
import type { Refusal } from '../../lib/protocol/refusals.ts'
import { JWT_TYPE } from '../../lib/protocol/urns.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { verifySubjectToken } from '../../lib/tokens/verify-subject-token.ts'
import type { Vector } from './vector-file.ts'

/** `key_set_unusable`: no key of the issuer's is one that we would verify with. */
export type Verdict = 'accepted' | Refusal | { reason: 'key_set_unusable' }

const now = 1_790_000_000
const ourIssuer = 'https://broker.test'
/** As lax as a broker.yaml can make an issuer: every algorithm, so that nothing but the token and its key decides. */
const issuer: TrustedIssuer = {
  name: 'vectors',
  issuer: 'https://vectors.test',
  jwks: { discovery: true },
  algorithms: subjectTokenAlgorithms,
  subject: [{ claim: ['sub'] }],
  replay: 'off',
  clock_tolerance: 0,
  max_token_lifetime: 3600,
}
const claims = Buffer.from(
  JSON.stringify({ iss: issuer.issuer, sub: 'vector', aud: ourIssuer, exp: now + 300, iat: now }),
).toString('base64url')

const verify = crypto.subtle.verify.bind(crypto.subtle)

/**
 * Presents a vector to the verifier that every exchange goes through: its parser, its reading of the key set, its choice of
 * key, its signature check, its claims. The one thing taken from under it is what was signed: a vector's message is given,
 * and nobody can make it the `header.payload` of claims of ours. So `crypto.subtle.verify` is handed the vector's message
 * with the key, algorithm and signature that the verifier chose. One at a time. Throws what the verifier must never throw.
 */
export async function verifyVector(vector: Vector): Promise<Verdict> {
  crypto.subtle.verify = (algorithm, key, signature) =>
    verify(algorithm, key, signature, Uint8Array.from(vector.signed))
  try {
    await verifySubjectToken(vector.token(claims), JWT_TYPE, {
      issuers: new Map([[issuer.issuer, issuer]]),
      ourIssuer,
      keySets: { find: async () => readKeySet(vector) },
      now,
      signal: new AbortController().signal,
    })
    return 'accepted'
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal
    if (error instanceof UnavailableError) return { reason: 'key_set_unusable' }
    throw error
  } finally {
    crypto.subtle.verify = verify
  }
}

/** As lib/http/key-set-fetcher.ts answers a key set that holds no usable key. */
function readKeySet(vector: Vector): KeySet {
  try {
    return parseKeySet(vector.keySet)
  } catch (error) {
    throw new UnavailableError('issuer_keys', (error as SyntaxError).message)
  }
}
