import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { loginBox, clientSecret } from '../conformance/login-fixture.ts'

const box = loginBox()

/** Sends a browser there, logs in as alice, and returns where it was sent back to. */
async function through(url: URL): Promise<URL> {
  const browser = box.browser()
  await browser.open(url.href)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  return new URL(browser.url)
}

for (const [title, client_id, metadata, authenticate] of [
  ['a public client', 'web-app', {}, openid.None()],
  [
    'a secret in the header',
    'confidential',
    { userinfo_signed_response_alg: 'RS256' },
    openid.ClientSecretBasic(clientSecret),
  ],
  [
    'a secret in the form',
    'confidential',
    { userinfo_signed_response_alg: 'RS256' },
    openid.ClientSecretPost(clientSecret),
  ],
] as const)
  test(`openid-client logs people in, from discovery to /userinfo: ${title}`, async () => {
    const configuration = await openid.discovery(new URL(box.broker.url), client_id, metadata, authenticate, {
      // oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: this is loopback.
      execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
    })
    const pkceCodeVerifier = openid.randomPKCECodeVerifier()
    const checks = { expectedState: openid.randomState(), expectedNonce: openid.randomNonce(), maxAge: 60 }
    const url = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: `${box.app.url}/cb`,
      scope: 'openid email',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      max_age: '60',
    })
    const back = await through(url)
    const tokens = await openid.authorizationCodeGrant(configuration, back, {
      ...checks,
      pkceCodeVerifier,
      idTokenExpected: true,
    })
    const claims = tokens.claims()!
    assert.equal(claims.sub, 'acme-partner:e-1041')
    const person = await openid.fetchUserInfo(configuration, tokens.access_token, claims.sub)
    assert.equal(person.email, 'alice@partner.example')
  })

test('oauth4webapi logs people in, with every check that it has', async () => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(box.broker.url)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const client: oauth.Client = { client_id: 'web-app' }
  const code_verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(server.authorization_endpoint!)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: `${box.app.url}/cb`,
    response_type: 'code',
    scope: 'openid profile orders:read',
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }).toString()
  const parameters = oauth.validateAuthResponse(server, client, await through(url), state)
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    `${box.app.url}/cb`,
    code_verifier,
    insecure,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(server, response, insecure)
  assert.equal(oauth.getValidatedIdTokenClaims(tokens)?.name, 'Alice Example')
  assert.equal(tokens.scope, 'openid profile orders:read')
  const api = new Request('https://orders.acme.dev/', { headers: { authorization: `Bearer ${tokens.access_token}` } })
  const claims = await oauth.validateJwtAccessToken(server, api, 'https://orders.acme.dev', insecure)
  assert.equal(claims.client_id, 'web-app')
})

test('oauth4webapi reads an error as one', async () => {
  const issuer = new URL(box.broker.url)
  const insecure = { [oauth.allowInsecureRequests]: true }
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const browser = box.browser()
  await browser.open(box.authorizationUrl({ prompt: 'none' }))
  assert.throws(
    () => oauth.validateAuthResponse(server, { client_id: 'web-app' }, new URL(browser.url), 'the-state'),
    (error) => error instanceof oauth.AuthorizationResponseError && error.error === 'login_required',
  )
})
