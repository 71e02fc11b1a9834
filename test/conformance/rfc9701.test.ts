import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, decodeJwt, jwtVerify, type JWTPayload, type ProtectedHeaderParameters } from 'jose'
import { blackBox } from './broker-fixture.ts'
import { basicAuthorization, withClients } from './client-fixture.ts'
import { accessToken, json, postTo, type TextAnswer } from './lookup-fixture.ts'

const box = blackBox(withClients)
const media_type = 'application/token-introspection+jwt'

const introspect = (token: string, accept: string, client = 'legacy'): Promise<TextAnswer> =>
  postTo(box, '/introspect', { token }, { authorization: basicAuthorization(client), accept })

/** Verified from /jwks alone. */
function verified({ text }: TextAnswer): Promise<{ payload: JWTPayload; protectedHeader: ProtectedHeaderParameters }> {
  return jwtVerify(text, createRemoteJWKSet(new URL(`${box.broker.url}/jwks`)), {
    issuer: box.broker.url,
    audience: 'legacy',
    typ: 'token-introspection+jwt',
  })
}

test('section 4: asked for by Accept, and section 5: signed, of a type of its own', async () => {
  const token = await accessToken(box)
  const answer = await introspect(token, media_type)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), media_type)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const { payload, protectedHeader } = await verified(answer)
  // Section 6: the default.
  assert.equal(protectedHeader.alg, 'RS256')
  // Section 5: no sub and no exp, so that it is no access token.
  assert.deepEqual(Object.keys(payload).toSorted(), ['aud', 'iat', 'iss', 'token_introspection'])
  assert.deepEqual(payload.token_introspection, { active: true, token_type: 'Bearer', ...decodeJwt(token) })
  assert.ok(Math.abs(payload.iat! - Date.now() / 1000) < 5)
})

test('section 5: of an inactive token nothing but that, whatever made it so', async () => {
  const revoked = await accessToken(box)
  await postTo(box, '/revoke', { token: revoked })
  for (const token of ['not-a-token', revoked, await box.jobToken()]) {
    const { payload } = await verified(await introspect(token, media_type))
    assert.deepEqual(payload.token_introspection, { active: false })
  }
})

test('section 8.1: it is no token of ours: neither to look up nor to revoke', async () => {
  const { text } = await introspect(await accessToken(box), media_type)
  assert.equal(json(await introspect(text, 'application/json')).active, false)
})

for (const accept of [
  '*/*',
  'application/json',
  `application/json, ${media_type}`,
  `${media_type};q=0.1, */*`,
  'no such thing',
])
  test(`section 4: JSON to who asks for ${accept}`, async () => {
    const answer = await introspect(await accessToken(box), accept)
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(json(answer).active, true)
  })

test('a refusal is JSON whatever was asked for', async () => {
  const authorization = basicAuthorization('legacy', 'wrong')
  const answer = await postTo(box, '/introspect', { token: 'x' }, { authorization, accept: media_type })
  assert.deepEqual([answer.status, json(answer).error], [401, 'invalid_client'])
})

test('section 7: metadata says what it is signed by', async () => {
  const response = await fetch(`${box.broker.url}/.well-known/oauth-authorization-server`)
  const metadata = (await response.json()) as Record<string, unknown>
  assert.deepEqual(metadata.introspection_signing_alg_values_supported, ['RS256'])
  assert.equal(metadata.introspection_endpoint, `${box.broker.url}/introspect`)
  assert.equal(metadata.revocation_endpoint, `${box.broker.url}/revoke`)
})
