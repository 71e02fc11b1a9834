import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { beforeEach, test } from 'node:test'
import { decodeJwt } from 'jose'
import { grantToken } from '../../lib/grants/index.ts'
import type { KeySource } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { wire } from '../../lib/protocol/refusals.ts'
import {
  CLIENT_CREDENTIALS_GRANT,
  JWT_BEARER_ASSERTION,
  JWT_TYPE,
  TOKEN_EXCHANGE_GRANT,
} from '../../lib/protocol/urns.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import type { Client, Configuration, Issuer } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { refusal } from '../protocol/refused.ts'
import { now, ourIssuer, testIssuer } from '../tokens/issuer-fixture.ts'
import { configuration, equals, farm as farmIssuer, grant, rule } from '../trust/policy-fixture.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'

const secret = 'k4uYm3xJ0Zb1f7Qe9Tn2sWv5Rc8Ld6Hg+/=& %é'
const nextSecret = 'another secret'
const hash = (text: string) => createHash('sha256').update(text).digest('base64url')

/** The client's own key signs like an issuer's. */
const signerSettings: TrustedIssuer = {
  name: 'client:signer',
  issuer: 'signer',
  jwks: { uri: 'https://signer.test/jwks' },
  algorithms: ['RS256'],
  subject: [{ claim: ['sub'] }],
  replay: 'once',
  clock_tolerance: 60,
  max_token_lifetime: 3_600,
}
const farm = await testIssuer()
const signer = await testIssuer(signerSettings)
const signerClaims = { iss: 'signer', sub: 'signer' }

const both = [TOKEN_EXCHANGE_GRANT, CLIENT_CREDENTIALS_GRANT]
const confidential = (auth: Client['auth'], grants = both): Client => ({
  type: 'confidential',
  ...(auth ? { auth } : {}),
  grants,
  introspect: [],
})
const clients: Record<string, Client> = {
  app: { type: 'public', grants: [TOKEN_EXCHANGE_GRANT], introspect: [] },
  legacy: confidential({ kind: 'client_secret', sha256: [hash(secret), hash(nextSecret)], methods: ['basic'] }),
  poster: confidential({ kind: 'client_secret', sha256: [hash(secret)], methods: ['post'] }),
  signer: confidential({ kind: 'private_key_jwt', signer: signerSettings }),
  pod: confidential({
    kind: 'federated',
    rule: { name: 'pod', issuers: ['farm'], match: [equals('job', 'nightly')], mode: 'enforce', grant: [] },
  }),
}
const rules = [
  rule('exchanges', { match: [equals('ref', 'main')], grant: [grant('api')] }),
  ...Object.keys(clients).map((client) =>
    rule(`own-${client}`, { issuers: [], client, match: [], grant: [grant('plain')] }),
  ),
]

let ports: FakePorts
let serial = 0
beforeEach(() => {
  ports = fakePorts(farm)
  ports.keySets = {
    find: (source: KeySource, kid, signal) =>
      (source.name === 'client:signer' ? signer : farm).keySets.find(source, kid, signal),
  }
})

interface Ask {
  form?: Record<string, string | undefined>
  authorization?: string | undefined
  issuer?: Partial<Issuer>
  changes?: Partial<Configuration>
}

/** client_credentials unless the form says otherwise. */
async function ask({ form = {}, authorization, issuer = {}, changes = {} }: Ask) {
  const issuers = { farm: { ...farmIssuer, ...issuer } }
  const policy = await toPolicy(configuration(rules, { issuers, clients, ...changes }), ourIssuer)
  const given = Object.entries({ grant_type: CLIENT_CREDENTIALS_GRANT, ...form }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const context = { policy, ports, decision_id: `decision-${serial++}`, signal: new AbortController().signal }
  return grantToken(new Map(given.map(([name, value]) => [name, [value]])), authorization, context)
}

const basic = (id: string, given: string) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(given)}`).toString('base64')}`
const assertion = (client_assertion: string, client_id?: string) => ({
  client_assertion,
  client_assertion_type: JWT_BEARER_ASSERTION,
  client_id,
})
const podToken = (claims: Record<string, unknown> = {}) => farm.sign({ job: 'nightly', ...claims })

