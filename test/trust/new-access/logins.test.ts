import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../../lib/config/compile.ts'
import { findNewAccess } from '../../../lib/trust/new-access.ts'
import type { NewAccess } from '../../../lib/trust/new-access/finding.ts'

const now = Date.parse('2026-06-15T12:00:00Z') / 1_000

const base = `version: 1
issuer: https://broker.test
issuers:
  partner:
    issuer: https://login.partner.test
    require: { tenant: [a, b] }
    login:
      client_id: token-broker
      domains: [partner.test]
      claims: { email: claims.email, email_verified: claims.email_verified }
      acr: { mfa: [otp] }
  staff:
    issuer: https://login.acme.test
    login: { client_id: broker }
  unused:
    issuer: https://login.unused.test
    login: { client_id: broker }
targets:
  orders: { audience: "https://orders.test", scopes: [read, write] }
rules:
  buyers: { issuer: partner, match: { groups: { contains: buyers } }, grant: [{ target: orders, scopes: [read] }] }
  office: { issuer: partner, clients: [office], match: { role: clerk }, grant: [{ target: orders, scopes: [write] }] }
clients:
  web:
    type: public
    grants: [authorization_code, refresh_token]
    redirect_uris: [https://app.test/cb, "http://127.0.0.1/cb"]
    allowed_origins: [https://app.test]
    login: [partner]
    scopes: [openid, email]
    consent: always
  office:
    auth: { client_secret: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }
    grants: [authorization_code]
    redirect_uris: [https://office.test/cb]
    login: [partner, staff]
  jobs: { type: public }
login: { session: { idle: 1h, absolute: 12h }, refresh_tokens: { idle: 7d, absolute: 60d } }
`

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

const kiosk = `  kiosk:
    type: public
    grants: [authorization_code]
    redirect_uris: [https://kiosk.test/cb]
    allowed_origins: [https://kiosk.test]
    login: [staff]
login:`

const harmless: readonly (readonly [string, ...Edit[]])[] = [
  ['nothing'],
  ['an issuer that is left out', ['login: [partner, staff]', 'login: [staff]']],
  ['a redirect URI that is left out', ['[https://app.test/cb, "http://127.0.0.1/cb"]', '[https://app.test/cb]']],
  ['another port of a device', ['http://127.0.0.1/cb', 'http://127.0.0.1:8080/cb']],
  ['a scope that is left out', ['[openid, email]', '[openid]']],
  ['consent where there was none to ask', ['consent: always', 'consent: always\n    client_name: Web']],
  ['an origin that is left out', ['    allowed_origins: [https://app.test]\n', '']],
  ['one more requirement', ['[a, b] }', '[a, b], plan: gold }']],
  ['a shorter requirement', ['[a, b]', '[a]']],
  ['a claim that is left out', ['email: claims.email, email', 'email']],
  ['an acr value that is left out', ['{ mfa: [otp] }', '{}']],
  ['shorter sessions', ['idle: 1h, absolute: 12h', 'idle: 30m, absolute: 8h']],
  ['how it is called', ['      client_id: token-broker', '      client_id: token-broker\n      display_name: Partner']],
  [
    'how we authenticate',
    [
      'login: { client_id: broker }\n  unused',
      'login: { client_id: broker, auth: { client_secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a" } }\n  unused',
    ],
  ],
  [
    'an issuer where nobody logs in',
    [
      'https://login.unused.test\n    login: { client_id: broker }',
      'https://login.unused.test\n    login: { client_id: other, acr: { mfa: [otp] } }',
    ],
  ],
]

for (const [title, ...edits] of harmless)
  test(`no new access: ${title}`, async () => {
    assert.deepEqual(await compare(...edits), [])
  })

