import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../../lib/config/compile.ts'
import { findNewAccess } from '../../../lib/trust/new-access.ts'
import type { NewAccess } from '../../../lib/trust/new-access/finding.ts'

const now = Date.parse('2026-06-15T12:00:00Z') / 1_000
const hash = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
const other = 'x'.repeat(43)

const registration = `registration:
  initial_access_tokens: { sha256: [${hash}] }
  redirect_hosts: [app.test, "*.preview.app.test"]
  grants: [authorization_code, refresh_token]
  auth: [none, private_key_jwt]
  login: [partner]
  scopes: [openid, email]
  lifetime: 10h
  limit: 5
`
const base = `version: 1
issuer: https://broker.test
issuers:
  partner:
    issuer: https://login.partner.test
    require: { tenant: [a, b] }
    login: { client_id: token-broker, acr: { mfa: [otp] } }
  staff:
    issuer: https://login.acme.test
    login: { client_id: broker }
targets:
  orders: { audience: "https://orders.test", scopes: [read, write] }
rules:
  buyers: { issuer: partner, match: { groups: { contains: buyers } }, grant: [{ target: orders, scopes: [read] }] }
login: { session: { idle: 1h, absolute: 12h }, refresh_tokens: { idle: 7d, absolute: 60d } }
${registration}`

type Edit = readonly [from: string, to: string]

async function compare(...edits: readonly Edit[]): Promise<NewAccess[]> {
  const edited = edits.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the file has no ${from}`)
    return text.replace(from, () => to)
  }, base)
  return between(base, edited)
}

async function between(before: string, after: string): Promise<NewAccess[]> {
  const [old, new_] = [before, after].map((text) => compile(text, 'broker.yaml', { now }).configuration)
  return findNewAccess(old!, new_!, now)
}

for (const [title, ...edits] of [
  ['nothing'],
  ['a host that is left out', [', "*.preview.app.test"', '']],
  ['a way that is left out', ['[none, private_key_jwt]', '[private_key_jwt]']],
  ['no refreshing', ['[authorization_code, refresh_token]', '[authorization_code]']],
  ['a scope that is left out', ['[openid, email]', '[openid]']],
  ['a shorter life', ['10h', '9h']],
  ['a lower limit', ['limit: 5', 'limit: 4']],
  ['another order', ['[none, private_key_jwt]', '[private_key_jwt, none]']],
  ['no registration at all', [registration, '']],
] as readonly (readonly [string, ...Edit[]])[]) {
  test(`${title} is no new access`, async () => {
    assert.deepEqual(await compare(...edits), [])
  })
}

const found = (what: string) => ({ rules: [], what, certain: true })

for (const [title, expected, ...edits] of [
  ['another token', found('another initial access token registers clients'), [`[${hash}]`, `[${hash}, ${other}]`]],
  ['another token instead', found('another initial access token registers clients'), [`[${hash}]`, `[${other}]`]],
  [
    'a host',
    found('codes of clients that register themselves may go to 127.0.0.1, [::1], which they could not'),
    ['[app.test,', '[app.test, "127.0.0.1", "[::1]",'],
  ],
  [
    'a way to authenticate',
    found('clients that register themselves may authenticate by client_secret_basic, which they could not'),
    ['[none,', '[client_secret_basic, none,'],
  ],
  [
    'a scope',
    found('clients that register themselves may have scope offline_access, which they could not'),
    ['[openid, email]', '[openid, email, offline_access]'],
  ],
  [
    'looser PKCE',
    found('codes of clients that register themselves need no PKCE any more'),
    ['  limit', '  require_pkce: false\n  limit'],
  ],
  ['a longer life', found('clients that register themselves live for 11h instead of 10h'), ['10h', '11h']],
  ['a higher limit', found('an initial access token may have 6 clients instead of 5'), ['limit: 5', 'limit: 6']],
  [
    'longer sessions',
    found('people stay logged in at clients that register themselves for 2h (idle) instead of 1h'),
    ['idle: 1h', 'idle: 2h'],
  ],
  [
    'longer refreshing',
    found('clients that register themselves refresh tokens for 1464h (absolute) instead of 1440h'),
    ['absolute: 60d', 'absolute: 61d'],
  ],
  [
    'an issuer',
    { ...found('its people may log in to clients that register themselves, which they could not'), issuer: 'staff' },
    ['login: [partner]', 'login: [partner, staff]'],
  ],
  [
    'more that counts as a login of some strength',
    { ...found('a login by sms counts as mfa, which it did not'), issuer: 'partner' },
    ['[otp]', '[otp, sms]'],
  ],
] as readonly (readonly [string, NewAccess, ...Edit[]])[])
  test(`${title} is new access`, async () => {
    assert.deepEqual(await compare(...edits), [expected])
  })

test('to refresh is new access', async () => {
  const before = base.replace(', refresh_token]', ']')
  assert.deepEqual(await between(before, base), [
    found('clients that register themselves may use refresh_token, which they could not'),
  ])
})

test('a first registration is new access, told once', async () => {
  assert.deepEqual(await between(base.replace(registration, ''), base), [
    found('clients may register themselves, which they could not'),
  ])
})

test('other people at an issuer that only such clients name are new access, with one of them', async () => {
  const findings = await compare(['[a, b]', '[a, b, c]'])
  const [finding, ...others] = findings.filter(({ target }) => target === undefined)
  assert.deepEqual(others, [])
  assert.deepEqual(
    [finding?.issuer, finding?.what, finding?.certain],
    ['partner', 'other people may log in there', true],
  )
  assert.equal(finding?.witness?.claims.tenant, 'c')
})
