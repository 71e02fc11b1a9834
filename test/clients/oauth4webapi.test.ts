import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { blackBox } from '../conformance/broker-fixture.ts'
import { refusal } from './refusal.ts'

const box = blackBox()
const insecure = { [oauth.allowInsecureRequests]: true }

async function discover(): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(box.broker.url)
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  return oauth.processDiscoveryResponse(issuer, response)
}

async function exchange(
  server: oauth.AuthorizationServer,
  fields: { subject_token: string; audience: string },
  client: oauth.Client = { client_id: 'unused' },
  // A workload has no client_id of its own: None() would send one.
  authentication: oauth.ClientAuth = () => {},
): Promise<oauth.TokenEndpointResponse> {
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    authentication,
    TOKEN_EXCHANGE_GRANT,
    { subject_token_type: JWT_TYPE, ...fields },
    insecure,
  )
  return oauth.processGenericTokenEndpointResponse(server, client, response)
}

/** As the resource server of deploy-api does. */
function validate(
  server: oauth.AuthorizationServer,
  { access_token }: oauth.TokenEndpointResponse,
): Promise<oauth.JWTAccessTokenClaims> {
  const request = new Request('https://deploy.acme.dev/', { headers: { authorization: `Bearer ${access_token}` } })
  return oauth.validateJwtAccessToken(server, request, 'https://deploy.acme.dev', insecure)
}

test('an exchange is completed, and the resource server validates what came of it', async () => {
  const server = await discover()
  const answer = await exchange(server, { subject_token: await box.jobToken(), audience: 'deploy-api' })
  assert.deepEqual([answer.token_type, answer.expires_in, answer.scope], ['bearer', 900, 'deploy:write'])
  const claims = await validate(server, answer)
  assert.deepEqual([claims.sub, claims.scope], ['github:repo:1234567/987654', 'deploy:write'])
})

test('a public client names itself', async () => {
  const server = await discover()
  const fields = { subject_token: await box.jobToken(), audience: 'deploy-api' }
  const answer = await exchange(server, fields, { client_id: 'deploy-cli' }, oauth.None())
  assert.equal((await validate(server, answer)).client_id, 'deploy-cli')
})

test('a replay is an OAuth error with code and description', async () => {
  const server = await discover()
  const fields = { subject_token: await box.jobToken(), audience: 'deploy-api' }
  await exchange(server, fields)
  await assert.rejects(
    exchange(server, fields),
    refusal(oauth.ResponseBodyError, 'invalid_request', 'the subject token was not accepted'),
  )
})

test('a target that is not granted is invalid_target', async () => {
  const fields = { subject_token: await box.jobToken(), audience: 'billing-api' }
  await assert.rejects(
    exchange(await discover(), fields),
    refusal(oauth.ResponseBodyError, 'invalid_target', 'no token can be issued for this target'),
  )
})
