import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { startBroker } from '../../local/broker.ts'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox, verifier, type TokenAnswer } from './login-fixture.ts'

/** Beside `confidential`, which may do without PKCE, one that may not. */
const box = loginBox((text) =>
  text.replace(/  confidential: (.*), require_pkce: false, .*\n/, '$&  server: $1, introspect: [orders] }\n'),
)

const unasked = { code_challenge: undefined, code_challenge_method: undefined }
const other = 'o'.repeat(43)

/** As each client proves itself. */
const by = {
  'web-app': {},
  server: { client_id: 'server', client_secret: clientSecret },
  confidential: { client_id: 'confidential', client_secret: clientSecret },
} as const

async function userinfo({ body }: TokenAnswer): Promise<number> {
  const headers = { authorization: `Bearer ${String(body.access_token)}` }
  return (await fetch(`${box.broker.url}/userinfo`, { headers })).status
}

async function introspect({ body }: TokenAnswer): Promise<unknown> {
  const headers = { authorization: basicAuthorization('server', clientSecret) }
  const form = new URLSearchParams({ token: String(body.access_token) })
  const response = await fetch(`${box.broker.url}/introspect`, { method: 'POST', headers, body: form })
  return ((await response.json()) as { active?: boolean }).active
}

function assertRefused({ status, headers, body }: TokenAnswer, error = 'invalid_grant'): void {
  assert.deepEqual([status, body.error], [error === 'invalid_client' ? 401 : 400, error])
  assert.equal(headers.get('cache-control'), 'no-store')
  for (const name of ['access_token', 'id_token', 'refresh_token']) assert.equal(body[name], undefined)
}

for (const client_id of ['web-app', 'server', 'confidential'] as const) {
  test(`section 2.1.1: ${client_id}: a code that has a challenge is traded for its verifier alone`, async () => {
    const code = (await box.login(box.browser(), { client_id })).get('code')
    for (const code_verifier of [
      undefined,
      '',
      other,
      verifier.slice(0, -1),
      `${verifier}A`,
      verifier.toUpperCase(),
      new URL(box.authorizationUrl()).searchParams.get('code_challenge')!,
    ])
      assertRefused(await box.redeem(code, { ...by[client_id], code_verifier }))
    assert.equal((await box.redeem(code, by[client_id])).status, 200, 'and none of it has spent the code')
  })

  test(`section 2.1.1: ${client_id}: plain protects nothing and is refused, and so is a challenge that is none`, async () => {
    for (const changes of [
      { code_challenge: verifier, code_challenge_method: 'plain' },
      { code_challenge: verifier, code_challenge_method: undefined },
      { code_challenge_method: 's256' },
      { code_challenge_method: 'S512' },
      { code_challenge: undefined },
      { code_challenge: '' },
      { code_challenge: 'short' },
      { code_challenge: 'A'.repeat(44) },
    ]) {
      const arrived = await box.login(box.browser(), { client_id, ...changes })
      assert.deepEqual([arrived.get('error'), arrived.get('code')], ['invalid_request', null])
    }
  })
}

for (const client_id of ['web-app', 'server', 'second-app', 'third-party'])
  test(`section 4.8: ${client_id} must use PKCE, and gets no code without`, async () => {
    for (const changes of [unasked, { code_challenge: '', code_challenge_method: '' }]) {
      const arrived = await box.login(box.browser(), { client_id, ...changes })
      assert.deepEqual([arrived.get('error'), arrived.get('code')], ['invalid_request', null])
    }
  })

test('section 2.1.1: no public client may do without PKCE', async () => {
  const client =
    'type: public, grants: [authorization_code], redirect_uris: ["https://app.example/cb"], scopes: [openid]'
  await assertDoesNotCompile(`{ app: { ${client}, login: [partner], require_pkce: false } }`, /remove require_pkce/)
})

test('section 4.8.2: a verifier where no challenge was asked for shows that somebody took it out', async () => {
  const code = (await box.login(box.browser(), { client_id: 'confidential', ...unasked })).get('code')
  assert.ok(code)
  assertRefused(await box.redeem(code, by.confidential))
  assertRefused(await box.redeem(code, { ...by.confidential, code_verifier: other }))
  const { status, body } = await box.redeem(code, { ...by.confidential, code_verifier: undefined })
  assert.equal(status, 200)
  assert.equal(
    decodeJwt(String(body.id_token)).nonce,
    'the-nonce',
    'section 4.5.3.2: what the client can go by instead',
  )
})

test('section 4.5: a code is another client’s for nobody, and nobody burns it by trying', async () => {
  const code = (await box.login(box.browser())).get('code')
  for (const fields of [
    by.server,
    by.confidential,
    { ...by.confidential, code_verifier: undefined },
    { client_id: 'second-app' },
    { client_id: 'third-party' },
  ])
    assertRefused(await box.redeem(code, fields))
  assertRefused(await box.redeem(code, { client_id: 'job' }), 'unauthorized_client')
  assertRefused(await box.redeem(code, { client_id: 'nobody' }), 'invalid_client')
  assertRefused(await box.redeem(code, { client_id: undefined }), 'invalid_client')
  assert.equal((await box.redeem(code)).status, 200)
})

test('section 4.5: the code of another browser’s flow is nothing to a client that keeps a verifier for each', async () => {
  const victim = (await box.login(box.browser())).get('code')
  const attacker = await box.login(box.browser(), { code_challenge: 'A'.repeat(43) }, 'bob')
  assertRefused(await box.redeem(victim, { code_verifier: other }))
  assertRefused(await box.redeem(attacker.get('code')))
  assert.equal((await box.redeem(victim)).status, 200)
})

