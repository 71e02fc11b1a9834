import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseSigningKeys, toJwks } from '../../lib/protocol/signing-keys.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ecJwk = ec.publicKey.export({ format: 'jwk' })
const rsaJwk = rsa.publicKey.export({ format: 'jwk' })
const arn = 'arn:aws:kms:eu-west-1:123456789012:key/0b2f'
const es = { kid: 'a', alg: 'ES256', state: 'active', arn, jwk: ecJwk }
const rs = { kid: 'b', alg: 'RS256', state: 'active', arn, jwk: { ...rsaJwk, kid: 'b', alg: 'RS256', use: 'sig' } }

test('keys are read, and published whatever their state', () => {
  const keys = parseSigningKeys(
    JSON.stringify([
      es,
      rs,
      { ...es, kid: 'c', state: 'pending' },
      { ...rs, kid: 'd', state: 'retiring', jwk: rsaJwk },
    ]),
  )
  assert.deepEqual(keys[1], { ...rs, jwk: rsaJwk })
  const published = toJwks(keys).keys
  assert.deepEqual(published[0], { ...ecJwk, kid: 'a', alg: 'ES256', use: 'sig' })
  assert.deepEqual(
    published.map(({ kid }) => kid),
    ['a', 'b', 'c', 'd'],
  )
})

const spoilt: [string, unknown, RegExp][] = [
  ['an object', {}, /not an array/],
  ['no key', [], /none/],
  ['a key that is no object', ['a'], /key 0: not an object/],
  ['an unknown member', [{ ...es, secret: 1 }], /key 0: an unknown member secret/],
  ['no kid', [{ ...es, kid: undefined }], /kid/],
  ['an empty kid', [{ ...es, kid: '' }], /kid/],
  ['another alg', [{ ...es, alg: 'HS256' }], /alg is neither/],
  ['another state', [es, { ...rs, state: 'gone' }], /key 1: state/],
  ['an alias', [{ ...es, arn: 'arn:aws:kms:eu-west-1:123456789012:alias/a' }], /arn/],
  ['a private key', [{ ...es, jwk: ec.privateKey.export({ format: 'jwk' }) }], /member d/],
  ['a jwk of another type', [{ ...es, jwk: rsaJwk }], /does not belong in a public ES256 key/],
  ['a jwk with another kid', [{ ...es, jwk: { ...ecJwk, kid: 'z' } }], /another kid/],
  ['a jwk with another alg', [{ ...es, jwk: { ...ecJwk, alg: 'RS256' } }], /another alg/],
  ['a jwk without a coordinate', [{ ...es, jwk: { ...ecJwk, y: undefined } }], /jwk\.y/],
  [
    'another curve',
    [{ ...es, jwk: generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }) }],
    /P-256/,
  ],
  [
    'a weak RSA key',
    [{ ...rs, jwk: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) }],
    /2048/,
  ],
  ['one kid twice', [es, { ...rs, kid: 'a', jwk: rsaJwk }], /two have the kid a/],
  ['two active keys of one alg', [es, { ...es, kid: 'c' }], /two are active for ES256/],
]
for (const [what, value, message] of spoilt) {
  test(`${what} is an error that says so`, () => {
    assert.throws(() => parseSigningKeys(JSON.stringify(value)), message)
  })
}

test('what is no JSON is an error that says so', () => {
  assert.throws(() => parseSigningKeys('nonsense'), /not valid JSON/)
})
