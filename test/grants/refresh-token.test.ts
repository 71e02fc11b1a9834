import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import type { AuthorizationCode, RevocationKey } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { wire } from '../../lib/protocol/refusals.ts'
import { REFRESH_TOKEN_GRANT } from '../../lib/protocol/urns.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import type { Configuration, LoginSettings } from '../../lib/trust/configuration.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { loginClient, loginIssuer } from '../login/login-policy.ts'
import { refusal } from '../protocol/refused.ts'
import { now as start, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { grant, rule } from '../trust/policy-fixture.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'
import { code, grants, refreshConfiguration, refreshing, scopes, storedCode, type Fields } from './refresh-fixture.ts'

let farm: TestIssuer
let ports: FakePorts
let policy: Policy
let clock: number
let ask: ReturnType<typeof refreshing>

before(async () => {
  farm = await testIssuer()
})
beforeEach(async () => {
  ports = fakePorts(farm)
  clock = start
  ports.now = () => clock
  await configure()
  ask = refreshing(() => ({ policy, ports }))
})

async function configure(changes: Partial<Configuration> = {}): Promise<void> {
  policy = await toPolicy(refreshConfiguration(changes), ourIssuer)
}

const day = 86_400
const settings = (changes: Partial<LoginSettings['refresh_tokens']>): Partial<Configuration> => {
  const { login } = refreshConfiguration()
  return { login: { ...login, refresh_tokens: { ...login.refresh_tokens, ...changes } } }
}
const ofTarget: Partial<AuthorizationCode> = { target: { resource: [], scope: ['read'] } }

/** The first refresh token of a login. */
async function loggedIn(row: Partial<AuthorizationCode> = {}, fields: Fields = {}): Promise<string> {
  ports.codesStored.set(hashOfSecret(code), storedCode({ at: clock, expires_at: clock + 60, ...row }))
  ports.stored.clear()
  const { refresh_token } = await ask.redeem(fields)
  ports.calls.length = 0
  return refresh_token ?? assert.fail('no refresh token')
}

async function refreshed(token: string, fields: Fields = {}): Promise<string> {
  return (await ask.refresh(token, fields)).refresh_token ?? assert.fail('no refresh token')
}

const reasonOf = async (refused: Promise<unknown>) => (await refusal(refused)).reason
const family = () => [...ports.memory.rows.families.values()].at(-1) ?? assert.fail('no family')
const revokedJtis = () => ports.entries.map(({ dimension, value }) => `${dimension} ${value}`)

describe('a first one', () => {
  test('comes with the code’s tokens, where offline_access is granted', async () => {
    ports.codesStored.set(hashOfSecret(code), storedCode())
    const { access_token, refresh_token, scope } = await ask.redeem()
    assert.equal(scope, 'openid email offline_access')
    assert.match(refresh_token!, /^decision-0\.[\w-]{22}\.[\w-]{43}$/)
    const { jti, parents } = decodeJwt(access_token)
    assert.deepEqual({ jti, parents }, { jti: 'decision-0', parents: ['family:decision-0'] })
    // So that whoever learns that the code was used before finds it.
    assert.ok(ports.calls.indexOf('record family') < ports.calls.indexOf('record'))
  })

  test('is nowhere in the table, and so is what it is made of', async () => {
    const token = await loggedIn()
    const kept = JSON.stringify([...ports.memory.rows.families, ...ports.stored])
    for (const part of token.split('.').slice(1)) assert.ok(!kept.includes(part))
    const { current, holder, at, ends_at, expires_at } = family()
    assert.equal(current, hashOfSecret(token))
    assert.equal(holder, hashOfSecret(token.split('.')[1]!))
    assert.deepEqual([at, ends_at, expires_at], [start, start + 90 * day, start + 14 * day])
  })

  for (const [title, row, changes] of [
    ['that was not asked for', { scopes: ['openid'] }, {}],
    [
      'that the client may not have',
      {},
      { clients: { 'web-app': loginClient({ scopes: ['openid', 'email'] }, { grants }) } },
    ],
    ['that the client could not use', {}, { clients: { 'web-app': loginClient({ scopes }) } }],
  ] as const)
    test(`OpenID Connect Core section 11: none comes of offline_access ${title}`, async () => {
      await configure(changes)
      ports.codesStored.set(hashOfSecret(code), storedCode(row))
      const { access_token, refresh_token, scope } = await ask.redeem()
      assert.equal(refresh_token, undefined)
      assert.ok(!scope?.includes('offline_access'))
      assert.equal(decodeJwt(access_token).parents, undefined)
      assert.equal(ports.memory.rows.families.size, 0)
    })

  test('RFC 6749 section 4.1.2: is revoked with its access tokens when the code comes again', async () => {
    const token = await loggedIn()
    await refusal(ask.redeem())
    assert.deepEqual(revokedJtis(), ['jti decision-0', 'jti family:decision-0'])
    assert.equal(await reasonOf(ask.refresh(token)), 'refresh_token_revoked')
  })
})

describe('RFC 6749 section 6: a refresh', () => {
  test('brings another of everything, in two hops after the family was found', async () => {
    const token = await loggedIn()
    clock += 100
    const { access_token, id_token, refresh_token, ...rest } = await ask.refresh(token)
    assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 900, scope: 'openid email offline_access' })
    assert.deepEqual(ports.calls, ['find family', 'sign', 'sign', 'record', 'find', 'rotate'])
    const { jti, parents, iat, aud, scope } = decodeJwt(access_token)
    assert.deepEqual([jti, parents, iat], ['decision-1', ['family:decision-0'], clock])
    assert.deepEqual([aud, scope], [`${ourIssuer}/userinfo`, 'openid email offline_access'])
    assert.ok(id_token)
    assert.notEqual(refresh_token, token)
    assert.equal(refresh_token?.split('.')[0], 'decision-0')
  })

  test('is on record as one, under its own decision', async () => {
    await refreshed(await loggedIn())
    const { receipt } = ports.stored.get('partner#id:decision-1') ?? assert.fail()
    assert.equal(receipt.grant_type, REFRESH_TOKEN_GRANT)
    assert.deepEqual(receipt.parents, ['family:decision-0'])
    assert.equal(receipt.sub, 'partner:ada')
  })

  test('OpenID Connect Core section 12.2: the ID token says what the first one said, but of its time, and no nonce', async () => {
    ports.codesStored.set(hashOfSecret(code), storedCode({ acr_values: ['urn:acme:mfa'] }))
    const first = await ask.redeem()
    clock += 1_000
    const second = await ask.refresh(first.refresh_token)
    const { iat, exp, jti, nonce, ...said } = decodeJwt(first.id_token!)
    const { iat: later, exp: laterExp, jti: laterJti, ...says } = decodeJwt(second.id_token!)
    assert.deepEqual(says, said)
    assert.equal(said.auth_time, start - 20)
    assert.equal(nonce, 'no')
    assert.deepEqual([later, laterExp, laterJti], [iat! + 1_000, exp! + 1_000, 'decision-1'])
    assert.notEqual(jti, laterJti)
  })

  test('of a token for a target, by the rules as they are now', async () => {
    const token = await loggedIn(ofTarget)
    const added = { claims: { who: { path: ['sub'] } }, scopes: ['read', 'write'] }
    await configure({
      rules: [rule('others', { match: [], issuers: ['partner'], clients: ['web-app'], grant: [grant('api', added)] })],
    })
    const { access_token, scope } = await ask.refresh(token)
    const { aud, rules, who, scope: granted } = decodeJwt(access_token)
    assert.deepEqual([aud, rules, who], ['https://api.test', ['others'], 'ada'])
    // RFC 6749 section 6: no more than at first.
    assert.equal(granted, 'read')
    assert.equal(scope, 'openid email offline_access read')
  })

  test('goes on past the end of the session, unless a rule ends with that', async () => {
    const token = await loggedIn(ofTarget)
    clock += 4_000
    const next = await refreshed(token)
    const { rules } = refreshConfiguration()
    const ending = rules.map((each) => ({
      ...each,
      grant: each.grant.map((to) => ({ ...to, expires_with_subject: true })),
    }))
    await configure({ rules: ending })
    assert.equal(await reasonOf(ask.refresh(next)), 'login_withdrawn')
  })

  test('a scope that is granted no more is left out, and the others stay', async () => {
    const both = rule('both', {
      match: [],
      issuers: ['partner'],
      clients: ['web-app'],
      grant: [grant('api', { scopes: ['read', 'write'] })],
    })
    await configure({ rules: [both] })
    const token = await loggedIn({ target: { resource: [], scope: undefined } })
    await configure()
    const { access_token, scope } = await ask.refresh(token)
    assert.deepEqual([decodeJwt(access_token).scope, scope], ['read', 'openid email offline_access read'])
  })

  for (const [title, row, fields, want] of [
    ['less of who it is', {}, { scope: 'openid' }, ['openid', `${ourIssuer}/userinfo`]],
    ['what it is for, without who it is', ofTarget, { scope: 'read' }, ['read', 'https://api.test']],
    [
      'all',
      ofTarget,
      { scope: 'read openid email offline_access' },
      ['openid email offline_access read', 'https://api.test'],
    ],
    [
      'its audience',
      ofTarget,
      { resource: 'https://api.test' },
      ['openid email offline_access read', 'https://api.test'],
    ],
  ] as const)
    test(`may ask for ${title}, and the next one for all again`, async () => {
      const token = await loggedIn(row)
      const { access_token, id_token, scope, refresh_token } = await ask.refresh(token, fields)
      const asked: readonly string[] = want[0].split(' ')
      assert.deepEqual(scope?.split(' ').toSorted(), asked.toSorted())
      assert.equal(decodeJwt(access_token).aud, want[1])
      assert.equal(id_token !== undefined, asked.includes('openid'))
      assert.equal((await ask.refresh(refresh_token)).scope?.split(' ').length, row === ofTarget ? 4 : 3)
    })
})

