import assert from 'node:assert/strict'
import { before, beforeEach, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { grantToken } from '../../lib/grants/index.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { Configuration, Issuer, Rule } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { now, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { configuration, equals, farm as farmIssuer, grant, rule } from '../trust/policy-fixture.ts'
import { refusal } from '../protocol/refused.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'

let farm: TestIssuer
let ports: FakePorts
let serial = 0

before(async () => {
  farm = await testIssuer()
})
beforeEach(() => {
  ports = fakePorts(farm)
})

interface Ask {
  token?: string
  form?: Record<string, string | undefined>
  authorization?: string
  rules?: Rule[]
  issuer?: Partial<Issuer>
  changes?: Partial<Configuration>
  signal?: AbortSignal
}

const admitting = rule('r', {
  match: [equals('sub', 'job-7')],
  grant: [grant('api', { claims: { job: { path: ['sub'] } } })],
})

async function exchange({
  token,
  form = {},
  authorization,
  rules = [admitting],
  issuer = {},
  changes = {},
  signal,
}: Ask = {}) {
  const clients = {
    app: { type: 'public' as const, grants: [TOKEN_EXCHANGE_GRANT], introspect: [] },
    idle: { type: 'public' as const, grants: [], introspect: [] },
  }
  const issuers = { farm: { ...farmIssuer, ...issuer } }
  const policy = await toPolicy(configuration(rules, { issuers, clients, ...changes }), ourIssuer)
  const fields = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token: token ?? (await farm.sign()),
    ...form,
  }
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const decision_id = `decision-${serial++}`
  const context = { policy, ports, decision_id, signal: signal ?? new AbortController().signal }
  return grantToken(new Map(given.map(([name, value]) => [name, [value]])), authorization, context)
}

test('a token of ours comes back, with RFC 9068’s header and claims and the rule’s own', async () => {
  const response = await exchange()
  assert.deepEqual(
    { ...response, access_token: '' },
    {
      access_token: '',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'read write',
    },
  )
  assert.deepEqual(decodeProtectedHeader(response.access_token), { alg: 'ES256', typ: 'at+jwt', kid: 'ES256-kid' })
  const { jti, ...claims } = decodeJwt(response.access_token)
  assert.match(String(jti), /^decision-/)
  assert.deepEqual(claims, {
    iss: ourIssuer,
    sub: 'farm:job-7',
    aud: 'https://api.test',
    client_id: 'farm:job-7',
    iat: now,
    exp: now + 900,
    scope: 'read write',
    job: 'job-7',
    target: 'api',
    rules: ['r'],
  })
})

test('the decision is one line of the log, with how each of the first rules fared', async () => {
  const others = Array.from({ length: 30 }, (_, index) => rule(`other-${index}`))
  await exchange({ rules: [admitting, ...others], form: { client_id: 'app' } })
  const [{ message, fields }, ...rest] = ports.logged as [FakePorts['logged'][0]]
  const { decision_id, explanation, ...facts } = fields
  assert.deepEqual([message, rest], ['decided', []])
  assert.match(String(decision_id), /^decision-/)
  assert.deepEqual(facts, { issuer: 'farm', subject: 'farm:job-7', client_id: 'app' })
  const lines = explanation as string[]
  assert.deepEqual(lines.slice(0, 2), ['granted: target api, scope read write, by r', 'rule r matches'])
  assert.match(lines[24]!, /^rule other-22 does not match: /)
  assert.equal(lines.length, 25)
})

test('the decision names shadow rules that would have granted, wherever they stand among the rules', async () => {
  const others = Array.from({ length: 30 }, (_, index) => rule(`other-${index}`))
  const shadow = rule('z', { match: admitting.match, mode: 'shadow' })
  await assert.rejects(exchange({ rules: [...others, shadow] }))
  const [decided] = ports.logged
  assert.deepEqual(decided?.fields.shadow, ['z'])
})

test('a token is signed while its receipt is being written', async () => {
  const { receipts } = ports
  const seen: string[] = []
  ports.receipts = {
    ...receipts,
    record(receipt, signal) {
      seen.push(...ports.calls)
      return receipts.record(receipt, signal)
    },
  }
  await exchange()
  assert.deepEqual(seen, ['sign'])
})

test('three calls, no more: record, find, sign', async () => {
  await exchange()
  assert.deepEqual(ports.calls.toSorted(), ['find', 'record', 'sign'])
})