for (const [client_id, request] of Object.entries({
  legacy: () => ({ authorization: basic('legacy', secret) }),
  poster: () => ({ form: { client_id: 'poster', client_secret: secret } }),
  signer: async () => ({ form: assertion(await signer.sign(signerClaims)) }),
  pod: async () => ({ form: assertion(await podToken(), 'pod') }),
})) {
  test(`${client_id} gets a token for itself, which says so`, async () => {
    const { access_token, ...answer } = await ask(await request())
    assert.deepEqual(answer, { token_type: 'Bearer', expires_in: 900 })
    const { jti, ...claims } = decodeJwt(access_token)
    assert.match(String(jti), /^decision-/)
    assert.deepEqual(claims, {
      iss: ourIssuer,
      sub: client_id,
      aud: 'https://plain.test',
      client_id,
      iat: now,
      exp: now + 900,
      target: 'plain',
      rules: [`own-${client_id}`],
      ...(client_id === 'pod' ? { client_sub: 'farm:job-7' } : {}),
    })
  })
}

test('either of two secrets, while one replaces the other', async () => {
  for (const each of [secret, nextSecret]) await ask({ authorization: basic('legacy', each) })
})

test('Basic is form-encoded: a + is a space', async () => {
  const changes = {
    clients: { spaced: confidential({ kind: 'client_secret', sha256: [hash('a b')], methods: ['basic'] }) },
  }
  const failed = await refusal(ask({ authorization: `Basic ${Buffer.from('spaced:a+b').toString('base64')}`, changes }))
  // The secret fits: what is missing is a rule.
  assert.equal(failed.reason, 'client_has_no_rule')
})

test('client_id beside Basic is the same, or is refused', async () => {
  await ask({ authorization: basic('legacy', secret), form: { client_id: 'legacy' } })
  const other = await refusal(ask({ authorization: basic('legacy', secret), form: { client_id: 'poster' } }))
  assert.deepEqual(other, {
    reason: 'client_authentication_failed',
    detail: 'client_id is not the one in Authorization',
    basic: true,
  })
})

const raw = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
for (const [title, request, detail, challenge] of [
  ['a wrong secret', { authorization: basic('legacy', 'wrong') }, 'the secret is wrong', true],
  ['an unknown client', { authorization: basic('nobody', secret) }, 'no client of this name has a secret', true],
  [
    'a public client with a secret',
    { authorization: basic('app', secret) },
    'no client of this name has a secret',
    true,
  ],
  ['a client of another kind', { authorization: basic('signer', secret) }, 'no client of this name has a secret', true],
  ['a name of Object', { authorization: basic('constructor', secret) }, 'no client of this name has a secret', true],
  ['the hash itself', { authorization: basic('legacy', hash(secret)) }, 'the secret is wrong', true],
  [
    'a secret in the body where only Basic is allowed',
    { form: { client_id: 'legacy', client_secret: secret } },
    'the client may not authenticate by client_secret_post',
    false,
  ],
  [
    'Basic where only the body is allowed',
    { authorization: basic('poster', secret) },
    'the client may not authenticate by client_secret_basic',
    true,
  ],
  ['a secret without a client', { form: { client_secret: secret } }, 'client_secret came without client_id', false],
  ['Basic without a colon', { authorization: raw('legacy') }, 'the Authorization header cannot be read', true],
  ['Basic without a secret', { authorization: raw('legacy:') }, 'the Authorization header cannot be read', true],
  ['Basic without a name', { authorization: raw(`:${secret}`) }, 'the Authorization header cannot be read', true],
  ['broken percent-encoding', { authorization: raw('legacy:%zz') }, 'the Authorization header cannot be read', true],
  ['what is no base64', { authorization: 'Basic a-b_' }, 'the Authorization header is not Basic', true],
  ['BASIC alone', { authorization: 'BASIC' }, 'the Authorization header is not Basic', true],
  ['a bearer token', { authorization: 'Bearer basic' }, 'the Authorization header is not Basic', false],
  ['a scheme that begins like Basic', { authorization: 'Basics x' }, 'the Authorization header is not Basic', false],
  ['an empty Authorization header', { authorization: '' }, 'the Authorization header is not Basic', false],
  [
    'a confidential client by its name alone',
    { form: { client_id: 'legacy' } },
    'a confidential client only gave its name',
    false,
  ],
  ['nobody', {}, 'client_credentials are for clients that authenticate', false],
  [
    'an assertion without its type',
    { form: { client_assertion: 'a.b.c' } },
    `client_assertion_type is not ${JWT_BEARER_ASSERTION}`,
    false,
  ],
  [
    'an assertion of another type',
    {
      form: {
        client_assertion: 'a.b.c',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      },
    },
    `client_assertion_type is not ${JWT_BEARER_ASSERTION}`,
    false,
  ],
  [
    'a type without an assertion',
    { form: { client_assertion_type: JWT_BEARER_ASSERTION } },
    'client_assertion_type came without client_assertion',
    false,
  ],
  ['an assertion that is none', { form: assertion('x') }, 'the assertion cannot be read', false],
] as const satisfies readonly (readonly [string, Ask, string, boolean])[]) {
  test(`${title}: refused, ${challenge ? 'with' : 'without'} a challenge to Basic, and nothing was asked of anybody`, async () => {
    assert.deepEqual(await refusal(ask(request)), {
      reason: 'client_authentication_failed',
      detail,
      basic: challenge,
    })
    assert.deepEqual(ports.calls, [])
  })
}