const { clients, issuers } = refreshConfiguration()
const require = [{ key: 'tid', path: ['tid'], operator: { equals: ['t'] } }]
const app = (...changes: Parameters<typeof loginClient>) => ({
  clients: { ...clients, 'web-app': loginClient(...changes) },
})
for (const [title, { row = {}, form = {}, changes = {}, later = 0 }, reason] of [
  ['no token', { form: { refresh_token: undefined } }, 'parameter_missing'],
  ['something else', { form: { refresh_token: 'x' } }, 'refresh_token_unknown'],
  ['nobody’s token', { form: { client_id: undefined } }, 'client_authentication_failed'],
  ['another client’s token', { form: { client_id: 'second-app' } }, 'refresh_token_of_another_client'],
  ['a scope beyond it', { form: { scope: 'openid profile' } }, 'scope_not_granted'],
  ['a scope of a target, where there is none', { form: { scope: 'openid read' } }, 'scope_not_granted'],
  ['a scope of its target beyond it', { row: ofTarget, form: { scope: 'read write' } }, 'scope_not_granted'],
  ['none of its target’s scopes', { row: ofTarget, form: { scope: 'openid' } }, 'scope_not_granted'],
  [
    'RFC 8707 section 2.2: a resource, where there was none',
    { form: { resource: 'https://api.test' } },
    'target_unknown',
  ],
  ['another resource', { row: ofTarget, form: { resource: 'https://plain.test' } }, 'target_unknown'],
  ['a target by its name', { row: ofTarget, form: { resource: 'api' } }, 'target_unknown'],
  ['an issuer that is trusted no more', { changes: { issuers: {} } }, 'refresh_token_unknown'],
  [
    'an issuer that has another URL now',
    { changes: { issuers: { ...issuers, partner: loginIssuer('partner', { issuer: 'https://x.test' }) } } },
    'refresh_token_unknown',
  ],
  [
    'an issuer that requires what is not there',
    { changes: { issuers: { ...issuers, partner: loginIssuer('partner', { require }) } } },
    'login_withdrawn',
  ],
  [
    'a client that has the issuer no more',
    { changes: app({ scopes, issuers: ['other'] }, { grants }) },
    'login_withdrawn',
  ],
  ['a client that may not refresh any more', { changes: app({ scopes }) }, 'grant_type_not_allowed'],
  ['a client that may not have offline_access any more', { changes: app({}, { grants }) }, 'login_withdrawn'],
  ['rules that are no more', { row: ofTarget, changes: { rules: [] } }, 'login_withdrawn'],
  [
    'rules that grant nothing of it any more',
    {
      row: ofTarget,
      changes: {
        rules: [rule('r', { match: [], issuers: ['partner'], grant: [grant('api', { scopes: ['admin'] })] })],
      },
    },
    'login_withdrawn',
  ],
  [
    'a consent that is asked for now, and was not given',
    { changes: app({ scopes, consent: 'first_time' }, { grants }) },
    'login_withdrawn',
  ],
  ['shorter lifetimes: idle', { changes: settings({ idle: 3_600 }), later: 3_600 }, 'refresh_token_unknown'],
  [
    'shorter lifetimes: absolute',
    { changes: settings({ idle: 7_200, absolute: 7_200 }), later: 7_200 },
    'refresh_token_unknown',
  ],
] as const satisfies readonly (readonly [
  string,
  { row?: Partial<AuthorizationCode>; form?: Fields; changes?: Partial<Configuration>; later?: number },
  string,
])[])
  test(`${title} is refused, and the token is as good as before`, async () => {
    const token = await loggedIn(row)
    const before = family()
    await configure(changes)
    clock += later
    assert.equal(await reasonOf(ask.refresh(token, form)), reason)
    assert.deepEqual([family(), ports.entries], [before, []])
    await configure()
    await refreshed(token)
  })

