import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, test } from 'node:test'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import type { Refusal } from '../../lib/protocol/refusals.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { fixedKeySets, now, ourIssuer, testIssuer, verifyAt, type TestIssuer } from './issuer-fixture.ts'

let farm: TestIssuer

before(async () => {
  farm = await testIssuer()
})

const verify = (token: string, by: Parameters<typeof verifyAt>[2] = {}) => verifyAt(farm, token, by)

function malformed(claim: string, detail: string): Refusal {
  return { reason: 'claim_malformed', claim, detail }
}

test('a good token becomes a verified subject, with everything later steps need', async () => {
  const token = await farm.sign({ ref: 'main' })
  assert.deepEqual(await verify(token), {
    issuer: farm.issuer,
    subject: 'job-7',
    sub: 'farm:job-7',
    claims: { ...farm.claims, ref: 'main' },
    jti: 'j1',
    exp: now + 300,
    hash: createHash('sha256').update(token.split('.').slice(0, 2).join('.')).digest('base64url'),
  })
})

const badIss = malformed('iss', 'not a string')
const badAud = malformed('aud', 'not one string')
const badSub = malformed('sub', 'not a string of 1 to 255 characters')
const badJti = malformed('jti', 'not a short string')

for (const [title, claims, refusal] of [
  ['an unknown issuer', { iss: 'https://other.test' }, { reason: 'issuer_unknown', iss: 'https://other.test' }],
  ['a trailing slash', { iss: 'https://ci.test/' }, { reason: 'issuer_unknown', iss: 'https://ci.test/' }],
  ['an issuer in other case', { iss: 'https://CI.test' }, { reason: 'issuer_unknown', iss: 'https://CI.test' }],
  ['our own token', { iss: ourIssuer }, { reason: 'issuer_unknown', iss: ourIssuer }],
  ['a list of issuers', { iss: ['https://ci.test'] }, badIss],
  ['no iss', { iss: undefined }, badIss],
  ['no exp', { exp: undefined }, malformed('exp', 'absent')],
  ['an exp that is text', { exp: String(now + 300) }, malformed('exp', 'not an integer')],
  ['an exp that is not an integer', { exp: now + 300.5 }, malformed('exp', 'not an integer')],
  ['an exp that is null', { exp: null }, malformed('exp', 'not an integer')],
  [
    'a token at the second its exp and the tolerance end',
    { exp: now - 60, iat: now - 100, nbf: undefined },
    { reason: 'token_expired', exp: now - 60 },
  ],
  ['a future nbf', { nbf: now + 61 }, { reason: 'token_not_yet_valid', claim: 'nbf', value: now + 61 }],
  ['an nbf that is text', { nbf: String(now) }, malformed('nbf', 'not an integer')],
  ['a future iat', { iat: now + 61 }, { reason: 'token_not_yet_valid', claim: 'iat', value: now + 61 }],
  ['an iat that is a boolean', { iat: true }, malformed('iat', 'not an integer')],
  [
    'a lifetime over the issuer’s maximum, from iat',
    { iat: now - 3400, exp: now + 201 },
    { reason: 'token_lifetime_too_long', lifetime: 3601, max_token_lifetime: 3600 },
  ],
  [
    'a lifetime over the issuer’s maximum, from now where iat is absent',
    { iat: undefined, exp: now + 3601 },
    { reason: 'token_lifetime_too_long', lifetime: 3601, max_token_lifetime: 3600 },
  ],
  [
    'an endless token',
    { iat: 0, exp: Number.MAX_SAFE_INTEGER },
    { reason: 'token_lifetime_too_long', lifetime: Number.MAX_SAFE_INTEGER, max_token_lifetime: 3600 },
  ],
  ['no sub', { sub: undefined }, badSub],
  ['an empty sub', { sub: '' }, badSub],
  ['a sub that is a number', { sub: 7 }, badSub],
  ['a sub over 255 characters', { sub: 'x'.repeat(256) }, badSub],
  ['a jti that is not a string', { jti: {} }, badJti],
  ['an empty jti, which would be every token’s', { jti: '' }, badJti],
  ['a jti over 1,024 bytes', { jti: 'ö'.repeat(513) }, badJti],
  ['a null jti', { jti: null }, badJti],
  ['another audience', { aud: 'https://other.test' }, { reason: 'audience_mismatch', aud: 'https://other.test' }],
  ['an audience with a slash', { aud: `${ourIssuer}/` }, { reason: 'audience_mismatch', aud: `${ourIssuer}/` }],
  ['several audiences, ours among them', { aud: [ourIssuer, 'https://other.test'] }, badAud],
  ['our audience twice', { aud: [ourIssuer, ourIssuer] }, badAud],
  ['no audience', { aud: undefined }, badAud],
  ['an empty list of audiences', { aud: [] }, badAud],
  ['an audience inside a list inside a list', { aud: [[ourIssuer]] }, badAud],
] as const satisfies readonly (readonly [string, Record<string, unknown>, Refusal])[]) {
  test(`${title} is refused`, async () => {
    await assert.rejects(verify(await farm.sign(claims)), { name: 'RefusedError', refusal })
  })
}

