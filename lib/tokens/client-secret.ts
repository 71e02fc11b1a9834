import { createHash, timingSafeEqual } from 'node:crypto'

/** Of a client that does not exist, so that it takes as long to refuse. */
const nobody: readonly string[] = [hashOfSecret('')]

/** What `hashOfSecret` gives. */
export const secretHash = /^[A-Za-z0-9_-]{43}$/

/** base64url SHA-256: as good as any for a secret of 256 random bits, which `token-broker clients secret` makes. */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** In the same time whichever of them it is, or none. An empty list fits nothing. */
export function secretFits(secret: string, hashes: readonly string[]): boolean {
  const given = Buffer.from(hashOfSecret(secret))
  let fits = false
  for (const hash of hashes.length > 0 ? hashes : nobody) {
    const expected = Buffer.from(hash)
    if (expected.length === given.length && timingSafeEqual(expected, given)) fits = true
  }
  return fits && hashes.length > 0
}
