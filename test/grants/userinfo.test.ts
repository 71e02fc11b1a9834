import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from 'jose'
import { userinfo } from '../../lib/grants/userinfo.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { verifyIdTokenHint } from '../../lib/tokens/verify-id-token-hint.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { loginClient, loginConfiguration } from '../login/login-policy.ts'
import { memoryStores } from '../login/memory-stores.ts'
import { refusal } from '../protocol/refused.ts'
import { now, ourIssuer } from '../tokens/issuer-fixture.ts'
import { introspectionWorld, row } from './introspection-fixture.ts'

const good = {
  sub: 'partner:ada',
  aud: `${ourIssuer}/userinfo`,
  client_id: 'web-app',
  scope: 'openid email',
  target: 'openid:userinfo',
  rules: [] as string[],
}

async function ask(
  claims: Record<string, unknown> = {},
  client: Parameters<typeof loginClient>[0] = {},
  prepare: (world: ReturnType<typeof introspectionWorld>, stores: ReturnType<typeof memoryStores>) => void = () => {},
) {
  const world = introspectionWorld()
  const { accounts, rows } = memoryStores()
  const identity = { email: 'ada@partner.example', email_verified: true, name: 'Ada', phone_number: '1' }
  rows.accounts.set('partner:ada', { sub: 'partner:ada', identity, at: now, expires_at: now + 900 })
  prepare(world, { accounts, rows } as ReturnType<typeof memoryStores>)
  const policy = await toPolicy(loginConfiguration({ clients: { 'web-app': loginClient(client) } }), ourIssuer)
  const token = await world.ours.sign({ ...good, ...claims })
  const context = { ...world.context(), policy, ports: { ...world.ports, accounts } }
  return { world, answer: () => userinfo(token, context) }
}

const body = async (claims?: Record<string, unknown>) =>
  JSON.parse((await (await ask(claims)).answer()).body) as unknown

test('what the scopes let be read, and whom it is about', async () => {
  const sub = 'partner:ada'
  assert.deepEqual(await body(), { sub, email: 'ada@partner.example', email_verified: true })
  assert.deepEqual(await body({ scope: 'openid' }), { sub })
  assert.deepEqual(await body({ scope: 'openid profile' }), { sub, name: 'Ada' })
  assert.deepEqual(await body({ scope: 'openid', userinfo_claims: ['phone_number', 'x'] }), { sub, phone_number: '1' })
  assert.deepEqual(await body({ sub: 'partner:bob' }), { sub: 'partner:bob' }, 'of whom nothing is known')
})

test('OpenID Connect Core section 5.3.2: signed for the client, where it is registered so', async () => {
  for (const alg of ['RS256', 'ES256'] as const) {
    const { world, answer } = await ask({}, { userinfo_signed_response_alg: alg })
    const { media_type, body: jwt } = await answer()
    assert.equal(media_type, 'application/jwt')
    const { kid, ...header } = decodeProtectedHeader(jwt)
    assert.deepEqual(header, { alg, typ: 'userinfo+jwt' })
    const key = world.ours.keys.find((each) => each.kid === kid)!
    await compactVerify(jwt, await importJWK(key.jwk, alg))
    const { iss, aud, sub, email } = decodeJwt(jwt)
    assert.deepEqual(
      { iss, aud, sub, email },
      { iss: ourIssuer, aud: 'web-app', sub: 'partner:ada', email: 'ada@partner.example' },
    )
    assert.equal(
      await verifyIdTokenHint(jwt, { keys: world.ours.keys, ourIssuer, clients: { 'web-app': {} } }),
      undefined,
      'it is no ID token',
    )
  }
})

for (const [title, claims, reason] of [
  ['a token for a target', { aud: 'https://api.test', target: 'api' }, 'bearer_token_invalid'],
  ['a token of another issuer', { iss: 'https://other.test' }, 'bearer_token_invalid'],
  ['a token that has expired', { exp: now }, 'bearer_token_invalid'],
  ['a token of a client that is no more', { client_id: 'gone' }, 'bearer_token_invalid'],
  ['a token of a client named like a member of every object', { client_id: 'constructor' }, 'bearer_token_invalid'],
  ['a token without a scope', { scope: undefined }, 'bearer_scope_missing'],
  ['a token without openid', { scope: 'email openid2' }, 'bearer_scope_missing'],
] as const)
  test(`${title} opens nothing`, async () => {
    const { answer, world } = await ask(claims)
    assert.equal((await refusal(answer())).reason, reason)
    assert.deepEqual(world.ports.calls, [])
  })

test('no token at all', async () => {
  const { world } = await ask()
  const policy = await toPolicy(loginConfiguration(), ourIssuer)
  const context = { ...world.context(), policy, ports: { ...world.ports, ...memoryStores() } }
  for (const token of ['', 'x', 'a.b.c', 'x'.repeat(20_000)])
    assert.equal((await refusal(userinfo(token, context))).reason, 'bearer_token_invalid')
})

for (const key of [
  { dimension: 'subject', value: 'partner:ada' },
  { dimension: 'issuer', value: 'partner' },
  { dimension: 'client', value: 'web-app' },
  { dimension: 'target', value: 'openid:userinfo' },
  { dimension: 'all', value: 'all' },
] as const)
  test(`a token that was revoked by its ${key.dimension} opens nothing`, async () => {
    const { world, answer } = await ask({}, {}, (world) => world.ports.revoked.push(row(key, { not_before: now })))
    assert.equal((await refusal(answer())).reason, 'bearer_token_invalid')
    assert.ok(
      world.ports.revocationKeys.some(({ dimension, value }) => dimension === key.dimension && value === key.value),
    )
  })

test('an outage is no answer', async () => {
  const { answer } = await ask({}, {}, (world) => (world.ports.fail.find = new UnavailableError('dynamodb', 'x')))
  await assert.rejects(answer(), UnavailableError)
  const signing = await ask({}, { userinfo_signed_response_alg: 'RS256' }, (world) => {
    world.ports.fail.sign = new UnavailableError('kms', 'x')
  })
  await assert.rejects(signing.answer(), UnavailableError)
})