test('of what the token’s holder chose, a log gets no more than 200 characters', async () => {
  for (const [claim, reason] of [
    ['iss', 'issuer_unknown'],
    ['aud', 'audience_mismatch'],
  ] as const) {
    const refusal = { reason, [claim]: 'x'.repeat(200) }
    await assert.rejects(verify(await farm.sign({ [claim]: 'x'.repeat(201) })), { refusal })
  }
})

for (const [title, claims] of [
  ['a token one second before its exp and the tolerance end', { exp: now - 59, iat: now - 100 }],
  ['an nbf at the edge of the tolerance', { nbf: now + 60 }],
  ['an iat at the edge of the tolerance', { iat: now + 60 }],
  ['a lifetime of exactly the maximum', { iat: now - 3300, exp: now + 300 }],
  ['one audience in a list', { aud: [ourIssuer] }],
  ['no iat, nbf or jti', { iat: undefined, nbf: undefined, jti: undefined }],
  ['a sub of 255 characters', { sub: 'x'.repeat(255) }],
  ['a jti of 1,024 bytes', { jti: 'ö'.repeat(512) }],
] as const) {
  test(`${title} is accepted`, async () => {
    const expected: Record<string, unknown> = { ...farm.claims, ...claims }
    const { jti } = await verify(await farm.sign(claims))
    assert.equal(jti, expected.jti)
  })
}

test('a token of the largest size is accepted', async () => {
  const room = 16 * 1024 - (await farm.sign({ filler: '' })).length
  const filled = await farm.sign({ filler: 'x'.repeat(Math.floor((room * 3) / 4)) })
  assert.ok(filled.length > 16 * 1024 - 4 && filled.length <= 16 * 1024, String(filled.length))
  await verify(filled)
})

test('an issuer’s own audiences replace ours', async () => {
  const issuer = { ...farm.issuer, audiences: ['https://a.test', 'https://b.test'] }
  await verify(await farm.sign({ aud: 'https://b.test' }), { issuer })
  await assert.rejects(verify(await farm.sign(), { issuer }), {
    refusal: { reason: 'audience_mismatch', aud: ourIssuer },
  })
})

test('our own issuer is nobody’s subject, also where it is configured as an issuer', async () => {
  const issuer = { ...farm.issuer, issuer: ourIssuer }
  await assert.rejects(verify(await farm.sign({ iss: ourIssuer }), { issuer }), {
    refusal: { reason: 'issuer_unknown', iss: ourIssuer },
  })
})

test('an empty sub is refused also where the subject is built from other claims', async () => {
  const issuer: TrustedIssuer = { ...farm.issuer, subject: ['job:', { claim: ['jti'] }] }
  assert.equal((await verify(await farm.sign(), { issuer })).sub, 'farm:job:j1')
  await assert.rejects(verify(await farm.sign({ sub: '' }), { issuer }), { refusal: badSub })
})

test('an unknown issuer is refused without a look at its keys', async () => {
  const keySets = { find: () => assert.fail('the keys were fetched') }
  await assert.rejects(verify(await farm.sign({ iss: 'https://evil.test' }), { keySets }), {
    refusal: { reason: 'issuer_unknown', iss: 'https://evil.test' },
  })
})

test('nothing is said of the claims of a token that its issuer did not sign', async () => {
  const thief = await testIssuer()
  for (const claims of [{ exp: now - 60 }, { aud: 'https://other.test' }, { sub: '' }])
    await assert.rejects(verify(await thief.sign(claims)), { refusal: { reason: 'signature_invalid' } })
})