const found: readonly (readonly [title: string, expected: string | readonly string[], ...Edit[]])[] = [
  [
    'an issuer more',
    'web staff: its people may log in to this client, which they could not',
    ['login: [partner]\n', 'login: [partner, staff]\n'],
  ],
  [
    'a new client',
    'kiosk staff: its people may log in to this client, which they could not',
    ['login: { session', `${kiosk} { session`],
  ],
  [
    'a client of another kind',
    'jobs staff: its people may log in to this client, which they could not',
    [
      'jobs: { type: public }',
      'jobs: { type: public, grants: [token-exchange, authorization_code], redirect_uris: [https://jobs.test/cb], login: [staff] }',
    ],
  ],
  [
    'another issuer of the same name',
    ['office staff: its people may log in to this client, which they could not'],
    ['https://login.acme.test', 'https://login.other.test'],
  ],
  [
    'a redirect URI',
    'web: codes may go to https://b.test/cb, which they did not',
    ['https://app.test/cb', 'https://b.test/cb'],
  ],
  [
    'a redirect URI on a device by another path',
    'web: codes may go to http://127.0.0.1/other, which they did not',
    ['"http://127.0.0.1/cb"', '"http://127.0.0.1/cb", "http://127.0.0.1/other"'],
  ],
  ['a scope', 'web: it may have scope profile, which it could not', ['[openid, email]', '[openid, email, profile]']],
  [
    'consent once',
    'web: people are asked for consent once, and were each time',
    ['consent: always', 'consent: first_time'],
  ],
  [
    'no consent where it was asked once',
    'office: people are asked for consent never, and were once',
    ['login: [partner, staff]', 'login: [partner, staff]\n    consent: never'],
  ],
  [
    'no PKCE',
    'office: its codes need no PKCE any more',
    ['login: [partner, staff]', 'login: [partner, staff]\n    require_pkce: false'],
  ],
  [
    'an origin',
    'web: scripts of https://b.test may call us, which they could not',
    ['allowed_origins: [https://app.test]', 'allowed_origins: [https://app.test, https://b.test]'],
  ],
  [
    'an origin of a client to which nobody logs in',
    'jobs: scripts of https://b.test may call us, which they could not',
    ['jobs: { type: public }', 'jobs: { type: public, allowed_origins: [https://b.test] }'],
  ],
  [
    'sessions that last longer',
    [
      'web: people stay logged in for 24h (absolute) instead of 12h',
      'office: people stay logged in for 24h (absolute) instead of 12h',
    ],
    ['absolute: 12h', 'absolute: 24h'],
  ],
  [
    'refreshing',
    'office: it may refresh tokens while people are away, which it could not',
    [
      `LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }
    grants: [authorization_code]`,
      `LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }
    grants: [authorization_code, refresh_token]`,
    ],
  ],
  [
    'refresh tokens that last longer',
    [
      'web: tokens are refreshed for 336h (idle) instead of 168h',
      'web: tokens are refreshed for 2160h (absolute) instead of 1440h',
      'web: a used refresh token still works for 30s instead of 10s',
    ],
    ['idle: 7d, absolute: 60d', 'idle: 14d, absolute: 90d, reuse_window: 30s'],
  ],
  [
    'another secret',
    'office: another secret proves this client',
    ['LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ', 'MPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'],
  ],
  [
    'other people',
    ['partner: other people may log in there'],
    ['tenant: [a, b]', 'tenant: [a, c]'],
    ['groups: { contains: buyers } }', 'groups: { contains: buyers }, tenant: a }'],
    ['role: clerk }', 'role: clerk, tenant: a }'],
  ],
  [
    'ID tokens for another client of the issuer',
    'partner: ID tokens for other are believed, and were for token-broker',
    ['client_id: token-broker', 'client_id: other'],
  ],
  ['an acr value of theirs', 'partner: a login by sms counts as mfa, which it did not', ['[otp]', '[otp, sms]']],
  [
    'an acr value of ours',
    'partner: a login by otp counts as gold, which it did not',
    ['{ mfa: [otp] }', '{ mfa: [otp], gold: [otp] }'],
  ],
  [
    'a claim more',
    'partner: clients may learn name, which they could not',
    ['{ email: claims.email,', '{ name: claims.name, email: claims.email,'],
  ],
  [
    'a claim made of another',
    'partner: may be: email of people is made of other claims, which cannot be compared',
    ['email: claims.email,', 'email: claims.mail,'],
  ],
  [
    'a domain more',
    'partner: addresses of b.test count as verified, which did not',
    ['domains: [partner.test]', 'domains: [partner.test, b.test]'],
  ],
  [
    'no domain any more',
    'partner: addresses of any domain count as verified, which did not',
    ['      domains: [partner.test]\n', ''],
  ],
  [
    'an algorithm, where no rule says anything',
    'staff: tokens may be signed with ES256',
    ['https://login.acme.test', 'https://login.acme.test\n    algorithms: [RS256, ES256]'],
  ],
  [
    'a rule for people who log in, and for no token',
    'office partner orders: scope read is granted, which was not',
    [
      'role: clerk }, grant: [{ target: orders, scopes: [write]',
      'role: clerk }, grant: [{ target: orders, scopes: [read, write]',
    ],
  ],
  [
    'a client in a rule',
    'office partner orders: scope write is granted, which was not',
    ['clients: [office]', 'clients: [office, web]'],
  ],
]

for (const [title, expected, ...edits] of found)
  test(`new access: ${title}`, async () => {
    const findings = await compare(...edits)
    assert.deepEqual(
      findings.map(({ rules, client, issuer, target, certain, what }) => {
        const about = [...rules, client, issuer, target].filter((each) => each !== undefined).join(' ')
        return `${about}: ${certain ? '' : 'may be: '}${what}`
      }),
      [expected].flat(),
    )
  })

test('an example names somebody who may log in, and could not', async () => {
  const [finding] = await compare(
    ['tenant: [a, b]', 'tenant: [a, c]'],
    ['groups: { contains: buyers } }', 'groups: { contains: buyers }, tenant: a }'],
    ['role: clerk }', 'role: clerk, tenant: a }'],
  )
  assert.deepEqual(finding?.witness, {
    issuer: 'partner',
    iss: 'https://login.partner.test',
    client_id: 'web',
    claims: { tenant: 'c' },
  })
})

test('who had a token to exchange for it, or logged in, is no news either way', async () => {
  const both = base.replace(
    '    grants: [authorization_code]\n    redirect_uris: [https://app',
    '    grants: [authorization_code, token-exchange]\n    redirect_uris: [https://app',
  )
  assert.deepEqual(await between(both, base), [])
})