for (const [title, more] of [
  [
    'Basic and a secret',
    { form: { client_id: 'legacy', client_secret: secret }, authorization: basic('legacy', secret) },
  ],
  ['Basic and an assertion', { form: assertion('a.b.c', 'legacy'), authorization: basic('legacy', secret) }],
  ['Basic and half an assertion', { form: { client_assertion_type: 'x' }, authorization: basic('legacy', secret) }],
  ['a secret and an assertion', { form: { ...assertion('a.b.c', 'poster'), client_secret: secret } }],
] as const satisfies readonly (readonly [string, Ask])[]) {
  test(`${title}: one method a request`, async () => {
    assert.deepEqual(await refusal(ask(more)), { reason: 'client_methods_several' })
  })
}

test('a client that is not there and one that proves it wrongly look alike from outside', () => {
  const faces = ['client_unknown', 'client_authentication_failed', 'client_assertion_refused'] as const
  for (const reason of faces) assert.deepEqual(wire[reason], wire.client_unknown)
})

// private_key_jwt
test('an assertion counts once, and is on record before anything is issued', async () => {
  const form = assertion(await signer.sign({ ...signerClaims, jti: 'a1' }))
  await ask({ form })
  assert.deepEqual(ports.calls.slice(0, 1), ['record'])
  const { receipt } = ports.stored.get('client:signer#jti:a1')!
  const { decision_id, subject_hash, ...row } = receipt
  assert.match(decision_id, /^decision-/)
  assert.match(String(subject_hash), /^[\w-]{43}$/)
  assert.deepEqual(row, {
    key: 'client:signer#jti:a1',
    use: 'client_assertion',
    client_id: 'signer',
    issuer_name: 'client:signer',
    iss: 'signer',
    subject: 'signer',
    subject_jti: 'a1',
    at: now,
    // Its exp, and the most tolerance that an issuer can have.
    expires_at: now + 600,
  })
  assert.deepEqual(await refusal(ask({ form })), {
    reason: 'client_assertion_refused',
    client_id: 'signer',
    cause: { reason: 'subject_token_replayed' },
  })
})

