import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { introspect } from '../../lib/grants/introspect.ts'
import type { RevocationKey } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { INTROSPECTION_JWT, type IntrospectionMediaType } from '../../lib/protocol/introspection.ts'
import { wire } from '../../lib/protocol/refusals.ts'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { refusal } from '../protocol/refused.ts'
import { now, ourIssuer } from '../tokens/issuer-fixture.ts'
import { ownTokens } from '../tokens/own-tokens.ts'
import { basic, form, introspectionWorld, row, type IntrospectionWorld } from './introspection-fixture.ts'

let world: IntrospectionWorld
beforeEach(() => {
  world = introspectionWorld()
})

interface Ask {
  by?: string | undefined
  fields?: Record<string, string | undefined>
  type?: IntrospectionMediaType
}

/** As orders-api, by its secret, unless it says otherwise. */
async function ask(token: string | undefined, { by, fields, type }: Ask = { by: basic('orders-api') }) {
  return introspect(form({ token, ...fields }), by, type ?? 'application/json', world.context())
}

const inactive = '{"active":false}'
const failed = (detail: string, isBasic = true) => ({
  reason: 'client_authentication_failed',
  detail,
  basic: isBasic,
})

test('an active token: every claim of it, and what RFC 7662 adds', async () => {
  const token = await world.ours.sign({ commit: '6f1c2f1' })
  assert.deepEqual(JSON.parse(await ask(token)), {
    active: true,
    token_type: 'Bearer',
    ...world.ours.claims,
    commit: '6f1c2f1',
  })
})

test('no claim of a token passes for what we say of it', async () => {
  const token = await world.ours.sign({ active: 'no', token_type: 'DPoP' })
  const { active, token_type } = JSON.parse(await ask(token)) as Record<string, unknown>
  assert.deepEqual([active, token_type], [true, 'Bearer'])
})

test('a hint, also a wrong one, changes nothing', async () => {
  const token = await world.ours.sign()
  const plain = await ask(token)
  for (const token_type_hint of ['access_token', 'refresh_token', 'x'])
    assert.equal(await ask(token, { by: basic('orders-api'), fields: { token_type_hint } }), plain)
})

describe('what is inactive says nothing else, byte by byte', () => {
  const cases: Record<string, () => Promise<[token: string, by: string]>> = {
    'no token at all': async () => ['not-a-token', 'orders-api'],
    'a token for a target that the caller may not look up': async () => [await world.ours.sign(), 'plain-api'],
    'any token, for a caller that may look up none': async () => [await world.ours.sign(), 'idle'],
    'a token for a target that is no more': async () => [
      await world.ours.sign({ aud: 'https://gone.test' }),
      'orders-api',
    ],
    'an expired token': async () => [await world.ours.sign({ exp: now }), 'orders-api'],
    'a token of a client that is no more': async () => [await world.ours.sign({ client_id: 'gone' }), 'orders-api'],
    'a token of a client that Object has': async () => [
      await world.ours.sign({ client_id: 'constructor' }),
      'orders-api',
    ],
    'a token that somebody else signed': async () => [await (await ownTokens()).sign(), 'orders-api'],
    'a subject token': async () => [await world.farm.sign(), 'orders-api'],
    'a signed introspection of ours': async () => [
      await ask(await world.ours.sign(), { by: basic('orders-api'), type: INTROSPECTION_JWT }),
      'orders-api',
    ],
    'AWS credentials': async () => ['{"Version":1,"AccessKeyId":"ASIAAAAAAAAAAAAAAAAA"}', 'orders-api'],
    'a revoked token': async () => {
      world.ports.revoked = [row({ dimension: 'jti', value: 'token-1' }, { not_before: now })]
      return [await world.ours.sign(), 'orders-api']
    },
  }
  for (const [what, make] of Object.entries(cases))
    test(what, async () => {
      const [token, by] = await make()
      world.ports.calls.length = 0
      assert.equal(await ask(token, { by: basic(by) }), inactive)
      // No call more or less by which one could be told from another.
      assert.deepEqual(world.ports.calls, ['find'])
    })
})

test('where there is nothing to see, only the caller’s own revocations are read', async () => {
  for (const [token, by] of [
    ['not-a-token', 'plain-api'],
    [await world.ours.sign(), 'plain-api'],
    [await world.ours.sign({ exp: now }), 'plain-api'],
  ] as const) {
    await ask(token, { by: basic(by) })
    assert.deepEqual(world.ports.revocationKeys, [{ dimension: 'client', value: 'plain-api' }])
  }
})

test('a client sees tokens of every client, for each of its targets', async () => {
  for (const client_id of ['farm:job-7', 'orders-api', 'app', 'pod'])
    for (const aud of ['https://api.test', 'https://plain.test'])
      assert.notEqual(await ask(await world.ours.sign({ client_id, aud }), { by: basic('gateway') }), inactive)
})

