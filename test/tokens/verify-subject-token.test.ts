import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { before, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import { parseKeySet } from '../../lib/protocol/key-set.ts'
import { ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, JWT_TYPE } from '../../lib/protocol/urns.ts'
import type { SubjectTokenType } from '../../lib/protocol/token-exchange-request.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { verifySubjectToken, type Verification } from '../../lib/tokens/verify-subject-token.ts'
import { fixedKeySets, now, ourIssuer, testIssuer, type TestIssuer } from './issuer-fixture.ts'

let farm: TestIssuer

before(async () => {
  farm = await testIssuer()
})

function verify(token: string, by: Partial<Verification> & { issuer?: TrustedIssuer; type?: SubjectTokenType } = {}) {
  const issuer = by.issuer ?? farm.issuer
  const issuers = new Map([[issuer.issuer, issuer]])
  return verifySubjectToken(token, by.type ?? JWT_TYPE, {
    issuers,
    ourIssuer,
    keySets: farm.keySets,
    now,
    signal: new AbortController().signal,
    ...by,
  })
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof RefusedError)) throw error
  return error.refusal.reason
}

test('a good token becomes a verified subject, with everything later steps need', async () => {
  const token = await farm.sign()
  const subject = await verify(token)
  assert.equal(subject.sub, 'farm:job-7')
  assert.equal(subject.subject, 'job-7')
  assert.equal(subject.jti, 'j1')
  assert.equal(subject.exp, now + 300)
  assert.equal(subject.hash, createHash('sha256').update(token.split('.').slice(0, 2).join('.')).digest('base64url'))
})

for (const [title, claims, reason] of [
  ['an unknown issuer', { iss: 'https://other.test' }, 'issuer_unknown'],
  ['an issuer that differs by a trailing slash', { iss: 'https://ci.test/' }, 'issuer_unknown'],
  ['an issuer that differs in case', { iss: 'https://CI.test' }, 'issuer_unknown'],
  ['our own token', { iss: ourIssuer }, 'issuer_unknown'],
  ['an iss that is not a string', { iss: ['https://ci.test'] }, 'claim_malformed'],
  ['no iss', { iss: undefined }, 'claim_malformed'],
  ['no exp', { exp: undefined }, 'claim_malformed'],
  ['an exp that is text', { exp: String(now + 300) }, 'claim_malformed'],
  ['an exp that is not an integer', { exp: now + 300.5 }, 'claim_malformed'],
  ['an exp that is null', { exp: null }, 'claim_malformed'],
  [
    'a token at the second its exp and the tolerance end',
    { exp: now - 60, iat: now - 100, nbf: undefined },
    'token_expired',
  ],
  ['a token not yet valid by nbf', { nbf: now + 61 }, 'token_not_yet_valid'],
  ['an nbf that is text', { nbf: String(now) }, 'claim_malformed'],
  ['a token issued in the future', { iat: now + 61 }, 'token_not_yet_valid'],
  ['an iat that is a boolean', { iat: true }, 'claim_malformed'],
  ['a lifetime over the issuer’s maximum, from iat', { iat: now - 3400, exp: now + 201 }, 'token_lifetime_too_long'],
  [
    'a lifetime over the issuer’s maximum, from now where iat is absent',
    { iat: undefined, exp: now + 3601 },
    'token_lifetime_too_long',
  ],
  ['an endless token', { exp: Number.MAX_SAFE_INTEGER }, 'token_lifetime_too_long'],
  ['no sub', { sub: undefined }, 'claim_malformed'],
  ['an empty sub', { sub: '' }, 'claim_malformed'],
  ['a sub that is a number', { sub: 7 }, 'claim_malformed'],
  ['a sub over 255 characters', { sub: 'x'.repeat(256) }, 'claim_malformed'],
  ['a jti that is not a string', { jti: {} }, 'claim_malformed'],
  ['an empty jti, which would be every token’s', { jti: '' }, 'claim_malformed'],
  ['a jti over 1,024 bytes', { jti: 'ö'.repeat(513) }, 'claim_malformed'],
  ['a null jti', { jti: null }, 'claim_malformed'],
  ['another audience', { aud: 'https://other.test' }, 'audience_mismatch'],
  ['an audience with a trailing slash', { aud: `${ourIssuer}/` }, 'audience_mismatch'],
  ['several audiences, ours among them', { aud: [ourIssuer, 'https://other.test'] }, 'claim_malformed'],
  ['no audience', { aud: undefined }, 'claim_malformed'],
  ['an empty list of audiences', { aud: [] }, 'claim_malformed'],
  ['an audience inside a list inside a list', { aud: [[ourIssuer]] }, 'claim_malformed'],
] as const) {
  test(`${title} is refused`, async () => {
    assert.equal(await refusal(verify(await farm.sign(claims))), reason)
  })
}

