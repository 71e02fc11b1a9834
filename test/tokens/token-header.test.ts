import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { before, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { parseKeySet, type VerificationKey } from '../../lib/protocol/key-set.ts'
import type { Refusal } from '../../lib/protocol/refusals.ts'
import { ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, JWT_TYPE } from '../../lib/protocol/urns.ts'
import { fixedKeySets, testIssuer, verifyAt, type TestIssuer } from './issuer-fixture.ts'

let farm: TestIssuer
let key: VerificationKey

before(async () => {
  farm = await testIssuer()
  key = (await farm.keySets.find(farm.issuer, undefined, new AbortController().signal)).keys[0]!
})

const verify = (token: string, by: Parameters<typeof verifyAt>[2] = {}) => verifyAt(farm, token, by)

async function isRefused(verified: Promise<unknown>, refusal: Refusal): Promise<void> {
  await assert.rejects(verified, { name: 'RefusedError', refusal })
}

const signatureInvalid = { reason: 'signature_invalid' } as const

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function notAllowed(alg: string): Refusal {
  return { reason: 'algorithm_not_allowed', alg }
}

function malformed(detail: string): Refusal {
  return { reason: 'token_malformed', detail }
}

for (const [title, header, refusal] of [
  ['alg none', { alg: 'none' }, notAllowed('none')],
  ['no alg', { alg: undefined }, notAllowed('')],
  ['an HMAC alg', { alg: 'HS256' }, notAllowed('HS256')],
  ['an asymmetric alg that is not on the issuer’s list', { alg: 'RS512' }, notAllowed('RS512')],
  ['an alg that is not a string', { alg: { toString: 0, valueOf: 0 } }, notAllowed('')],
  ['an alg in a list', { alg: ['RS256'] }, notAllowed('')],
  ['an alg in other case', { alg: 'rs256' }, notAllowed('rs256')],
  ['an alg of which a log gets 32 characters', { alg: 'x'.repeat(33) }, notAllowed('x'.repeat(32))],
  ['a kid that the key set lacks', { kid: 'k2' }, { reason: 'key_unknown', kid: 'k2' }],
  ['an empty kid', { kid: '' }, { reason: 'key_unknown', kid: '' }],
  [
    'a kid of 1,024 characters, of which a log gets 64,',
    { kid: 'k'.repeat(1_024) },
    { reason: 'key_unknown', kid: 'k'.repeat(64) },
  ],
  ['a kid of 1,025 characters', { kid: 'k'.repeat(1_025) }, malformed('kid is not a short string')],
  ['a kid that is not a string', { kid: 1 }, malformed('kid is not a short string')],
  ['a null kid', { kid: null }, malformed('kid is not a short string')],
  ['an access token’s typ', { typ: 'at+jwt' }, { reason: 'token_type_mismatch', typ: 'at+jwt' }],
  ['a logout token’s typ', { typ: 'logout+jwt' }, { reason: 'token_type_mismatch', typ: 'logout+jwt' }],
  [
    'a typ of which a log gets 64 characters',
    { typ: 'x'.repeat(65) },
    { reason: 'token_type_mismatch', typ: 'x'.repeat(64) },
  ],
  ['a typ that is not a string', { typ: {} }, malformed('typ is not a string')],
  ['an unknown critical extension', { crit: ['exp'], exp: 1 }, malformed('crit names an extension')],
  ['an empty crit', { crit: [] }, malformed('crit names an extension')],
  ['an unencoded payload', { b64: true }, malformed('b64 is not supported')],
] as const satisfies readonly (readonly [string, Record<string, unknown>, Refusal])[]) {
  test(`${title} in the header is refused`, async () => {
    const [, payload, signature] = (await farm.sign()).split('.')
    const spoilt = segment({ alg: 'RS256', kid: 'k1', typ: 'JWT', ...header })
    await isRefused(verify(`${spoilt}.${payload}.${signature}`), refusal)
  })
}

test('the typ of an access token is that of an access token only, and no typ fits every type', async () => {
  for (const typ of ['at+jwt', 'application/AT+JWT'])
    await verify(await farm.sign({}, { header: { typ } }), { type: ACCESS_TOKEN_TYPE })
  for (const typ of ['logout+jwt', 'secevent+jwt', 'at+application/jwt'])
    await isRefused(verify(await farm.sign({}, { header: { typ } }), { type: ACCESS_TOKEN_TYPE }), {
      reason: 'token_type_mismatch',
      typ,
    })
  for (const type of [JWT_TYPE, ID_TOKEN_TYPE] as const)
    await isRefused(verify(await farm.sign({}, { header: { typ: 'application/AT+JWT' } }), { type }), {
      reason: 'token_type_mismatch',
      typ: 'application/AT+JWT',
    })
  for (const typ of ['JWT', 'application/jwt', undefined])
    for (const type of [JWT_TYPE, ID_TOKEN_TYPE, ACCESS_TOKEN_TYPE] as const)
      await verify(await farm.sign({}, { header: { typ } }), { type })
})

test('keys that the header brings along are never looked at', async () => {
  const thief = await generateKeyPair('RS256', { extractable: true })
  const jwk = await exportJWK(thief.publicKey)
  for (const header of [
    { jwk },
    { jku: 'https://evil.test/jwks' },
    { x5u: 'https://evil.test/x' },
    { x5c: ['AA=='] },
  ]) {
    await isRefused(verify(await farm.sign({}, { header, key: thief.privateKey })), signatureInvalid)
    // With the right key they change nothing.
    await verify(await farm.sign({}, { header }))
  }
})

test('a public RSA key is no HMAC secret, also where the list allows nothing but RS256', async () => {
  const input = `${segment({ alg: 'HS256', kid: 'k1' })}.${segment(farm.claims)}`
  const mac = createHmac('sha256', JSON.stringify(key.jwk)).update(input).digest('base64url')
  await isRefused(verify(`${input}.${mac}`), notAllowed('HS256'))
})

test('a changed signature, a changed claim, and another key’s signature are refused', async () => {
  const token = await farm.sign()
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const flipped = Buffer.from(signature, 'base64url')
  flipped[9]! ^= 1
  await isRefused(verify(`${header}.${payload}.${flipped.toString('base64url')}`), signatureInvalid)
  const other = segment({ ...farm.claims, sub: 'root' })
  await isRefused(verify(`${header}.${other}.${signature}`), signatureInvalid)
  const thief = await generateKeyPair('RS256')
  await isRefused(verify(await farm.sign({}, { key: thief.privateKey })), signatureInvalid)
})

test('a signature of another length is refused', async () => {
  const [header, payload, signature] = (await farm.sign()).split('.') as [string, string, string]
  const bytes = Buffer.from(signature, 'base64url')
  for (const spoilt of [bytes.subarray(1), Buffer.concat([Buffer.alloc(1), bytes]), Buffer.alloc(1)])
    await isRefused(verify(`${header}.${payload}.${spoilt.toString('base64url')}`), signatureInvalid)
})

test('an algorithm that the issuer may not use is refused without a look at its keys', async () => {
  const keySets = { find: () => assert.fail('the keys were fetched') }
  const issuer = { ...farm.issuer, algorithms: ['ES256'] as const }
  await isRefused(verify(await farm.sign(), { keySets, issuer }), notAllowed('RS256'))
})

test('alg must fit the key as well as the list', async () => {
  const issuer = { ...farm.issuer, algorithms: ['RS256', 'ES256', 'RS512'] as const }
  for (const alg of ['ES256', 'RS512']) {
    const [, payload, signature] = (await farm.sign()).split('.')
    await isRefused(verify(`${segment({ alg, kid: 'k1' })}.${payload}.${signature}`, { issuer }), notAllowed(alg))
  }
})

for (const [title, kid, keys, refusal] of [
  ['the one key of that kid, among others', 'k1', [{ kid: 'k0' }, {}, { kid: 'k2' }], undefined],
  ['of two keys with that kid the one that fits', 'k1', [{ algorithms: ['ES256'] }, {}], undefined],
  ['two keys with that kid that both fit', 'k1', [{}, {}], { reason: 'key_unknown', kid: 'k1' }],
  ['a key with that kid for another algorithm', 'k1', [{ algorithms: ['PS256'] }], notAllowed('RS256')],
  ['a key without a kid, to a token that names one', 'k1', [{ kid: undefined }], { reason: 'key_unknown', kid: 'k1' }],
  ['the only key, to a token that names none', undefined, [{ kid: undefined }], undefined],
  ['the only key that fits, to a token that names none', undefined, [{ algorithms: ['ES256'] }, {}], undefined],
  ['a choice, to a token that names none', undefined, [{}, { kid: 'k2' }], { reason: 'key_unknown', kid: '' }],
  [
    'no key that fits, to a token that names none',
    undefined,
    [{ algorithms: ['PS256'] }],
    { reason: 'key_unknown', kid: '' },
  ],
] as const satisfies readonly (readonly [
  string,
  string | undefined,
  readonly Partial<VerificationKey>[],
  Refusal | undefined,
])[]) {
  test(`a set with ${title}, ${refusal ? 'verifies nothing' : 'verifies it'}`, async () => {
    const token = await farm.sign({}, { header: { kid } })
    const verified = verify(token, { keySets: fixedKeySets({ keys: keys.map((each) => ({ ...key, ...each })) }) })
    if (refusal) await isRefused(verified, refusal)
    else await verified
  })
}

test('a key whose point is not on its curve verifies nothing', async () => {
  const off = Buffer.alloc(32, 7).toString('base64url')
  const keySets = fixedKeySets(parseKeySet({ keys: [{ kty: 'EC', crv: 'P-256', x: off, y: off, kid: 'k1' }] }))
  const token = `${segment({ alg: 'ES256', kid: 'k1' })}.${segment(farm.claims)}.${Buffer.alloc(64, 1).toString('base64url')}`
  await isRefused(verify(token, { keySets, issuer: { ...farm.issuer, algorithms: ['ES256'] } }), signatureInvalid)
})
