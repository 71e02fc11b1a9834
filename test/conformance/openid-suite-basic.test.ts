import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { decodeProtectedHeader } from 'jose'
import { clientSecret } from './login-fixture.ts'
import { basic, suiteBox } from './openid-suite-fixture.ts'

// One test for each module of the suite's plans Config and Basic that is about something the broker has, as
// docs/conformance.md lists them.
const suite = suiteBox()
const { box } = suite

/** From here to the end of the test it is so many seconds later. */
function later(t: TestContext, seconds: number): void {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + seconds * 1000 })
}

test('oidcc-discovery-endpoint-verification: discovery has what the suite asks of it', async () => {
  const response = await fetch(`${box.broker.url}/.well-known/openid-configuration`)
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
  const body = (await response.json()) as Record<string, string[] & string>
  assert.equal(body.issuer, box.broker.issuer)
  for (const [name, value] of [
    ['response_types_supported', 'code'],
    ['grant_types_supported', 'authorization_code'],
    ['subject_types_supported', 'public'],
    ['id_token_signing_alg_values_supported', 'RS256'],
    ['userinfo_signing_alg_values_supported', 'RS256'],
    ['scopes_supported', 'openid'],
    ['claims_supported', 'sub'],
    ['code_challenge_methods_supported', 'S256'],
  ] as const)
    assert.ok(body[name]?.includes(value), name)
  for (const [name, value] of Object.entries(body).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name)))
    assert.ok(value.startsWith(`${box.broker.issuer}/`), `${name} is below the issuer, and https where that is`)
  for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'])
    assert.ok(body[name])
  const { keys } = (await (await fetch(body.jwks_uri ?? '')).json()) as { keys: Record<string, string>[] }
  assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length, 'each has a kid of its own')
  for (const key of keys) for (const secret of ['d', 'p', 'q', 'k']) assert.ok(!(secret in key))
})

test('oidcc-server: a login by code with a secret and no PKCE', async () => {
  const { arrived, body } = await suite.flow()
  assert.deepEqual([...arrived.keys()], ['code', 'state', 'iss'])
  assert.equal(body.token_type, 'Bearer')
})

test('oidcc-response-type-missing: a request without response_type is told to the client', async () => {
  const { arrived } = await suite.authorize({ response_type: undefined })
  assert.equal(arrived.get('error'), 'invalid_request')
  assert.equal(arrived.get('code'), null)
})

test('oidcc-idtoken-signature: an ID token is signed by RS256 with a kid that /jwks has', async () => {
  const { body } = await suite.flow()
  const { alg, kid } = decodeProtectedHeader(String(body.id_token))
  assert.equal(alg, 'RS256')
  const { keys } = (await (await fetch(`${box.broker.url}/jwks`)).json()) as { keys: { kid: string }[] }
  assert.ok(keys.some((key) => key.kid === kid))
})

for (const [module, init] of [
  ['oidcc-userinfo-get', () => ({})],
  ['oidcc-userinfo-post-header', () => ({ method: 'POST' })],
  [
    'oidcc-userinfo-post-body',
    (access_token: string) => ({ method: 'POST', headers: {}, body: new URLSearchParams({ access_token }) }),
  ],
] as const)
  test(module, async () => {
    const { body, id_token } = await suite.flow()
    const answer = await suite.userinfo(body.access_token, init(String(body.access_token)))
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(((await answer.json()) as { sub: string }).sub, id_token.sub)
  })

test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow: and then the ID token has none', async () => {
  assert.equal((await suite.flow({ nonce: undefined })).id_token.nonce, undefined)
})

const claims = {
  profile: { name: 'Alice Example' },
  email: { email: 'alice@partner.example', email_verified: true },
  address: { address: { country: 'DE' } },
  phone: { phone_number: '+49 30 1234567', phone_number_verified: true },
}
for (const [module, names] of [
  ['oidcc-scope-profile', ['profile']],
  ['oidcc-scope-email', ['email']],
  ['oidcc-scope-address', ['address']],
  ['oidcc-scope-phone', ['phone']],
  ['oidcc-scope-all', ['profile', 'email', 'address', 'phone']],
] as const)
  test(module, async (t) => {
    box.says = { ...claims.address, ...claims.phone }
    t.after(() => (box.says = {}))
    const { userinfo, body } = await suite.flow({ scope: ['openid', ...names].join(' ') })
    const { sub, ...rest } = userinfo
    assert.equal(sub, 'acme-partner:e-1041')
    assert.deepEqual(rest, Object.assign({}, ...names.map((name) => claims[name])))
    assert.equal(body.scope, ['openid', ...names].join(' '))
  })