test('the keys are asked for by issuer and kid, within the request’s time', async () => {
  const { signal } = new AbortController()
  const asked: unknown[] = []
  const keySets = {
    find(...args: Parameters<typeof farm.keySets.find>) {
      asked.push(args)
      return farm.keySets.find(...args)
    },
  }
  await verify(await farm.sign(), { keySets, signal })
  await verify(await farm.sign({}, { header: { kid: undefined } }), { keySets, signal })
  assert.deepEqual(asked, [
    [farm.issuer, 'k1', signal],
    [farm.issuer, undefined, signal],
  ])
})

test('keys that cannot be had are an outage, not a bad token', async () => {
  const keySets = { find: () => Promise.reject(new UnavailableError('issuer_keys', 'down')) }
  await assert.rejects(verify(await farm.sign(), { keySets }), UnavailableError)
})

test('a key that our own checks should never have let through is our failure, not the token’s', async () => {
  const keySets = fixedKeySets({ keys: [{ kid: 'k1', algorithms: ['RS256'], jwk: { kty: 'RSA', use: 'enc' } }] })
  await assert.rejects(verify(await farm.sign(), { keySets }), (error) => !(error instanceof RefusedError))
})

const domain = 'spiffe://acme.example'
const spiffe = { issuer: domain, subject: [{ claim: ['sub'] }], replay: 'off' } as const
/** A JWT-SVID, as SPIRE makes one. */
const svid = { iss: undefined, jti: undefined, nbf: undefined, sub: `${domain}/ns/prod/sa/web`, aud: [ourIssuer] }

test('a JWT-SVID needs neither iss nor jti, and its subject is its SPIFFE ID', async () => {
  const issuer = { ...farm.issuer, ...spiffe }
  for (const iss of [undefined, 'https://spire.test', domain]) {
    const { sub, subject, jti } = await verify(await farm.sign({ ...svid, iss }), { issuer })
    assert.deepEqual([sub, subject, jti], [`farm:${svid.sub}`, svid.sub, undefined])
  }
})

const notSpiffe = malformed('sub', 'not the SPIFFE ID of a workload of this trust domain')
for (const [title, claims, refusal] of [
  ['without exp', { exp: undefined }, malformed('exp', 'absent')],
  ['for several audiences', { aud: [ourIssuer, 'https://other.test'] }, badAud],
  ['for another audience', { aud: domain }, { reason: 'audience_mismatch', aud: domain }],
  ['without a path', { sub: domain }, notSpiffe],
  ['with a path of nothing', { sub: `${domain}/` }, notSpiffe],
  ['with an empty segment', { sub: `${domain}/ns//web` }, notSpiffe],
  ['with a dot segment', { sub: `${domain}/ns/../web` }, notSpiffe],
  ['with an encoded letter', { sub: `${domain}/we%62` }, notSpiffe],
  ['with a query', { sub: `${domain}/web?x=y` }, notSpiffe],
  ['of 256 characters', { sub: `${domain}/`.padEnd(256, 'x') }, badSub],
  ['of a user', { sub: 'user@acme.example', iss: domain }, { reason: 'issuer_unknown', iss: domain }],
] as const satisfies readonly (readonly [string, Record<string, unknown>, Refusal])[])
  test(`a JWT-SVID ${title} is refused`, async () => {
    const issuer = { ...farm.issuer, ...spiffe }
    await assert.rejects(verify(await farm.sign({ ...svid, ...claims }), { issuer }), { refusal })
  })

test('a SPIFFE ID of 255 characters is a subject', async () => {
  const issuer = { ...farm.issuer, ...spiffe }
  const { subject } = await verify(await farm.sign({ ...svid, sub: `${domain}/`.padEnd(255, 'x') }), { issuer })
  assert.equal(subject.length, 255)
})

test('the typ JOSE is for JWT-SVIDs', async () => {
  const issuer = { ...farm.issuer, ...spiffe }
  for (const typ of ['JOSE', 'jose', 'JWT', undefined])
    await verify(await farm.sign(svid, { header: { typ } }), { issuer })
  const refusal = (typ: string): Refusal => ({ reason: 'token_type_mismatch', typ })
  await assert.rejects(verify(await farm.sign({}, { header: { typ: 'JOSE' } })), { refusal: refusal('JOSE') })
  for (const typ of ['at+jwt', 'jose+json', 'client-authentication+jwt'])
    await assert.rejects(verify(await farm.sign(svid, { header: { typ } }), { issuer }), { refusal: refusal(typ) })
})
