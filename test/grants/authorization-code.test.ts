import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, beforeEach, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { grantToken } from '../../lib/grants/index.ts'
import type { AuthorizationCode } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { AUTHORIZATION_CODE_GRANT } from '../../lib/protocol/urns.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { loginClient, loginConfiguration, loginIssuer } from '../login/login-policy.ts'
import { refusal } from '../protocol/refused.ts'
import { now, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'

const code = 'c'.repeat(43)
const code_verifier = 'v'.repeat(43)
const receiptKey = `partner#code:${hashOfSecret(code)}`
const redeemed = ['find code', 'sign', 'sign', 'record', 'find']

let farm: TestIssuer
let ports: FakePorts
let serial: number

before(async () => {
  farm = await testIssuer()
})
beforeEach(() => {
  ports = fakePorts(farm)
  serial = 0
})

function stored(changes: Partial<AuthorizationCode> = {}): AuthorizationCode {
  return {
    key: hashOfSecret(code),
    client_id: 'web-app',
    redirect_uri: 'https://app.test/cb',
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    nonce: 'no',
    scopes: ['openid', 'email'],
    claims: { id_token: [], userinfo: [] },
    acr_values: [],
    authentication: {
      sid: 'sid',
      issuer_name: 'partner',
      subject: 'ada',
      sub: 'partner:ada',
      claims: { iss: 'https://partner.test', sub: 'ada', groups: ['buyers'], secret: 'not on receipts' },
      hash: 'hash-of-the-id-token',
      identity: { email: 'ada@partner.example', name: 'Ada' },
      auth_time: now - 20,
      acr: ['urn:acme:mfa'],
      amr: ['mfa'],
      expires_at: now + 3_600,
    },
    at: now,
    expires_at: now + 60,
    ...changes,
  }
}

interface Redeem {
  row?: Partial<AuthorizationCode>
  form?: Record<string, string | undefined>
  changes?: Partial<Configuration>
}

async function redeem({ row, form = {}, changes = {} }: Redeem = {}) {
  ports.codesStored.set(hashOfSecret(code), stored(row))
  const policy = await toPolicy(loginConfiguration(changes), ourIssuer)
  const fields = {
    grant_type: AUTHORIZATION_CODE_GRANT,
    client_id: 'web-app',
    redirect_uri: 'https://app.test/cb',
    code,
    code_verifier,
    ...form,
  }
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const context = { policy, ports, decision_id: `decision-${serial++}`, signal: new AbortController().signal }
  return grantToken(new Map(given.map(([name, value]) => [name, [value]])), undefined, context)
}

test('a code brings a token for /userinfo and an ID token, in one hop after it was found', async () => {
  const { access_token, id_token, ...response } = await redeem()
  assert.deepEqual(response, { token_type: 'Bearer', expires_in: 900, scope: 'openid email' })
  assert.deepEqual(decodeJwt(access_token), {
    iss: ourIssuer,
    sub: 'partner:ada',
    aud: `${ourIssuer}/userinfo`,
    client_id: 'web-app',
    iat: now,
    exp: now + 900,
    jti: 'decision-0',
    scope: 'openid email',
    target: 'openid:userinfo',
    rules: [],
    auth_time: now - 20,
    acr: 'urn:acme:mfa',
  })
  assert.deepEqual(decodeProtectedHeader(id_token!), { alg: 'RS256', typ: 'JWT', kid: 'RS256-kid' })
  assert.deepEqual(decodeJwt(id_token!), {
    iss: ourIssuer,
    sub: 'partner:ada',
    aud: 'web-app',
    iat: now,
    exp: now + 600,
    jti: 'decision-0',
    nonce: 'no',
    auth_time: now - 20,
    acr: 'urn:acme:mfa',
    amr: ['mfa'],
    sid: 'sid',
  })
  assert.deepEqual(ports.calls, redeemed)
})

test('its receipt is that of the code', async () => {
  await redeem()
  const { receipt } = ports.stored.get(receiptKey)!
  assert.equal(receipt.grant_type, AUTHORIZATION_CODE_GRANT)
  assert.equal(receipt.sub, 'partner:ada')
  assert.equal(receipt.client_id, 'web-app')
  assert.equal(receipt.target, 'openid:userinfo')
  assert.equal(receipt.subject_hash, 'hash-of-the-id-token')
  assert.ok(!JSON.stringify(receipt).includes('not on receipts'))
  assert.ok(!JSON.stringify(receipt).includes(code))
  const kids = ports.revocationKeys.filter(({ dimension }) => dimension === 'kid').map(({ value }) => value)
  assert.deepEqual(kids, ['ES256-kid', 'RS256-kid'])
})

test('a token for a target is granted by rules, and the ID token beside it says who it is', async () => {
  const { access_token, id_token, scope } = await redeem({ row: { target: { resource: [], scope: ['read'] } } })
  const { aud, scope: granted, rules } = decodeJwt(access_token)
  assert.deepEqual({ aud, granted, rules }, { aud: 'https://api.test', granted: 'read', rules: ['buyers'] })
  assert.equal(scope, 'openid email read')
  const { email, name } = decodeJwt(id_token!)
  assert.deepEqual({ email, name }, { email: 'ada@partner.example', name: undefined })
})

test('claims that were asked for by name', async () => {
  const { access_token, id_token } = await redeem({ row: { claims: { id_token: ['name'], userinfo: ['name'] } } })
  assert.equal(decodeJwt(id_token!).name, 'Ada')
  assert.deepEqual(decodeJwt(access_token).userinfo_claims, ['name'])
})

for (const [title, acr_values, want] of [
  ['the one that was asked for', ['urn:x', 'b'], 'b'],
  ['any, where none was', [], 'a'],
  ['any, where none of them was reached', ['urn:x'], 'a'],
] as const)
  test(`acr is ${title}`, async () => {
    const authentication = { ...stored().authentication, acr: ['a', 'b'] }
    assert.equal(decodeJwt((await redeem({ row: { acr_values, authentication } })).access_token).acr, want)
  })

test('what is not known is not said', async () => {
  const { auth_time: _, amr: __, ...authentication } = stored().authentication
  const { access_token, id_token } = await redeem({
    row: { authentication: { ...authentication, acr: [] } },
  })
  for (const token of [access_token, id_token!]) {
    const { auth_time, acr, amr } = decodeJwt(token)
    assert.deepEqual({ auth_time, acr, amr }, { auth_time: undefined, acr: undefined, amr: undefined })
  }
})

test('no ID token without openid, and the algorithm is the client’s', async () => {
  const row = { scopes: [], target: { resource: ['https://api.test'], scope: undefined } }
  const { id_token, scope } = await redeem({ row })
  assert.equal(id_token, undefined)
  assert.equal(scope, 'read')
  const clients = { 'web-app': loginClient({ id_token_signed_response_alg: 'ES256' }) }
  ports.stored.clear()
  assert.equal(decodeProtectedHeader((await redeem({ changes: { clients } })).id_token!).alg, 'ES256')
})

test('expires_with_subject is the end of the session', async () => {
  const { rules } = loginConfiguration()
  const ending = rules.map((each) => ({
    ...each,
    grant: each.grant.map((to) => ({ ...to, expires_with_subject: true })),
  }))
  const authentication = { ...stored().authentication, expires_at: now + 100 }
  const row = { authentication, target: { resource: [], scope: ['read'] } }
  assert.equal((await redeem({ row, changes: { rules: ending } })).expires_in, 100)
})

const { clients } = loginConfiguration()
const require = [{ key: 'tid', path: ['tid'], operator: { equals: ['t'] } }]
const issuers = (changes: Parameters<typeof loginIssuer>[1]) => ({ partner: loginIssuer('partner', changes) })
for (const [title, given, reason] of [
  ['no code', { form: { code: undefined } }, 'parameter_missing'],
  ['a code that never was', { form: { code: 'd'.repeat(43) } }, 'code_unknown'],
  ['a code that was cut', { form: { code: code.slice(1) } }, 'code_unknown'],
  ['a code at its expiry', { row: { expires_at: now } }, 'code_unknown'],
  ['nobody’s code', { form: { client_id: undefined } }, 'client_authentication_failed'],
  ['another client’s code', { form: { client_id: 'third-party' } }, 'code_of_another_client'],
  ['no redirect URI', { form: { redirect_uri: undefined } }, 'parameter_missing'],
  ['another redirect URI of the client', { form: { redirect_uri: 'http://127.0.0.1/cb' } }, 'code_mismatch'],
  ['RFC 7636 section 4.6: no verifier', { form: { code_verifier: undefined } }, 'code_mismatch'],
  ['another verifier', { form: { code_verifier: 'w'.repeat(43) } }, 'code_mismatch'],
  ['a verifier that is too short', { form: { code_verifier: 'v'.repeat(42) } }, 'code_mismatch'],
  ['the challenge as verifier', { form: { code_verifier: stored().code_challenge! } }, 'code_mismatch'],
  [
    'RFC 9700 section 2.1.1: a verifier where none was promised',
    { row: { code_challenge: undefined as never } },
    'code_mismatch',
  ],
  ['an issuer that is trusted no more', { changes: { issuers: {} } }, 'code_unknown'],
  [
    'an issuer that has another URL now',
    { changes: { issuers: issuers({ issuer: 'https://x.test' }) } },
    'code_unknown',
  ],
  [
    'an issuer whose subjects are others now',
    { changes: { issuers: issuers({ subject: [{ claim: ['secret'] }] }) } },
    'code_unknown',
  ],
  ['an issuer that requires what is not there', { changes: { issuers: issuers({ require }) } }, 'login_withdrawn'],
  [
    'a client that has the issuer no more',
    { changes: { clients: { ...clients, 'web-app': loginClient({ issuers: ['other'] }) } } },
    'login_withdrawn',
  ],
  [
    'a client that may not',
    { changes: { clients: { ...clients, 'web-app': loginClient({}, { grants: [] }) } } },
    'grant_type_not_allowed',
  ],
  [
    'a rule that is no more',
    { row: { target: { resource: [], scope: ['read'] } }, changes: { rules: [] } },
    'login_withdrawn',
  ],
  ['a scope that is no more granted', { row: { target: { resource: [], scope: ['write'] } } }, 'scope_not_granted'],
  [
    'RFC 8707 section 2.2: a resource that was not asked for',
    { form: { resource: 'https://api.test' } },
    'target_unknown',
  ],
  [
    'another resource than was asked for',
    { row: { target: { resource: ['https://api.test'], scope: undefined } }, form: { resource: 'https://plain.test' } },
    'target_unknown',
  ],
] as const satisfies readonly (readonly [string, Redeem, string])[])
  test(`${title} is refused, and leaves the code unspent`, async () => {
    assert.equal((await refusal(redeem(given))).reason, reason)
    assert.equal(ports.stored.size, 0)
    assert.deepEqual(ports.entries, [])
    assert.equal((await redeem()).scope, 'openid email')
  })

test('a resource may be named again', async () => {
  const row = { target: { resource: ['https://api.test'], scope: undefined } }
  assert.equal(
    decodeJwt((await redeem({ row, form: { resource: 'https://api.test' } })).access_token).aud,
    'https://api.test',
  )
})

test('RFC 6749 section 4.1.2: a code that is used again takes back what it brought', async () => {
  const { access_token } = await redeem()
  const { reason, revoked } = (await refusal(redeem())) as { reason: string; revoked?: string }
  assert.deepEqual({ reason, revoked }, { reason: 'code_replayed', revoked: decodeJwt(access_token).jti })
  assert.deepEqual(
    ports.entries.map(({ dimension, value }) => ({ dimension, value })),
    [{ dimension: 'jti', value: decodeJwt(access_token).jti }],
  )
  assert.ok(ports.entries[0]!.not_before >= now + 86_400, 'also for verifiers that see it late')
})

for (const [title, form] of [
  ['without its proof', { code_verifier: 'w'.repeat(43) }],
  ['by another client', { client_id: 'third-party' }],
  ['from another redirect URI', { redirect_uri: 'http://127.0.0.1/cb' }],
] as const)
  test(`a used code ${title} takes back nothing`, async () => {
    await redeem()
    await refusal(redeem({ form }))
    assert.deepEqual(ports.entries, [])
  })

test('of fifty at once one brings tokens, and the others take them back', async () => {
  const all = await Promise.allSettled(Array.from({ length: 50 }, () => redeem()))
  assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.deepEqual([...new Set(ports.entries.map(({ value }) => value))], ['decision-0'])
})

test('an outage spends no code', async () => {
  ports.fail.sign = new UnavailableError('kms', 'x')
  await assert.rejects(redeem(), UnavailableError)
  assert.equal(ports.stored.get(receiptKey)!.state, 'released')
  ports.fail = {}
  assert.equal((await redeem()).scope, 'openid email')
})

test('what was revoked after the login gets nothing', async () => {
  const revocation = { dimension: 'subject' as const, value: 'partner:ada', blocked_until: 0, expires_at: now + 9 }
  ports.revoked = [{ ...revocation, not_before: now - 5 }]
  assert.equal((await refusal(redeem({ row: { at: now - 5 } }))).reason, 'login_withdrawn')
  assert.equal((await redeem({ row: { at: now - 4 } })).scope, 'openid email', 'who logged in after it')
})

test('whoever is blocked meanwhile gets nothing', async () => {
  ports.revoked = [
    { dimension: 'subject', value: 'partner:ada', not_before: now, blocked_until: 0, expires_at: now + 9 },
  ]
  assert.equal((await refusal(redeem())).reason, 'login_withdrawn')
})
