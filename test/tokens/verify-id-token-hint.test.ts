import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { base64url, exportJWK, generateKeyPair } from 'jose'
import type { SigningKey } from '../../lib/protocol/signing-keys.ts'
import { verifyIdTokenHint, type HintVerification } from '../../lib/tokens/verify-id-token-hint.ts'
import { now, ourIssuer } from './issuer-fixture.ts'
import { ownTokens, type OwnTokens } from './own-tokens.ts'

let ours: OwnTokens
before(async () => {
  ours = await ownTokens()
})

const clients = { 'web-app': {}, job: {} }
/** As the fixture's claims, with those of an ID token. */
const claims = { sub: 'partner:ada', aud: 'web-app', sid: 's1', client_id: undefined, target: undefined }

const sign = (changed: Record<string, unknown> = {}, header: Record<string, unknown> = {}, kid = 'rs') =>
  ours.sign({ ...claims, ...changed }, { header: { typ: 'JWT', ...header }, kid })

const verify = (token: string, by: Partial<HintVerification> = {}) =>
  verifyIdTokenHint(token, { keys: ours.keys, ourIssuer, clients, ...by })

for (const kid of ['es', 'rs', 'old'])
  test(`what ${kid} signed is ours, whether it signs still or is only published`, async () => {
    assert.deepEqual(await verify(await sign({}, {}, kid)), { sub: 'partner:ada', aud: 'web-app', sid: 's1' })
  })

test('OpenID Connect Core section 3.1.2.1: it may have expired, long ago', async () => {
  for (const exp of [now, now - 1, 1, undefined]) assert.ok(await verify(await sign({ exp })))
})

test('for which of our clients it was does not matter here', async () => {
  assert.equal((await verify(await sign({ aud: 'job' })))?.aud, 'job')
})

test('one without a session, or with a sid that is no text, names none', async () => {
  for (const sid of [undefined, 7, null, ['s1']]) assert.equal((await verify(await sign({ sid })))?.sid, undefined)
})

for (const [what, changed] of [
  ['another issuer', { iss: 'https://other.test' }],
  ['no iss', { iss: undefined }],
  ['a list of issuers', { iss: [ourIssuer] }],
  ['no sub', { sub: undefined }],
  ['a sub that is a number', { sub: 7 }],
  ['no aud', { aud: undefined }],
  ['one audience in a list, as we never write it', { aud: ['web-app'] }],
  ['a client that is no more', { aud: 'gone' }],
  ['a client that is named like a member of every object', { aud: 'constructor' }],
  ['a target for its audience', { aud: 'https://api.test' }],
  ['an issuer for its audience, as what proves us to it', { iss: ourIssuer, sub: ourIssuer, aud: 'https://idp.test' }],
] as const)
  test(`with ${what} it is no ID token of ours`, async () => {
    assert.equal(await verify(await sign(changed)), undefined)
  })

for (const [what, header] of [
  ['the type of an access token', { typ: 'at+jwt' }],
  ['the type of a signed introspection', { typ: 'token-introspection+jwt' }],
  ['the type of a signed answer of /userinfo', { typ: 'userinfo+jwt' }],
  ['the type of a logout token', { typ: 'logout+jwt' }],
  ['no type', { typ: undefined }],
  ['a type in other case', { typ: 'jwt' }],
  ['a type that is no text', { typ: ['JWT'] }],
  ['no kid', { kid: undefined }],
  ['a kid of nobody', { kid: 'nobody' }],
  ['the kid of another key of its algorithm', { kid: 'old' }, 'es'],
  ['the kid of a key of another algorithm', { kid: 'es' }],
  ['a kid that is no text', { kid: 7 }],
] as const)
  test(`under ${what} it is no ID token of ours`, async () => {
    assert.equal(await verify(await sign({}, header)), undefined)
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
  test(`with ${what} in its header it is no ID token of ours`, async () => {
    const signed = await byHand({ alg: 'ES256', typ: 'JWT', kid: 'es', ...header })
    assert.equal(await verify(signed), undefined)
    assert.ok(await verify(await byHand({ alg: 'ES256', typ: 'JWT', kid: 'es' })))
  })

async function byHand(header: Record<string, unknown>): Promise<string> {
  const payload = { iss: ourIssuer, ...claims }
  const input = [header, payload].map((part) => base64url.encode(JSON.stringify(part))).join('.')
  const { signal } = new AbortController()
  const signature = await ours.signer.sign({ kid: 'es', alg: 'ES256' }, Buffer.from(input), signal)
  return `${input}.${base64url.encode(signature)}`
}

test('signed by a stranger under our kid, or by the key in its own header, it is none of ours', async () => {
  const stranger = await ownTokens()
  for (const kid of ['es', 'rs'])
    assert.equal(await verify(await stranger.sign(claims, { header: { typ: 'JWT' }, kid })), undefined)
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const header = { alg: 'ES256', typ: 'JWT', kid: 'es', jwk: await exportJWK(publicKey) }
  const input = [header, { iss: ourIssuer, ...claims }].map((part) => base64url.encode(JSON.stringify(part))).join('.')
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, Buffer.from(input))
  assert.equal(await verify(`${input}.${base64url.encode(new Uint8Array(signature))}`), undefined)
})

test('signed by a key that is published no more it is none of ours', async () => {
  const keys = ours.keys.filter(({ kid }) => kid !== 'old')
  assert.equal(await verify(await sign({}, {}, 'old'), { keys }), undefined)
})

test('a changed claim, a cut signature, another spelling, and what is no token at all', async () => {
  const token = await sign()
  const [header, , signature] = token.split('.') as [string, string, string]
  const payload = base64url.encode(JSON.stringify({ iss: ourIssuer, ...claims, sub: 'partner:bob' }))
  for (const spoilt of [
    `${header}.${payload}.${signature}`,
    token.slice(0, -4),
    `${token}=`,
    ` ${token}`,
    `${token}.`,
    `${token}.a.b`,
    token.slice(0, token.lastIndexOf('.')),
    '',
    'not-a-token',
    'a'.repeat(20_000),
  ])
    assert.equal(await verify(spoilt), undefined, spoilt)
})

test('a published key that cannot be used is our own fault, and is told', async () => {
  const broken: SigningKey = { ...ours.keys[0]!, jwk: { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' } }
  await assert.rejects(verify(await sign({}, {}, 'es'), { keys: [broken] }))
})
