import { RefusedError } from '../protocol/errors.ts'
import { parseJsonObject, type JsonObject } from '../protocol/strict-json.ts'

export const MAX_TOKEN_BYTES = 16 * 1024

/** A token read, and not yet believed. */
export interface CompactJws {
  header: JsonObject
  payload: JsonObject
  /** `header.payload`: what is signed, and what names this token whatever its signature is spelt like. */
  signed: string
}

/**
 * RFC 7515 section 7.1, strictly: exactly three non-empty segments of canonical base64url (decoding and encoding again
 * gives the same text, so one token has one spelling), strict JSON in the first two. Throws RefusedError.
 */
export function parseCompactJws(token: string): CompactJws {
  if (token.length > MAX_TOKEN_BYTES) throw malformed(`longer than ${MAX_TOKEN_BYTES} bytes`)
  const segments = token.split('.', 6)
  const [header, payload, signature] = segments
  // RFC 7516 section 9: five segments are an encrypted token.
  if (segments.length !== 3 || !header || !payload || !signature) throw malformed('not three segments')
  decode(signature, 'signature')
  return {
    header: parseObject(header, 'header'),
    payload: parseObject(payload, 'payload'),
    signed: `${header}.${payload}`,
  }
}

function parseObject(segment: string, name: string): JsonObject {
  const bytes = decode(segment, name)
  try {
    return parseJsonObject(bytes)
  } catch (error) {
    throw malformed(`${name}: ${(error as SyntaxError).message}`)
  }
}

function decode(segment: string, name: string): Uint8Array {
  const bytes = Buffer.from(segment, 'base64url')
  if (bytes.toString('base64url') !== segment) throw malformed(`${name}: not canonical base64url`)
  return bytes
}

function malformed(detail: string): RefusedError {
  return new RefusedError({ reason: 'token_malformed', detail })
}
