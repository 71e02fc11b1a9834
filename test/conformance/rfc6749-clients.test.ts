import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { blackBox, type Answer } from './broker-fixture.ts'
import { basicAuthorization, secret, withClients } from './client-fixture.ts'

const box = blackBox(withClients)

function ask(form: Record<string, string> = {}, authorization?: string): Promise<Answer> {
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString()
  return box.post(body, authorization === undefined ? {} : { authorization })
}

test('section 4.4: client_credentials give a token for the client itself, and no more than section 5.1 says', async () => {
  const { status, headers, body } = await ask({}, basicAuthorization('legacy'))
  const { access_token, ...rest } = body
  assert.deepEqual([status, rest], [200, { token_type: 'Bearer', expires_in: 900, scope: 'deploy:read' }])
  assert.equal(headers.get('cache-control'), 'no-store')
  // RFC 9068 section 2.2
  const { sub, client_id, aud } = decodeJwt(access_token as string)
  assert.deepEqual([sub, client_id, aud], ['legacy', 'legacy', 'https://deploy.acme.dev'])
})

test('section 4.4.2: a scope may be asked for, and no more than is granted', async () => {
  assert.equal((await ask({ scope: 'deploy:read' }, basicAuthorization('legacy'))).status, 200)
  const { status, body } = await ask({ scope: 'deploy:write' }, basicAuthorization('legacy'))
  assert.deepEqual([status, body.error], [400, 'invalid_scope'])
})

test('section 2.3.1: id and secret are form-encoded in Authorization, whose scheme has no case', async () => {
  assert.equal((await ask({}, basicAuthorization('legacy'))).status, 200)
  assert.equal((await ask({}, basicAuthorization('legacy').replace('Basic', 'bAsIc'))).status, 200)
  const raw = `Basic ${Buffer.from(`legacy:${secret}`).toString('base64')}`
  assert.equal((await ask({}, raw)).status, 401)
})

test('section 2.3.1: in the body for a client that may', async () => {
  assert.equal((await ask({ client_id: 'poster', client_secret: secret })).status, 200)
  assert.equal((await ask({ client_id: 'legacy', client_secret: secret })).status, 401)
  assert.equal((await ask({}, basicAuthorization('poster'))).status, 401)
})

test('section 2.3.1: in the URL for nobody', async () => {
  for (const query of [`client_secret=${encodeURIComponent(secret)}`, 'client_assertion=x']) {
    const response = await fetch(`${box.broker.url}/token?${query}`, {
      method: 'POST',
      headers: { authorization: basicAuthorization('legacy') },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    assert.equal(response.status, 400, query)
  }
})

test('section 2.3: one method a request', async () => {
  const { status, body } = await ask({ client_id: 'legacy', client_secret: secret }, basicAuthorization('legacy'))
  assert.deepEqual([status, body.error], [400, 'invalid_request'])
})

test('section 5.2: a failed authentication is 401 invalid_client, and by Basic with a challenge', async () => {
  const byBasic = await ask({}, basicAuthorization('legacy', 'wrong'))
  assert.deepEqual([byBasic.status, byBasic.body.error], [401, 'invalid_client'])
  assert.match(byBasic.headers.get('www-authenticate') ?? '', /^Basic realm="[^"]+", charset="UTF-8"$/)
  const byPost = await ask({ client_id: 'poster', client_secret: 'wrong' })
  assert.deepEqual([byPost.status, byPost.headers.get('www-authenticate')], [401, null])
})

test('section 5.2: an unknown client, a wrong secret and another kind of client are told apart by nothing', async () => {
  const answers = await Promise.all(
    ['legacy', 'nobody', 'deploy-cli', 'signer', 'constructor'].map((id) => ask({}, basicAuthorization(id, 'wrong'))),
  )
  const faces = answers.map(({ status, headers, body }) =>
    JSON.stringify([
      status,
      headers.get('www-authenticate'),
      { ...body, error_description: String(body.error_description).replace(/\(decision .*\)/, '') },
    ]),
  )
  assert.equal(new Set(faces).size, 1, faces.join('\n'))
})

test('section 5.2: client_credentials without a client, for a public one, and for one that only gives its name', async () => {
  for (const form of [{}, { client_id: 'legacy' }] as const) assert.equal((await ask(form)).status, 401)
  const { status, body } = await ask({ client_id: 'deploy-cli' })
  assert.deepEqual([status, body.error], [400, 'unauthorized_client'])
})

test('section 5.2: a grant type that the client does not have', async () => {
  const { status, body } = await ask({}, basicAuthorization('idle'))
  assert.deepEqual([status, body.error], [400, 'unauthorized_client'])
})

test('RFC 8693 section 2.1: a client that authenticates may trade a token, which then says who asked', async () => {
  const { status, body } = await box.exchange({}, { authorization: basicAuthorization('legacy') })
  assert.equal(status, 200)
  const { sub, client_id } = decodeJwt(body.access_token as string)
  assert.deepEqual([sub, client_id], ['github:repo:1234567/987654', 'legacy'])
})
