import type { ActiveKey } from '../ports.ts'

/** The two segments that are signed (RFC 7515 section 7.1). jose has no hook for a key that lives elsewhere. */
export function signingInput(key: ActiveKey, typ: string, claims: Record<string, unknown>): string {
  return `${segment({ alg: key.alg, typ, kid: key.kid })}.${segment(claims)}`
}

export function toCompactJws(input: string, signature: Uint8Array): string {
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

function segment(value: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