describe('revocations', () => {
  const delegated = { client_id: 'pod', client_sub: 'other:pod-9', rules: ['one', 'two'], parents: ['p1', 'p2'] }
  const keys: RevocationKey[] = [
    { dimension: 'all', value: 'all' },
    { dimension: 'issuer', value: 'farm' },
    { dimension: 'subject', value: 'farm:job-7' },
    { dimension: 'issuer', value: 'other' },
    { dimension: 'subject', value: 'other:pod-9' },
    { dimension: 'target', value: 'api' },
    { dimension: 'kid', value: 'old' },
    { dimension: 'rule', value: 'one' },
    { dimension: 'rule', value: 'two' },
    { dimension: 'client', value: 'pod' },
    { dimension: 'jti', value: 'token-1' },
    { dimension: 'jti', value: 'p1' },
    { dimension: 'jti', value: 'p2' },
  ]
  const sign = () => world.ours.sign(delegated, { kid: 'old' })

  test('all that a token falls under are read, with the caller’s, in one read', async () => {
    await ask(await sign())
    assert.deepEqual(world.ports.calls, ['find'])
    assert.deepEqual(world.ports.revocationKeys, [{ dimension: 'client', value: 'orders-api' }, ...keys])
  })

  for (const key of keys)
    test(`by ${key.dimension} ${key.value}: what was issued until then is inactive, what came later is not`, async () => {
      const token = await sign()
      const iat = now - 60
      world.ports.revoked = [row(key, { not_before: iat })]
      assert.equal(await ask(token), inactive)
      world.ports.revoked = [row(key, { not_before: iat - 1 })]
      assert.notEqual(await ask(token), inactive)
      // Nothing more is issued, and what was is left as it is.
      world.ports.revoked = [row(key, { blocked_until: now + 60 })]
      assert.notEqual(await ask(token), inactive)
    })

  test('of a target that has another name today count by either name', async () => {
    const token = await world.ours.sign({ target: 'old-name' })
    for (const value of ['old-name', 'api']) {
      world.ports.revoked = [row({ dimension: 'target', value }, { not_before: now })]
      assert.equal(await ask(token), inactive, value)
    }
  })

  test('of the caller are about the caller, not about the token', async () => {
    const proof = {
      client_id: 'pod',
      client_assertion_type: JWT_BEARER_ASSERTION,
      client_assertion: await world.farm.sign({ job: 'pod', sub: 'pod-1', jti: 'j1' }),
    }
    world.ports.revoked = [
      row({ dimension: 'client', value: 'orders-api' }, { not_before: now }),
      row({ dimension: 'client', value: 'pod' }, { not_before: now }),
      row({ dimension: 'subject', value: 'farm:pod-1' }, { not_before: now }),
    ]
    const token = await world.ours.sign()
    assert.notEqual(await ask(token), inactive)
    assert.notEqual(await ask(token, { fields: proof }), inactive)
    assert.equal(await ask(await world.ours.sign({ client_id: 'orders-api' })), inactive)
  })

  test('one of several is enough', async () => {
    world.ports.revoked = [row(keys[0]!), row(keys[7]!, { not_before: now }), row(keys[9]!)]
    assert.equal(await ask(await sign()), inactive)
  })

  test('when they cannot be read nobody is told anything', async () => {
    world.ports.fail.find = new UnavailableError('dynamodb', 'some revocations were not read')
    for (const token of [await sign(), 'not-a-token'])
      await assert.rejects(ask(token), new UnavailableError('dynamodb', 'some revocations were not read'))
  })
})

describe('the caller', () => {
  test('must say which token', async () => {
    assert.deepEqual(await refusal(ask(undefined)), { reason: 'parameter_missing', parameter: 'token' })
  })

  for (const [what, fields] of [
    ['nobody', {}],
    ['a public client, which has nothing but its name', { client_id: 'app' }],
  ] as const)
    test(`must authenticate: ${what} may not look`, async () => {
      const token = await world.ours.sign()
      assert.deepEqual(await refusal(ask(token, { fields })), failed('who looks a token up must authenticate', false))
      assert.deepEqual(world.ports.calls, [])
    })

  test('must authenticate: a wrong secret and a client that does not exist may not look', async () => {
    for (const by of [basic('orders-api', 'wrong'), basic('nobody'), `Bearer ${await world.ours.sign()}`]) {
      const { reason } = await refusal(ask(await world.ours.sign(), { by }))
      assert.equal(reason, 'client_authentication_failed')
    }
    assert.deepEqual(world.ports.calls, [])
  })

  test('that was shut out is told as little as by a wrong secret', async () => {
    const key: RevocationKey = { dimension: 'client', value: 'orders-api' }
    for (const token of [await world.ours.sign(), 'not-a-token']) {
      world.ports.revoked = [row(key, { blocked_until: now + 1 })]
      assert.deepEqual(await refusal(ask(token)), failed('revoked by client orders-api'))
      world.ports.revoked = [row(key, { blocked_until: now })]
      await ask(token)
    }
    assert.deepEqual(wire.client_authentication_failed, wire.client_unknown)
  })

  test('is not shut out by what is about the token alone', async () => {
    world.ports.revoked = [
      row({ dimension: 'client', value: 'app' }, { blocked_until: now + 60 }),
      row({ dimension: 'subject', value: 'orders-api' }, { blocked_until: now + 60 }),
    ]
    assert.notEqual(await ask(await world.ours.sign({ client_id: 'app' })), inactive)
  })
})

