import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import {
  accessTokenVerifier,
  InsufficientScopeError,
  InvalidTokenError,
  verifyAccessToken,
  type AccessTokenOptions,
  type AccessTokenVerifierOptions,
} from '../../verify/access-token.ts'
import { audience, now, playedBroker, publicJwk, strangersKey, type PlayedBroker } from './played-broker.ts'

async function setUp(t: TestContext, options: Partial<AccessTokenOptions> = {}) {
  const broker = await playedBroker(t)
  return { broker, verify: accessTokenVerifier({ issuer: broker.url, audience, ...options }) }
}

/** RFC 6750 section 3: what may stand in error_description. */
const challenge =
  /^Bearer realm="token-broker", error="invalid_token", error_description="[\x20-\x21\x23-\x5b\x5d-\x7e]+"$/

function isInvalid(error: unknown, message: RegExp, token: string): true {
  assert.ok(error instanceof InvalidTokenError, String(error))
  assert.match(error.message, message)
  assert.deepEqual([error.status, error.code], [401, 'invalid_token'])
  assert.match(error.headers['www-authenticate'] ?? '', challenge)
  const shown = JSON.stringify([error.message, error.headers, error.stack])
  for (const part of token.split(/[.\s]/).filter(({ length }) => length > 8)) assert.ok(!shown.includes(part))
  return true
}

const accepted = [
  ['signed by ES256', {}, {}],
  ['signed by RS256', {}, { header: { alg: 'RS256', kid: 'r1' } }],
  ['of the type application/at+jwt', {}, { header: { typ: 'application/at+jwt' } }],
  ['of a type in capitals', {}, { header: { typ: 'AT+JWT' } }],
  ['without nbf', { nbf: undefined }, {}],
  ['without a scope', { scope: undefined }, {}],
  ['in the last second of the tolerance after exp', { exp: now - 4 }, {}],
  ['issued at the edge of the tolerance', { iat: now + 5 }, {}],
  ['valid from the edge of the tolerance', { nbf: now + 5 }, {}],
] as const

for (const [title, claims, changes] of accepted) {
  test(`a token ${title} is believed, and its claims are what is returned`, async (t) => {
    const { broker, verify } = await setUp(t)
    const token = broker.sign(claims, changes)
    const expected = JSON.parse(JSON.stringify({ ...broker.claims, ...claims })) as unknown
    assert.deepEqual(await verify(token), expected)
    assert.deepEqual(await verifyAccessToken(token, { issuer: broker.url, audience }), expected)
  })
}

