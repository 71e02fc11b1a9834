import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { toJwsSignature } from '../../lib/aws/ecdsa-signature.ts'

const small = [0x02, 0x01, 0x05]
const long = (first: number, bytes: number) => [0x02, bytes, first, ...Array<number>(bytes - 1).fill(0x11)]
const der = (...content: number[]) => Uint8Array.from([0x30, content.length, ...content])

test('what OpenSSL signs in DER verifies as r||s', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // Enough to meet integers with and without a leading zero, and shorter ones.
  for (let i = 0; i < 500; i++) {
    const input = Buffer.from(`input ${i}`)
    const signature = toJwsSignature(sign('sha256', input, privateKey))
    assert.equal(signature.length, 64)
    assert.ok(verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
  }
})

test('short integers are padded on the left, a sign byte is dropped', () => {
  const signature = toJwsSignature(der(...small, 0x02, 0x02, 0x00, 0x80))
  assert.equal(Buffer.from(signature).toString('hex'), `${'00'.repeat(31)}05${'00'.repeat(31)}80`)
})

const element = 'not the expected DER element'
const sequence = 'the sequence is not all there is'
const rest = 'r and s are not all of the sequence'
const wide = 'an integer that does not fit P-256'
const spoilt: [string, Uint8Array, string][] = [
  ['nothing', Uint8Array.of(), element],
  ['a tag alone', Uint8Array.of(0x30), element],
  ['another tag than SEQUENCE', Uint8Array.of(0x31, 6, ...small, ...small), element],
  ['another tag than INTEGER', der(0x03, 1, 5, ...small), element],
  ['bytes after the signature', Uint8Array.of(...der(...small, ...small), 0), sequence],
  ['a third integer', der(...small, ...small, ...small), rest],
  ['one integer', der(...small), element],
  ['a sequence shorter than it says', Uint8Array.of(0x30, 7, ...small, ...small), sequence],
  ['an r longer than the rest', der(0x02, 0x7f, 5, ...small), element],
  ['an s longer than the rest', der(...small, 0x02, 0x02, 5), rest],
  ['an integer that reaches past the sequence', Uint8Array.of(0x30, 5, ...small, ...small), sequence],
  ['the long form of a length', Uint8Array.of(0x30, 0x81, 6, ...small, ...small), sequence],
  ['a length of the long form, taken for one of the short', der(...small, ...long(0x01, 0x81)), wide],
  ['the indefinite form of a length', Uint8Array.of(0x30, 0x80, ...small, ...small, 0, 0), sequence],
  ['an empty integer', der(0x02, 0, ...small), 'an empty integer'],
  ['zero', der(0x02, 1, 0, ...small), 'r or s is zero'],
  ['a negative integer', der(...small, 0x02, 1, 0x80), 'a negative integer'],
  ['a superfluous leading zero', der(...small, 0x02, 2, 0, 0x7f), 'an integer that is not minimal'],
  ['33 bytes', der(...long(0x01, 33), ...small), wide],
  ['34 bytes', der(...long(0x00, 34), ...small), 'an integer that is not minimal'],
  ['r||s already', new Uint8Array(64).fill(0x11), element],
]
for (const [what, bytes, message] of spoilt) {
  test(`${what} is refused, and said to be`, () => {
    assert.throws(() => toJwsSignature(bytes), new SyntaxError(message))
  })
}
