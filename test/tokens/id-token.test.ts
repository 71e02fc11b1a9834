import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuthorizationCode } from '../../lib/ports.ts'
import type { IdentityScope } from '../../lib/protocol/identity.ts'
import { howLoggedIn, idTokenClaims } from '../../lib/tokens/id-token.ts'
import { now, ourIssuer } from './issuer-fixture.ts'

type Login = AuthorizationCode['authentication']

const login: Login = {
  sid: 's1',
  issuer_name: 'partner',
  subject: 'ada',
  sub: 'partner:ada',
  claims: { iss: 'https://partner.test', sub: 'ada', groups: ['buyers'], email: 'not-mapped@partner.example' },
  hash: 'h',
  identity: { name: 'Ada', email: 'ada@partner.example', email_verified: true, phone_number: '1' },
  auth_time: now - 20,
  acr: ['silver', 'gold'],
  amr: ['pwd', 'mfa'],
  expires_at: now + 3_600,
}

const code: AuthorizationCode = {
  key: 'k',
  client_id: 'web-app',
  redirect_uri: 'https://app.test/cb',
  nonce: 'n-1',
  scopes: [],
  claims: { id_token: [], userinfo: [] },
  acr_values: [],
  authentication: login,
  at: now - 5,
  expires_at: now + 55,
}

function claims(
  changes: Partial<AuthorizationCode> = {},
  { withProfile = false, scopes = ['openid', 'email'] as readonly IdentityScope[] } = {},
) {
  return idTokenClaims({ ...code, ...changes }, { iss: ourIssuer, jti: 'd-1', now, scopes, withProfile })
}

const of = (changes: Partial<Login>): Partial<AuthorizationCode> => ({ authentication: { ...login, ...changes } })

test('OpenID Connect Core section 2: who, for whom, from when to when, and how they logged in', () => {
  assert.deepEqual(claims(), {
    iss: ourIssuer,
    sub: 'partner:ada',
    aud: 'web-app',
    exp: now + 600,
    iat: now,
    jti: 'd-1',
    nonce: 'n-1',
    auth_time: now - 20,
    acr: 'silver',
    amr: ['pwd', 'mfa'],
    sid: 's1',
  })
})

test('its times are those of its making, whenever the person logged in and the code was made', () => {
  const { iat, exp } = claims({ at: now - 60, expires_at: now, ...of({ auth_time: 1, expires_at: now + 1 }) })
  assert.deepEqual({ iat, exp }, { iat: now, exp: now + 600 })
})

test('what is not known is not said', () => {
  const { nonce: _, ...noNonce } = code
  const { auth_time: __, amr: ___, ...unsaid } = login
  const said = idTokenClaims(
    { ...noNonce, authentication: { ...unsaid, acr: [] } },
    { iss: ourIssuer, jti: 'd-1', now, scopes: ['openid'], withProfile: true },
  )
  assert.deepEqual(Object.keys(said).toSorted(), ['aud', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub'])
})

const email = { email: 'ada@partner.example', email_verified: true }
for (const [title, options, asked, want] of [
  ['nothing beside an access token for /userinfo', {}, [], {}],
  ['what was asked for by name, also beside one', {}, ['name'], { name: 'Ada' }],
  ['what the scopes ask for, beside an access token for a target', { withProfile: true }, [], email],
  ['both', { withProfile: true }, ['name'], { ...email, name: 'Ada' }],
  ['nothing for openid alone', { withProfile: true, scopes: ['openid'] }, [], {}],
  ['nothing that is not known', { withProfile: true, scopes: ['openid', 'address'] }, ['nickname'], {}],
  ['nothing for names that are none of section 5.1', {}, ['groups', 'constructor', '__proto__', 'toString'], {}],
] as const)
  test(`section 5.4: of the person it says ${title}`, () => {
    const said = claims({ claims: { id_token: asked, userinfo: ['phone_number'] } }, options)
    const { iss, sub, aud, exp, iat, jti, nonce, auth_time, acr, amr, sid, ...identity } = said
    assert.ok(iss && sub && aud && exp && iat && jti && nonce && auth_time && acr && amr && sid)
    assert.deepEqual(identity, want)
  })

test('an identity cannot say what is ours to say', () => {
  const ours = { iss: 'x', sub: 'x', aud: 'x', exp: 1, iat: 1, jti: 'x', nonce: 'x', auth_time: 1, acr: 'x', sid: 'x' }
  const names = Object.keys(ours)
  const said = claims({ claims: { id_token: names, userinfo: [] }, ...of({ identity: ours }) })
  assert.deepEqual(said, claims())
})

for (const [title, asked, reached, acr] of [
  ['the first reached, where none was asked for', [], ['silver', 'gold'], 'silver'],
  ['the one that was asked for', ['gold'], ['silver', 'gold'], 'gold'],
  ['the first asked for of those that were reached', ['bronze', 'gold', 'silver'], ['silver', 'gold'], 'gold'],
  ['the first reached, where none asked for was', ['bronze'], ['silver', 'gold'], 'silver'],
  ['not there, where none was reached', ['gold'], [], undefined],
] as const)
  test(`acr is ${title}`, () => {
    assert.deepEqual(howLoggedIn(asked, { ...login, acr: reached }), {
      auth_time: now - 20,
      ...(acr === undefined ? {} : { acr }),
    })
    assert.equal(claims({ acr_values: asked, ...of({ acr: reached }) }).acr, acr)
  })