const noJws = /not a JWS in compact form/
const refused: [string, Record<string, unknown>, Parameters<PlayedBroker['sign']>[1], RegExp][] = [
  ['for a party whose audience only begins alike', { aud: `${audience}/` }, {}, /another audience/],
  ['for another audience', { aud: 'https://billing.acme.dev' }, {}, /another audience/],
  ['for a list of audiences, ours among them', { aud: [audience, 'https://billing.acme.dev'] }, {}, /another audience/],
  ['for a list of ours alone', { aud: [audience] }, {}, /another audience/],
  ['for nobody', { aud: undefined }, {}, /another audience/],
  ['of another issuer', { iss: 'https://other.test' }, {}, /another issuer/],
  ['of a list of issuers', { iss: ['https://other.test'] }, {}, /another issuer/],
  ['of no issuer', { iss: undefined }, {}, /another issuer/],
  ['at the second where exp and the tolerance end', { exp: now - 5 }, {}, /has expired/],
  ['without exp', { exp: undefined }, {}, /exp is not an integer/],
  ['with an exp that is text', { exp: String(now + 300) }, {}, /exp is not an integer/],
  ['with an exp that is no integer', { exp: now + 0.5 }, {}, /exp is not an integer/],
  ['without iat', { iat: undefined }, {}, /iat is not an integer/],
  ['with an iat that is text', { iat: String(now) }, {}, /iat is not an integer/],
  ['issued in the future', { iat: now + 6 }, {}, /not valid yet/],
  ['valid in the future', { nbf: now + 6 }, {}, /not valid yet/],
  ['with an nbf that is null', { nbf: null }, {}, /nbf is not an integer/],
  ['without sub', { sub: undefined }, {}, /sub is not a string/],
  ['with an empty sub', { sub: '' }, {}, /sub is not a string/],
  ['without client_id', { client_id: undefined }, {}, /client_id is not a string/],
  ['with a client_id that is a number', { client_id: 7 }, {}, /client_id is not a string/],
  ['without jti', { jti: undefined }, {}, /jti is not a string/],
  ['with a jti that is an object', { jti: {} }, {}, /jti is not a string/],
  ['with a scope that is a list', { scope: ['deploy:write'] }, {}, /scope is not a string/],
  ['of type JWT', {}, { header: { typ: 'JWT' } }, /no access token/],
  ['of no type', {}, { header: { typ: undefined } }, /no access token/],
  ['of a type that only ends alike', {}, { header: { typ: 'xat+jwt' } }, /no access token/],
  ['of a type in a list', {}, { header: { typ: ['at+jwt'] } }, /no access token/],
  ['with an empty crit', {}, { header: { crit: [] } }, /needs an extension/],
  ['that needs b64', {}, { header: { crit: ['b64'], b64: true } }, /needs an extension/],
  ['without an alg', {}, { header: { alg: undefined } }, /algorithm that the broker has not/],
  ['with alg none', {}, { header: { alg: 'none' } }, /algorithm that the broker has not/],
  ['with alg HS256', {}, { header: { alg: 'HS256' } }, /algorithm that the broker has not/],
  ['with alg ES384', {}, { header: { alg: 'ES384' } }, /algorithm that the broker has not/],
  ['with alg PS256', {}, { header: { alg: 'PS256', kid: 'r1' } }, /algorithm that the broker has not/],
  ['with RS256 and a key of ES256', {}, { header: { alg: 'RS256' } }, /not that of its key/],
  ['with ES256 and a key of RS256', {}, { header: { kid: 'r1' } }, /not that of its key/],
  ['without a kid', {}, { header: { kid: undefined } }, /names no key/],
  ['with a kid in a list', {}, { header: { kid: ['e1'] } }, /names no key/],
  ['with a kid that the broker has not', {}, { header: { kid: 'e2' } }, /a key that the broker has not/],
  ['signed by a stranger', {}, { key: strangersKey }, /signature .* does not hold/],
  [
    'that brings its own key',
    {},
    { key: strangersKey, header: { jwk: { kty: 'EC' }, jku: 'http://127.0.0.1:1/keys' } },
    /signature .* does not hold/,
  ],
  ['whose claims are no object', {}, { payload: '[]' }, noJws],
  ['whose claims are not JSON', {}, { payload: 'secret' }, noJws],
  ['that says its audience twice', {}, { payload: `{"aud":"${audience}","aud":"${audience}"}` }, noJws],
]

for (const [title, claims, changes, message] of refused) {
  test(`a token ${title} is refused`, async (t) => {
    const { broker, verify } = await setUp(t)
    await verify(broker.sign())
    const token = broker.sign(claims, changes)
    await assert.rejects(verify(token), (error) => isInvalid(error, message, token))
    await assert.rejects(verifyAccessToken(token, { issuer: broker.url, audience }), (error) =>
      isInvalid(error, message, token),
    )
  })
}

const flip = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
const spoilt: [string, (parts: [string, string, string]) => string, RegExp][] = [
  ['with a bit of its signature changed', ([h, p, s]) => `${h}.${p}.${flip(s)}`, /signature .* does not hold/],
  [
    'with a signature a byte short',
    ([h, p, s]) => `${h}.${p}.${Buffer.from(s, 'base64url').subarray(1).toString('base64url')}`,
    /signature .* does not hold/,
  ],
  [
    'signed in DER',
    ([h, p]) => `${h}.${p}.${sign('sha256', Buffer.from(`${h}.${p}`), strangersKey).toString('base64url')}`,
    /signature .* does not hold/,
  ],
  ['without a signature', ([h, p]) => `${h}.${p}.`, noJws],
  ['of two segments', ([h, p]) => `${h}.${p}`, noJws],
  ['of four segments', ([h, p, s]) => `${h}.${p}.${s}.${s}`, noJws],
  ['of five segments', ([h, p, s]) => `${h}.${p}.${s}.${s}.${s}`, noJws],
  ['with padding', ([h, p, s]) => `${h}.${p}.${s}==`, noJws],
  ['with a space before it', ([h, p, s]) => ` ${h}.${p}.${s}`, noJws],
  ['with a newline after it', ([h, p, s]) => `${h}.${p}.${s}\n`, noJws],
  ['over 16 KiB', ([h, p, s]) => `${h}.${p}.${s}${'A'.repeat(16 * 1024)}`, noJws],
  ['that is empty', () => '', noJws],
  ['that is a word', () => 'undefined', noJws],
]

