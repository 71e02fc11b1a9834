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

const spoilt: [string, Uint8Array][] = [
  ['nothing', Uint8Array.of()],
  ['a tag alone', Uint8Array.of(0x30)],
  ['another tag than SEQUENCE', Uint8Array.of(0x31, 6, ...small, ...small)],
  ['another tag than INTEGER', der(0x03, 1, 5, ...small)],
  ['bytes after the signature', Uint8Array.of(...der(...small, ...small), 0)],
  ['a third integer', der(...small, ...small, ...small)],
  ['one integer', der(...small)],
  ['a sequence shorter than it says', Uint8Array.of(0x30, 7, ...small, ...small)],
  ['an integer longer than the rest', der(...small, 0x02, 0x02, 5)],
  ['an integer that reaches past the sequence', Uint8Array.of(0x30, 5, ...small, ...small)],
  ['the long form of a length', Uint8Array.of(0x30, 0x81, 6, ...small, ...small)],
  ['the indefinite form of a length', Uint8Array.of(0x30, 0x80, ...small, ...small, 0, 0)],
  ['an empty integer', der(0x02, 0, ...small)],
  ['zero', der(0x02, 1, 0, ...small)],
  ['a negative integer', der(...small, 0x02, 1, 0x80)],
  ['a superfluous leading zero', der(...small, 0x02, 2, 0, 0x7f)],
  ['33 bytes', der(...long(0x01, 33), ...small)],
  ['34 bytes', der(...long(0x00, 34), ...small)],
  ['r||s already', new Uint8Array(64).fill(0x11)],
]
for (const [what, bytes] of spoilt) {
  test(`${what} is refused`, () => {
    assert.throws(() => toJwsSignature(bytes), SyntaxError)
  })
}
