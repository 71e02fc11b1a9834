import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { subjectTokenAlgorithms } from '../../lib/protocol/algorithms.ts'
import { blackBox } from './broker-fixture.ts'

// Nobody logs in here: login-metadata.test.ts is about where people do.
const box = blackBox((text) =>
  text.replaceAll(/^ {2}(?:partner-orders|partner-app|native-app|spa):\n(?: {4}.*\n)+/gm, ''),
)
const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
const documents = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks']

async function get(path: string, init?: RequestInit): Promise<Response> {
  return fetch(box.broker.url + path, init)
}

test('RFC 8414 section 2 and 3.3: the metadata has its required members, and issuer is where it was asked', async () => {
  const body = (await (await get('/.well-known/oauth-authorization-server')).json()) as Record<string, unknown>
  assert.deepEqual(body, {
    issuer: box.broker.url,
    token_endpoint: `${box.broker.url}/token`,
    jwks_uri: `${box.broker.url}/jwks`,
    response_types_supported: [],
    grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange', 'client_credentials'],
    token_endpoint_auth_methods_supported: ['none', ...methods],
    token_endpoint_auth_signing_alg_values_supported: subjectTokenAlgorithms,
    introspection_endpoint: `${box.broker.url}/introspect`,
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: subjectTokenAlgorithms,
    introspection_signing_alg_values_supported: ['RS256'],
    revocation_endpoint: `${box.broker.url}/revoke`,
    revocation_endpoint_auth_methods_supported: ['none', ...methods],
    revocation_endpoint_auth_signing_alg_values_supported: subjectTokenAlgorithms,
  })
})

test('OpenID Connect Discovery 1.0 section 3: the same, with what verifiers of JWTs look for', async () => {
  const body = (await (await get('/.well-known/openid-configuration')).json()) as Record<string, unknown>
  assert.equal(body.issuer, box.broker.url)
  assert.deepEqual(body.subject_types_supported, ['public'])
  assert.deepEqual(body.id_token_signing_alg_values_supported, ['ES256', 'RS256'])
})

test('RFC 7517 section 5: the key set holds public signing keys with thumbprint kids, and no more', async () => {
  const { keys } = (await (await get('/jwks')).json()) as { keys: Record<string, string>[] }
  assert.deepEqual(keys.map(({ alg }) => String(alg)).toSorted(), ['ES256', 'RS256'])
  for (const key of keys) {
    assert.equal(key.use, 'sig')
    assert.match(key.kid!, /^[\w-]{43}$/)
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'arn', 'state'])
      assert.ok(!Object.hasOwn(key, member), member)
  }
})

for (const path of documents) {
  test(`${path}: GET, HEAD and conditional requests (RFC 9110), cached and open to every origin`, async () => {
    const full = await get(path)
    const text = await full.text()
    const etag = full.headers.get('etag')!
    assert.equal(full.status, 200)
    assert.equal(full.headers.get('content-type'), 'application/json')
    assert.equal(full.headers.get('cache-control'), 'public, max-age=300, stale-if-error=86400')
    assert.equal(full.headers.get('access-control-allow-origin'), '*')
    assert.equal(full.headers.get('x-content-type-options'), 'nosniff')
    assert.match(etag, /^"[\w-]+"$/)
    const head = await get(path, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('etag'), await head.text()], [200, etag, ''])
    for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const unchanged = await get(path, { headers: { 'if-none-match': condition } })
      assert.deepEqual(
        [unchanged.status, await unchanged.text(), unchanged.headers.get('etag')],
        [304, '', etag],
        condition,
      )
    }
    const changed = await get(path, { headers: { 'if-none-match': '"other"' } })
    assert.deepEqual([changed.status, await changed.text()], [200, text])
  })

  test(`${path}: other methods are 405, a preflight is answered`, async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await get(path, { method })
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD, OPTIONS'])
    }
    const preflight = await get(path, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.test', 'access-control-request-method': 'GET' },
    })
    assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-origin')], [204, '*'])
  })
}

test('/healthz answers when ready and is not cached', async () => {
  const response = await get('/healthz')
  assert.deepEqual([response.status, response.headers.get('cache-control')], [200, 'no-store'])
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const refused = await get('/healthz', { method })
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD'], method)
  }
})

test('RFC 9068 sections 2.1, 2.2 and 4: the access token verifies from the published documents alone', async () => {
  const { body } = await box.exchange({ client_id: undefined })
  const { jwks_uri, issuer } = (await (await get('/.well-known/openid-configuration')).json()) as {
    jwks_uri: string
    issuer: string
  }
  const { payload, protectedHeader } = await jwtVerify(
    String(body.access_token),
    createRemoteJWKSet(new URL(jwks_uri)),
    {
      issuer,
      audience: 'https://deploy.acme.dev',
      typ: 'at+jwt',
      algorithms: ['ES256', 'RS256'],
      requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
    },
  )
  assert.equal(protectedHeader.alg, 'ES256')
  assert.equal(payload.sub, 'github:repo:1234567/987654')
  assert.equal(payload.client_id, payload.sub)
  assert.equal(payload.scope, 'deploy:write')
  assert.equal(payload.exp! - payload.iat!, 900)
  assert.match(String(payload.jti), /^[\w-]{22}$/)
})

test('RFC 9068 section 4: another party’s client discovers, exchanges and validates', async () => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(box.broker.url)
  const server = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
  )
  const client: oauth.Client = { client_id: 'unused' }
  const parameters = {
    subject_token: await box.jobToken(),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    audience: 'deploy-api',
  }
  // A workload has no client_id of its own: None() would send one.
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    () => {},
    'urn:ietf:params:oauth:grant-type:token-exchange',
    parameters,
    insecure,
  )
  const result = await oauth.processGenericTokenEndpointResponse(server, client, response)
  const request = new Request('https://deploy.acme.dev/', {
    headers: { authorization: `Bearer ${result.access_token}` },
  })
  const claims = await oauth.validateJwtAccessToken(server, request, 'https://deploy.acme.dev', insecure)
  assert.equal(claims.sub, 'github:repo:1234567/987654')
})
