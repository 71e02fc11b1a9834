import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers'
import type { GetPublicKeyCommand, GetPublicKeyResponse, KMSClient } from '@aws-sdk/client-kms'
import { calculateJwkThumbprint } from 'jose'
import { findSigningKey, findSigningKeys, newKeyPauses, parseWantedKeys } from '../../lib/aws/signing-keys.ts'
import { deadlines } from '../../lib/deadlines.ts'
import { parseSigningKeys } from '../../lib/protocol/signing-keys.ts'

const arn = 'arn:aws:kms:eu-west-1:123456789012:key/1'
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
const rsa2048 = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const rsa3072 = generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey

function answering(answer: GetPublicKeyResponse): KMSClient {
  return clientOf(() => Promise.resolve(answer))
}

function clientOf(send: (command: GetPublicKeyCommand, options?: { abortSignal: AbortSignal }) => unknown): KMSClient {
  return { send } as unknown as KMSClient
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
const another = 'KMS answered with another key: name it by its own ARN'
const unreadable = 'KMS answered with a public key that cannot be read: deploy again'
const rsaSpecs = 'RSA_2048 or RSA_3072 or RSA_4096'
const spec = (is: string, alg: string, needed: string) =>
  `its spec is ${is}, and ${alg} needs ${needed}: make another key`
for (const [title, alg, answer, expected] of [
  ['another key', 'ES256', { ...p256Answer, KeyId: `${arn}2` }, another],
  ['a key of an alias', 'ES256', { ...p256Answer, KeyId: undefined }, another],
  ['a wider curve', 'ES256', answerOf('ECC_NIST_P384', p384), spec('ECC_NIST_P384', 'ES256', 'ECC_NIST_P256')],
  ['an RSA key for ES256', 'ES256', answerOf('RSA_2048', rsa2048), spec('RSA_2048', 'ES256', 'ECC_NIST_P256')],
  ['an EC key for RS256', 'RS256', p256Answer, spec('ECC_NIST_P256', 'RS256', rsaSpecs)],
  ['no spec', 'ES256', { ...p256Answer, KeySpec: undefined }, spec('undefined', 'ES256', 'ECC_NIST_P256')],
  [
    'a key that agrees',
    'ES256',
    { ...p256Answer, KeyUsage: 'KEY_AGREEMENT' },
    'its usage is KEY_AGREEMENT, not SIGN_VERIFY: make another key',
  ],
  ['no public key', 'ES256', { ...p256Answer, PublicKey: undefined }, unreadable],
  ['a public key that is none', 'ES256', { ...p256Answer, PublicKey: new Uint8Array(91) }, unreadable],
] as const) {
  test(`${title} is refused, and named`, async () => {
    const found = findSigningKey(answering(answer), { arn, alg, state: 'active' })
    await assert.rejects(found, new Error(`${arn}: ${expected}`))
  })
}

const wanted = { arn, alg: 'ES256', state: 'active' } as const
const denied = "kms:GetPublicKey is denied: allow it in the key's policy and to this function's role, and deploy again"
const unwell = 'KMS did not answer with its public key: deploy again when KMS is well'
const enable = `run aws kms enable-key --key-id ${arn}`

function failure(name: string): Error {
  return Object.assign(new Error('x-amz-security-token: do-not-tell'), { name })
}

for (const [name, tries, advice] of [
  ['NotFoundException', 3, 'KMS knows no such key: see that it is in this account and region, and deploy again'],
  ['AccessDeniedException', 3, denied],
  ['DisabledException', 1, `it is disabled: ${enable}, and deploy again`],
  [
    'KMSInvalidStateException',
    1,
    `it is disabled or pending deletion: run aws kms cancel-key-deletion --key-id ${arn} and then ` +
      `aws kms enable-key --key-id ${arn}, and deploy again`,
  ],
  ['KMSInternalException', 1, unwell],
  ['ThrottlingException', 1, unwell],
  ['TimeoutError', 1, unwell],
] as const) {
  test(`${name} every time is told after ${tries} tries, with what to do and nothing of its text`, async () => {
    let asked = 0
    const client = clientOf(() => (asked++, Promise.reject(failure(name))))
    await assert.rejects(findSigningKey(client, wanted, undefined, [1, 1]), new Error(`${arn}: ${advice} (${name})`))
    assert.equal(asked, tries)
  })
}

for (const signal of [undefined, AbortSignal.timeout(60_000)]) {
  test(`a key that is not known at first is asked for again by its ARN, ${signal ? 'with' : 'without'} a signal`, async () => {
    const asked: unknown[] = []
    const client = clientOf(({ input }, options) => {
      asked.push([input, options?.abortSignal === signal])
      const name = ['NotFoundException', 'AccessDeniedException'][asked.length - 1]
      return name === undefined ? Promise.resolve(p256Answer) : Promise.reject(failure(name))
    })
    assert.equal((await findSigningKey(client, wanted, signal, [1, 1])).arn, arn)
    const once = [{ KeyId: arn }, true]
    assert.deepEqual(asked, [once, once, once])
  })
}

for (const signal of [undefined, AbortSignal.timeout(60_000)]) {
  test(`it pauses before it asks again, ${signal ? 'with' : 'without'} a signal`, async () => {
    let due = false
    let asked = 0
    const client = clientOf(() => {
      if (asked++ > 0) return Promise.resolve(p256Answer)
      setTimeout(() => (due = true), 10)
      return Promise.reject(failure('NotFoundException'))
    })
    await findSigningKey(client, wanted, signal, [30])
    assert.ok(due)
  })
}

test('a signal ends the pause, and KMS has the last word', { timeout: 1_000 }, async () => {
  const controller = new AbortController()
  let asked = 0
  const client = clientOf(() => {
    asked++
    setTimeout(() => controller.abort(), 10)
    return Promise.reject(failure('NotFoundException'))
  })
  await assert.rejects(findSigningKey(client, wanted, controller.signal, [60_000, 60_000]), /\(NotFoundException\)$/)
  assert.equal(asked, 1)
})

test('it waits as long as a new key may take, and the function has time for it, to give up, and to say so', () => {
  const { work, answer } = deadlines.customResource
  const waits = newKeyPauses.reduce((sum, pause) => sum + pause, 0)
  assert.ok(waits >= 30_000 && waits < work)
  // The Reader's timeout in infra/signing-keys.ts.
  assert.ok(work + answer.attempts * (answer.response + answer.pause) < 60_000)
})

describe('all keys of a deployment', () => {
  const signal = AbortSignal.timeout(60_000)
  const arnOf = (id: string) => `arn:aws:kms:eu-west-1:123456789012:key/${id}`
  const key = (id: string, state: 'active' | 'pending' = 'pending') =>
    ({ alg: 'ES256', state, arn: arnOf(id) }) as const

  /** Each ARN has a key of its own, and those that begin with `no` have none. */
  const keys = new Map<string, KeyObject>()
  const kms = clientOf(({ input: { KeyId = '' } }) => {
    if (KeyId.includes('/no')) return Promise.reject(failure('DisabledException'))
    if (!keys.has(KeyId)) keys.set(KeyId, generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
    return Promise.resolve({ ...answerOf('ECC_NIST_P256', keys.get(KeyId)!), KeyId })
  })

  test('are found in the order asked for, as the functions read them', async () => {
    const found = parseSigningKeys(await findSigningKeys(kms, [key('b'), key('a', 'active')], signal))
    assert.deepEqual(
      found.map(({ alg, state, arn }) => ({ alg, state, arn })),
      [key('b'), key('a', 'active')],
    )
    for (const { arn, jwk } of found) assert.deepEqual(jwk, keys.get(arn)!.export({ format: 'jwk' }))
  })

  test('are all named that are wrong', async () => {
    await assert.rejects(findSigningKeys(kms, [key('no-1'), key('a'), key('no-2')], signal), (error) => {
      const told = (arn: string) => `${arn}: it is disabled: run aws kms enable-key --key-id ${arn}, and deploy again`
      const expected = `${told(arnOf('no-1'))} (DisabledException); ${told(arnOf('no-2'))} (DisabledException)`
      assert.equal((error as Error).message, expected)
      return true
    })
  })

  test('are refused where the functions would refuse to start with them', async () => {
    await assert.rejects(
      findSigningKeys(kms, [key('a', 'active'), key('b', 'active')], signal),
      /two are active for ES256/,
    )
    await assert.rejects(findSigningKeys(kms, [key('a'), key('a')], signal), /two have the kid/)
  })

  test('are waited for with the pauses and the signal given', async () => {
    let asked = 0
    const patient = clientOf((command, options) => {
      assert.equal(options?.abortSignal, signal)
      return asked++ === 0 ? Promise.reject(failure('NotFoundException')) : kms.send(command)
    })
    await findSigningKeys(patient, [key('a')], signal, [1])
    await assert.rejects(findSigningKeys(patient, [key('no')], signal, []), /DisabledException/)
  })

  test('fill 3500 bytes of the environment at most', async () => {
    const length = async (...ids: string[]) =>
      (
        await findSigningKeys(
          kms,
          ids.map((id) => key(id)),
          signal,
        )
      ).length
    const most = 'a'.repeat(1 + 3_500 - (await length('a')))
    assert.equal(await length(most), 3_500)
    const expected =
      "the signing keys take 3501 bytes, and 3500 fit into a function's environment: publish fewer generations"
    await assert.rejects(length(`${most}a`), new Error(expected))
  })
})

const noList = 'Keys is not a list of one key or more'
const noAlg = 'Keys[0].alg is neither ES256 nor RS256'
const noArn = 'Keys[0].arn is not that of a KMS key'
for (const [title, Keys, expected] of [
  ['no Keys', undefined, noList],
  ['Keys that are text', 'x', noList],
  ['Keys that look like a list', { length: 1, 0: wanted }, noList],
  ['an empty list', [], noList],
  ['a key that is null', [null], noAlg],
  ['a key that is text', [arn], noAlg],
  ['no alg', [{ state: 'active', arn }], noAlg],
  ['another alg', [{ ...wanted, alg: 'PS256' }], noAlg],
  ['no state', [{ alg: 'ES256', arn }], 'Keys[0].state is not active, pending or retiring'],
  ['another state', [wanted, { ...wanted, state: 'old' }], 'Keys[1].state is not active, pending or retiring'],
  ['no arn', [{ alg: 'ES256', state: 'active' }], noArn],
  ['an alias', [{ ...wanted, arn: 'arn:aws:kms:eu-west-1:000000000000:alias/a' }], noArn],
  ["a key's id", [{ ...wanted, arn: '5d7c5a2e-0000-4000-8000-000000000000' }], noArn],
  ['something after the arn', [{ ...wanted, arn: `${arn}\n` }], noArn],
] as const) {
  test(`${title} in the custom resource's properties: refused, and none of it repeated`, () => {
    assert.throws(() => parseWantedKeys(Keys), new Error(expected))
  })
}

test("the custom resource's properties are read, and what is more in them is left", () => {
  assert.deepEqual(parseWantedKeys([wanted, { ...wanted, state: 'retiring', more: 'x' }]), [
    wanted,
    { ...wanted, state: 'retiring' },
  ])
})