for (const [title, spoil, message] of spoilt) {
  test(`a token ${title} is refused`, async (t) => {
    const { broker, verify } = await setUp(t)
    const token = spoil(broker.sign().split('.') as [string, string, string])
    await assert.rejects(verify(token), (error) => isInvalid(error, message, token))
  })
}

test('what is not text is refused, and no mistake of the caller', async (t) => {
  const { verify } = await setUp(t)
  for (const token of [undefined, null, 7, {}, ['x']] as unknown as string[])
    await assert.rejects(verify(token), /^InvalidTokenError: the access token is not text/)
})

test('a public key is not taken for a secret', async (t) => {
  const { broker, verify } = await setUp(t)
  const input = broker
    .sign({}, { header: { alg: 'HS256', kid: 'r1' } })
    .split('.')
    .slice(0, 2)
    .join('.')
  const secret = JSON.stringify(publicJwk('RS256', 'r1'))
  const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  await assert.rejects(verify(token), (error) => isInvalid(error, /algorithm that the broker has not/, token))
})

test('a key that says it is for another algorithm verifies none of ours', async (t) => {
  const { broker, verify } = await setUp(t)
  broker.jwks = { keys: [{ ...publicJwk('RS256', 'r1'), alg: 'PS256' }, publicJwk('ES256', 'e1')] }
  const token = broker.sign({}, { header: { alg: 'RS256', kid: 'r1' } })
  await assert.rejects(verify(token), InvalidTokenError)
})

test('a key whose point is not on its curve believes nothing, and breaks nothing', async (t) => {
  const { broker, verify } = await setUp(t)
  const { x } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  broker.jwks = { keys: [{ ...publicJwk('ES256', 'e2'), x }, publicJwk('ES256', 'e1')] }
  await verify(broker.sign())
  const token = broker.sign({}, { header: { kid: 'e2' } })
  await assert.rejects(verify(token), (error) => isInvalid(error, /signature .* does not hold/, token))
})

test('a token that could not pass makes nobody look for keys', async (t) => {
  const { broker, verify } = await setUp(t)
  for (const token of [
    'x',
    broker.sign({ iss: 'https://other.test' }),
    broker.sign({ aud: 'https://billing.acme.dev' }),
    broker.sign({ exp: now - 10 }),
    broker.sign({}, { header: { typ: 'JWT' } }),
  ])
    await assert.rejects(verify(token), InvalidTokenError)
  assert.deepEqual(broker.asked, [])
})

for (const [title, scope, needed] of [
  ['one', 'deploy:write', undefined],
  ['all of a list', ['deploy:read', 'deploy:write'], undefined],
  ['all of a text', 'deploy:write deploy:read', undefined],
  ['one that this call needs', undefined, 'deploy:write'],
  ['one for all and one for this call', 'deploy:read', ['deploy:write']],
  ['none of an empty list', [], []],
] as const) {
  test(`a token with the scopes that are needed passes: ${title}`, async (t) => {
    const { broker, verify } = await setUp(t, { scope })
    const { scope: granted } = await verify(broker.sign(), { scope: needed })
    assert.equal(granted, 'deploy:read deploy:write')
  })
}

for (const [title, granted, scope, needed, said] of [
  ['has none', undefined, 'deploy:write', undefined, 'deploy:write'],
  ['has another', 'deploy:read', 'deploy:write', undefined, 'deploy:write'],
  ['has one of two', 'deploy:read', ['deploy:read', 'deploy:write'], undefined, 'deploy:read deploy:write'],
  ['has one that begins alike', 'deploy:writer', 'deploy:write', undefined, 'deploy:write'],
  ['has it in other case', 'Deploy:Write', 'deploy:write', undefined, 'deploy:write'],
  ['lacks what this call needs', 'deploy:read', 'deploy:read', 'deploy:write', 'deploy:read deploy:write'],
  [
    'has what this call needs and lacks the rest',
    'deploy:write',
    'deploy:read',
    'deploy:write',
    'deploy:read deploy:write',
  ],
] as const) {
  test(`a token that ${title} is not enough, and the answer says what would be`, async (t) => {
    const { broker, verify } = await setUp(t, { scope })
    await assert.rejects(verify(broker.sign({ scope: granted }), { scope: needed }), (error) => {
      assert.ok(error instanceof InsufficientScopeError)
      assert.deepEqual([error.status, error.code, error.scope], [403, 'insufficient_scope', said])
      const description = 'error_description="the access token lacks a scope that is needed here"'
      assert.equal(
        error.headers['www-authenticate'],
        `Bearer realm="token-broker", error="insufficient_scope", ${description}, scope="${said}"`,
      )
      return true
    })
  })
}

