import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { blackBox } from './broker-fixture.ts'
import { basicAuthorization, secret, signerAssertion, withClients } from './client-fixture.ts'
import { accessToken, face, json, postTo, type TextAnswer } from './lookup-fixture.ts'

const box = blackBox((text) =>
  withClients(text).replace(
    '\nclients:\n',
    `
clients:
  billing: { auth: { client_secret: { sha256: [${sha256}] } }, introspect: [billing-api] }
`,
  ),
)
const sha256 = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(secret))).toString('base64url')

const byLegacy = { authorization: basicAuthorization('legacy') }
const introspect = (
  token: string | undefined,
  headers: Record<string, string> = byLegacy,
  fields: Record<string, string> = {},
): Promise<TextAnswer> => postTo(box, '/introspect', { token, ...fields }, headers)

test('section 2.2: an active token, with every claim that it has', async () => {
  const token = await accessToken(box)
  const answer = await introspect(token)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.match(answer.headers.get('x-decision-id') ?? '', /^[\w-]{22}$/)
  assert.deepEqual(json(answer), { active: true, token_type: 'Bearer', ...decodeJwt(token) })
  const { scope, client_id, sub, aud, commit } = json(answer)
  assert.deepEqual(
    [scope, client_id, sub, aud, commit],
    [
      'deploy:write',
      'github:repo:1234567/987654',
      'github:repo:1234567/987654',
      'https://deploy.acme.dev',
      '6f1c2f1d0c7e4a0f9b5d3e2a1c4b5d6e7f809a1b',
    ],
  )
})

for (const [client, grant] of [
  ['a public client', async () => accessToken(box, { client_id: 'deploy-cli' })],
  ['a confidential client', async () => accessToken(box, {}, byLegacy)],
  [
    'a client that asked for itself',
    async () => accessToken(box, { grant_type: 'client_credentials', scope: 'deploy:read' }, byLegacy),
  ],
] as const)
  test(`section 2.2: a token of ${client}`, async () => {
    const token = await grant()
    const { active, client_id } = json(await introspect(token))
    assert.deepEqual([active, client_id], [true, decodeJwt(token).client_id])
  })

test('section 2.1: token is required', async () => {
  for (const token of [undefined, '']) {
    const answer = await introspect(token)
    assert.deepEqual([answer.status, json(answer).error], [400, 'invalid_request'])
  }
})

test('section 2.1: a hint is no more than that', async () => {
  const token = await accessToken(box)
  for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense'])
    assert.equal(json(await introspect(token, byLegacy, { token_type_hint })).active, true)
})

test('section 2.1: by POST of a form, and by nothing else', async () => {
  const url = `${box.broker.url}/introspect`
  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await fetch(url, { method })
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST'])
  }
  const body = JSON.stringify({ token: 'x' })
  const headers = { ...byLegacy, 'content-type': 'application/json' }
  assert.equal((await fetch(url, { method: 'POST', headers, body })).status, 415)
  const large = new URLSearchParams({ token: 'a'.repeat(70_000) })
  assert.equal((await fetch(url, { method: 'POST', headers: byLegacy, body: large })).status, 413)
})

test('section 4: a token in the URL is refused, since it would stand in logs', async () => {
  const token = await accessToken(box)
  for (const query of [`token=${token}`, `client_secret=${encodeURIComponent(secret)}`, 'client_assertion=x']) {
    const response = await fetch(`${box.broker.url}/introspect?${query}`, {
      method: 'POST',
      headers: byLegacy,
      body: new URLSearchParams({ token }),
    })
    assert.equal(response.status, 400)
  }
})

test('section 2.1: by each way in which a client authenticates', async () => {
  const token = await accessToken(box)
  const federated = { client_assertion_type: JWT_BEARER_ASSERTION, client_id: 'pod' }
  const client_assertion = await box.issuer.signForPod({
    aud: [box.broker.url],
    'kubernetes.io': { namespace: 'ops', serviceaccount: { name: 'x', uid: 'u' } },
  })
  for (const [headers, fields] of [
    [byLegacy, {}],
    [{}, { client_id: 'poster', client_secret: secret }],
    [
      {},
      {
        client_assertion_type: JWT_BEARER_ASSERTION,
        client_assertion: await signerAssertion(box.broker.url),
      },
    ],
    [{}, { ...federated, client_assertion }],
  ] as const)
    assert.equal(json(await introspect(token, headers, fields)).active, true)
})

test('section 2.3: 401 to whoever does not authenticate, whatever the token', async () => {
  const token = await accessToken(box)
  for (const [headers, fields] of [
    [{}, {}],
    [{}, { client_id: 'deploy-cli' }],
    [{}, { client_id: 'nobody' }],
    [{ authorization: basicAuthorization('legacy', 'wrong') }, {}],
    [{ authorization: basicAuthorization('nobody') }, {}],
    [{ authorization: `Bearer ${token}` }, {}],
  ] as const) {
    const good = await introspect(token, headers, fields)
    assert.deepEqual([good.status, json(good).error], [401, 'invalid_client'])
    const bad = await introspect('not-a-token', headers, fields)
    assert.deepEqual(face(bad), face(good))
    const basic = (headers as { authorization?: string }).authorization?.startsWith('Basic') === true
    assert.equal(good.headers.has('www-authenticate'), basic)
  }
})

test('sections 2.2 and 4: what is inactive, unknown or not the caller’s business has one face', async () => {
  const token = await accessToken(box)
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const answers = [
    await introspect('not-a-token'),
    await introspect(await box.jobToken()),
    await introspect(`${header}.${payload}.${'A'.repeat(signature.length)}`),
    await introspect(`${header}.${Buffer.from('{}').toString('base64url')}.${signature}`),
    await introspect('{"AccessKeyId":"ASIAAAAAAAAAAAAAAAAA"}'),
    await introspect('a'.repeat(20_000)),
    // It may look up another target's alone, or none.
    await introspect(token, { authorization: basicAuthorization('billing') }),
    await introspect(token, { authorization: basicAuthorization('idle') }),
  ]
  const revoked = await accessToken(box)
  assert.equal(json(await introspect(revoked)).active, true)
  await postTo(box, '/revoke', { token: revoked })
  answers.push(await introspect(revoked))
  for (const answer of answers) assert.deepEqual(face(answer), face(answers[0]!))
  assert.equal(answers[0]!.text, '{"active":false}')
  assert.equal(answers[0]!.status, 200)
})

test('a revocation takes only the token that it was about', async () => {
  const [one, other] = [await accessToken(box), await accessToken(box)]
  await postTo(box, '/revoke', { token: one })
  assert.deepEqual([json(await introspect(one)).active, json(await introspect(other)).active], [false, true])
})
