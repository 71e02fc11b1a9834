import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { before, test, type TestContext } from 'node:test'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import { serve } from '../http/test-server.ts'
import { delivery, notice, type Told } from '../logout/delivery-fixture.ts'
import { now, ourIssuer } from '../tokens/issuer-fixture.ts'
import { ownTokens, type OwnTokens } from '../tokens/own-tokens.ts'

// OpenID Connect Back-Channel Logout 1.0, as a client reads it that other people wrote, and as another provider writes it.

interface Provider {
  callback(): RequestListener
  Client: { find(client_id: string): Promise<{ backchannelLogout(sub: string, sid: string): Promise<void> }> }
}
interface Sent {
  method: string
  headers: Record<string, string>
  body: URLSearchParams
}
// @ts-expect-error: it has no types.
const library: unknown = await import('oidc-provider')
const { default: Provider } = library as { default: new (issuer: string, configuration: object) => Provider }

const event = 'http://schemas.openid.net/event/backchannel-logout'
let own: OwnTokens
before(async () => {
  own = await ownTokens()
})

async function ours(t: TestContext): Promise<Told> {
  const client = await delivery(t, own, (_, response) => response.end())
  await client.deliver({ login: { id_token_signed_response_alg: 'RS256' } })
  return client.told[0]!
}

/** What oidc-provider sends for a client that asks for the same. */
async function theirs(t: TestContext): Promise<Told> {
  for (const method of ['info', 'warn'] as const) t.mock.method(console, method, () => {})
  const client = await delivery(t, own, (_, response) => response.end())
  let listener: RequestListener = () => {}
  const port = await serve(t, (request, response) => listener(request, response))
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      {
        client_id: 'web-app',
        client_secret: 'a secret of a test',
        redirect_uris: ['https://app.example/cb'],
        backchannel_logout_uri: client.uri,
        backchannel_logout_session_required: true,
      },
    ],
    features: { backchannelLogout: { enabled: true } },
    cookies: { keys: ['of a test'] },
    // Its own does not go to this machine.
    fetch: (url: string, { method, headers, body }: Sent) => fetch(url, { method, headers, body }),
  })
  listener = provider.callback()
  await (await provider.Client.find('web-app')).backchannelLogout('acme:ada', 'the-session')
  return client.told[0]!
}

const tokenOf = ({ form }: Told) => form.get('logout_token') ?? ''

test('it is sent as oidc-provider sends its own, member by member', async (t) => {
  const [one, other] = [await ours(t), await theirs(t)]
  assert.deepEqual(
    [one.method, one.path, one.type?.split(';')[0], [...one.form.keys()]],
    [other.method, other.path, other.type?.split(';')[0], [...other.form.keys()]],
  )
  const [header, otherHeader] = [one, other].map((told) => decodeProtectedHeader(tokenOf(told)))
  assert.deepEqual({ ...header, kid: '' }, { ...otherHeader, kid: '' })
  const [claims, otherClaims] = [one, other].map((told) => decodeJwt(tokenOf(told))) as [JWTPayload, JWTPayload]
  assert.deepEqual(Object.keys(claims).toSorted(), Object.keys(otherClaims).toSorted())
  for (const name of ['sub', 'sid', 'aud', 'events']) assert.deepEqual(claims[name], otherClaims[name], name)
  assert.equal(claims.exp! - claims.iat!, otherClaims.exp! - otherClaims.iat!)
  for (const { jti, iss } of [claims, otherClaims]) assert.deepEqual([typeof jti, typeof iss], ['string', 'string'])
})

/** Section 2.6, by its numbers. Neither openid-client nor oauth4webapi validates logout tokens. */
async function validate(token: string, keys: OwnTokens['keys']): Promise<JWTPayload> {
  const jwks = { keys: keys.map(({ kid, alg, jwk }) => ({ ...jwk, kid, alg, use: 'sig' })) }
  // 2 to 4: the signature, its algorithm, iss, aud, iat and exp; and the type, which the section leaves to the client.
  const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), {
    algorithms: ['RS256'],
    typ: 'logout+jwt',
    issuer: ourIssuer,
    audience: 'web-app',
    requiredClaims: ['iss', 'aud', 'iat', 'exp', 'jti', 'events'],
    currentDate: new Date(now * 1000),
    maxTokenAge: 120,
  })
  // 5
  assert.ok(payload.sub !== undefined || payload.sid !== undefined)
  // 6
  const { [event]: logout } = payload.events as Record<string, unknown>
  assert.deepEqual(logout, {})
  // 7
  assert.ok(!('nonce' in payload))
  // 9 to 11
  assert.deepEqual([payload.iss, payload.sub, payload.sid], [ourIssuer, notice.sub, notice.sid])
  return payload
}

test('it holds by every rule of section 2.6', async (t) => {
  const payload = await validate(tokenOf(await ours(t)), own.keys)
  // 8: of this jti no other was seen.
  assert.equal(payload.jti, notice.id)
})

test('it holds for no other client, and is no ID token', async (t) => {
  const token = tokenOf(await ours(t))
  const jwks = createLocalJWKSet({ keys: own.keys.map(({ kid, alg, jwk }) => ({ ...jwk, kid, alg })) })
  const currentDate = new Date(now * 1000)
  await assert.rejects(jwtVerify(token, jwks, { audience: 'another', currentDate }), {
    code: 'ERR_JWT_CLAIM_VALIDATION_FAILED',
  })
  await assert.rejects(jwtVerify(token, jwks, { typ: 'JWT', currentDate }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' })
})
