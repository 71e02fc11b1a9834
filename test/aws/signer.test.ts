import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import type { KMSClient } from '@aws-sdk/client-kms'
import { kmsClient } from '../../lib/aws/clients.ts'
import { kmsSigner } from '../../lib/aws/signer.ts'
import type { Signer } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import type { PublicJwk, SigningKey } from '../../lib/protocol/signing-keys.ts'

const input = Buffer.from('header.payload')
const signal = AbortSignal.timeout(30_000)
const arn = (id: string) => `arn:aws:kms:eu-west-1:123456789012:key/${id}`
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keyOf = (kid: string, alg: SigningKey['alg'], state: SigningKey['state'], key: KeyObject): SigningKey => {
  return { kid, alg, state, arn: arn(kid), jwk: key.export({ format: 'jwk' }) as PublicJwk }
}
const keys = [
  keyOf('ec-next', 'ES256', 'pending', ec.publicKey),
  keyOf('ec', 'ES256', 'active', ec.publicKey),
  keyOf('rsa', 'RS256', 'active', rsa.publicKey),
  keyOf('rsa-old', 'RS256', 'retiring', rsa.publicKey),
]

let server: Server
let client: KMSClient
let signer: Signer
let requests: Record<string, string>[] = []
/** What the stand-in answers: the real KMS signs the digest, here the input itself is at hand. */
let answer: () => { status: number; body: unknown } | 'nothing'

before(async () => {
  server = createServer(async (request, response) => {
    const chunks = await request.toArray()
    requests.push(JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) as Record<string, string>)
    const answered = answer()
    if (answered === 'nothing') return
    response.writeHead(answered.status, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(answered.body))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  client = kmsClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'do-not-tell' },
  })
  signer = kmsSigner(client, keys)
})
beforeEach(() => {
  requests = []
})
after(() => {
  client.destroy()
  server.close()
  server.closeAllConnections()
})

function signed(kid: string, signature: Uint8Array) {
  return () => ({
    status: 200,
    body: { KeyId: arn(kid), Signature: Buffer.from(signature).toString('base64'), SigningAlgorithm: 'ignored' },
  })
}

test('ES256 is signed by the active key over the digest, and comes back as r||s', async () => {
  answer = signed('ec', sign('sha256', input, ec.privateKey))
  const signature = await signer.sign(signer.activeKey('ES256'), input, signal)
  assert.ok(verify('sha256', input, { key: ec.publicKey, dsaEncoding: 'ieee-p1363' }, signature))
  const Message = createHash('sha256').update(input).digest('base64')
  assert.deepEqual(requests, [{ KeyId: arn('ec'), Message, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' }])
})

test('RS256 is signed by the active key over the digest', async () => {
  answer = signed('rsa', sign('sha256', input, rsa.privateKey))
  const signature = await signer.sign(signer.activeKey('RS256'), input, signal)
  assert.ok(verify('sha256', input, rsa.publicKey, signature))
  assert.equal(requests[0]?.SigningAlgorithm, 'RSASSA_PKCS1_V1_5_SHA_256')
  assert.equal(requests[0]?.MessageType, 'DIGEST')
})

test('only an active key signs, and none active is found before any request', async () => {
  assert.deepEqual(signer.activeKey('ES256'), { kid: 'ec', alg: 'ES256' })
  assert.throws(
    () => kmsSigner(client, keys.slice(0, 1)).activeKey('ES256'),
    new Error('no active signing key for ES256'),
  )
  for (const kid of ['rsa-old', 'ec', 'nobody']) {
    await assert.rejects(
      signer.sign({ kid, alg: 'RS256' }, input, signal),
      new Error(`${kid} is no active signing key for RS256`),
    )
  }
  assert.deepEqual(requests, [])
})

const another = 'another key has signed'
const length = 'a signature of the wrong length'
const unreadable = (why: string) => `a signature that cannot be read: ${why}`
const wrongAnswers: [string, SigningKey['alg'], () => { status: number; body: unknown }, string][] = [
  ['a signature by another key', 'ES256', signed('ec-next', sign('sha256', input, ec.privateKey)), another],
  [
    'r||s instead of DER',
    'ES256',
    signed('ec', new Uint8Array(64).fill(0x11)),
    unreadable('not the expected DER element'),
  ],
  [
    'zero for a signature',
    'ES256',
    signed('ec', Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0)),
    unreadable('r or s is zero'),
  ],
  ['a short RSA signature', 'RS256', signed('rsa', new Uint8Array(255)), length],
  ['a long RSA signature', 'RS256', signed('rsa', new Uint8Array(257)), length],
  ['no RSA signature', 'RS256', () => ({ status: 200, body: { KeyId: arn('rsa') } }), length],
  [
    'no signature',
    'ES256',
    () => ({ status: 200, body: { KeyId: arn('ec') } }),
    unreadable('not the expected DER element'),
  ],
  ['an empty answer', 'ES256', () => ({ status: 200, body: {} }), another],
]
for (const [what, alg, wrong, detail] of wrongAnswers) {
  test(`${what} is unavailable`, async () => {
    answer = wrong
    await assert.rejects(signer.sign(signer.activeKey(alg), input, signal), new UnavailableError('kms', detail))
  })
}

for (const [name, status, attempts] of [
  ['DisabledException', 400, 1],
  ['KMSInvalidStateException', 400, 1],
  ['ThrottlingException', 400, 2],
  ['AccessDeniedException', 400, 1],
  ['NotFoundException', 400, 1],
  ['KMSInternalException', 500, 2],
  ['DependencyTimeoutException', 503, 2],
] as const) {
  test(`${name} is unavailable, and named without its text`, async () => {
    answer = () => ({ status, body: { __type: name, message: 'x-amz-security-token: do-not-tell' } })
    await assert.rejects(signer.sign(signer.activeKey('ES256'), input, signal), (error) => {
      assert.ok(error instanceof UnavailableError)
      assert.deepEqual([error.message, error.dependency, error.cause], [`kms: ${name}`, 'kms', undefined])
      return true
    })
    assert.equal(requests.length, attempts)
  })
}

test("the request's own deadline ends the call", async () => {
  answer = () => 'nothing'
  await assert.rejects(
    signer.sign(signer.activeKey('ES256'), input, AbortSignal.timeout(100)),
    new UnavailableError('kms', 'AbortError'),
  )
  assert.equal(requests.length, 1)
})
