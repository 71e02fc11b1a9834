import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { revokeToken } from '../../lib/grants/revoke-token.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { wire } from '../../lib/protocol/refusals.ts'
import { AWS_CREDENTIALS_TYPE, JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { refusal } from '../protocol/refused.ts'
import { now } from '../tokens/issuer-fixture.ts'
import { ownTokens } from '../tokens/own-tokens.ts'
import { basic, form, introspectionWorld, type IntrospectionWorld } from './introspection-fixture.ts'

let world: IntrospectionWorld
beforeEach(() => {
  world = introspectionWorld()
})

interface Ask {
  by?: string
  fields?: Record<string, string>
}

const ask = (token: string | undefined, { by, fields }: Ask = {}) =>
  revokeToken(form({ token, ...fields }), by, world.context())

const day = 24 * 3_600

test('a token is revoked by its jti, for longer than anything that was made of it can live', async () => {
  await ask(await world.ours.sign())
  assert.deepEqual(world.entries, [
    {
      dimension: 'jti',
      value: 'token-1',
      not_before: now + day + 300,
      blocked_until: 0,
      expires_at: now + day + 300,
      reason: 'revoked at /revoke',
      by: 'farm:job-7',
      at: now,
    },
  ])
})

test('the log says which token and who, and nothing of the token', async () => {
  const token = await world.ours.sign()
  await ask(token, { by: basic('orders-api') })
  assert.deepEqual(world.ports.logged, [
    { message: 'revoked', fields: { decision_id: 'decision-0', jti: 'token-1', by: 'orders-api' } },
  ])
})

test('it is not revoked until that is written', async () => {
  world.ports.fail.record = new UnavailableError('dynamodb', 'down')
  await assert.rejects(ask(await world.ours.sign()), new UnavailableError('dynamodb', 'down'))
  assert.deepEqual(world.ports.logged, [])
})

describe('what is no live token of ours is already of no use: nothing is written, and nobody is told', () => {
  const cases: Record<string, () => Promise<string>> = {
    'no token at all': async () => 'not-a-token',
    'an expired token': () => world.ours.sign({ exp: now }),
    'a subject token': () => world.farm.sign(),
    'a token that somebody else signed': async () => (await ownTokens()).sign(),
    'a token of another type that we signed': () => world.ours.sign({}, { header: { typ: 'token-introspection+jwt' } }),
  }
  for (const [what, make] of Object.entries(cases))
    for (const by of [undefined, basic('orders-api')])
      test(`${what}, ${by ? 'by a client' : 'by nobody'}`, async () => {
        await ask(await make(), by ? { by } : {})
        assert.deepEqual([world.entries, world.ports.calls], [[], []])
      })
})

describe('RFC 7009 section 2.1: who may revoke', () => {
  const callers: Record<string, Ask> = {
    nobody: {},
    'a public client': { fields: { client_id: 'app' } },
    'a client that authenticated': { by: basic('orders-api') },
  }
  for (const [who, request] of Object.entries(callers))
    for (const [what, client_id] of [
      ['a workload that is its own client', 'farm:job-7'],
      ['a public client', 'app'],
      ['a client that is no more', 'gone'],
      ['a client that Object has', 'constructor'],
    ] as const)
      test(`${who} that holds it, a token of ${what}`, async () => {
        await ask(await world.ours.sign({ client_id }), request)
        const by = request.by === undefined ? 'farm:job-7' : 'orders-api'
        assert.deepEqual(
          world.entries.map((entry) => [entry.value, entry.by]),
          [['token-1', by]],
        )
      })

  test('a confidential client its own', async () => {
    await ask(await world.ours.sign({ client_id: 'orders-api' }), { by: basic('orders-api') })
    assert.equal(world.entries[0]?.by, 'orders-api')
  })

  test('no other client that of a confidential one', async () => {
    const token = await world.ours.sign({ client_id: 'orders-api' })
    assert.deepEqual(await refusal(ask(token, { by: basic('gateway') })), {
      reason: 'token_of_another_client',
      client_id: 'orders-api',
    })
    assert.deepEqual(wire.token_of_another_client.slice(0, 2), [400, 'invalid_grant'])
    assert.deepEqual(world.entries, [])
  })

  for (const who of ['nobody', 'a public client'])
    test(`${who} has to authenticate for that`, async () => {
      const token = await world.ours.sign({ client_id: 'orders-api' })
      assert.deepEqual(await refusal(ask(token, callers[who])), {
        reason: 'client_authentication_failed',
        detail: 'the token is that of a client which must authenticate',
        basic: false,
      })
      assert.deepEqual(world.entries, [])
    })

  test('whoever tries to authenticate and cannot may revoke nothing, also what needs no client', async () => {
    const token = await world.ours.sign()
    for (const request of [
      { by: basic('orders-api', 'wrong') },
      { by: 'Bearer x' },
      { fields: { client_id: 'nobody' } },
      { fields: { client_id: 'orders-api' } },
    ]) {
      const { reason } = await refusal(ask(token, request))
      assert.ok(reason === 'client_authentication_failed' || reason === 'client_unknown', reason)
    }
    assert.deepEqual(world.entries, [])
  })

  test('a workload by its own token, which it has back when nothing was written', async () => {
    const fields = {
      client_id: 'pod',
      client_assertion_type: JWT_BEARER_ASSERTION,
      client_assertion: await world.farm.sign({ job: 'pod' }),
    }
    const token = await world.ours.sign({ client_id: 'pod' })
    // The receipt of the assertion is written, the revocation is not.
    const { register } = world.ports
    world.ports.register = { revoke: () => Promise.reject(new UnavailableError('dynamodb', 'down')) }
    await assert.rejects(ask(token, { fields }), UnavailableError)
    world.ports.register = register
    await ask(token, { fields })
    assert.equal(world.entries[0]?.by, 'pod')
    assert.equal((await refusal(ask(token, { fields }))).reason, 'client_assertion_refused')
  })
})

test('a token is required', async () => {
  assert.deepEqual(await refusal(ask(undefined)), { reason: 'parameter_missing', parameter: 'token' })
})

describe('RFC 7009 section 2.2.1: AWS credentials cannot be revoked, and whoever tries is told', () => {
  const document = { AccessKeyId: 'ASIAAAAAAAAAAAAAAAAA', SecretAccessKey: 's', Token: 't', Expiration: 'e' }
  for (const [what, token, token_type_hint] of [
    ['by the hint', 'anything', AWS_CREDENTIALS_TYPE],
    ['the document of credential_process', JSON.stringify({ Version: 1, ...document, SessionToken: 't' })],
    ['the document of a container', JSON.stringify(document)],
    ['the document of which only the secret is left', '{"SecretAccessKey":"s"}'],
    ['the id of a session’s key', 'ASIAAAAAAAAAAAAAAAAA'],
    ['the id of a user’s key', 'AKIAIOSFODNN7EXAMPLE'],
    ['a session token', `IQoJb3JpZ2luX2Vj${'A'.repeat(400)}`],
    ['a session token of the older kind', `FwoGZXIvYXdz${'A'.repeat(400)}`],
  ] as const)
    test(what, async () => {
      const fields = token_type_hint === undefined ? {} : { token_type_hint }
      assert.deepEqual(await refusal(ask(token, { fields })), { reason: 'token_type_unsupported' })
      assert.deepEqual(world.entries, [])
    })

  test('the phrase names the page that says what to do', () => {
    const [status, code, phrase] = wire.token_type_unsupported
    assert.deepEqual([status, code], [400, 'unsupported_token_type'])
    assert.match(phrase, /docs\/aws-credentials\.md/)
  })

  for (const token of ['{}', '{"a":', '[]', '{"Version":1}', 'ASIA', 'ASIAAAAAAAAAAAAAAAAAA', 'xASIAAAAAAAAAAAAAAAAA'])
    test(`${token} is none: it is an unknown token like any other`, async () => {
      await ask(token)
      assert.deepEqual(world.entries, [])
    })

  // Section 2.1: a hint is no more than that.
  test('a token of ours is revoked whatever the hint', async () => {
    for (const token_type_hint of [AWS_CREDENTIALS_TYPE, 'refresh_token', 'x'])
      await ask(await world.ours.sign(), { fields: { token_type_hint } })
    assert.equal(world.entries.length, 3)
  })
})