for (const [title, claims] of [
  ['a token one second before its exp and the tolerance end', { exp: now - 59, iat: now - 100 }],
  ['an nbf at the edge of the tolerance', { nbf: now + 60 }],
  ['an iat at the edge of the tolerance', { iat: now + 60 }],
  ['a lifetime of exactly the maximum', { iat: now - 3300, exp: now + 300 }],
  ['one audience in a list', { aud: [ourIssuer] }],
  ['no iat, nbf or jti', { iat: undefined, nbf: undefined, jti: undefined }],
  ['a sub of 255 characters', { sub: 'x'.repeat(255) }],
] as const) {
  test(`${title} is accepted`, async () => {
    await verify(await farm.sign(claims))
  })
}

for (const [title, header, reason] of [
  ['alg none', { alg: 'none' }, 'algorithm_not_allowed'],
  ['no alg', { alg: undefined }, 'algorithm_not_allowed'],
  ['an HMAC alg', { alg: 'HS256' }, 'algorithm_not_allowed'],
  ['an asymmetric alg that is not on the issuer’s list', { alg: 'RS512' }, 'algorithm_not_allowed'],
  ['an alg that is not a string', { alg: { toString: 0, valueOf: 0 } }, 'algorithm_not_allowed'],
  ['an alg in other case', { alg: 'rs256' }, 'algorithm_not_allowed'],
  ['a kid that the key set lacks', { kid: 'k2' }, 'key_unknown'],
  ['a kid that is not a string', { kid: 1 }, 'token_malformed'],
  ['an access token’s typ', { typ: 'at+jwt' }, 'token_type_mismatch'],
  ['a logout token’s typ', { typ: 'logout+jwt' }, 'token_type_mismatch'],
  ['a typ that is not a string', { typ: {} }, 'token_malformed'],
  ['an unknown critical extension', { crit: ['exp'], exp: 1 }, 'token_malformed'],
  ['an empty crit', { crit: [] }, 'token_malformed'],
  ['an unencoded payload', { b64: true }, 'token_malformed'],
] as const) {
  test(`${title} in the header is refused`, async () => {
    const token = await farm.sign()
    const [, payload, signature] = token.split('.')
    const good = { alg: 'RS256', kid: 'k1', typ: 'JWT' }
    const spoilt = Buffer.from(JSON.stringify({ ...good, ...header })).toString('base64url')
    assert.equal(await refusal(verify(`${spoilt}.${payload}.${signature}`)), reason)
  })
}

test('keys that the header brings along are never looked at', async () => {
  const thief = await generateKeyPair('RS256', { extractable: true })
  const jwk = await exportJWK(thief.publicKey)
  for (const header of [
    { jwk },
    { jku: 'https://evil.test/jwks' },
    { x5u: 'https://evil.test/x' },
    { x5c: ['AA=='] },
  ]) {
    assert.equal(await refusal(verify(await farm.sign({}, { header, key: thief.privateKey }))), 'signature_invalid')
    // With the right key they change nothing.
    await verify(await farm.sign({}, { header }))
  }
})

