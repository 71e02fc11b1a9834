import { compactVerify, errors, type JWK } from 'jose'

/** What jose answers to a token that is bad. Anything else is our fault and must not pass for the caller's. */
const badToken: readonly string[] = [
  errors.JWSSignatureVerificationFailed.code,
  errors.JWSInvalid.code,
  errors.JOSENotSupported.code,
  errors.JOSEAlgNotAllowed.code,
]

/** Whether a key that is not ours signed this token by that algorithm (RFC 7515 section 5.2). Throws only what is our own fault. */
export async function isSignedBy(token: string, jwk: JWK, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, jwk, { algorithms: [alg] })
    return true
  } catch (error) {
    // A point that is not on its curve fails at import: the key is useless, so nothing it signed can be believed.
    const unusable = error instanceof DOMException && error.name === 'DataError'
    if (unusable || (error instanceof errors.JOSEError && badToken.includes(error.code))) return false
    throw error
  }
}