test('oidcc-alternate-happy-flow: scopes and parameters in another order', async () => {
  const { arrived } = await suite.authorize({ scope: 'email openid' }, box.browser(), {
    url: (url) => (url.search = new URLSearchParams([...url.searchParams].toReversed()).toString()),
  })
  const { body } = await suite.redeem(arrived)
  const { email } = (await (await suite.userinfo(body.access_token)).json()) as { email: string }
  assert.equal(email, 'alice@partner.example')
})

for (const [module, changes] of [
  ['oidcc-display-page', { display: 'page' }],
  ['oidcc-display-popup', { display: 'popup' }],
  ['oidcc-ui-locales', { ui_locales: 'se' }],
  ['oidcc-claims-locales', { claims_locales: 'se' }],
  ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
  ['oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' }],
  ['oidcc-login-hint', { login_hint: 'buffy@suite.example' }],
] as const)
  test(module, async () => {
    await suite.flow(changes)
  })

test('oidcc-ensure-request-with-acr-values-succeeds: what discovery lists comes back as acr', async () => {
  const asked = { acr_values: 'urn:acme:mfa' }
  const { arrived, nonce } = await suite.authorize(asked, box.browser(), { code: '246810' })
  const { body } = await suite.redeem(arrived)
  assert.equal((await suite.checkIdToken(body.id_token, nonce)).acr, 'urn:acme:mfa')
})

test('oidcc-prompt-login: the second time there is a login again, and auth_time says so', async (t) => {
  const browser = box.browser()
  const first = await suite.flow({}, browser)
  later(t, 1)
  const since = browser.visited.length
  const second = await suite.flow({ prompt: 'login' }, browser)
  assert.ok(suite.loggedIn(browser, since))
  assert.equal(second.id_token.sub, first.id_token.sub)
  assert.ok(Number(second.id_token.auth_time) > Number(first.id_token.auth_time))
})

test('oidcc-prompt-none-not-logged-in: is told, without a page', async () => {
  const browser = box.browser()
  const { arrived } = await suite.authorize({ prompt: 'none' }, browser)
  assert.equal(arrived.get('error'), 'login_required')
  assert.equal(arrived.get('code'), null)
  assert.ok(!suite.loggedIn(browser, 0))
})

for (const [title, asked, again] of [
  ['oidcc-prompt-none-logged-in: no page, and the same login', {}, () => ({ prompt: 'none' })],
  [
    'oidcc-id-token-hint: no page, and the same person',
    {},
    (id_token_hint: string) => ({ prompt: 'none', id_token_hint }),
  ],
  ['oidcc-max-age-10000: no page, and the same auth_time', { max_age: '15000' }, () => ({ max_age: '10000' })],
] as const)
  test(title, async (t) => {
    const browser = box.browser()
    const first = await suite.flow(asked, browser)
    later(t, 2)
    const since = browser.visited.length
    const second = await suite.flow(again(String(first.body.id_token)), browser)
    assert.ok(!suite.loggedIn(browser, since))
    assert.equal(second.id_token.sub, first.id_token.sub)
    assert.ok(first.id_token.auth_time)
    assert.equal(second.id_token.auth_time, first.id_token.auth_time)
  })

test('oidcc-max-age-1: after two seconds there is a login again, with a later auth_time', async (t) => {
  const browser = box.browser()
  const first = await suite.flow({}, browser)
  later(t, 2)
  const since = browser.visited.length
  const second = await suite.flow({ max_age: '1' }, browser)
  assert.ok(suite.loggedIn(browser, since))
  assert.ok(Number(second.id_token.auth_time) > Number(first.id_token.auth_time))
  assert.ok(Math.abs(Number(second.id_token.auth_time) - Date.now() / 1000) < 5)
})