test('a public RSA key is no HMAC secret, also where the list allows nothing but RS256', async () => {
  const jwk = await exportJWK((await generateKeyPair('RS256', { extractable: true })).publicKey)
  const input = [{ alg: 'HS256', kid: 'k1' }, farm.claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const mac = createHmac('sha256', JSON.stringify(jwk)).update(input).digest('base64url')
  assert.equal(await refusal(verify(`${input}.${mac}`)), 'algorithm_not_allowed')
})

test('a changed signature, a changed claim, and another key’s signature are refused', async () => {
  const token = await farm.sign()
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const flipped = Buffer.from(signature, 'base64url')
  flipped[9]! ^= 1
  assert.equal(await refusal(verify(`${header}.${payload}.${flipped.toString('base64url')}`)), 'signature_invalid')
  const other = Buffer.from(JSON.stringify({ ...farm.claims, sub: 'root' })).toString('base64url')
  assert.equal(await refusal(verify(`${header}.${other}.${signature}`)), 'signature_invalid')
  const thief = await generateKeyPair('RS256')
  assert.equal(await refusal(verify(await farm.sign({}, { key: thief.privateKey }))), 'signature_invalid')
})

test('alg must fit the key as well as the list', async () => {
  const issuer = { ...farm.issuer, algorithms: ['RS256', 'ES256', 'RS512'] as const }
  for (const alg of ['ES256', 'RS512']) {
    const [, payload, signature] = (await farm.sign()).split('.')
    const header = Buffer.from(JSON.stringify({ alg, kid: 'k1' })).toString('base64url')
    assert.equal(await refusal(verify(`${header}.${payload}.${signature}`, { issuer })), 'algorithm_not_allowed')
  }
})

test('without a kid, the one key that fits is used and a choice is refused', async () => {
  await verify(await farm.sign({}, { header: { kid: undefined } }))
  const second = await exportJWK((await generateKeyPair('RS256', { extractable: true })).publicKey)
  const first = (await farm.keySets.find(farm.issuer, undefined, new AbortController().signal)).keys[0]!
  const keySets = fixedKeySets({ keys: [first, ...parseKeySet({ keys: [{ ...second, kid: 'k2' }] }).keys] })
  assert.equal(await refusal(verify(await farm.sign({}, { header: { kid: undefined } }), { keySets })), 'key_unknown')
  await verify(await farm.sign(), { keySets })
})

test('subject_token_type and typ must agree', async () => {
  const accessToken = await farm.sign({}, { header: { typ: 'application/AT+JWT' } })
  await verify(accessToken, { type: ACCESS_TOKEN_TYPE })
  assert.equal(await refusal(verify(accessToken, { type: ID_TOKEN_TYPE })), 'token_type_mismatch')
  const untyped = await farm.sign({}, { header: { typ: undefined } })
  for (const type of [JWT_TYPE, ID_TOKEN_TYPE, ACCESS_TOKEN_TYPE] as const) await verify(untyped, { type })
})

for (const [title, spoil] of [
  ['two segments', (token: string) => token.split('.').slice(0, 2).join('.')],
  ['an empty signature', (token: string) => token.replace(/[^.]+$/, '')],
  ['four segments', (token: string) => `${token}.AA`],
  ['five segments, an encrypted token', (token: string) => `${token}.AA.AA`],
  ['a million dots', () => '.'.repeat(16_000)],
  ['padding', (token: string) => `${token}==`],
  ['a line break', (token: string) => `${token}\n`],
  ['a space before it', (token: string) => ` ${token}`],
  ['a byte outside base64url', (token: string) => token.replace('.', '+.')],
  ['base64 whose last character has unused bits set', (token: string) => respelt(token)],
  ['more than 16 KiB', (token: string) => token + 'A'.repeat(16 * 1024)],
  ['nothing', () => ''],
] as const) {
  test(`${title} is not a token`, async () => {
    assert.equal(await refusal(verify(spoil(await farm.sign()))), 'token_malformed')
  })
}

/** The same bytes, spelt otherwise: what a lax decoder takes for the same token. 256 bytes leave two bits unused. */
function respelt(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.at(-1)!)
  return token.slice(0, -1) + alphabet[last ^ 1]
}

