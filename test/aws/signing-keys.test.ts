import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import type { GetPublicKeyResponse, KMSClient } from '@aws-sdk/client-kms'
import { calculateJwkThumbprint } from 'jose'
import { findSigningKey } from '../../lib/aws/signing-keys.ts'

const arn = 'arn:aws:kms:eu-west-1:123456789012:key/1'
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const rsa3072 = generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey

function answering(answer: GetPublicKeyResponse): KMSClient {
  return { send: () => Promise.resolve(answer) } as unknown as KMSClient
}

function answerOf(KeySpec: GetPublicKeyResponse['KeySpec'], key: KeyObject): GetPublicKeyResponse {
  const PublicKey = key.export({ format: 'der', type: 'spki' })
  return { KeyId: arn, KeySpec, KeyUsage: 'SIGN_VERIFY', PublicKey }
}

for (const [alg, spec, key] of [
  ['ES256', 'ECC_NIST_P256', p256],
  ['RS256', 'RSA_2048', rsa2048],
  ['RS256', 'RSA_3072', rsa3072],
] as const) {
  test(`${spec} is found with its own members and the thumbprint that jose makes of it`, async () => {
    const found = await findSigningKey(answering(answerOf(spec, key)), { arn, alg, state: 'pending' })
    const jwk = key.export({ format: 'jwk' })
    assert.deepEqual(found, { kid: await calculateJwkThumbprint(jwk), alg, state: 'pending', arn, jwk })
  })
}

test('the key of RFC 7638 section 3.1 has its thumbprint', async () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs' +
    'tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1' +
    'n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
  const key = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' })
  const found = await findSigningKey(answering(answerOf('RSA_2048', key)), { arn, alg: 'RS256', state: 'active' })
  assert.equal(found.kid, 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})

const p256Answer = answerOf('ECC_NIST_P256', p256)
for (const [title, alg, answer, expected] of [
  ['another key', 'ES256', { ...p256Answer, KeyId: `${arn}2` }, /another key/],
  ['a key of an alias', 'ES256', { ...p256Answer, KeyId: undefined }, /another key/],
  ['a curve that is not P-256', 'ES256', answerOf('ECC_NIST_P384', p384), /its spec is ECC_NIST_P384, .*ECC_NIST_P256/],
  ['an RSA key for ES256', 'ES256', answerOf('RSA_2048', rsa2048), /its spec is RSA_2048/],
  ['an EC key for RS256', 'RS256', p256Answer, /its spec is ECC_NIST_P256, .*RSA_2048 or RSA_3072 or RSA_4096/],
  ['a key without a spec', 'ES256', { ...p256Answer, KeySpec: undefined }, /its spec is undefined/],
  ['a key that agrees', 'ES256', { ...p256Answer, KeyUsage: 'KEY_AGREEMENT' }, /its usage is KEY_AGREEMENT/],
  ['no public key', 'ES256', { ...p256Answer, PublicKey: undefined }, /cannot be read/],
  ['a public key that is none', 'ES256', { ...p256Answer, PublicKey: new Uint8Array(91) }, /cannot be read/],
] as const) {
  test(`${title} is refused, and named`, async () => {
    const client = answering(answer)
    await assert.rejects(findSigningKey(client, { arn, alg, state: 'active' }), (error) => {
      assert.ok((error as Error).message.startsWith(`${arn}: `))
      assert.match((error as Error).message, expected)
      return true
    })
  })
}

test('a signal ends the wait for a key that is not known yet, and KMS has the last word', async () => {
  const controller = new AbortController()
  const send = () => {
    controller.abort()
    return Promise.reject(Object.assign(new Error(), { name: 'NotFoundException' }))
  }
  const client = { send } as unknown as KMSClient
  await assert.rejects(
    findSigningKey(client, { arn, alg: 'ES256', state: 'active' }, controller.signal),
    /NotFoundException/,
  )
})
