import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blackBox } from './broker-fixture.ts'
import { basicAuthorization, secret, withClients } from './client-fixture.ts'
import { accessToken, face, json, postTo, type TextAnswer } from './lookup-fixture.ts'

const box = blackBox(withClients)
const byLegacy = { authorization: basicAuthorization('legacy') }
const bySomebodyElse = { client_id: 'poster', client_secret: secret }

const revoke = (
  token: string | undefined,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<TextAnswer> => postTo(box, '/revoke', { token, ...fields }, headers)

async function isActive(token: string): Promise<unknown> {
  return json(await postTo(box, '/introspect', { token }, byLegacy)).active
}

test('section 2.2: 200 and nothing more, and the token is inactive at once', async () => {
  const token = await accessToken(box)
  assert.equal(await isActive(token), true)
  const answer = await revoke(token)
  assert.deepEqual([answer.status, answer.text], [200, ''])
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.match(answer.headers.get('x-decision-id') ?? '', /^[\w-]{22}$/)
  assert.equal(await isActive(token), false)
})

test('section 2.2: again, or what was never a token of ours: the same answer', async () => {
  const token = await accessToken(box)
  const first = await revoke(token)
  for (const other of [token, 'not-a-token', await box.jobToken(), 'a'.repeat(20_000), '{}'])
    assert.deepEqual(face(await revoke(other)), face(first))
})

test('section 2.1: token is required', async () => {
  const answer = await revoke(undefined)
  assert.deepEqual([answer.status, json(answer).error], [400, 'invalid_request'])
})

test('sections 2.1 and 2.2: a hint, also one that nobody knows, changes nothing', async () => {
  for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense']) {
    const token = await accessToken(box)
    assert.equal((await revoke(token, { token_type_hint })).status, 200)
    assert.equal(await isActive(token), false)
  }
})

test('section 2.1: whoever holds a token of a workload, or of a public client, revokes it', async () => {
  for (const fields of [{}, { client_id: 'deploy-cli' }])
    for (const [form, headers] of [
      [{}, {}],
      [{ client_id: 'deploy-cli' }, {}],
      [{}, byLegacy],
    ] as const) {
      const token = await accessToken(box, fields)
      assert.equal((await revoke(token, form, headers)).status, 200)
      assert.equal(await isActive(token), false)
    }
})

test('section 2.1: a token of a confidential client is revoked by that client alone', async () => {
  const token = await accessToken(box, {}, byLegacy)
  const anonymous = await revoke(token)
  assert.deepEqual([anonymous.status, json(anonymous).error], [401, 'invalid_client'])
  const named = await revoke(token, { client_id: 'deploy-cli' })
  assert.deepEqual([named.status, json(named).error], [401, 'invalid_client'])
  const other = await revoke(token, bySomebodyElse)
  assert.deepEqual([other.status, json(other).error], [400, 'invalid_grant'])
  assert.equal(await isActive(token), true)
  assert.equal((await revoke(token, {}, byLegacy)).status, 200)
  assert.equal(await isActive(token), false)
})

test('section 2.1: credentials are looked at first: wrong ones revoke nothing', async () => {
  const token = await accessToken(box)
  for (const [fields, headers] of [
    [{}, { authorization: basicAuthorization('legacy', 'wrong') }],
    [{ client_id: 'nobody' }, {}],
    [{ client_id: 'legacy' }, {}],
  ] as const) {
    const answer = await revoke(token, fields, headers)
    assert.deepEqual([answer.status, json(answer).error], [401, 'invalid_client'])
  }
  assert.equal(await isActive(token), true)
})

test('section 2.2.1: AWS credentials are unsupported_token_type, and the answer says where to read on', async () => {
  const { body } = await box.exchange({ audience: 'web-deployer' })
  for (const [token, fields] of [
    [String(body.access_token), {}],
    ['anything', { token_type_hint: 'urn:token-broker:token-type:aws-credentials' }],
  ] as const) {
    const answer = await revoke(token, fields)
    assert.deepEqual([answer.status, json(answer).error], [400, 'unsupported_token_type'])
    assert.match(String(json(answer).error_description), /docs\/aws-credentials\.md \(decision [\w-]{22}\)$/)
  }
})

test('section 2.1: by POST of a form, and never in the URL', async () => {
  const url = `${box.broker.url}/revoke`
  for (const method of ['GET', 'PUT', 'DELETE'])
    assert.deepEqual(await fetch(url, { method }).then(({ status, headers }) => [status, headers.get('allow')]), [
      405,
      'POST',
    ])
  const token = await accessToken(box)
  const body = new URLSearchParams({ token })
  assert.equal((await fetch(`${url}?token=${token}`, { method: 'POST', body })).status, 400)
  assert.equal((await fetch(url, { method: 'POST', body: JSON.stringify({ token }) })).status, 415)
  assert.equal(await isActive(token), true)
})

test('50 revocations of one token at once, and 50 look-ups: all 200, and it ends inactive', async () => {
  const token = await accessToken(box)
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => (i % 2 ? revoke(token) : postTo(box, '/introspect', { token }, byLegacy))),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(await isActive(token), false)
})
