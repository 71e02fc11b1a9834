import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOGOUT_TOKEN_TYP, logoutTokenClaims } from '../../lib/tokens/logout-token.ts'
import { now, ourIssuer } from './issuer-fixture.ts'

const notice = { id: 'a-notice-of-this-length', client_id: 'web-app', sub: 'acme:ada', sid: 's1', at: now - 30 }
const event = 'http://schemas.openid.net/event/backchannel-logout'

test('it says what Back-Channel Logout 1.0 section 2.4 asks for, and nothing else', () => {
  assert.deepEqual(logoutTokenClaims(notice, { iss: ourIssuer, now }), {
    iss: ourIssuer,
    sub: 'acme:ada',
    aud: 'web-app',
    iat: now,
    exp: now + 120,
    jti: 'a-notice-of-this-length',
    events: { [event]: {} },
    sid: 's1',
  })
})

test('its type is its own', () => {
  assert.equal(LOGOUT_TOKEN_TYP, 'logout+jwt')
})

test('another time it is another token of the same jti', () => {
  const [first, second] = [now, now + 600].map((at) => logoutTokenClaims(notice, { iss: ourIssuer, now: at }))
  assert.deepEqual({ ...second, iat: now, exp: now + 120 }, first)
})