test('without a jti it counts once too', async () => {
  const form = assertion(await signer.sign({ ...signerClaims, jti: undefined }))
  await ask({ form })
  assert.match([...ports.stored.keys()][0]!, /^client:signer#hash:[\w-]{43}$/)
  assert.equal((await refusal(ask({ form }))).reason, 'client_assertion_refused')
})

test('what was not the client’s fault gives its assertion back; a refusal does not', async () => {
  const form = assertion(await signer.sign(signerClaims))
  ports.fail.sign = new UnavailableError('kms', 'down')
  await assert.rejects(ask({ form }), UnavailableError)
  delete ports.fail.sign
  assert.equal((await refusal(ask({ form: { ...form, audience: 'nothing' } }))).reason, 'target_unknown')
  assert.equal((await refusal(ask({ form }))).reason, 'client_assertion_refused')
})

test('a store that cannot be asked: no client is believed', async () => {
  ports.fail.record = new UnavailableError('dynamodb', 'down')
  await assert.rejects(ask({ form: assertion(await signer.sign(signerClaims)) }), UnavailableError)
  assert.deepEqual(ports.calls, ['record'])
})

for (const [title, claims, cause] of [
  ['for another audience', { aud: `${ourIssuer}/token` }, 'audience_mismatch'],
  ['for us and somebody else', { aud: [ourIssuer, 'https://other.test'] }, 'claim_malformed'],
  ['of another issuer', { iss: 'somebody' }, 'issuer_unknown'],
  ['that is over', { exp: now - 61 }, 'token_expired'],
  ['that is yet to come', { nbf: now + 61 }, 'token_not_yet_valid'],
  ['that lives too long', { exp: now + 3_601 }, 'token_lifetime_too_long'],
  ['without an end', { exp: undefined }, 'claim_malformed'],
] as const) {
  test(`an assertion ${title} is refused, and not spent`, async () => {
    const form = assertion(await signer.sign({ ...signerClaims, ...claims }), 'signer')
    const { reason, cause: found } = (await refusal(ask({ form }))) as { reason: string; cause: { reason: string } }
    assert.deepEqual([reason, found.reason], ['client_assertion_refused', cause])
    assert.deepEqual(ports.calls, [])
  })
}

test('an assertion signed by somebody else', async () => {
  const form = assertion(await signer.sign(signerClaims, { key: farm.privateKey }))
  const refused = await refusal(ask({ form }))
  assert.deepEqual(refused, {
    reason: 'client_assertion_refused',
    client_id: 'signer',
    cause: { reason: 'signature_invalid' },
  })
})

test('an assertion whose subject is another client, and one for a client that is named otherwise', async () => {
  const other = await refusal(ask({ form: assertion(await signer.sign({ ...signerClaims, sub: 'legacy' }), 'signer') }))
  assert.equal((other as { detail: string }).detail, 'the subject of the assertion is not the client')
  const named = await refusal(ask({ form: assertion(await signer.sign(signerClaims), 'legacy') }))
  assert.equal((named as { detail: string }).detail, 'no client of this name authenticates by an assertion')
  const nobody = await refusal(ask({ form: assertion(await signer.sign({ ...signerClaims, sub: 'toString' })) }))
  assert.equal((nobody as { detail: string }).detail, 'no client of this name authenticates by an assertion')
  const number = await refusal(ask({ form: assertion(await signer.sign({ ...signerClaims, sub: 7 })) }))
  assert.equal((number as { detail: string }).detail, 'no client of this name authenticates by an assertion')
  assert.deepEqual(ports.calls, [])
})

test('its own type is taken, that of an access token is not', async () => {
  await ask({ form: assertion(await signer.sign(signerClaims, { header: { typ: 'client-authentication+jwt' } })) })
  const form = assertion(await signer.sign({ ...signerClaims, jti: 'j2' }, { header: { typ: 'at+jwt' } }))
  const { cause } = (await refusal(ask({ form }))) as { cause: { reason: string } }
  assert.equal(cause.reason, 'token_type_mismatch')
})

// federated
test('a federated client is named, or it is none', async () => {
  const refused = await refusal(ask({ form: assertion(await podToken({ sub: 'pod' })) }))
  assert.equal((refused as { detail: string }).detail, 'a federated client is named by client_id')
})

test('its conditions are matched like a rule’s, and the log says which failed', async () => {
  assert.deepEqual(await refusal(ask({ form: assertion(await podToken({ job: 'daily' }), 'pod') })), {
    reason: 'client_assertion_refused',
    client_id: 'pod',
    cause: { reason: 'no_rule_matches' },
    failed: 'job is "daily", not "nightly"',
  })
  assert.deepEqual(ports.calls, [])
})

test('the issuer’s own requirements come first', async () => {
  const issuer = { require: [equals('tenant', 'ours')] }
  const { cause } = (await refusal(ask({ form: assertion(await podToken(), 'pod'), issuer }))) as { cause: object }
  assert.deepEqual(cause, { reason: 'issuer_requirement_failed', claim: 'tenant' })
})

test('an event that a rule would have to name is refused here too', async () => {
  const issuer = { preset: 'github-actions' as const }
  const form = assertion(await podToken({ event_name: 'pull_request_target' }), 'pod')
  const { cause } = (await refusal(ask({ form, issuer }))) as { cause: object }
  assert.deepEqual(cause, { reason: 'event_forbidden', claim: 'event_name', value: 'pull_request_target' })
})

test('a token is presented once, in whichever role', async () => {
  const token = await podToken({ ref: 'main' })
  const exchange = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token: token,
    audience: 'api',
  }
  await ask({ form: assertion(token, 'pod') })
  assert.deepEqual(await refusal(ask({ form: exchange })), { reason: 'subject_token_replayed' })
  const second = await podToken({ ref: 'main', jti: 'j2' })
  await ask({ form: { ...exchange, subject_token: second } })
  assert.equal((await refusal(ask({ form: assertion(second, 'pod') }))).reason, 'client_assertion_refused')
})

