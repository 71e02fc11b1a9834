import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { clientSecret, loginBox, verifier, withRefreshing } from '../conformance/login-fixture.ts'

const box = loginBox(withRefreshing)
const scope = 'openid email offline_access'

for (const [title, client_id, authenticate] of [
  ['a public client', 'web-app', openid.None()],
  ['a confidential one', 'confidential', openid.ClientSecretBasic(clientSecret)],
] as const)
  test(`openid-client refreshes, with every check that it has, and revokes: ${title}`, async () => {
    const configuration = await openid.discovery(new URL(box.broker.url), client_id, {}, authenticate, {
      // oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: this is loopback.
      execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
    })
    assert.ok(configuration.serverMetadata().grant_types_supported?.includes('refresh_token'))
    const arrived = await box.login(box.browser(), { client_id, scope })
    const first = await openid.authorizationCodeGrant(
      configuration,
      new URL(`${box.app.url}/cb?${arrived.toString()}`),
      { pkceCodeVerifier: verifier, expectedState: 'the-state', expectedNonce: 'the-nonce' },
    )
    const second = await openid.refreshTokenGrant(configuration, first.refresh_token!)
    assert.equal(second.claims()?.sub, first.claims()?.sub)
    const third = await openid.refreshTokenGrant(configuration, second.refresh_token!, { scope: 'openid' })
    assert.equal(third.scope, 'openid')
    await openid.tokenRevocation(configuration, third.refresh_token!)
    await assert.rejects(
      openid.refreshTokenGrant(configuration, third.refresh_token!),
      (error) => error instanceof openid.ResponseBodyError && error.error === 'invalid_grant',
    )
  })

test('oauth4webapi refreshes, with every check that it has, and revokes', async () => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(box.broker.url)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  assert.ok(server.scopes_supported?.includes('offline_access'))
  const client: oauth.Client = { client_id: 'web-app' }
  const { body } = await box.tokens({ scope })
  const refresh = (token: string) => oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, insecure)
  const response = await refresh(String(body.refresh_token))
  const tokens = await oauth.processRefreshTokenResponse(server, client, response)
  await oauth.validateApplicationLevelSignature(server, response, insecure)
  assert.equal(oauth.getValidatedIdTokenClaims(tokens)?.sub, 'acme-partner:e-1041')
  const token = tokens.refresh_token ?? assert.fail('no refresh token')
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, oauth.None(), token, insecure))
  await assert.rejects(
    async () => oauth.processRefreshTokenResponse(server, client, await refresh(token)),
    (error) => error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant',
  )
})
