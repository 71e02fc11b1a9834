import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { blackBox } from '../conformance/broker-fixture.ts'
import { refusal } from './refusal.ts'

const box = blackBox()

/** By OpenID Connect Discovery unless `algorithm` says RFC 8414. */
function discover(
  algorithm: 'oidc' | 'oauth2' = 'oidc',
  client_id = 'unused',
  // A workload has no client_id of its own: None() would send one.
  authentication: client.ClientAuth = () => {},
): Promise<client.Configuration> {
  return client.discovery(new URL(box.broker.url), client_id, undefined, authentication, {
    algorithm,
    // oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: this is loopback.
    execute: [client.allowInsecureRequests],
  })
}

function exchange(
  configuration: client.Configuration,
  fields: { subject_token: string; audience: string },
): ReturnType<typeof client.genericGrantRequest> {
  return client.genericGrantRequest(configuration, TOKEN_EXCHANGE_GRANT, { subject_token_type: JWT_TYPE, ...fields })
}

for (const algorithm of ['oidc', 'oauth2'] as const) {
  test(`an exchange is completed, by ${algorithm} discovery`, async () => {
    const fields = { subject_token: await box.jobToken(), audience: 'deploy-api' }
    const answer = await exchange(await discover(algorithm), fields)
    assert.deepEqual([answer.token_type, answer.expiresIn(), answer.scope], ['bearer', 900, 'deploy:write'])
    assert.equal(answer.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token')
    assert.equal(decodeJwt(answer.access_token).sub, 'github:repo:1234567/987654')
  })
}

test('a public client names itself', async () => {
  const configuration = await discover('oidc', 'deploy-cli', client.None())
  const answer = await exchange(configuration, { subject_token: await box.jobToken(), audience: 'deploy-api' })
  assert.equal(decodeJwt(answer.access_token).client_id, 'deploy-cli')
})

test('a replay is an OAuth error with code and description', async () => {
  const configuration = await discover()
  const fields = { subject_token: await box.jobToken(), audience: 'deploy-api' }
  await exchange(configuration, fields)
  await assert.rejects(
    exchange(configuration, fields),
    refusal(client.ResponseBodyError, 'invalid_request', 'the subject token was not accepted'),
  )
})

test('a target that is not granted is invalid_target', async () => {
  const fields = { subject_token: await box.jobToken(), audience: 'billing-api' }
  await assert.rejects(
    exchange(await discover(), fields),
    refusal(client.ResponseBodyError, 'invalid_target', 'no token can be issued for this target'),
  )
})

test('a client that nobody registered is invalid_client', async () => {
  const configuration = await discover('oidc', 'nobody', client.None())
  const fields = { subject_token: await box.jobToken(), audience: 'deploy-api' }
  await assert.rejects(exchange(configuration, fields), (error) => {
    assert.ok(error instanceof client.ResponseBodyError)
    assert.deepEqual([error.status, error.error], [401, 'invalid_client'])
    return true
  })
})
