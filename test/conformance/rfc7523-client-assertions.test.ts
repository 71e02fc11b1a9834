import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { blackBox, type Answer } from './broker-fixture.ts'
import { basicAuthorization, signerAssertion, withClients } from './client-fixture.ts'

const box = blackBox(withClients)

function ask(client_assertion: string, form: Record<string, string> = {}): Promise<Answer> {
  const body = {
    grant_type: 'client_credentials',
    client_assertion,
    client_assertion_type: JWT_BEARER_ASSERTION,
    ...form,
  }
  return box.post(new URLSearchParams(body).toString())
}

test('section 2.2: a JWT that the client signed is its proof, with or without client_id', async () => {
  for (const form of [{}, { client_id: 'signer' }] as const) {
    const { status, body } = await ask(await signerAssertion(box.broker.url), form)
    assert.equal(status, 200)
    assert.equal(decodeJwt(body.access_token as string).sub, 'signer')
  }
})

const now = () => Math.floor(Date.now() / 1000)
for (const [title, changes] of [
  ['section 3, 1: an issuer that is not the client', () => ({ iss: 'legacy' })],
  ['section 3, 2: a subject that is not the client', () => ({ sub: 'legacy' })],
  [
    'section 3, 3: the token endpoint for an audience, which another server could have named',
    () => ({ aud: `${box.broker.url}/token` }),
  ],
  ['section 3, 3: an audience beside ours', () => ({ aud: [box.broker.url, 'https://other.test'] })],
  ['section 3, 3: no audience', () => ({ aud: undefined as unknown as string })],
  ['section 3, 4: no expiry', () => ({ exp: undefined as unknown as number })],
  ['section 3, 4: an expiry that is past', () => ({ exp: now() - 90 })],
  ['section 3, 4: an expiry unreasonably far away', () => ({ exp: now() + 7_200 })],
  ['section 3, 5: a time before which it counts for nothing', () => ({ nbf: now() + 90 })],
  ['section 3, 6: made in the future', () => ({ iat: now() + 90 })],
  ['section 3, 7: a jti that is no text', () => ({ jti: 7 as unknown as string })],
] as const) {
  test(title, async () => {
    const { status, body } = await ask(await signerAssertion(box.broker.url, changes()), { client_id: 'signer' })
    assert.deepEqual([status, body.error], [401, 'invalid_client'])
  })
}

test('section 3, 7: a jti counts once', async () => {
  const assertion = await signerAssertion(box.broker.url)
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(assertion)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal(answers.filter(({ status }) => status === 401).length, 19)
})

test('section 3, 9: a signature that does not hold', async () => {
  const assertion = await signerAssertion(box.broker.url)
  assert.equal((await ask(`${assertion.slice(0, -8)}AAAAAAAA`)).status, 401)
})

test('section 2.2: a client_id that is another client’s', async () => {
  const { status, body } = await ask(await signerAssertion(box.broker.url), { client_id: 'legacy' })
  assert.deepEqual([status, body.error], [401, 'invalid_client'])
})

test('RFC 6749 section 2.3: an assertion beside Basic', async () => {
  const body = {
    grant_type: 'client_credentials',
    client_assertion: await signerAssertion(box.broker.url),
    client_assertion_type: JWT_BEARER_ASSERTION,
  }
  const answer = await box.post(new URLSearchParams(body).toString(), { authorization: basicAuthorization('legacy') })
  assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_request'])
})

test('a trusted issuer’s token is a client’s proof: a pod’s again and again, a job’s once', async () => {
  const pod = await box.issuer.signForPod({
    aud: [box.broker.url],
    'kubernetes.io': { namespace: 'ops', serviceaccount: { name: 'ops', uid: 'ops-1' } },
  })
  for (const _ of [1, 2]) {
    const { status, body } = await ask(pod, { client_id: 'pod' })
    assert.equal(status, 200)
    const { sub, client_id, client_sub } = decodeJwt(body.access_token as string)
    assert.deepEqual([sub, client_id, client_sub], ['pod', 'pod', 'cluster:serviceaccount:ops-1'])
  }
  const job = await box.jobToken()
  assert.equal((await ask(job, { client_id: 'job' })).status, 200)
  assert.equal((await ask(job, { client_id: 'job' })).status, 401)
  assert.equal((await box.exchange({ subject_token: job })).status, 400)
})

test('a token that the client’s conditions do not fit, one of another issuer, and one without the client’s name', async () => {
  const fork = await box.jobToken({ event_name: 'pull_request_target' })
  assert.equal((await ask(fork, { client_id: 'job' })).status, 401)
  assert.equal((await ask(await box.jobToken({ repository_id: '1' }), { client_id: 'job' })).status, 401)
  assert.equal((await ask(await box.jobToken(), { client_id: 'pod' })).status, 401)
  assert.equal((await ask(await box.jobToken())).status, 401)
})

test('one token for both roles', async () => {
  const job = await box.jobToken()
  const { status, body } = await box.exchange({
    subject_token: job,
    client_id: 'job',
    client_assertion: job,
    client_assertion_type: JWT_BEARER_ASSERTION,
  })
  assert.deepEqual([status, body.error], [401, 'invalid_client'])
  // Neither role has spent it.
  assert.equal((await box.exchange({ subject_token: job })).status, 200)
})
