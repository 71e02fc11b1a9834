import { createHash, timingSafeEqual } from 'node:crypto'

/** RFC 7636 section 4.1 */
const verifier = /^[A-Za-z0-9._~-]{43,128}$/

/** RFC 7636 section 4.6, by S256. One that was not asked for is no proof, and neither is its absence (RFC 9700 section 2.1.1). */
export function fitsChallenge(code_verifier: string | undefined, code_challenge: string | undefined): boolean {
  if (code_verifier === undefined || code_challenge === undefined) return code_verifier === code_challenge
  if (!verifier.test(code_verifier)) return false
  const made = createHash('sha256').update(code_verifier).digest()
  const asked = Buffer.from(code_challenge, 'base64url')
  return made.length === asked.length && timingSafeEqual(made, asked)
}
