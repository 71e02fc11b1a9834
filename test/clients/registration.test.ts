import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { loginBox } from '../conformance/login-fixture.ts'
import { initialToken, withRegistration } from '../conformance/registration-fixture.ts'

const box = loginBox(withRegistration())

// oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: this is loopback.
const execute = [client.allowInsecureRequests]

for (const algorithm of ['oidc', 'oauth2'] as const)
  test(`openid-client registers itself and logs in, by ${algorithm} discovery`, async () => {
    const redirect_uri = `${box.app.url}/cb`
    const metadata = { redirect_uris: [redirect_uri], client_name: 'openid-client' }
    const configuration = await client.dynamicClientRegistration(
      new URL(box.broker.url),
      metadata,
      client.ClientSecretBasic(),
      { algorithm, initialAccessToken: initialToken, execute },
    )
    const { client_id, client_secret } = configuration.clientMetadata()
    assert.match(client_id, /^reg\./)
    assert.equal(typeof client_secret, 'string')

    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri,
      scope: 'openid email',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const browser = box.browser()
    await browser.open(url.href)
    await browser.click('log-in', { username: 'alice', password: 'example' })
    await browser.click('consent-allow')
    const current = new URL(`${redirect_uri}?${box.app.arrived.toString()}`)
    const tokens = await client.authorizationCodeGrant(configuration, current, { pkceCodeVerifier })
    assert.equal(decodeJwt(tokens.id_token ?? '').aud, client_id)
    const sub = tokens.claims()?.sub ?? ''
    // RFC 8414 has no /userinfo.
    if (algorithm === 'oauth2') return
    const userinfo = await client.fetchUserInfo(configuration, tokens.access_token, sub)
    assert.equal(userinfo.sub, sub)
  })

test('openid-client is told why it is not registered', async () => {
  await assert.rejects(
    client.dynamicClientRegistration(
      new URL(box.broker.url),
      { redirect_uris: ['https://evil.example/cb'] },
      client.None(),
      { initialAccessToken: initialToken, execute },
    ),
    (error) => error instanceof client.ResponseBodyError && error.error === 'invalid_redirect_uri',
  )
})