test('the same token in both roles of one request is no client', async () => {
  const token = await podToken({ ref: 'main' })
  const respelt = `${token.slice(0, token.lastIndexOf('.'))}.AAAA`
  for (const subject_token of [token, respelt]) {
    for (const replay of ['once', 'off'] as const) {
      const form = {
        grant_type: TOKEN_EXCHANGE_GRANT,
        subject_token_type: JWT_TYPE,
        subject_token,
        audience: 'api',
        ...assertion(token, 'pod'),
      }
      assert.deepEqual(await refusal(ask({ form, issuer: { replay } })), {
        reason: 'client_authentication_failed',
        detail: 'the client assertion is also the subject token',
        basic: false,
      })
    }
  }
  assert.deepEqual(ports.calls, [])
})

test('of an issuer whose tokens are used again and again, so is the assertion', async () => {
  const form = assertion(await podToken(), 'pod')
  for (const _ of [1, 2, 3]) await ask({ form, issuer: { replay: 'off' } })
  assert.deepEqual(
    [...ports.stored.keys()].filter((key) => key.startsWith('farm#')),
    [],
  )
})

test('where a token counts once for each target, it counts once for the client too', async () => {
  const form = assertion(await podToken(), 'pod')
  await ask({ form, issuer: { replay: 'once_per_target' } })
  assert.ok(ports.stored.has('farm#jti:j1#client:pod'))
  assert.equal((await refusal(ask({ form, issuer: { replay: 'once_per_target' } }))).reason, 'client_assertion_refused')
})

// what clients get
test('an exchange by an authenticated client: its name and the workload that it is are in token and receipt', async () => {
  const form = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token: await farm.sign({ ref: 'main', jti: 'subject' }),
    audience: 'api',
    ...assertion(await podToken({ sub: 'job-9' }), 'pod'),
  }
  const { access_token } = await ask({ form })
  const { sub, client_id, client_sub } = decodeJwt(access_token)
  assert.deepEqual([sub, client_id, client_sub], ['farm:job-7', 'pod', 'farm:job-9'])
  const { receipt } = ports.stored.get('farm#jti:subject')!
  assert.deepEqual([receipt.sub, receipt.client_id, receipt.client_sub], ['farm:job-7', 'pod', 'farm:job-9'])
})

test('every revocation that a client’s token falls under is looked for', async () => {
  await ask({ form: assertion(await podToken(), 'pod') })
  assert.deepEqual(ports.revocationKeys, [
    { dimension: 'all', value: 'all' },
    { dimension: 'subject', value: 'pod' },
    { dimension: 'issuer', value: 'farm' },
    { dimension: 'subject', value: 'farm:job-7' },
    { dimension: 'target', value: 'plain' },
    { dimension: 'kid', value: 'ES256-kid' },
    { dimension: 'rule', value: 'own-pod' },
    { dimension: 'client', value: 'pod' },
  ])
})

