import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, test } from 'node:test'
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT, type JWK } from 'jose'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { close, listen } from '../../local/loopback.ts'
import { suiteBox } from './openid-suite-fixture.ts'
import { register, withRegistration, type Registered } from './registration-fixture.ts'

// What the plan Dynamic does with clients that it registers itself: private_key_jwt, keys without a kid, no PKCE, and
// assertions for the token endpoint.
const suite = suiteBox(withRegistration({ token_endpoint_audience: 'true' }))
const { box } = suite

const { privateKey, publicKey } = await generateKeyPair('RS256')
const jwk: JWK = { ...(await exportJWK(publicKey)), use: 'sig', alg: 'RS256' }

const keysAsked: string[] = []
const keyServer = createServer((request, response) => {
  keysAsked.push(request.url ?? '')
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
})
const keysUrl = await listen(keyServer, 0)
after(() => close(keyServer))

/** As the suite registers each of its clients. */
async function registered(changes: Record<string, unknown> = {}): Promise<Registered & { client_id: string }> {
  const made = await register(box, {
    client_name: 'token-broker test client',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    contacts: ['certification@example.com'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk] },
    ...changes,
  })
  return { ...made, client_id: String(made.body.client_id) }
}

async function proof(client_id: string): Promise<Record<string, string | undefined>> {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: client_id, sub: client_id, aud: `${box.broker.issuer}/token`, iat, exp: iat + 60 }
  const client_assertion = await new SignJWT({ ...claims, jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'RS256' })
    .sign(privateKey)
  return { client_assertion, client_assertion_type: JWT_BEARER_ASSERTION }
}

async function flow(client_id: string, changes: Record<string, string> = {}) {
  const { arrived, nonce } = await suite.authorize({ client_id, ...changes })
  assert.equal(arrived.get('error'), null, arrived.get('error_description') ?? '')
  const { status, body } = await suite.redeem(arrived, await proof(client_id), {})
  assert.equal(status, 200, JSON.stringify(body))
  const id_token = await suite.checkIdToken(body.id_token, nonce, client_id)
  return { body, id_token }
}

test('oidcc-server: a client that registered itself logs somebody in', async () => {
  const { status, client_id } = await registered()
  assert.equal(status, 201)
  const { body, id_token } = await flow(client_id)
  const answer = await suite.userinfo(body.access_token)
  assert.equal(((await answer.json()) as { sub: string }).sub, id_token.sub)
})

test('oidcc-idtoken-rs256: an ID token is signed by RS256 where the client registers that', async () => {
  const { client_id, body } = await registered({ id_token_signed_response_alg: 'RS256' })
  assert.equal(body.id_token_signed_response_alg, 'RS256')
  // RS256 alone is taken there.
  await flow(client_id)
})

test('oidcc-userinfo-rs256: /userinfo is signed where the client registers that', async () => {
  const { client_id } = await registered({ userinfo_signed_response_alg: 'RS256' })
  const { body, id_token } = await flow(client_id)
  const answer = await suite.userinfo(body.access_token)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/jwt/)
  const checks = { issuer: box.broker.issuer, audience: client_id, algorithms: ['RS256'] }
  const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
  assert.equal((await jwtVerify(await answer.text(), keys, checks)).payload.sub, id_token.sub)
})

test('oidcc-redirect-uri-regfrag: a redirect URI with a fragment is not registered', async () => {
  const { status, body } = await registered({ redirect_uris: [`${box.app.url}/cb#fragment`] })
  assert.deepEqual([status, body.error], [400, 'invalid_redirect_uri'])
})

for (const [module, member, id] of [
  ['oidcc-registration-policy-uri', 'policy_uri', 'consent-policy'],
  ['oidcc-registration-tos-uri', 'tos_uri', 'consent-terms'],
] as const)
  test(`${module}: the person is shown the link before they allow anything`, async () => {
    const uri = `https://app.example/${member}`
    const { client_id, body } = await registered({ [member]: uri })
    assert.equal(body[member], uri)
    const browser = box.browser()
    await box.login(browser, {
      client_id,
      scope: 'openid',
      code_challenge: undefined,
      code_challenge_method: undefined,
    })
    assert.deepEqual(
      browser.page.links.filter((link) => link.id === id).map(({ href }) => href),
      [uri],
    )
  })

test('oidcc-registration-jwks-uri: keys are fetched where the client says', async () => {
  keysAsked.length = 0
  const { client_id } = await registered({ jwks: undefined, jwks_uri: `${keysUrl}/jwks` })
  assert.deepEqual(keysAsked, [])
  await flow(client_id)
  assert.deepEqual(keysAsked, ['/jwks'])
})

test('oidcc-refresh-token: a refresh token is its client’s, and brings an ID token of the same person', async () => {
  const [one, other] = [await registered(), await registered()]
  const staying = { scope: 'openid offline_access', prompt: 'consent' }
  const { body, id_token } = await flow(one.client_id, staying)
  const { refresh_token } = body
  const refused = await box.refresh(refresh_token, { client_id: undefined, ...(await proof(other.client_id)) })
  assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'])
  const good = await box.refresh(refresh_token, { client_id: undefined, ...(await proof(one.client_id)) })
  assert.equal(good.status, 200)
  const next = await suite.checkIdToken(good.body.id_token, undefined, one.client_id)
  assert.deepEqual([next.sub, next.iss, next.aud], [id_token.sub, id_token.iss, id_token.aud])
})
