import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { Client, Configuration } from '../../lib/trust/configuration.ts'
import { findUnsafe } from '../../lib/trust/guardrails.ts'
import type { GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import {
  confidential,
  github,
  ofPreset,
  rulesOf,
  target,
  withApp,
  withLogins,
  withSecondUpstream,
  withUpstream,
} from './guardrails-fixture.ts'
import { equals } from './policy-fixture.ts'

const { auth } = confidential as Client & { auth: NonNullable<Client['auth']> }
const secret = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:partner-AbCdEf'
const DAY = 86_400

const local = (configured: Configuration): Configuration => ({ ...configured, local: true })
const session = (idle: number, absolute: number): Configuration => ({
  ...withLogins,
  login: { ...withLogins.login, session: { idle, absolute } },
})
const refreshing = (idle: number, absolute: number, reuse_window = 10): Configuration => ({
  ...withLogins,
  login: { ...withLogins.login, refresh_tokens: { idle, absolute, reuse_window } },
})
const redirect = (uri: string) => withApp({ redirect_uris: ['https://app.test/', uri] })
const origin = (text: string) => withApp({}, { allowed_origins: ['https://app.test', text] })
const { login: _, ...withoutLogin } = withLogins.clients.app as Client

test('the configuration that the rows spoil is safe', () => {
  assert.deepEqual(findUnsafe(withLogins), [])
})

const unsafe: readonly (readonly [string, Configuration, GuardrailFinding['rule']])[] = [
  // issuers
  ['logins at a cluster', withUpstream({}, ofPreset('kubernetes', 'https://c.test')), 'issuer-login'],
  [
    'logins at GitHub Actions',
    withUpstream({}, ofPreset('github-actions', github, [equals('repository_owner_id', '1')])),
    'issuer-login',
  ],
  [
    'logins of service accounts',
    withUpstream({}, ofPreset('google-service-account', 'https://accounts.google.com', [equals('sub', '1')])),
    'issuer-login',
  ],
  [
    'logins at Google by anybody',
    withUpstream({}, ofPreset('google-workspace', 'https://accounts.google.com')),
    'shared-issuer-unpinned',
  ],
  ['logins at Google without its preset', withUpstream({}, { issuer: 'https://accounts.google.com' }), 'use-preset'],
  [
    'logins where no broker can ask, by keys in the file',
    withUpstream(
      {},
      {
        issuer: 'https://login.internal',
        jwks: { keys: { keys: [{ kid: 'k', algorithms: ['RS256'], jwk: { kty: 'RSA' } }] } },
      },
    ),
    'unreachable-keys',
  ],
  ['logins without openid', withUpstream({ scopes: ['profile', 'email'] }), 'issuer-login'],
  ['a secret from the environment, deployed', withUpstream({ auth: { client_secret: 'env:S' } }), 'issuer-login'],
  ['a secret in the configuration', withUpstream({ auth: { client_secret: 'hunter2' } }), 'issuer-login'],
  ['a secret in the configuration, locally', local(withUpstream({ auth: { client_secret: 'a' } })), 'issuer-login'],
  [
    'a parameter for a secret',
    withUpstream({ auth: { client_secret: 'arn:aws:ssm:eu-west-1:123456789012:parameter/x' } }),
    'issuer-login',
  ],

  // clients
  ['the grant without all else', { ...withLogins, clients: { app: withoutLogin } }, 'client-login'],
  ['all else without the grant', withApp({}, { grants: [TOKEN_EXCHANGE_GRANT] }), 'client-login'],
  ['nowhere to come back to', withApp({ redirect_uris: [] }), 'client-login'],
  ['nowhere to log in', withApp({ issuers: [] }), 'client-login'],
  ['an issuer that is not there', withApp({ issuers: ['partner', 'nobody'] }), 'unknown-reference'],
  ['an issuer of an inherited name', withApp({ issuers: ['partner', 'constructor'] }), 'unknown-reference'],
  ['an issuer where nobody logs in', withApp({ issuers: ['partner', 'farm'] }), 'client-login'],
  ['a domain at two issuers', withSecondUpstream({ domains: ['other.test', 'partner.test'] }), 'ambiguous-name'],
  ['a public client without PKCE', withApp({ require_pkce: false }), 'client-login'],
  [
    'ID tokens signed by a key that is not there',
    { ...withApp({ id_token_signed_response_alg: 'ES256' }), signing: { algorithms: ['RS256'], keys: {} } },
    'client-login',
  ],
  [
    'answers of /userinfo signed by a key that is not there',
    { ...withApp({ userinfo_signed_response_alg: 'ES256' }), signing: { algorithms: ['RS256'], keys: {} } },
    'client-login',
  ],

  // where people come back to
  ...[
    '/cb',
    'app.test/cb',
    '//app.test/cb',
    'https://',
    'https:app.test/cb',
    'https:///app.test/cb',
    'https:\\\\app.test\\cb',
    'https://app.test/cb#',
    'https://app.test/cb#top',
    'https://*.app.test/cb',
    'https://app.test/*',
    'https://app.test/cb?next=*',
    'https://ada@app.test/cb',
    'https://ada:x@app.test/cb',
    'https://@app.test/cb',
    'https://App.test/cb',
    'HTTPS://app.test/cb',
    'https://app.test:443/cb',
    'https://app.test/a/../cb',
    'https://app.test/a/%2e%2e/cb',
    'https://app.test/c b',
    ' https://app.test/cb',
    'https://app.test/cb\n',
    'https://app.test/c\tb',
    'https://bücher.test/cb',
    'https://app.test/ü',
    'https://app.test./cb',
    'https://app.test;x/cb',
    'https://app,test/cb',
    'https://app.test/cb?code=1',
    'https://app.test/cb?a=b&state=1',
    'https://app.test/cb?iss=1',
    'https://app.test/cb?error=1',
    'http://app.test/cb',
    'http://localhost/cb',
    'http://localhost:8080/cb',
    'http://127.0.0.2/cb',
    'http://127.1/cb',
    'http://127.0.0.1.app.test/cb',
    'http://[::2]/cb',
    'http://0.0.0.0/cb',
    'javascript:alert(1)',
    'javascript://app.test/%0aalert(1)',
    'data:text/html,x',
    'blob:https://app.test/1',
    'file:///etc/passwd',
    'about:blank',
    'vbscript:x',
    'myapp:/cb',
    'myapp://cb',
    'mailto:a@app.test',
    'urn:ietf:wg:oauth:2.0:oob',
    'ftp://app.test/cb',
    'ws://app.test/cb',
    'com.example.App:/cb',
    'com.example.app:/cb#top',
    'com.example.app://ada:x@app/cb',
    '1.example:/cb',
    'https://app.test/a|b',
    'com.example.app:a b',
    'com.example.app:a"b',
    'com.example.app:a\\b',
  ].map((uri) => [`back to ${JSON.stringify(uri)}`, redirect(uri), 'redirect-uri'] as const),
  [
    'back to an app that is to keep a secret',
    withApp({ redirect_uris: ['com.example.app:/cb'] }, { type: 'confidential', auth }),
    'redirect-uri',
  ],
  ['back to http elsewhere, locally', local(redirect('http://app.test/cb')), 'redirect-uri'],
  ['back to a host under localhost, locally', local(redirect('http://app.localhost/cb')), 'redirect-uri'],

  // origins
  ...[
    '*',
    'null',
    '',
    'app.test',
    'https://app.test/',
    'https://app.test/a',
    'https://App.test',
    'https://app.test:443',
    'https://*.app.test',
    'https://ada@app.test',
    'https://app.test.',
    'https://app.test?',
    'http://app.test',
    'http://127.0.0.1:8080',
    'http://localhost:8080',
    'com.example.app://x',
    'https://app.test https://b.test',
  ].map((text) => [`scripts of ${JSON.stringify(text)}`, origin(text), 'allowed-origin'] as const),
  ['scripts of http elsewhere, locally', local(origin('http://app.test')), 'allowed-origin'],
  [
    'scripts of anywhere, of a client to which nobody logs in',
    { ...withLogins, clients: { app: { type: 'public', grants: [], introspect: [], allowed_origins: ['*'] } } },
    'allowed-origin',
  ],

  // where clients are told of logouts, and where people go then
  ...[
    'http://app.test/out',
    'http://127.0.0.1:8080/out',
    'https://app.test/out#top',
    'https://*.app.test/out',
    'https://ada@app.test/out',
    'https://App.test/out',
    'https://app.test/a/../out',
    'javascript:alert(1)',
    'com.example.app:/out',
    '/out',
  ].flatMap((uri) => [
    [`told at ${uri}`, withApp({ backchannel_logout_uri: uri }), 'logout-uri'] as const,
    [`told by the browser at ${uri}`, withApp({ frontchannel_logout_uri: uri }), 'logout-uri'] as const,
  ]),
  ...['https://app.internal/out', 'https://10.0.0.1/out', 'https://[fd00::1]/out', 'https://localhost/out'].map(
    (uri) =>
      [`told at ${uri}, where no broker can call`, withApp({ backchannel_logout_uri: uri }), 'logout-uri'] as const,
  ),
  ...['https://app.test:8443/out', 'https://other.test/out', 'https://www.app.test/out'].map(
    (uri) =>
      [`told by the browser elsewhere: ${uri}`, withApp({ frontchannel_logout_uri: uri }), 'logout-uri'] as const,
  ),
  ...['http://app.test/bye', 'https://*.app.test/bye', 'https://app.test/bye#top', 'javascript:alert(1)'].map(
    (uri) => [`to ${uri} once logged out`, withApp({ post_logout_redirect_uris: [uri] }), 'redirect-uri'] as const,
  ),

  // sessions
  ['idle for less than 5 minutes', session(299, DAY), 'lifetime-out-of-bounds'],
  ['idle for over 30 days', session(30 * DAY + 1, 40 * DAY), 'lifetime-out-of-bounds'],
  ['logged in for less than 5 minutes', session(299, 299), 'lifetime-out-of-bounds'],
  ['logged in for over 90 days', session(DAY, 90 * DAY + 1), 'lifetime-out-of-bounds'],
  ['idle for longer than logged in', session(DAY, DAY - 1), 'lifetime-out-of-bounds'],
  ['refresh tokens idle for less than an hour', refreshing(3_599, DAY), 'lifetime-out-of-bounds'],
  ['refresh tokens idle for over 90 days', refreshing(90 * DAY + 1, 91 * DAY), 'lifetime-out-of-bounds'],
  ['refreshing for over a year', refreshing(DAY, 365 * DAY + 1), 'lifetime-out-of-bounds'],
  ['refresh tokens idle for longer than there are any', refreshing(DAY, DAY - 1), 'lifetime-out-of-bounds'],
  ['a reuse window of over a minute', refreshing(DAY, DAY, 61), 'lifetime-out-of-bounds'],
  [
    'refreshing without logins',
    { ...withLogins, clients: { app: { type: 'public', grants: ['refresh_token'], introspect: [] } } },
    'client-login',
  ],

  // what tokens for clients could be taken for
  [
    'a scope of a target that is one of OpenID Connect',
    { ...withLogins, rules: [], targets: { api: { ...target, scopes: ['read', 'email'] } } },
    'ambiguous-name',
  ],
  [
    'a target that is our own /userinfo',
    { ...withLogins, rules: [], targets: { api: { ...target, audience: 'https://broker.test/userinfo' } } },
    'ambiguous-name',
  ],
]

for (const [title, spoilt, expected] of unsafe) {
  test(`${title}: ${expected}`, () => {
    assert.deepEqual(rulesOf(spoilt), [expected])
  })
}

test('two issuers of one URL, told apart by their keys: nobody can log in there', () => {
  const key = (kid: string) => ({
    keys: { keys: [{ kid, algorithms: ['RS256' as const], jwk: { kty: 'RSA', n: kid } }] },
  })
  const { partner } = withLogins.issuers
  const { login: __, ...twin } = { ...partner!, name: 'twin', jwks: key('2'), shares_issuer: true as const }
  const configured = withUpstream({}, { jwks: key('1'), shares_issuer: true })
  assert.deepEqual(rulesOf({ ...configured, issuers: { ...configured.issuers, twin } }), ['issuer-login'])
})

const safeToo: readonly (readonly [string, Configuration])[] = [
  ['a secret in Secrets Manager', withUpstream({ auth: { client_secret: secret } })],
  ['a secret from the environment, locally', local(withUpstream({ auth: { client_secret: 'env:PARTNER_SECRET' } }))],
  [
    'logins at Google by people of one domain',
    withUpstream({}, ofPreset('google-workspace', 'https://accounts.google.com', [equals('hd', 'acme.test')])),
  ],
  ['keys at a URI of their own', withUpstream({}, { jwks: { uri: 'https://keys.partner.test/jwks' } })],
  ['an issuer on loopback, locally', local(withUpstream({}, { issuer: 'http://127.0.0.1:8788' }))],
  ['two issuers of different domains', withSecondUpstream({ domains: ['other.test'] })],
  ['two issuers of no domain', withSecondUpstream({ domains: [] })],
  ['an issuer that says a domain twice', withUpstream({ domains: ['partner.test', 'partner.test'] })],
  [
    'told of logouts where it is',
    withApp({
      post_logout_redirect_uris: ['https://app.test/bye?tenant=1', 'https://other.test/'],
      backchannel_logout_uri: 'https://other.test:8443/out?tenant=1',
      frontchannel_logout_uri: 'https://app.test/out?tenant=1',
    }),
  ],
  [
    'told of logouts on loopback, locally',
    local(
      withApp({
        redirect_uris: ['http://127.0.0.1:8080/cb'],
        backchannel_logout_uri: 'http://127.0.0.1:8080/out',
        frontchannel_logout_uri: 'http://127.0.0.1:8080/out',
      }),
    ),
  ],
  ['a confidential client without PKCE', withApp({ require_pkce: false }, { type: 'confidential', auth })],
  ['an API client without identity scopes', withApp({ scopes: [] })],
  ['a client that exchanges tokens too', withApp({}, { grants: ['authorization_code', TOKEN_EXCHANGE_GRANT] })],
  [
    'one redirect URI of two clients',
    { ...withLogins, clients: { app: withLogins.clients.app as Client, twin: withLogins.clients.app as Client } },
  ],
  ...[
    'https://app.test',
    'https://app.test/',
    'https://app.test:8443/cb?tenant=a&x=%20',
    'https://10.0.0.1/cb',
    'https://[2001:db8::1]/cb',
    'https://localhost/cb',
    'https://my_app.test/cb',
    'http://127.0.0.1/cb',
    'http://127.0.0.1:8080/cb',
    'http://[::1]/cb',
    'com.example.app:/cb',
    'com.example.app://cb',
  ].map((uri) => [`back to ${uri}`, redirect(uri)] as const),
  [
    'back to a device’s own port, of a client that keeps a secret',
    withApp({ redirect_uris: ['http://127.0.0.1/cb'] }, { type: 'confidential', auth }),
  ],
  ['back to localhost, locally', local(redirect('http://localhost:8080/cb'))],
  ['scripts of another port', origin('https://app.test:8443')],
  ['scripts of loopback, locally', local(origin('http://localhost:8080'))],
  ['the longest sessions', session(30 * DAY, 90 * DAY)],
  ['the shortest sessions', session(300, 300)],
  ['the longest refreshing', refreshing(90 * DAY, 365 * DAY, 60)],
  ['the shortest refreshing', refreshing(3_600, 3_600, 0)],
  [
    'a scope of OpenID Connect where nobody logs in',
    { ...withLogins, clients: {}, rules: [], targets: { api: { ...target, scopes: ['email'] } } },
  ],
]

for (const [title, configured] of safeToo) {
  test(`${title}: nothing is wrong`, () => {
    assert.deepEqual(findUnsafe(configured), [])
  })
}