test('a client that is revoked gets nothing for itself', async () => {
  ports.revoked = [{ dimension: 'client', value: 'legacy', not_before: 0, blocked_until: now + 1, expires_at: now + 9 }]
  assert.deepEqual(await refusal(ask({ authorization: basic('legacy', secret) })), {
    reason: 'client_issuance_blocked',
    dimension: 'client',
    value: 'legacy',
  })
})

test('the receipt of what a client gets for itself', async () => {
  await ask({ authorization: basic('legacy', secret) })
  const { decision_id, key, ...row } = [...ports.stored.values()][0]!.receipt
  assert.equal(key, `client:legacy#id:${decision_id}`)
  assert.deepEqual(row, {
    grant_type: CLIENT_CREDENTIALS_GRANT,
    sub: 'legacy',
    client_id: 'legacy',
    rules: ['own-legacy'],
    config_hash: 'h',
    target: 'plain',
    scopes: [],
    kid: 'ES256-kid',
    issued_exp: now + 900,
    parents: [],
    claims: {},
    shadow: [],
    at: now,
    expires_at: now + 86_400,
  })
})

test('a target that no rule of the client grants, and a client without a rule', async () => {
  const authorization = basic('legacy', secret)
  assert.equal((await refusal(ask({ authorization, form: { audience: 'api' } }))).reason, 'target_not_granted')
  const changes = { rules: [] }
  assert.deepEqual(await refusal(ask({ authorization, changes })), {
    reason: 'client_has_no_rule',
    client_id: 'legacy',
  })
  assert.deepEqual(wire.client_has_no_rule, wire.target_not_granted)
})

test('a grant that the client does not have', async () => {
  const changes = { clients: { ...clients, legacy: { ...clients.legacy!, grants: [TOKEN_EXCHANGE_GRANT] } } }
  assert.deepEqual(await refusal(ask({ authorization: basic('legacy', secret), changes })), {
    reason: 'grant_type_not_allowed',
    client_id: 'legacy',
  })
})

test('rules of a client admit nobody else’s tokens, and rules of an issuer no client', async () => {
  const form = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token: await farm.sign({ ref: 'main' }),
    audience: 'plain',
  }
  const refused = await refusal(ask({ authorization: basic('legacy', secret), form }))
  assert.equal(refused.reason, 'target_not_granted')
})

// OpenID Connect Core section 9 names the token endpoint; by it another server could have asked for the assertion.
for (const [title, token_endpoint_audience, aud, refused] of [
  ['our issuer, where nothing is said', undefined, ourIssuer, false],
  ['the token endpoint, where nothing is said', undefined, `${ourIssuer}/token`, true],
  ['our issuer, where the token endpoint is allowed', true, ourIssuer, false],
  ['the token endpoint, where it is allowed', true, `${ourIssuer}/token`, false],
  ['both, where the token endpoint is allowed', true, [ourIssuer, `${ourIssuer}/token`], true],
  ['another endpoint, where the token endpoint is allowed', true, `${ourIssuer}/introspect`, true],
  ['another server’s, where the token endpoint is allowed', true, 'https://other.test/token', true],
] as const)
  test(`an assertion for ${title} is ${refused ? 'refused' : 'taken'}`, async () => {
    const auth = {
      kind: 'private_key_jwt' as const,
      signer: signerSettings,
      ...(token_endpoint_audience && { token_endpoint_audience }),
    }
    const changes = { clients: { ...clients, signer: confidential(auth) } }
    const asked = ask({ form: assertion(await signer.sign({ ...signerClaims, aud })), changes })
    if (refused)
      await assert.rejects(
        asked,
        (error) => (error as { refusal?: { reason: string } }).refusal?.reason === 'client_assertion_refused',
      )
    else assert.ok((await asked).access_token)
  })
