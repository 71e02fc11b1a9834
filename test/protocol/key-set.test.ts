import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseKeySet } from '../../lib/protocol/key-set.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ecPublic = ec.publicKey.export({ format: 'jwk' })
const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
const short = generateKeyPairSync('rsa', { modulusLength: 2040 }).publicKey.export({ format: 'jwk' })
const evenModulus = (n: string) => Buffer.concat([Buffer.alloc(8), Buffer.from(n, 'base64url')]).toString('base64url')

/** An odd number of so many bits. */
function modulusOf(bits: number): string {
  const n = Buffer.alloc(Math.ceil(bits / 8), 0xff)
  n[0] = 0xff >> (n.length * 8 - bits)
  return n.toString('base64url')
}

test('RSA, EC and Ed25519 keys are read, each with the algorithms it can verify', () => {
  const { keys } = parseKeySet({ keys: [{ ...rsa, kid: 'a' }, { ...ecPublic, kid: 'b', alg: 'ES256' }, ed] })
  assert.deepEqual(
    keys.map(({ kid, algorithms }) => [kid, algorithms.join(' ')]),
    [
      ['a', 'RS256 RS384 RS512 PS256 PS384 PS512'],
      ['b', 'ES256'],
      [undefined, 'EdDSA Ed25519'],
    ],
  )
})

test('what a SPIFFE bundle marks for JWT-SVIDs is read where one is expected, and its X.509 keys never', () => {
  const bundle = {
    spiffe_sequence: 7,
    spiffe_refresh_hint: 300,
    keys: [
      { ...rsa, kid: 'x', use: 'x509-svid', x5c: ['AA=='] },
      { ...rsa, kid: 'a', use: 'jwt-svid' },
      { ...ecPublic, kid: 'b' },
      { ...ecPublic, kid: 'c', use: 'sig' },
      { ...ecPublic, kid: 'd', use: 'jwt-SVID' },
      { ...ecPublic, kid: 'e', use: 'enc' },
    ],
  }
  const kids = (...use: [] | ['jwt-svid']) => parseKeySet(bundle, ...use).keys.map(({ kid }) => kid)
  assert.deepEqual(kids('jwt-svid'), ['a', 'b', 'c'])
  assert.deepEqual(kids(), ['b', 'c'])
})

for (const [title, key] of [
  ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }],
  ['a private key', ec.privateKey.export({ format: 'jwk' })],
  ['a modulus under 2048 bits', short],
  ['a short modulus padded with zeros', { ...short, n: evenModulus(short.n as string) }],
  ['e = 1', { ...rsa, e: 'AQ' }],
  ['e = 3', { ...rsa, e: 'Aw' }],
  ['an even e', { ...rsa, e: 'AQAC' }],
  ['an empty e', { ...rsa, e: '' }],
  ['n that is not base64url', { ...rsa, n: `${rsa.n}=` }],
  ['an encryption key', { ...rsa, use: 'enc' }],
  ['key_ops without verify', { ...rsa, key_ops: ['encrypt'] }],
  ['key_ops that is no list', { ...rsa, key_ops: 'verify' }],
  ['an alg that does not fit', { ...rsa, alg: 'ES256' }],
  ['an alg we never accept', { ...rsa, alg: 'RSA-OAEP' }],
  ['a key for key agreement', { ...x25519 }],
  ['an Ed25519 key that says it is EC', { ...ed, kty: 'EC' }],
  ['an Ed25519 key of another length', { ...ed, x: 'AAAA' }],
  ['a modulus over 8192 bits', { ...rsa, n: modulusOf(8_193) }],
  ['e of nine bytes', { ...rsa, e: Buffer.from('010000000000000001', 'hex').toString('base64url') }],
  ['a kty that is no text', { ...rsa, kty: ['RSA'] }],
  ['a curve that is no text', { ...ecPublic, crv: ['P-256'] }],
  ['an unknown curve', { ...ecPublic, crv: 'secp256k1' }],
  ['an inherited name as curve', { ...ecPublic, crv: 'constructor' }],
  ['a coordinate of the wrong length', { ...ecPublic, x: 'AAAA' }],
  ['a kid that is a number', { ...rsa, kid: 1 }],
  ['no kty', { n: rsa.n, e: rsa.e }],
  ['null', null],
  ['text', 'key'],
] as const) {
  test(`${title} is dropped, and its neighbour lives on`, () => {
    assert.deepEqual(
      parseKeySet({ keys: [key, { ...rsa, kid: 'good' }] }).keys.map(({ kid }) => kid),
      ['good'],
    )
  })
}

test('the limits themselves are within', () => {
  const atLimits = { ...rsa, n: modulusOf(8_192), e: Buffer.from('0100000000000001', 'hex').toString('base64url') }
  assert.equal(parseKeySet({ keys: [atLimits] }).keys.length, 1)
  assert.equal(parseKeySet({ keys: Array.from({ length: 100 }, () => rsa) }).keys.length, 100)
})

test('only what verification needs is kept of a key', () => {
  const { keys } = parseKeySet({
    keys: [{ ...rsa, kid: 'a', use: 'sig', key_ops: ['verify'], x5u: 'https://x.test', x5c: ['AA=='] }],
  })
  assert.deepEqual(Object.keys(keys[0]!.jwk).toSorted(), ['e', 'kid', 'kty', 'n'])
})

for (const [title, value] of [
  ['an empty set', { keys: [] }],
  ['no keys', {}],
  ['keys that are no list', { keys: {} }],
  ['null', null],
  ['an array', [rsa]],
  ['text', 'keys'],
  ['no usable key', { keys: [null, 5, 'x', [], { kty: 'oct', k: 'c2VjcmV0' }, { ...rsa, use: 'enc' }, x25519] }],
  ['more than 100 keys', { keys: Array.from({ length: 101 }, () => rsa) }],
] as const) {
  test(`${title} is not a key set`, () => {
    assert.throws(() => parseKeySet(value), SyntaxError)
  })
}