describe('lifetimes', () => {
  test('a token lives until it has lain unused', async () => {
    const [one, other] = [await loggedIn(), await loggedIn()]
    clock += 14 * day - 1
    const next = await refreshed(other)
    clock += 1
    assert.equal(await reasonOf(ask.refresh(one)), 'refresh_token_unknown')
    clock += 14 * day - 2
    await refreshed(next)
  })

  test('and never beyond its family’s end, however often it was used, nor if broker.yaml says more by then', async () => {
    let token = await loggedIn()
    for (let i = 0; i < 9; i++) {
      clock += 10 * day - (i === 8 ? 1 : 0)
      token = await refreshed(token)
    }
    await configure(settings({ idle: 90 * day, absolute: 365 * day }))
    clock += 1
    assert.equal(await reasonOf(ask.refresh(token)), 'refresh_token_unknown')
  })
})

describe('RFC 9700 section 4.14.2: a token that was used', () => {
  test('brings the same next one within the reuse window, and access tokens of its own', async () => {
    const token = await loggedIn()
    const first = await ask.refresh(token)
    ports.calls.length = 0
    clock += 9
    const again = await ask.refresh(token)
    assert.equal(again.refresh_token, first.refresh_token)
    assert.notEqual(decodeJwt(again.access_token).jti, decodeJwt(first.access_token).jti)
    assert.ok(!ports.calls.includes('rotate'))
    await refreshed(first.refresh_token!)
  })

  test('its successor is in the row as only its holder reads it', async () => {
    const token = await loggedIn()
    const next = await refreshed(token)
    assert.ok(!JSON.stringify(family()).includes(next.split('.')[2]!))
    assert.ok(!Buffer.from(family().rotation!.successor, 'base64url').includes(next.split('.')[2]!))
    const { rotation, ...rest } = family()
    // Sealed for somebody else, it is nobody's.
    const foreign = { ...rotation!, successor: `${rotation!.successor.slice(0, -1)}A` }
    ports.memory.rows.families.set(family().id, { ...rest, rotation: foreign })
    await assert.rejects(ask.refresh(token), UnavailableError)
  })

  const reuses: Record<string, (token: string) => Promise<[string, Fields?]>> = {
    'after the window': async (token) => {
      await refreshed(token)
      clock += 10
      return [token]
    },
    'within the window, from another client': async (token) => {
      await refreshed(token)
      return [token, { client_id: 'second-app' }]
    },
    'once its successor was used too': async (token) => {
      await refreshed(await refreshed(token))
      return [token]
    },
    'where there is no window': async (token) => {
      await configure(settings({ reuse_window: 0 }))
      await refreshed(token)
      return [token]
    },
  }
  for (const [when, use] of Object.entries(reuses))
    test(`takes back all that came of the login ${when}`, async () => {
      const token = await loggedIn()
      const [used, fields] = await use(token)
      assert.deepEqual(await refusal(ask.refresh(used, fields)), {
        reason: 'refresh_token_reused',
        family: 'decision-0',
        client_id: fields?.client_id ?? 'web-app',
      })
      assert.deepEqual(revokedJtis(), ['jti family:decision-0'])
      assert.ok(ports.entries[0]!.not_before >= start + 91 * day, 'for as long as there can be a family')
      assert.equal(family().revoked_at, clock)
      assert.ok(
        ports.logged.some(({ message, fields: { jti } }) => message === 'revoked' && jti === 'family:decision-0'),
      )
      ports.entries.length = 0
      assert.equal(await reasonOf(ask.refresh(used)), 'refresh_token_revoked')
      assert.deepEqual(ports.entries, [])
    })

  test('what only looks like one takes back nothing: a resource server knows the family’s id', async () => {
    const token = await loggedIn()
    const [id, common] = token.split('.')
    for (const forged of [
      `${id}.${'A'.repeat(22)}.${'A'.repeat(43)}`,
      `${id}.${common}`,
      `x.${common}.${'A'.repeat(43)}`,
    ])
      assert.equal(await reasonOf(ask.refresh(forged)), 'refresh_token_unknown')
    assert.deepEqual(ports.entries, [])
    await refreshed(token)
  })

  test('what is wrong with a refresh token is not told', () => {
    const faces = [
      wire.refresh_token_unknown,
      wire.refresh_token_of_another_client,
      wire.refresh_token_revoked,
      wire.refresh_token_reused,
      wire.login_withdrawn,
    ]
    assert.equal(new Set(faces).size, 1)
    assert.deepEqual(faces[0]?.slice(0, 2), [400, 'invalid_grant'])
  })
})

