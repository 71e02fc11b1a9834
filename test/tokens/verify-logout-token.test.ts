import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { ID_TOKEN_TYPE, LOGOUT_EVENT } from '../../lib/protocol/urns.ts'
import { verifyLogoutToken, type VerifiedLogout } from '../../lib/tokens/verify-logout-token.ts'
import { now, ourIssuer, testIssuer, verifyAt } from './issuer-fixture.ts'

const partner = await testIssuer({ audiences: ['token-broker'] })
const good = { aud: 'token-broker', sid: 's1', events: { [LOGOUT_EVENT]: {} }, nbf: undefined }

async function verify(
  changes: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<VerifiedLogout> {
  const token = await partner.sign({ ...good, ...changes }, { header: { typ: 'logout+jwt', ...header } })
  return verifyLogoutToken(token, {
    issuers: new Map([[partner.issuer.issuer, partner.issuer]]),
    ourIssuer,
    keySets: partner.keySets,
    now,
    signal: new AbortController().signal,
  })
}

for (const [title, changes, header, expected] of [
  ['of a person and a session', {}, {}, { sub: 'job-7', sid: 's1' }],
  ['of a session alone', { sub: undefined }, {}, { sub: undefined, sid: 's1' }],
  ['of a person alone', { sid: undefined }, {}, { sub: 'job-7', sid: undefined }],
  ['typ JWT', {}, { typ: 'JWT' }, { sub: 'job-7', sid: 's1' }],
  ['no typ', {}, { typ: undefined }, { sub: 'job-7', sid: 's1' }],
  ['no exp, as drafts had it', { exp: undefined }, {}, { sub: 'job-7', sid: 's1' }],
  ['other events too', { events: { other: 1, [LOGOUT_EVENT]: {} } }, {}, { sub: 'job-7', sid: 's1' }],
  ['an audience in a list', { aud: ['token-broker'] }, {}, { sub: 'job-7', sid: 's1' }],
] as const)
  test(`a logout token is believed: ${title}`, async () => {
    const { sub, sid, iat } = await verify(changes, header)
    assert.deepEqual({ sub, sid }, expected)
    assert.equal(iat, now - 10)
  })

// OpenID Connect Back-Channel Logout 1.0 section 2.6, by its steps.
for (const [title, changes, header, reason] of [
  ['another issuer', { iss: 'https://other.test' }, {}, 'issuer_unknown'],
  ['for another client', { aud: 'another' }, {}, 'audience_mismatch'],
  ['for two', { aud: ['token-broker', 'another'] }, {}, 'claim_malformed'],
  ['no iat', { iat: undefined }, {}, 'claim_malformed'],
  ['iat that is text', { iat: String(now) }, {}, 'claim_malformed'],
  ['iat of the future', { iat: now + 61 }, {}, 'token_not_yet_valid'],
  ['expired', { exp: now - 60 }, {}, 'token_expired'],
  ['without exp, and old', { exp: undefined, iat: now - 360 }, {}, 'token_expired'],
  ['living for longer than the issuer’s tokens', { exp: now + 3_600 }, {}, 'token_lifetime_too_long'],
  ['exp that is text', { exp: 'never' }, {}, 'claim_malformed'],
  ['exp that is null', { exp: null }, {}, 'claim_malformed'],
  ['no events', { events: undefined }, {}, 'claim_malformed'],
  ['events that are a list', { events: [LOGOUT_EVENT] }, {}, 'claim_malformed'],
  ['another event', { events: { 'http://schemas.openid.net/event/other': {} } }, {}, 'claim_malformed'],
  ['an event that is no object', { events: { [LOGOUT_EVENT]: true } }, {}, 'claim_malformed'],
  ['an event of null', { events: { [LOGOUT_EVENT]: null } }, {}, 'claim_malformed'],
  ['a nonce, as an ID token has', { nonce: 'n' }, {}, 'claim_malformed'],
  ['no jti', { jti: undefined }, {}, 'claim_malformed'],
  ['a jti that is a number', { jti: 1 }, {}, 'claim_malformed'],
  ['neither sub nor sid', { sub: undefined, sid: undefined }, {}, 'claim_malformed'],
  ['an empty sub', { sub: '' }, {}, 'claim_malformed'],
  ['a sub that is a number', { sub: 7 }, {}, 'claim_malformed'],
  ['a sid that is an object', { sid: {} }, {}, 'claim_malformed'],
  ['a sub of 256 characters', { sub: 's'.repeat(256) }, {}, 'claim_malformed'],
  ['a sid of 2,049 characters', { sid: 's'.repeat(2_049) }, {}, 'claim_malformed'],
  ['typ of another kind', {}, { typ: 'at+jwt' }, 'token_type_mismatch'],
  ['a critical extension', {}, { crit: ['x'], x: 1 }, 'token_malformed'],
] as const)
  test(`a logout token is refused: ${title}`, async () => {
    await assert.rejects(verify(changes, header), (error) => {
      assert.ok(error instanceof RefusedError, String(error))
      assert.equal(error.refusal.reason, reason)
      return true
    })
  })

test('a logout token passes for no subject token, whatever typ it has', async () => {
  for (const typ of ['logout+jwt', 'JWT', undefined]) {
    const token = await partner.sign(good, { header: { typ } })
    await assert.rejects(verifyAt(partner, token, { type: ID_TOKEN_TYPE }), (error) => {
      assert.ok(error instanceof RefusedError)
      assert.equal(error.refusal.reason, 'token_type_mismatch')
      return true
    })
  }
})

test('an ID token passes for no logout token', async () => {
  const token = await partner.sign({ aud: 'token-broker', nonce: 'n', sid: 's1' })
  await assert.rejects(
    verifyLogoutToken(token, {
      issuers: new Map([[partner.issuer.issuer, partner.issuer]]),
      ourIssuer,
      keySets: partner.keySets,
      now,
      signal: new AbortController().signal,
    }),
    RefusedError,
  )
})
