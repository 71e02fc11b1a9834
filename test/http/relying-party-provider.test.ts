import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import type { Upstream, UpstreamBinding } from '../../lib/ports.ts'
import { browser, oidcProvider, type AuthMethod, type Person } from './oidc-provider.ts'
import {
  clientSecret,
  newBinding,
  publicKeys,
  relyingParty,
  signal,
  type TestRelyingParty,
} from './upstream-fixture.ts'

async function login(
  upstream: Upstream,
  party: TestRelyingParty,
  person: Person = { login: 'ada' },
): Promise<{ binding: UpstreamBinding; query: string }> {
  const binding = newBinding()
  const url = await party.authorizationUrl(upstream, binding, {}, signal)
  return { binding, query: await browser()(url, person) }
}

const onlyRs256 = { enabledJWA: { clientAuthSigningAlgValues: ['PS256', 'RS256'] } }
for (const [title, method, client, changes] of [
  ['our ES256 key', 'private_key_jwt', { token_endpoint_auth_signing_alg: 'ES256' }, {}],
  ['our RS256 key, where it takes no other', 'private_key_jwt', {}, onlyRs256],
  ['a secret in the header', 'client_secret_basic', {}, {}],
  ['a secret in the body', 'client_secret_post', {}, {}],
] as [string, AuthMethod, object, object][]) {
  test(`a person logs in at oidc-provider, which knows us by ${title}`, async (t) => {
    const upstream = await oidcProvider(t, method, client, changes)
    const party = relyingParty()
    const { binding, query } = await login(upstream, party)
    assert.equal(new URLSearchParams(query).get('iss'), upstream.issuer, 'RFC 9207')
    const { id_token, access_token } = await party.redeem(upstream, binding, query, signal)
    const { sub, aud, nonce } = decodeJwt(id_token)
    assert.deepEqual([sub, aud, nonce], ['ada', 'broker', binding.nonce])
    const userinfo = await party.userinfo(upstream, { access_token, sub: 'ada' }, signal)
    assert.deepEqual(userinfo, { sub: 'ada', email: 'ada@acme.example' })
    assert.equal(await party.userinfo(upstream, { access_token, sub: 'eve' }, signal), undefined)
  })
}

test('who gives up at oidc-provider has been refused by it', async (t) => {
  const upstream = await oidcProvider(t, 'private_key_jwt')
  const party = relyingParty()
  const { binding, query } = await login(upstream, party, 'gives up')
  await assert.rejects(party.redeem(upstream, binding, query, signal), (error) => {
    assert.ok(error instanceof RefusedError)
    assert.deepEqual(error.refusal, { reason: 'upstream_refused', issuer: 'acme', error: 'access_denied' })
    return true
  })
})

test('a code is traded once, and for the verifier of its own browser', async (t) => {
  const upstream = await oidcProvider(t, 'private_key_jwt')
  const party = relyingParty()
  const refused = (promise: Promise<unknown>) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof RefusedError)
      const detail = 'token endpoint: invalid_grant'
      assert.deepEqual(error.refusal, { reason: 'upstream_answer_refused', issuer: 'acme', detail })
      return true
    })
  const first = await login(upstream, party)
  await party.redeem(upstream, first.binding, first.query, signal)
  await refused(party.redeem(upstream, first.binding, first.query, signal))
  const second = await login(upstream, party)
  const { code_verifier } = newBinding()
  await refused(party.redeem(upstream, { ...second.binding, code_verifier }, second.query, signal))
})

for (const [title, method, client] of [
  ['by another key', 'private_key_jwt', { jwks: { keys: publicKeys.map((key) => ({ ...key, kid: 'another' })) } }],
  ['by another secret', 'client_secret_basic', { client_secret: 'another' }],
  ['by another secret in the body', 'client_secret_post', { client_secret: 'another' }],
] as [string, AuthMethod, object][]) {
  test(`an issuer that knows us ${title} is unavailable, which nobody takes for a refused login`, async (t) => {
    const upstream = await oidcProvider(t, method, client)
    const party = relyingParty()
    const { binding, query } = await login(upstream, party)
    await assert.rejects(
      party.redeem(upstream, binding, query, signal),
      new UnavailableError('upstream', 'acme: token endpoint: our client authentication is refused'),
    )
  })
}

test('after a rotation the new secret is read at once, and the same code is traded', async (t) => {
  const upstream = await oidcProvider(t, 'client_secret_basic', { client_secret: 'rotated' })
  const party = relyingParty()
  party.secret.current = 'rotated'
  assert.notEqual(clientSecret, 'rotated')
  const { binding, query } = await login(upstream, party)
  const { id_token } = await party.redeem(upstream, binding, query, signal)
  assert.equal(decodeJwt(id_token).sub, 'ada')
  assert.deepEqual(party.secret.asked, ['find acme-secret', 'renew acme-secret'])
})