describe('consent', () => {
  const third = { client_id: 'third-party' }
  const consent = (given: readonly string[]) =>
    ports.memory.consents.record(
      { ...third, sub: 'partner:ada', scopes: given, at: clock, expires_at: clock + 365 * day },
      new AbortController().signal,
    )

  test('is asked for again at each refresh, and may be withdrawn', async () => {
    await consent(scopes)
    const token = await loggedIn(third, third)
    const next = await refreshed(token, third)
    ports.memory.rows.consents.clear()
    assert.deepEqual(await refusal(ask.refresh(next, third)), {
      reason: 'login_withdrawn',
      ...third,
      cause: { reason: 'consent_needed' },
    })
    await consent(scopes)
    await refreshed(next, third)
  })

  test('to less is none', async () => {
    await consent(['openid', 'email'])
    assert.equal(await reasonOf(ask.refresh(await loggedIn(third, third), third)), 'login_withdrawn')
  })
})

describe('revocations since the login', () => {
  const keys: RevocationKey[] = [
    { dimension: 'all', value: 'all' },
    { dimension: 'issuer', value: 'partner' },
    { dimension: 'subject', value: 'partner:ada' },
    { dimension: 'client', value: 'web-app' },
    { dimension: 'target', value: 'api' },
    { dimension: 'rule', value: 'buyers' },
    { dimension: 'jti', value: 'family:decision-0' },
  ]
  for (const key of keys) {
    test(`of ${key.dimension} ${key.value} refuse it, and an older one does not`, async () => {
      const token = await loggedIn(ofTarget)
      clock += 100
      const times = { blocked_until: 0, expires_at: clock + day }
      ports.revoked = [{ ...key, ...times, not_before: start - 1 }]
      const next = await refreshed(token)
      assert.ok(ports.revocationKeys.some((each) => each.dimension === key.dimension && each.value === key.value))
      ports.revoked = [{ ...key, ...times, not_before: start }]
      const before = family()
      assert.equal(await reasonOf(ask.refresh(next)), 'login_withdrawn')
      assert.deepEqual(family(), before)
      assert.equal(ports.stored.get('partner#id:decision-2')?.state, 'released')
    })
  }

  test('of a key do not: what it signed is another’s', async () => {
    const token = await loggedIn()
    clock += 100
    ports.revoked = [
      { dimension: 'kid', value: 'ES256-kid', not_before: start, blocked_until: 0, expires_at: clock + day },
    ]
    await refreshed(token)
  })
})

