import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { blackBox } from './broker-fixture.ts'

const box = blackBox((text) =>
  text
    .replace(
      /^issuers:\n/m,
      `issuers:
  offered:
    issuer: http://127.0.0.1:9/offered
    login: { client_id: broker, acr: { "urn:acme:mfa": [mfa], "urn:acme:key": [hwk] } }
  not-offered:
    issuer: http://127.0.0.1:9/not-offered
    login: { client_id: broker, acr: { "urn:acme:unused": [x] } }
`,
    )
    .replace(
      /^clients:\n/m,
      `clients:
  signs-in:
    type: public
    grants: [authorization_code, refresh_token]
    redirect_uris: [https://app.test/cb]
    login: [offered]
`,
    ),
)

async function metadata(name: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${box.broker.url}/.well-known/${name}`)).json()) as Record<string, unknown>
}

const authorization = () => ({
  authorization_endpoint: `${box.broker.url}/authorize`,
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'form_post'],
  grant_types_supported: [
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'client_credentials',
    'authorization_code',
    'refresh_token',
  ],
  code_challenge_methods_supported: ['S256'],
  scopes_supported: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'],
  authorization_response_iss_parameter_supported: true,
  ui_locales_supported: ['en'],
})

const identity = () => ({
  userinfo_endpoint: `${box.broker.url}/userinfo`,
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256', 'RS256'],
  userinfo_signing_alg_values_supported: ['ES256', 'RS256'],
  claim_types_supported: ['normal'],
  claims_parameter_supported: true,
  acr_values_supported: ['urn:acme:key', 'urn:acme:mfa'],
  display_values_supported: ['page'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
})

test('RFC 8414 section 2, RFC 7636 section 6.2.1, RFC 9207 section 3: where people log in, the metadata says how', async () => {
  const document = await metadata('oauth-authorization-server')
  assert.deepEqual({ ...document, ...authorization() }, document)
  assert.deepEqual(
    Object.keys(identity()).filter((name) => Object.hasOwn(document, name)),
    [],
  )
})

test('OpenID Connect Discovery 1.0 section 3: and what can be learned of them', async () => {
  const document = await metadata('openid-configuration')
  assert.deepEqual({ ...document, ...authorization(), ...identity() }, document)
  const claims = document.claims_supported as string[]
  assert.deepEqual(
    ['sub', 'auth_time', 'acr', 'amr', 'name', 'email', 'email_verified', 'phone_number', 'address'].filter(
      (claim) => !claims.includes(claim),
    ),
    [],
  )
  assert.deepEqual(claims.toSorted(), [...new Set(claims)].toSorted())
})

test('another party’s client finds all that it needs', async () => {
  const issuer = new URL(box.broker.url)
  const response = await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: true })
  const server = await oauth.processDiscoveryResponse(issuer, response)
  assert.equal(server.authorization_endpoint, `${box.broker.url}/authorize`)
  assert.equal(server.authorization_response_iss_parameter_supported, true)
})