for (const [title, payload] of [
  ['a duplicate member', '{"iss":"https://ci.test","iss":"https://ci.test"}'],
  ['a duplicate member spelt with an escape', '{"iss":"https://ci.test","\\u0069ss":"x"}'],
  ['a duplicate member deep inside', '{"iss":"https://ci.test","a":[{"b":{"c":1,"c":2}}]}'],
  ['a byte order mark', '\ufeff{"iss":"https://ci.test"}'],
  ['nesting deeper than 16', `{"iss":"https://ci.test","a":${'['.repeat(16)}${']'.repeat(16)}}`],
  ['an array', '["https://ci.test"]'],
  ['null', 'null'],
  ['text after the object', '{"iss":"https://ci.test"} x'],
  ['invalid JSON', '{iss:1}'],
] as const) {
  test(`a payload with ${title} is refused`, async () => {
    assert.equal(await refusal(verify(await farm.sign({}, { payload }))), 'token_malformed')
  })
}

test('an issuer’s own audiences replace ours', async () => {
  const issuer = { ...farm.issuer, audiences: ['https://a.test', 'https://b.test'] }
  await verify(await farm.sign({ aud: 'https://b.test' }), { issuer })
  assert.equal(await refusal(verify(await farm.sign(), { issuer })), 'audience_mismatch')
})

test('our own issuer is nobody’s subject, also where it is configured as an issuer', async () => {
  const issuer = { ...farm.issuer, issuer: ourIssuer }
  assert.equal(await refusal(verify(await farm.sign({ iss: ourIssuer }), { issuer })), 'issuer_unknown')
})

test('an empty sub is refused also where the subject is built from other claims', async () => {
  const issuer: TrustedIssuer = { ...farm.issuer, subject: ['job:', { claim: ['jti'] }] }
  await verify(await farm.sign(), { issuer })
  assert.equal(await refusal(verify(await farm.sign({ sub: '' }), { issuer })), 'claim_malformed')
})

test('an unknown issuer is refused without a look at its keys', async () => {
  const keySets = { find: () => assert.fail('the keys were fetched') }
  assert.equal(await refusal(verify(await farm.sign({ iss: 'https://evil.test' }), { keySets })), 'issuer_unknown')
})

test('an algorithm that the issuer may not use is refused without a look at its keys', async () => {
  const keySets = { find: () => assert.fail('the keys were fetched') }
  const issuer = { ...farm.issuer, algorithms: ['ES256'] as const }
  assert.equal(await refusal(verify(await farm.sign(), { keySets, issuer })), 'algorithm_not_allowed')
})

test('a key that our own checks should never have let through is our failure, not the token’s', async () => {
  const keySets = fixedKeySets({ keys: [{ kid: 'k1', algorithms: ['RS256'], jwk: { kty: 'RSA', use: 'enc' } }] })
  await assert.rejects(verify(await farm.sign(), { keySets }), (error) => !(error instanceof RefusedError))
})

test('the limits themselves are within', async () => {
  const room = 16 * 1024 - (await farm.sign({ filler: '' })).length
  const filled = await farm.sign({ filler: 'x'.repeat(Math.floor((room * 3) / 4)) })
  assert.ok(filled.length > 16 * 1024 - 4 && filled.length <= 16 * 1024, String(filled.length))
  await verify(filled)
  await verify(await farm.sign({ jti: 'j'.repeat(1_024) }))
  await verify(await farm.sign({ sub: 's'.repeat(255) }))
  const longKid = await farm.sign({}, { header: { kid: 'k'.repeat(1_024) } })
  assert.equal(await refusal(verify(longKid)), 'key_unknown')
})

test('keys that cannot be had are an outage, not a bad token', async () => {
  const keySets = { find: () => Promise.reject(new UnavailableError('issuer_keys', 'down')) }
  await assert.rejects(verify(await farm.sign(), { keySets }), UnavailableError)
})

test('a key whose point is not on its curve verifies nothing', async () => {
  const off = Buffer.alloc(32, 7).toString('base64url')
  const keySets = fixedKeySets(parseKeySet({ keys: [{ kty: 'EC', crv: 'P-256', x: off, y: off, kid: 'k1' }] }))
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'k1' })).toString('base64url')
  const payload = Buffer.from(JSON.stringify(farm.claims)).toString('base64url')
  const token = `${header}.${payload}.${Buffer.alloc(64, 1).toString('base64url')}`
  assert.equal(
    await refusal(verify(token, { keySets, issuer: { ...farm.issuer, algorithms: ['ES256'] } })),
    'signature_invalid',
  )
})
