const COORDINATE_BYTES = 32

/**
 * KMS answers ECDSA P-256 as DER `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 section 2.2.3); JWS wants r||s of 64 bytes
 * (RFC 7518 section 3.4). Throws SyntaxError for anything but the one DER encoding (X.690 section 8.3) of two fitting numbers.
 */
export function toJwsSignature(der: Uint8Array): Uint8Array {
  const sequence = element(der, 0, 0x30)
  if (sequence.end !== der.length) throw new SyntaxError('the sequence is not all there is')
  const r = element(der, sequence.start, 0x02)
  const s = element(der, r.end, 0x02)
  if (s.end !== der.length) throw new SyntaxError('r and s are not all of the sequence')
  const signature = new Uint8Array(2 * COORDINATE_BYTES)
  const first = unsigned(der.subarray(r.start, r.end))
  const second = unsigned(der.subarray(s.start, s.end))
  signature.set(first, COORDINATE_BYTES - first.length)
  signature.set(second, 2 * COORDINATE_BYTES - second.length)
  return signature
}

/** Only the short form of a length is read. Another begins with 0x80 or more, which is longer than two integers that fit. */
function element(der: Uint8Array, at: number, tag: number): { start: number; end: number } {
  const length = der[at + 1]
  if (der[at] !== tag || length === undefined) throw new SyntaxError('not the expected DER element')
  return { start: at + 2, end: at + 2 + length }
}

function unsigned(integer: Uint8Array): Uint8Array {
  const [first, second] = integer
  if (first === undefined) throw new SyntaxError('an empty integer')
  if (first >= 0x80) throw new SyntaxError('a negative integer')
  if (first === 0) {
    if (second === undefined) throw new SyntaxError('r or s is zero')
    if (second < 0x80) throw new SyntaxError('an integer that is not minimal')
  }
  const magnitude = first === 0 ? integer.subarray(1) : integer
  if (magnitude.length > COORDINATE_BYTES) throw new SyntaxError('an integer that does not fit P-256')
  return magnitude
}