describe('an outage', () => {
  const outage = new UnavailableError('dynamodb', 'x')
  const none = () => Promise.reject(outage)
  const breaks: Record<string, () => void> = {
    'of KMS': () => (ports.fail.sign = outage),
    'that keeps the receipt from being recorded': () => (ports.fail.record = outage),
    'that hides the revocations': () => (ports.fail.find = outage),
    'that hides the family': () => (ports.families.find = none),
    'that keeps it from being rotated': () => (ports.families.rotate = none),
  }
  for (const [what, happens] of Object.entries(breaks))
    test(`${what} leaves the token as it was, however long it takes`, async () => {
      const token = await loggedIn()
      const { families } = ports
      ports.families = { ...families }
      happens()
      await assert.rejects(ask.refresh(token), UnavailableError)
      ports.families = families
      ports.fail = {}
      clock += 3_600
      assert.ok(
        ![...ports.stored.values()].some(
          ({ receipt, state }) => receipt.grant_type === REFRESH_TOKEN_GRANT && state === 'recorded',
        ),
      )
      await refreshed(token)
    })

  for (const [title, lost] of [
    ['is lost', none],
    ['is lost, and was asked for again', () => Promise.resolve(false)],
  ] as const)
    test(`of which the rotation’s answer ${title} is none`, async () => {
      await configure(settings({ reuse_window: 0 }))
      const token = await loggedIn()
      const { families } = ports
      ports.families = { ...families, rotate: (...asked) => families.rotate(...asked).then(lost) }
      const next = await refreshed(token)
      ports.families = families
      await refreshed(next)
    })

  test('that leaves a family half revoked is made good by the next who comes', async () => {
    const token = await loggedIn()
    await refreshed(token)
    clock += 10
    const { families } = ports
    ports.families = { ...families, revoke: none }
    await assert.rejects(ask.refresh(token), UnavailableError)
    ports.families = families
    assert.equal(await reasonOf(ask.refresh(token)), 'refresh_token_reused')
    assert.equal(family().revoked_at, clock)
  })
})