test('a forged token is not told what would be enough', async (t) => {
  const { broker, verify } = await setUp(t, { scope: 'deploy:admin' })
  await assert.rejects(verify(broker.sign({}, { key: strangersKey })), InvalidTokenError)
})

test('the tolerance can be none', async (t) => {
  const { broker, verify } = await setUp(t, { clockTolerance: 0 })
  await verify(broker.sign({ exp: now + 1, iat: now }))
  await assert.rejects(verify(broker.sign({ exp: now })), /has expired/)
  await assert.rejects(verify(broker.sign({ iat: now + 1 })), /not valid yet/)
})

const good = { issuer: 'https://broker.test', audience }
const client = { clientId: 'api', clientSecret: 'hunter2' }
for (const [title, options, message] of [
  ['no issuer', { audience }, /issuer must be the URL of the broker/],
  ['an issuer that is no URL', { ...good, issuer: 'broker.test' }, /issuer must be the URL/],
  ['an issuer in the clear', { ...good, issuer: 'http://broker.test' }, /issuer must be https/],
  ['an issuer that only begins like loopback', { ...good, issuer: 'http://127.0.0.1.test' }, /issuer must be https/],
  ['an issuer of another kind', { ...good, issuer: 'file:///keys' }, /issuer must be https/],
  ['an issuer with a password', { ...good, issuer: 'https://a:hunter2@broker.test' }, /has a user/],
  ['an issuer with a query', { ...good, issuer: 'https://broker.test?a' }, /a query/],
  ['no audience', { issuer: good.issuer }, /audience must be the audience/],
  ['an empty audience', { ...good, audience: '' }, /audience must be/],
  ['several audiences', { ...good, audience: [audience] }, /audience must be/],
  ['an empty scope', { ...good, scope: '' }, /scope must be scopes/],
  ['two spaces between scopes', { ...good, scope: 'a  b' }, /scope must be scopes/],
  ['a scope that would end the header’s text', { ...good, scope: 'a"b' }, /scope must be scopes/],
  ['a list with a scope that is none', { ...good, scope: [7] }, /scope must be scopes/],
  ['a tolerance over a minute', { ...good, clockTolerance: 61 }, /0 to 60 seconds/],
  ['a tolerance below nothing', { ...good, clockTolerance: -1 }, /0 to 60 seconds/],
  ['a tolerance that is no number', { ...good, clockTolerance: NaN }, /0 to 60 seconds/],
  ['an option that is none', { ...good, scopes: 'deploy:write' }, /has an option that is none: it has issuer, /],
  ['introspection by nobody', { ...good, introspection: { clientSecret: 'hunter2' } }, /needs clientId/],
  ['introspection without a proof', { ...good, introspection: { clientId: 'api' } }, /either clientSecret/],
  [
    'introspection with two proofs',
    { ...good, introspection: { ...client, assertion: () => 'x' } },
    /either clientSecret, a string, or assertion/,
  ],
  [
    'an assertion that is a text',
    { ...good, introspection: { clientId: 'api', assertion: 'x' } },
    /either clientSecret/,
  ],
  ['answers that hold too long', { ...good, introspection: { ...client, cacheSeconds: 301 } }, /0 to 300/],
  ['answers that hold below nothing', { ...good, introspection: { ...client, cacheSeconds: -1 } }, /0 to 300/],
  ['another way out', { ...good, introspection: { ...client, whenUnreachable: 'allow' } }, /refuse or offline/],
  [
    'an option of introspection that is none',
    { ...good, introspection: { ...client, cache: 1 } },
    /introspection has an/,
  ],
] as [string, object, RegExp][]) {
  test(`${title} is a mistake that is found at once`, () => {
    assert.throws(
      () => accessTokenVerifier(options as unknown as AccessTokenVerifierOptions),
      (error: Error) => error.name === 'TypeError' && message.test(error.message) && !/hunter2/.test(error.message),
    )
  })
}

test('what one call needs is checked like any option', async (t) => {
  const { broker, verify } = await setUp(t)
  await assert.rejects(verify(broker.sign(), { scopes: 'deploy:admin' } as object), /^TypeError: verify has an option/)
  await assert.rejects(verify(broker.sign(), { scope: 'a"b' }), /^TypeError: scope must be/)
  const options = { issuer: broker.url, audience, introspection: client } as AccessTokenOptions
  await assert.rejects(verifyAccessToken(broker.sign(), options), /^TypeError: verifyAccessToken has an option/)
})