test('the receipt tells the whole exchange, and only claims that rules name', async () => {
  const token = await farm.sign({ secret_note: 'not named by any rule' })
  await exchange({ token })
  const { receipt } = [...ports.stored.values()][0]!
  const { decision_id, subject_hash, ...rest } = receipt
  assert.match(decision_id, /^decision-/)
  assert.match(String(subject_hash), /^[\w-]{43}$/)
  assert.deepEqual(rest, {
    key: 'farm#jti:j1',
    grant_type: TOKEN_EXCHANGE_GRANT,
    issuer_name: 'farm',
    iss: 'https://ci.test',
    subject: 'job-7',
    sub: 'farm:job-7',
    client_id: 'farm:job-7',
    subject_jti: 'j1',
    rules: ['r'],
    config_hash: 'h',
    target: 'api',
    scopes: ['read', 'write'],
    kid: 'ES256-kid',
    issued_exp: now + 900,
    parents: [],
    claims: { sub: 'job-7' },
    shadow: [],
    at: now,
    expires_at: now + 86_400,
  })
  assert.ok(!JSON.stringify(receipt).includes(token.slice(0, 40)))
})

test('the receipt keeps the claims that an expression names, whole and from the top', async () => {
  const when = { cel: 'claims.env == "prod" && claims["ci.test/run"].attempt == 1 && size(claims) > 1' }
  const claims = { env: 'prod', 'ci.test/run': { attempt: 1 }, other: 'x' }
  await exchange({ rules: [rule('r', { match: [], when })], token: await farm.sign(claims) })
  const { receipt } = [...ports.stored.values()][0]!
  assert.deepEqual(receipt.claims, { sub: 'job-7', env: 'prod', 'ci.test/run': { attempt: 1 } })
})

for (const [title, path, claims, name] of [
  ['a claim at the top by its own', ['a/b'], { 'a/b': 1 }, 'a/b'],
  [
    'a claim further down by its JSON Pointer',
    ['kubernetes.io', 'uid'],
    { 'kubernetes.io': { uid: 1 } },
    '/kubernetes.io/uid',
  ],
  ['a name with / or ~ as RFC 6901 section 3 has it', ['a/b~1', 'c'], { 'a/b~1': { c: 1 } }, '/a~1b~01/c'],
  ['a claim at the top that looks like a pointer as one', ['/a/b'], { '/a/b': 1 }, '/~1a~1b'],
] as const) {
  test(`the names in a receipt: ${title}`, async () => {
    const unmet = rule('unmet', { match: [{ key: 'key', path, operator: { equals: [2] } }] })
    await exchange({ rules: [admitting, unmet], token: await farm.sign(claims) })
    assert.deepEqual([...ports.stored.values()][0]!.receipt.claims, { sub: 'job-7', [name]: 1 })
  })
}

for (const [title, claims, retention, expires_at] of [
  ['as long as it is asked to', {}, 86_400, now + 86_400],
  ['no shorter than what was issued lives, with the most tolerance there is', {}, 60, now + 900 + 300],
  // Whatever it is today: a broker.yaml that allows more tomorrow must not make a spent token good again.
  ['no shorter than the subject token lives, with the most tolerance there is', { exp: now + 1_200 }, 60, now + 1_500],
] as const) {
  test(`a receipt is kept ${title}`, async () => {
    await exchange({ token: await farm.sign(claims), changes: { receipts: { retention } } })
    assert.equal([...ports.stored.values()][0]!.receipt.expires_at, expires_at)
  })
}

test('a receipt keeps no more than 8 KiB of claims, and says nothing of those that are absent', async () => {
  const match = ['sub', 'absent', 'first', 'second'].map((key) => equals(key, 'x'))
  const rules = [admitting, rule('other', { match })]
  const room = 8_192 - Buffer.byteLength(JSON.stringify({ sub: 'job-7', first: 'é', second: '' }))
  for (const [length, kept] of [
    [room, ['sub', 'first', 'second']],
    [room + 1, ['sub', 'first']],
  ] as const) {
    ports = fakePorts(farm)
    await exchange({ rules, token: await farm.sign({ first: 'é', second: 'b'.repeat(length) }) })
    const { receipt } = [...ports.stored.values()][0]!
    assert.deepEqual(Object.keys(receipt.claims), kept)
    assert.deepEqual(receipt.claims_left_out, kept.length === 3 ? undefined : ['second'])
  }
})

test('a receipt names the shadow rules that would have granted', async () => {
  const shadow = rule('in-shadow', { match: admitting.match, mode: 'shadow' })
  await exchange({ rules: [admitting, shadow, rule('not-matched', { mode: 'shadow' })] })
  const { rules, shadow: shadows } = [...ports.stored.values()][0]!.receipt
  assert.deepEqual([rules, shadows], [['r'], ['in-shadow']])
})

