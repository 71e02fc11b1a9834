import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { blackBox } from './broker-fixture.ts'

const box = blackBox()

test('section 5.1 and 5.2: answers are JSON that nobody caches', async () => {
  for (const fields of [{}, { grant_type: 'x' }]) {
    const { headers } = await box.exchange(fields)
    assert.equal(headers.get('content-type'), 'application/json')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('pragma'), 'no-cache')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('strict-transport-security') ?? '', /^max-age=\d+/)
  }
})

for (const [title, fields, headers, status, error] of [
  ['no grant_type', { grant_type: undefined }, {}, 400, 'invalid_request'],
  ['an unknown grant_type', { grant_type: 'password' }, {}, 400, 'unsupported_grant_type'],
  ['a code of nobody', { grant_type: 'authorization_code', code: 'c' }, {}, 401, 'invalid_client'],
  ['an unknown client', { client_id: 'nobody' }, {}, 401, 'invalid_client'],
  ['a secret where no client has one', { client_id: 'nobody', client_secret: 's' }, {}, 401, 'invalid_client'],
  ['Basic credentials', {}, { authorization: 'Basic eDp5' }, 401, 'invalid_client'],
] as const) {
  test(`section 5.2: ${title} is ${error}`, async () => {
    const answer = await box.exchange(fields, headers)
    assert.deepEqual([answer.status, answer.body.error], [status, error])
    // Printable ASCII but for " and \.
    assert.match(String(answer.body.error_description), /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
  })
}

test('section 5.2: a client that tried Basic is told so', async () => {
  assert.match(
    (await box.exchange({}, { authorization: 'Basic eDp5' })).headers.get('www-authenticate') ?? '',
    /^Basic realm=/,
  )
  for (const fields of [{ client_id: 'nobody' }, { client_secret: 'x' }])
    assert.equal((await box.exchange(fields)).headers.get('www-authenticate'), null)
})

for (const [title, body] of [
  ['a repeated parameter', 'grant_type=a&grant_type=a'],
  ['broken percent-encoding', 'grant_type=%zz'],
  ['an empty body', ''],
  ['JSON in a form’s clothes', '{"grant_type":"x"}'],
] as const) {
  test(`section 3.2: ${title} is invalid_request`, async () => {
    const answer = await box.post(body)
    assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_request'])
  })
}

test('section 3.2: parameters without a value count as absent, unknown ones are ignored', async () => {
  assert.equal((await box.exchange({ scope: '', actor_token: '', whatever: 'x' })).status, 200)
})

test('section 3.2: only POST', async () => {
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']) {
    const response = await fetch(`${box.broker.url}/token`, { method })
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST'], method)
  }
})

test('only a form is read', async () => {
  for (const type of [
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded, text/plain',
    '',
  ]) {
    assert.equal((await box.exchange({}, { 'content-type': type })).status, 415, type)
  }
  assert.equal(
    (await box.exchange({}, { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=UTF-8' })).status,
    200,
  )
})

test('section 2.3.1: nothing that belongs in the body is taken from the URL', async () => {
  const form = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    audience: 'deploy-api',
    subject_token: await box.jobToken(),
  }
  const post = (query: string) =>
    fetch(`${box.broker.url}/token?${query}`, { method: 'POST', body: new URLSearchParams(form) })
  for (const query of ['subject_token=x', 'a=b&subject%5Ftoken=x', 'grant_type=x', 'client_secret'])
    assert.equal((await post(query)).status, 400, query)
  assert.equal((await post('utm=x')).status, 200)
})

test('a body over the limit is 413, and over the gateway’s own too', async () => {
  assert.equal((await box.post(`a=${'x'.repeat(70_000)}`)).status, 413)
  assert.equal(
    (await box.post(new Uint8Array(70_000), { 'content-type': 'application/x-www-form-urlencoded' })).status,
    413,
  )
})

test('other paths are 404, with our own body', async () => {
  for (const path of ['/', '/token/', '/Token', '/jwks/', '/.well-known/', '/constructor', '/%74oken']) {
    const response = await fetch(box.broker.url + path, { method: 'POST' })
    assert.equal(response.status, 404, path)
    assert.equal(((await response.json()) as { error: string }).error, 'invalid_request')
  }
})