describe('a caller that is a workload', () => {
  const fields = async (jti = 'j1') => ({
    client_id: 'pod',
    client_assertion_type: JWT_BEARER_ASSERTION,
    client_assertion: await world.farm.sign({ job: 'pod', sub: 'pod-1', jti }),
  })

  test('looks up by its own token, once', async () => {
    const proof = await fields()
    const token = await world.ours.sign()
    assert.notEqual(await ask(token, { fields: proof }), inactive)
    assert.deepEqual(world.ports.calls, ['record', 'find'])
    const { reason } = await refusal(ask(token, { fields: proof }))
    assert.equal(reason, 'client_assertion_refused')
  })

  for (const key of [
    { dimension: 'client', value: 'pod' },
    { dimension: 'issuer', value: 'farm' },
    { dimension: 'subject', value: 'farm:pod-1' },
  ] satisfies RevocationKey[])
    test(`is shut out by ${key.dimension} ${key.value}`, async () => {
      world.ports.revoked = [row(key, { blocked_until: now + 1 })]
      assert.deepEqual(
        await refusal(ask('not-a-token', { fields: await fields() })),
        failed(`revoked by ${key.dimension} ${key.value}`, false),
      )
    })

  for (const [what, fail, type] of [
    ['the revocations cannot be read', 'find', 'application/json'],
    ['the answer cannot be signed', 'sign', INTROSPECTION_JWT],
  ] as const)
    test(`has its token back when ${what}`, async () => {
      world.ports.fail[fail] = new UnavailableError('dynamodb', 'down')
      const proof = await fields()
      const token = await world.ours.sign()
      await assert.rejects(ask(token, { fields: proof, type }), UnavailableError)
      world.ports.fail = {}
      assert.notEqual(await ask(token, { fields: proof, type }), inactive)
    })
})

describe('RFC 9701: a signed answer', () => {
  const signed = (token: string) => ask(token, { by: basic('orders-api'), type: INTROSPECTION_JWT })

  test('section 5: says who tells whom and when, holds the answer, and is of a type of its own', async () => {
    const token = await world.ours.sign()
    const jwt = await signed(token)
    const rs = world.ours.keys.find(({ alg }) => alg === 'RS256')!
    const { payload, protectedHeader } = await jwtVerify(jwt, await importJWK(rs.jwk, 'RS256'))
    assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'token-introspection+jwt', kid: 'rs' })
    assert.deepEqual(payload, {
      iss: ourIssuer,
      aud: 'orders-api',
      iat: now,
      token_introspection: { active: true, token_type: 'Bearer', ...world.ours.claims },
    })
  })

  test('section 5: of an inactive token nothing but that', async () => {
    const jwt = await signed('not-a-token')
    assert.equal(decodeProtectedHeader(jwt).alg, 'RS256')
    assert.deepEqual(decodeJwt(jwt).token_introspection, { active: false })
  })

  test('is none by a key that was revoked, and JSON goes on', async () => {
    const revoked = row({ dimension: 'kid', value: 'rs' }, { blocked_until: now + 1 })
    for (const token of [await world.ours.sign(), 'not-a-token']) {
      world.ports.revoked = [revoked]
      await assert.rejects(signed(token), new UnavailableError('kms', 'the key that signs answers was revoked'))
      assert.doesNotMatch(world.ports.calls.join(), /sign/)
      await ask(token)
    }
    world.ports.revoked = [{ ...revoked, blocked_until: now }]
    assert.equal(decodeProtectedHeader(await signed('not-a-token')).kid, 'rs')
  })

  test('is none when KMS is down', async () => {
    world.ports.fail.sign = new UnavailableError('kms', 'down')
    for (const token of [await world.ours.sign(), 'not-a-token'])
      await assert.rejects(signed(token), new UnavailableError('kms', 'down'))
  })
})