test('section 4.5: a code that was changed, cut or made up is none', async () => {
  const code = (await box.login(box.browser())).get('code')!
  const last = code.endsWith('A') ? 'B' : 'A'
  for (const each of [
    `${code.slice(0, -1)}${last}`,
    code.slice(1),
    `${code}=`,
    ` ${code}`,
    'A'.repeat(43),
    'x'.repeat(9_000),
  ])
    assertRefused(await box.redeem(each))
  assertRefused(await box.redeem(undefined as never), 'invalid_request')
  assert.equal((await box.redeem(code)).status, 200)
})

test('section 4.5 and RFC 6749 section 4.1.2: of twenty at once one is served, and then it is worth nothing', async () => {
  const code = (await box.login(box.browser())).get('code')
  const answers = await Promise.all(Array.from({ length: 20 }, () => box.redeem(code)))
  const served = answers.filter(({ status }) => status === 200)
  assert.equal(served.length, 1)
  for (const each of answers) if (each.status !== 200) assertRefused(each)
  assert.equal(await userinfo(served[0]!), 401)
})

for (const client_id of ['web-app', 'server', 'confidential'] as const)
  test(`RFC 6749 section 4.1.2: ${client_id}: a replay revokes what the code was traded for, and that alone`, async () => {
    const browser = box.browser()
    const [before, code, after] = [
      await box.redeem((await box.login(browser, { client_id })).get('code'), by[client_id]),
      (await box.login(browser, { client_id })).get('code'),
      await box.redeem((await box.login(browser, { client_id })).get('code'), by[client_id]),
    ]
    const first = await box.redeem(code, by[client_id])
    assert.deepEqual(await Promise.all([before, first, after].map(userinfo)), [200, 200, 200])
    assertRefused(await box.redeem(code, by[client_id]))
    assert.deepEqual(await Promise.all([before, first, after].map(userinfo)), [200, 401, 200])
    assertRefused(await box.redeem(code, by[client_id]))
    const later = await box.redeem((await box.login(browser, { client_id, prompt: 'none' })).get('code'), by[client_id])
    assert.equal(await userinfo(later), 200, 'the person stays logged in, and the client may go on')
  })

test('RFC 6749 section 4.1.2: introspection says so too, of a token for a target', async () => {
  const scope = 'openid orders:read'
  const code = (await box.login(box.browser(), { scope })).get('code')
  const [first, another] = [await box.redeem(code), await box.tokens({ scope })]
  assert.deepEqual([await introspect(first), await introspect(another)], [true, true])
  assertRefused(await box.redeem(code))
  assert.deepEqual([await introspect(first), await introspect(another)], [false, true])
})

test('a replay that lacks the client, its secret, the redirect URI or the verifier revokes nothing', async () => {
  const client_id = 'confidential'
  const code = (await box.login(box.browser(), { client_id })).get('code')
  const first = await box.redeem(code, by.confidential)
  for (const [fields, error] of [
    [{ ...by.confidential, code_verifier: other }, 'invalid_grant'],
    [{ ...by.confidential, code_verifier: undefined }, 'invalid_grant'],
    [{ ...by.confidential, redirect_uri: `${box.app.url}/with?tenant=1` }, 'invalid_grant'],
    [{ ...by.confidential, redirect_uri: undefined }, 'invalid_request'],
    [{ ...by.confidential, client_secret: other }, 'invalid_client'],
    [{ ...by.confidential, client_secret: undefined }, 'invalid_client'],
    [{}, 'invalid_grant'],
    [by.server, 'invalid_grant'],
  ] as const)
    assertRefused(await box.redeem(code, fields), error)
  assertRefused(await box.redeem('A'.repeat(43), by.confidential))
  assert.equal(await userinfo(first), 200)
})

test('section 2.5: a client that has a secret proves it, before anything is said of the code', async () => {
  const code = (await box.login(box.browser(), { client_id: 'confidential' })).get('code')
  for (const client_secret of [undefined, '', other, clientSecret.slice(1), `${clientSecret} `])
    for (const each of [code, 'A'.repeat(43)])
      assertRefused(await box.redeem(each, { client_id: 'confidential', client_secret }), 'invalid_client')
  const none = { client_id: undefined }
  for (const [id, secret] of [
    ['confidential', other],
    ['web-app', clientSecret],
    ['web-app', ''],
    ['nobody', clientSecret],
  ] as const)
    assertRefused(await box.redeem(code, none, { authorization: basicAuthorization(id, secret) }), 'invalid_client')
  const authorization = basicAuthorization('confidential', clientSecret)
  assert.equal((await box.redeem(code, none, { authorization })).status, 200)
})

test('section 2.4: the password grant is none of ours, nor the implicit one', async () => {
  for (const grant_type of ['password', 'implicit', 'urn:ietf:params:oauth:grant-type:password']) {
    const fields = { ...by.confidential, grant_type, username: 'alice', password: 'example', scope: 'openid' }
    assertRefused(await box.redeem(null, fields), 'unsupported_grant_type')
  }
})

test('section 4.15: no client can be named so that its token passes for a person’s', async () => {
  const { sub, client_id } = decodeJwt(String((await box.tokens({ scope: 'openid orders:read' })).body.access_token))
  assert.equal(sub, 'acme-partner:e-1041')
  assert.equal(client_id, 'web-app')
  await assertDoesNotCompile('{ "acme-partner:e-1041": { type: public } }', /invalid-name a client_id is/)
})

async function assertDoesNotCompile(clients: string, message: RegExp): Promise<void> {
  const issuers = '{ partner: { issuer: "https://partner.example", login: { client_id: x } } }'
  const text = `version: 1\nissuer: http://127.0.0.1\nissuers: ${issuers}\ntargets: {}\nrules: {}\nclients: ${clients}\n`
  await assert.rejects(startBroker({ config: { text, file: 'broker.yaml' }, port: 0 }), message)
}
