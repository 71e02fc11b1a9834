import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Configuration } from '../../lib/trust/configuration.ts'
import { findUnsafe } from '../../lib/trust/guardrails.ts'
import type { GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import { isOneOf } from '../../lib/trust/redirect-host.ts'
import { rulesOf, withLogins, withRegistration } from './guardrails-fixture.ts'

const app = withLogins.clients.app as Client
const reserved = `reg.${'a'.repeat(21)}_`

test('the configuration that the rows spoil is safe, and so is one without clients of its own', () => {
  assert.deepEqual(findUnsafe(withRegistration()), [])
  assert.deepEqual(findUnsafe({ ...withRegistration(), clients: {} }), [])
  assert.deepEqual(
    findUnsafe(
      withRegistration({
        grants: ['authorization_code', 'refresh_token'],
        scopes: ['openid', 'offline_access'],
        auth: ['client_secret_basic', 'client_secret_post'],
        require_pkce: false,
        lifetime: 3_600,
        limit: 1_000,
      }),
    ),
    [],
  )
})

const host = (entry: string) => withRegistration({ redirect_hosts: ['app.test', entry] })

const unsafe: readonly (readonly [string, Configuration, GuardrailFinding['rule']])[] = [
  ['no token', withRegistration({ initial_access_tokens: { sha256: [] } }), 'registration'],
  ['a token that is no hash', withRegistration({ initial_access_tokens: { sha256: ['token'] } }), 'registration'],
  ['no host', withRegistration({ redirect_hosts: [] }), 'registration'],
  ...[
    '',
    'app',
    'localhost',
    'App.test',
    'app.test.',
    '.app.test',
    'app..test',
    'app.test:443',
    'app.test:0',
    'app.test:',
    'https://app.test',
    'app.test/cb',
    'user@app.test',
    '*',
    '*.test',
    '*.*.test',
    'a.*.test',
    '*app.test',
    '*.app.test.',
    'pre*.app.test',
    '10.0.0.1',
    '*.0.0.1',
    '127.0.0.2',
    '::1',
    '[::2]',
    '-app.test',
    'app.test-',
    'bücher.test',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(126)}test`,
    'app.test\n',
  ].map((entry) => [`the host ${JSON.stringify(entry)}`, host(entry), 'registration'] as const),
  ['no way to authenticate', withRegistration({ auth: [] }), 'registration'],
  ['client_credentials', withRegistration({ grants: ['authorization_code', 'client_credentials'] }), 'registration'],
  ['refreshing without a login', withRegistration({ grants: ['refresh_token'] }), 'registration'],
  ['offline_access without refreshing', withRegistration({ scopes: ['openid', 'offline_access'] }), 'registration'],
  ['no openid', withRegistration({ scopes: ['email'] }), 'registration'],
  ['no issuer', withRegistration({ issuers: [] }), 'registration'],
  ['an issuer that is not there', withRegistration({ issuers: ['nobody'] }), 'unknown-reference'],
  ['an issuer where nobody logs in', withRegistration({ issuers: ['farm'] }), 'client-login'],
  ['a lifetime of less than an hour', withRegistration({ lifetime: 3_599 }), 'lifetime-out-of-bounds'],
  ['a lifetime of more than a year', withRegistration({ lifetime: 365 * 86_400 + 1 }), 'lifetime-out-of-bounds'],
  ['a limit of none', withRegistration({ limit: 0 }), 'registration'],
  ['a limit beyond all limits', withRegistration({ limit: 1_001 }), 'registration'],
  ['a limit that is no number', withRegistration({ limit: Number.NaN }), 'registration'],
  ['a client by a reserved name', { ...withLogins, clients: { [reserved]: app } }, 'ambiguous-name'],
]

for (const [title, configured, rule] of unsafe)
  test(`${title} is refused`, () => {
    assert.deepEqual(rulesOf(configured), [rule])
  })

for (const id of [
  'reg',
  'reg.a',
  `reg.${'a'.repeat(21)}`,
  `reg.${'a'.repeat(23)}`,
  `reg-${'a'.repeat(22)}`,
  `x.reg.${'a'.repeat(22)}`,
])
  test(`${id} is no reserved name`, () => {
    assert.deepEqual(findUnsafe({ ...withLogins, clients: { [id]: app } }), [])
  })

const hosts = ['app.test', '*.preview.app.test', '127.0.0.1', 'suite.test:8443', '*.dev.app.test:444']
for (const [name, fits] of [
  ['app.test', true],
  ['one.preview.app.test', true],
  ['127.0.0.1', true],
  ['preview.app.test', false],
  ['two.one.preview.app.test', false],
  ['*.preview.app.test', false],
  ['.preview.app.test', false],
  ['evil-app.test', false],
  ['app.test.evil.test', false],
  ['app.test.', false],
  ['www.app.test', false],
  ['evilpreview.app.test', false],
  ['one.preview.app.test.', false],
  ['[::1]', false],
  ['127.0.0.2', false],
  ['suite.test:8443', true],
  ['one.dev.app.test:444', true],
  ['127.0.0.1:8080', true],
  ['suite.test', false],
  ['suite.test:8444', false],
  ['app.test:8443', false],
  ['one.dev.app.test', false],
  ['one.preview.app.test:444', false],
] as const)
  test(`${name} is ${fits ? '' : 'not '}one of them`, () => {
    assert.equal(isOneOf({ host: name, hostname: name.replace(/:\d+$/, '') }, hosts), fits)
  })
