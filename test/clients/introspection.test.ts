import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { blackBox } from '../conformance/broker-fixture.ts'
import { secret, withClients } from '../conformance/client-fixture.ts'
import { accessToken } from '../conformance/lookup-fixture.ts'

const box = blackBox(withClients)

describe('openid-client', () => {
  const discover = (client_id: string, authentication: openid.ClientAuth, metadata = {}) =>
    openid.discovery(new URL(box.broker.url), client_id, metadata, authentication, {
      // oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: this is loopback.
      execute: [openid.allowInsecureRequests],
    })

  for (const [method, client_id, authentication] of [
    ['client_secret_basic', 'legacy', openid.ClientSecretBasic(secret)],
    ['client_secret_post', 'poster', openid.ClientSecretPost(secret)],
  ] as const)
    test(`looks a token up and revokes it, by ${method}`, async () => {
      const configuration = await discover(client_id, authentication)
      const token = await accessToken(box)
      const { active, sub, scope } = await openid.tokenIntrospection(configuration, token)
      assert.deepEqual([active, sub, scope], [true, 'github:repo:1234567/987654', 'deploy:write'])
      await openid.tokenRevocation(configuration, token)
      assert.deepEqual(await openid.tokenIntrospection(configuration, token), { active: false })
    })

  test('takes a signed answer', async () => {
    const metadata = { introspection_signed_response_alg: 'RS256' }
    const configuration = await discover('legacy', openid.ClientSecretBasic(secret), metadata)
    const { active, sub } = await openid.tokenIntrospection(configuration, await accessToken(box))
    assert.deepEqual([active, sub], [true, 'github:repo:1234567/987654'])
  })

  test('a public client revokes what it holds', async () => {
    const configuration = await discover('deploy-cli', openid.None())
    const token = await accessToken(box, { client_id: 'deploy-cli' })
    await openid.tokenRevocation(configuration, token)
    const legacy = await discover('legacy', openid.ClientSecretBasic(secret))
    assert.deepEqual(await openid.tokenIntrospection(legacy, token), { active: false })
  })

  test('reads a wrong secret, and a token of another client, as what they are', async () => {
    const wrong = await discover('legacy', openid.ClientSecretBasic('wrong'))
    // By its challenge.
    await assert.rejects(openid.tokenIntrospection(wrong, 'x'), openid.WWWAuthenticateChallengeError)
    const other = await discover('poster', openid.ClientSecretPost(secret))
    const legacy = await discover('legacy', openid.ClientSecretBasic(secret))
    const { access_token } = await openid.clientCredentialsGrant(legacy, { scope: 'deploy:read' })
    await assert.rejects(openid.tokenRevocation(other, access_token), (error) => {
      assert.ok(error instanceof openid.ResponseBodyError)
      assert.deepEqual([error.status, error.error], [400, 'invalid_grant'])
      return true
    })
  })
})

describe('oauth4webapi', () => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const client: oauth.Client = { client_id: 'legacy' }
  const authentication = oauth.ClientSecretBasic(secret)

  async function discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(box.broker.url)
    const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
    return oauth.processDiscoveryResponse(issuer, response)
  }

  for (const requestJwtResponse of [false, true])
    test(`looks a token up and revokes it, ${requestJwtResponse ? 'by answers that it verifies' : 'in JSON'}`, async () => {
      const server = await discover()
      const lookUp = async (token: string) => {
        const asked = { requestJwtResponse, ...insecure }
        const response = await oauth.introspectionRequest(server, client, authentication, token, asked)
        const answer = await oauth.processIntrospectionResponse(server, client, response)
        if (requestJwtResponse) await oauth.validateApplicationLevelSignature(server, response, insecure)
        return answer
      }
      const token = await accessToken(box)
      const { active, client_id } = await lookUp(token)
      assert.deepEqual([active, client_id], [true, 'github:repo:1234567/987654'])
      const revoked = await oauth.revocationRequest(server, client, authentication, token, insecure)
      assert.equal(await oauth.processRevocationResponse(revoked), undefined)
      assert.deepEqual(await lookUp(token), { active: false })
    })
})
