import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { hashOfSecret } from './client-secret.ts'

/** `<family id>.<what all of its tokens have in common>.<256 random bits>`: nothing but the hashes is kept. */
export interface RefreshToken {
  text: string
  family: string
  /** base64url SHA-256 of the second part: a resource server may know the first, from an access token. */
  holder: string
  /** base64url SHA-256 of all. */
  hash: string
}

const form = /^([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{43}$/
const CIPHER = 'aes-256-gcm'
/** NIST SP 800-38D section 5.2: in bytes. */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** `common`: 128 random bits, `secret`: 256, both in base64url. */
export function toRefreshToken(family: string, common: string, secret: string): RefreshToken {
  const text = `${family}.${common}.${secret}`
  return { text, family, holder: hashOfSecret(common), hash: hashOfSecret(text) }
}

/** Undefined for what is none in form. No JWT is one. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, family, common] = form.exec(text) ?? []
  if (family === undefined || common === undefined) return undefined
  return { text, family, holder: hashOfSecret(common), hash: hashOfSecret(text) }
}

/** The next of its family. `secret`: 256 random bits, base64url. */
export function successorOf({ text, family }: RefreshToken, secret: string): RefreshToken {
  return toRefreshToken(family, text.split('.')[1] as string, secret)
}

/** A successor as only who holds the token before it can read it. `nonce`: 96 random bits, base64url. */
export function seal(successor: RefreshToken, before: RefreshToken, nonce: string): string {
  const iv = Buffer.from(nonce, 'base64url')
  const cipher = createCipheriv(CIPHER, keyOf(before), iv)
  const sealed = Buffer.concat([iv, cipher.update(successor.text), cipher.final(), cipher.getAuthTag()])
  return sealed.toString('base64url')
}

/** What `seal` was given. Undefined where it was not sealed for this token, or somebody has changed it. */
export function unseal(sealed: string, before: RefreshToken): RefreshToken | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  try {
    const decipher = createDecipheriv(CIPHER, keyOf(before), bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    return parseRefreshToken(text.toString())
  } catch {
    return undefined
  }
}

/** RFC 5869. The token is 384 random bits: without salt. */
function keyOf({ text }: RefreshToken): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', text, '', 'token-broker refresh successor', 32))
}