test('the first of the algorithms signs', async () => {
  const response = await exchange({ changes: { signing: { algorithms: ['RS256', 'ES256'], keys: {} } } })
  assert.equal(decodeProtectedHeader(response.access_token).alg, 'RS256')
})

test('a target without scopes: neither the token nor the answer has a scope', async () => {
  const response = await exchange({ rules: [rule('r', { match: admitting.match, grant: [grant('plain')] })] })
  assert.ok(!('scope' in response))
  assert.ok(!('scope' in decodeJwt(response.access_token)))
})

test('a named client is in the token, and must be known and allowed', async () => {
  assert.equal(decodeJwt((await exchange({ form: { client_id: 'app' } })).access_token).client_id, 'app')
  assert.equal((await refusal(exchange({ form: { client_id: 'nobody' } }))).reason, 'client_unknown')
  assert.equal((await refusal(exchange({ form: { client_id: 'constructor' } }))).reason, 'client_unknown')
  assert.equal((await refusal(exchange({ form: { client_id: 'idle' } }))).reason, 'grant_type_not_allowed')
})

for (const [title, ask, reason] of [
  ['no grant_type', { form: { grant_type: undefined } }, 'parameter_missing'],
  [
    'no grant_type before an unknown client',
    { form: { grant_type: undefined, client_id: 'nobody' } },
    'parameter_missing',
  ],
  [
    'an unknown client before an unknown grant type',
    { form: { grant_type: 'x', client_id: 'nobody' } },
    'client_unknown',
  ],
  ['an unknown grant type', { form: { grant_type: 'password' } }, 'grant_type_unsupported'],
  [
    'an unknown grant type before a missing subject_token',
    { form: { grant_type: 'x', subject_token: undefined } },
    'grant_type_unsupported',
  ],
  [
    'a grant type the client may not use before a missing subject_token',
    { form: { client_id: 'idle', subject_token: undefined } },
    'grant_type_not_allowed',
  ],
  ['no subject_token', { form: { subject_token: undefined } }, 'parameter_missing'],
  ['no subject_token_type', { form: { subject_token_type: undefined } }, 'parameter_missing'],
  [
    'a SAML assertion',
    { form: { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' } },
    'parameter_unsupported',
  ],
  ['an actor_token', { form: { actor_token: 'x', actor_token_type: JWT_TYPE } }, 'parameter_unsupported'],
  ['an actor_token_type without an actor_token', { form: { actor_token_type: JWT_TYPE } }, 'parameter_unsupported'],
  [
    'a refresh token asked for',
    { form: { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' } },
    'parameter_unsupported',
  ],
  ['a bad subject before an unknown target', { token: 'x.y.z', form: { audience: 'nope' } }, 'token_malformed'],
  ['a subject no rule admits before an unknown target', { rules: [], form: { audience: 'nope' } }, 'no_rule_matches'],
  ['an unknown target before a wide scope', { form: { audience: 'nope', scope: 'admin' } }, 'target_unknown'],
  ['a wide scope', { form: { scope: 'admin' } }, 'scope_not_granted'],
] as const) {
  test(`${title}: ${reason}, and the token is unspent`, async () => {
    assert.equal((await refusal(exchange(ask as Ask))).reason, reason)
    assert.deepEqual(ports.calls, [])
  })
}

test('a missing grant_type is named', async () => {
  const missing = { reason: 'parameter_missing', parameter: 'grant_type' }
  assert.deepEqual(await refusal(exchange({ form: { grant_type: undefined } })), missing)
})

test('access_token and jwt may be asked for by name; unknown parameters are ignored', async () => {
  for (const requested_token_type of ['urn:ietf:params:oauth:token-type:access_token', JWT_TYPE]) {
    const response = await exchange({
      token: await farm.sign({ jti: requested_token_type }),
      form: { requested_token_type, anything: 'else' },
    })
    assert.equal(response.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token')
  }
})

test('once: the same token again is a replay, and the first receipt stands', async () => {
  const token = await farm.sign()
  await exchange({ token })
  assert.equal((await refusal(exchange({ token }))).reason, 'subject_token_replayed')
  assert.ok(!ports.calls.includes('release'))
})

test('once: without a jti the token’s own content is the key, whatever its signature is spelt like', async () => {
  const token = await farm.sign({ jti: undefined })
  await exchange({ token })
  assert.match([...ports.stored.keys()][0]!, /^farm#hash:[\w-]{43}$/)
  assert.equal((await refusal(exchange({ token }))).reason, 'subject_token_replayed')
})

test('once_per_target: each target once', async () => {
  const token = await farm.sign()
  const ask: Ask = {
    token,
    issuer: { replay: 'once_per_target' },
    rules: [{ ...admitting, grant: [grant('api'), grant('plain')] }],
  }
  await exchange({ ...ask, form: { audience: 'api' } })
  await exchange({ ...ask, form: { audience: 'plain' } })
  assert.equal((await refusal(exchange({ ...ask, form: { audience: 'api' } }))).reason, 'subject_token_replayed')
})

test('off: a token serves until it expires, with a receipt each time', async () => {
  const token = await farm.sign()
  const issuer = { replay: 'off' as const }
  await exchange({ token, issuer })
  await exchange({ token, issuer })
  assert.equal(ports.stored.size, 2)
})

test('expires_with_subject: never beyond the subject token', async () => {
  const rules = [{ ...admitting, grant: [grant('api', { expires_with_subject: true })] }]
  assert.equal((await exchange({ rules })).expires_in, 300)
  assert.equal((await exchange({ rules, token: await farm.sign({ exp: now + 3000, jti: 'j2' }) })).expires_in, 900)
  for (const [jti, exp] of [
    ['j3', now - 5],
    ['j4', now],
  ] as const)
    assert.equal((await refusal(exchange({ rules, token: await farm.sign({ exp, jti }) }))).reason, 'token_expired')
})

for (const [title, form, ofClient] of [
  ['with its client', { client_id: 'app' }, ['client#app']],
  ['and no client where none is named', {}, []],
] as const) {
  test(`every dimension the issue falls under is looked up, ${title}`, async () => {
    await exchange({ form, rules: [admitting, { ...admitting, name: 'same' }] })
    assert.deepEqual(ports.revocationKeys.map(({ dimension, value }) => `${dimension}#${value}`).toSorted(), [
      'all#all',
      ...ofClient,
      'issuer#farm',
      'kid#ES256-kid',
      'rule#r',
      'rule#same',
      'subject#farm:job-7',
      'target#api',
    ])
  })
}

for (const [title, times, blocked] of [
  ['blocked until later', { blocked_until: now + 1, not_before: 0 }, true],
  ['blocked until now', { blocked_until: now, not_before: 0 }, false],
  ['a token that would be born inactive', { blocked_until: 0, not_before: now }, true],
  ['tokens of the past revoked', { blocked_until: 0, not_before: now - 1 }, false],
] as const) {
  test(`a revocation: ${title} ${blocked ? 'stops' : 'does not stop'} the issue`, async () => {
    ports.revoked = [{ dimension: 'rule', value: 'r', expires_at: now + 100, ...times }]
    if (!blocked) {
      await exchange()
      return
    }
    assert.equal((await refusal(exchange())).reason, 'issuance_blocked')
    assert.equal([...ports.stored.values()][0]!.state, 'released')
  })
}

for (const step of ['find', 'sign'] as const) {
  test(`when ${step} fails the receipt is released and the same token works again`, async () => {
    const token = await farm.sign()
    ports.fail = { [step]: new UnavailableError(step === 'sign' ? 'kms' : 'dynamodb', 'down') }
    await assert.rejects(exchange({ token }), UnavailableError)
    assert.equal([...ports.stored.values()][0]!.state, 'released')
    ports.fail = {}
    await exchange({ token })
  })
}

test('when the record itself fails nothing is issued', async () => {
  ports.fail = { record: new UnavailableError('dynamodb', 'down') }
  await assert.rejects(exchange(), UnavailableError)
})

test('a release that fails too is logged and the first failure is what is answered', async () => {
  ports.fail = { sign: new UnavailableError('kms', 'down'), release: new UnavailableError('dynamodb', 'down') }
  await assert.rejects(exchange(), (error) => error instanceof UnavailableError && error.dependency === 'kms')
  const [, ...lines] = ports.logged
  const message = 'a receipt could not be released: its subject token stays spent'
  const { decision_id } = [...ports.stored.values()][0]!.receipt
  assert.deepEqual(lines, [{ message, fields: { decision_id } }])
})

test('a replay is told as a replay also when another call failed, and releases nothing', async () => {
  const token = await farm.sign()
  await exchange({ token })
  ports.fail = { sign: new UnavailableError('kms', 'down') }
  assert.equal((await refusal(exchange({ token }))).reason, 'subject_token_replayed')
  assert.equal([...ports.stored.values()][0]!.state, 'recorded')
})

test('nothing leaves after the deadline', async () => {
  const late = new UnavailableError('deadline', 'the request took too long')
  await assert.rejects(exchange({ signal: AbortSignal.abort() }), late)
  assert.equal([...ports.stored.values()][0]!.state, 'released')
})

test('50 exchanges of one token at once give one token', async () => {
  const token = await farm.sign()
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => exchange({ token })))
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
})
