import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { base64url, exportJWK, generateKeyPair } from 'jose'
import type { SigningKey } from '../../lib/protocol/signing-keys.ts'
import { verifyOwnToken, type OwnVerification } from '../../lib/tokens/verify-own-token.ts'
import { now, ourIssuer } from './issuer-fixture.ts'
import { ownTokens, type OwnTokens } from './own-tokens.ts'

let ours: OwnTokens
before(async () => {
  ours = await ownTokens()
})

const verify = (token: string, by: Partial<OwnVerification> = {}) =>
  verifyOwnToken(token, { keys: ours.keys, ourIssuer, now, ...by })

for (const kid of ['es', 'rs', 'old'])
  test(`what ${kid} signed is ours, whether it signs still or is only published`, async () => {
    const token = await verify(await ours.sign({}, { kid }))
    assert.deepEqual({ ...token }, { kid, claims: ours.claims })
  })

test('claims that a rule adds, and those of a delegated token, are told', async () => {
  const more = { commit: '6f1c2f1', client_sub: 'farm:pod', parents: ['a', 'b', 'c', 'd'], act: { sub: 'x' } }
  assert.deepEqual((await verify(await ours.sign(more)))?.claims, { ...ours.claims, ...more })
})

for (const [what, claims] of [
  ['another issuer', { iss: 'https://other.test' }],
  ['no iss', { iss: undefined }],
  ['a list of issuers', { iss: [ourIssuer] }],
  ['its end now', { exp: now }],
  ['its end a second ago', { exp: now - 1 }],
  ['no exp', { exp: undefined }],
  ['an exp that is text', { exp: String(now + 60) }],
  ['half a second of exp', { exp: now + 60.5 }],
  ['no iat', { iat: undefined }],
  ['an iat that is text', { iat: String(now) }],
  ['no sub', { sub: undefined }],
  ['an empty sub', { sub: '' }],
  ['no aud', { aud: undefined }],
  ['two audiences', { aud: ['https://api.test', 'https://plain.test'] }],
  ['one audience in a list, as we never write it', { aud: ['https://api.test'] }],
  ['no client_id', { client_id: undefined }],
  ['a client_id that is a number', { client_id: 7 }],
  ['no jti', { jti: undefined }],
  ['an empty jti', { jti: '' }],
  ['a jti that is an object', { jti: {} }],
  ['a scope in a list', { scope: ['read'] }],
  ['no rules', { rules: undefined }],
  ['rules that are text', { rules: 'deploys' }],
  ['no target', { target: undefined }],
  ['a target that is no text', { target: ['api'] }],
  ['a rule that is no text', { rules: ['deploys', 7] }],
  ['a client_sub that is null', { client_sub: null }],
  ['parents that are text', { parents: 'a' }],
  ['a parent that is no text', { parents: [7] }],
  ['five parents', { parents: ['a', 'b', 'c', 'd', 'e'] }],
] as const)
  test(`with ${what} it is none of ours`, async () => {
    assert.equal(await verify(await ours.sign(claims)), undefined)
  })

test('a second before its end it is still ours', async () => {
  assert.notEqual(await verify(await ours.sign({ exp: now + 1 })), undefined)
})

for (const [what, header] of [
  ['the type of an ID token', { typ: 'JWT' }],
  ['no type', { typ: undefined }],
  ['the type of a signed introspection', { typ: 'token-introspection+jwt' }],
  ['a type spelt as we do not', { typ: 'application/at+jwt' }],
  ['a type in other case', { typ: 'AT+JWT' }],
  ['no kid', { kid: undefined }],
  ['a kid of nobody', { kid: 'nobody' }],
  ['the kid of another key', { kid: 'old' }],
  ['the kid of a key of another algorithm', { kid: 'rs' }],
  ['a kid that is no text', { kid: 7 }],
] as const)
  test(`under ${what} it is none of ours`, async () => {
    assert.equal(await verify(await ours.sign({}, { header })), undefined)
  })

// jose signs none of these.
for (const [what, header] of [
  ['crit', { crit: ['exp'] }],
  ['b64', { b64: true }],
  ['b64 made critical', { b64: false, crit: ['b64'] }],
  ['alg none', { alg: 'none' }],
  ['the alg of an HMAC', { alg: 'HS256' }],
  ['an alg that does not fit the key', { alg: 'RS256' }],
] as const)
  test(`with ${what} in its header it is none of ours`, async () => {
    const head = base64url.encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'es', ...header }))
    const input = `${head}.${base64url.encode(JSON.stringify(ours.claims))}`
    const signature = await ours.signer.sign(
      { kid: 'es', alg: 'ES256' },
      Buffer.from(input),
      new AbortController().signal,
    )
    assert.equal(await verify(`${input}.${base64url.encode(signature)}`), undefined)
  })

test('signed by a stranger under our kid it is none of ours', async () => {
  const stranger = await ownTokens()
  for (const kid of ['es', 'rs']) assert.equal(await verify(await stranger.sign({}, { kid })), undefined)
})

test('signed by a key that is published no more it is none of ours', async () => {
  const keys = ours.keys.filter(({ kid }) => kid !== 'old')
  assert.equal(await verify(await ours.sign({}, { kid: 'old' }), { keys }), undefined)
})

test('a changed claim, a cut signature, another spelling, and what is no token at all', async () => {
  const token = await ours.sign()
  const [header, , signature] = token.split('.') as [string, string, string]
  const payload = base64url.encode(JSON.stringify({ ...ours.claims, sub: 'farm:job-8' }))
  for (const spoilt of [
    `${header}.${payload}.${signature}`,
    token.slice(0, -4),
    `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
    `${token}=`,
    ` ${token}`,
    `${token}.`,
    `${token}.a.b`,
    token.slice(0, token.lastIndexOf('.')),
    '',
    'not-a-token',
    '{"AccessKeyId":"ASIAAAAAAAAAAAAAAAAA"}',
    'a'.repeat(20_000),
  ])
    assert.equal(await verify(spoilt), undefined, spoilt)
})

test('a member twice in header or payload is none of ours', async () => {
  const text = JSON.stringify(ours.claims).replace('{', '{"sub":"farm:job-8",')
  const input = `${base64url.encode('{"alg":"ES256","typ":"at+jwt","kid":"es"}')}.${base64url.encode(text)}`
  const signature = await ours.signer.sign(
    { kid: 'es', alg: 'ES256' },
    Buffer.from(input),
    new AbortController().signal,
  )
  assert.equal(await verify(`${input}.${base64url.encode(signature)}`), undefined)
})

test('a published key that cannot be used is our own fault, and is told', async () => {
  const broken: SigningKey = { ...ours.keys[0]!, jwk: { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' } }
  await assert.rejects(verify(await ours.sign(), { keys: [broken] }))
})

test('the key in a token’s own header is not looked at', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const head = { alg: 'ES256', typ: 'at+jwt', kid: 'es', jwk: await exportJWK(publicKey) }
  const input = [head, ours.claims].map((part) => base64url.encode(JSON.stringify(part))).join('.')
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, Buffer.from(input))
  assert.equal(await verify(`${input}.${base64url.encode(new Uint8Array(signature))}`), undefined)
})