for (const [title, seconds] of [
  ['oidcc-codereuse: a code that comes again is invalid_grant', 0],
  ['oidcc-codereuse-30seconds: and so is one that comes 30 s later, which revokes the access token', 31],
] as const)
  test(title, async (t) => {
    const { arrived, body } = await suite.flow()
    later(t, seconds)
    const again = await suite.redeem(arrived)
    assert.deepEqual([again.status, again.body.error], [400, 'invalid_grant'])
    assert.match(again.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal((await suite.userinfo(body.access_token)).status, 401)
  })

test('oidcc-ensure-registered-redirect-uri: another one is shown to the person, and sent nowhere', async () => {
  const browser = box.browser()
  const { arrived } = await suite.authorize({ redirect_uri: `${box.app.url}/other` }, browser)
  assert.equal(arrived.size, 0)
  assert.equal(browser.status, 400)
  assert.ok(browser.url.startsWith(box.broker.url))
})

test('oidcc-ensure-post-request-succeeds: the request as a form', async () => {
  const { arrived, nonce } = await suite.authorize({}, box.browser(), { post: true })
  await suite.checkIdToken((await suite.redeem(arrived)).body.id_token, nonce)
})

test('oidcc-server-client-secret-post: a login of a client that sends its secret in the form', async () => {
  const { arrived, nonce } = await suite.authorize({ client_id: 'suite-post' })
  const refused = await suite.redeem(arrived, {}, basic('suite-post'))
  assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client'])
  const { status, body } = await suite.redeem(arrived, { client_id: 'suite-post', client_secret: clientSecret }, {})
  assert.equal(status, 200)
  await suite.checkIdToken(body.id_token, nonce, 'suite-post')
})

/** As the suite makes them: everything is in it, and it is signed by nobody. */
function requestObject(changes: Record<string, string>): string {
  const segments = [
    { alg: 'none' },
    { ...Object.fromEntries(new URL(box.authorizationUrl()).searchParams), ...changes },
  ]
  return `${segments.map((each) => Buffer.from(JSON.stringify(each)).toString('base64url')).join('.')}.`
}

test('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported: request_not_supported', async () => {
  const request = requestObject({ client_id: 'suite', state: 'inside' })
  const { arrived } = await suite.authorize({ request, state: undefined, nonce: undefined })
  assert.equal(arrived.get('error'), 'request_not_supported')
})

test('oidcc-ensure-request-object-with-redirect-uri: an error about the redirect URI, which is not the object’s', async () => {
  const browser = box.browser()
  const request = requestObject({ client_id: 'suite' })
  const { arrived } = await suite.authorize({ request, redirect_uri: `${box.app.url}/cb/invalid` }, browser)
  assert.equal(arrived.size, 0)
  assert.equal(browser.status, 400)
})

test('oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported: request_uri_not_supported', async () => {
  const { arrived } = await suite.authorize({ request_uri: 'https://suite.example/r', state: undefined })
  assert.equal(arrived.get('error'), 'request_uri_not_supported')
})

test('oidcc-claims-essential: name at /userinfo, and not in the ID token', async () => {
  const { userinfo, id_token } = await suite.flow({
    claims: JSON.stringify({ userinfo: { name: { essential: true } } }),
  })
  assert.equal(userinfo.name, 'Alice Example')
  assert.ok(!('name' in id_token))
})

test('oidcc-refresh-token: new tokens of the same login, and for no other client', async (t) => {
  const asked = { scope: 'openid offline_access', prompt: 'consent' }
  const first = await suite.flow(asked)
  assert.match(String(first.body.refresh_token), /^[\x20-\x7e]+$/)
  later(t, 2)
  const { status, body } = await box.refresh(first.body.refresh_token, { client_id: undefined }, basic())
  assert.equal(status, 200)
  assert.notEqual(body.access_token, first.body.access_token)
  assert.equal((await suite.userinfo(body.access_token)).status, 200)
  // OpenID Connect Core section 12.2
  const { sub, iat, auth_time } = await suite.checkIdToken(body.id_token, undefined)
  assert.equal(sub, first.id_token.sub)
  assert.ok(Number(iat) > Number(first.id_token.iat))
  assert.equal(auth_time, first.id_token.auth_time)
  const { arrived } = await suite.authorize({ ...asked, client_id: 'suite-2' })
  const second = await suite.redeem(arrived, {}, basic('suite-2'))
  const others = await box.refresh(second.body.refresh_token, { client_id: undefined }, basic())
  assert.deepEqual([others.status, others.body.error], [400, 'invalid_grant'])
})

test('oidcc-ensure-request-with-valid-pkce-succeeds: and only with its verifier', async () => {
  const code_verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
  const { arrived } = await suite.authorize({ code_challenge, code_challenge_method: 'S256' })
  assert.equal((await suite.redeem(arrived)).body.error, 'invalid_grant')
  assert.equal((await suite.redeem(arrived, { code_verifier })).status, 200)
})
