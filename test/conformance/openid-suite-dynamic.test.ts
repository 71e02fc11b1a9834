import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { startBroker } from '../../local/broker.ts'
import { close, listen } from '../../local/loopback.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { suiteBox } from './openid-suite-fixture.ts'

// What the plan Dynamic asks beside registration, of a client that broker.yaml names: it has private_key_jwt, and its
// keys are where its jwks_uri says.
let jwks: { keys: JWK[] } = { keys: [] }
let keyId = ''
let sign: (claims: JWTPayload) => Promise<string>
const client = createServer((_, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks))
})
const client_url = await listen(client, 0)
after(() => close(client))

/** The client has a new key and no other. */
async function rotate(): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const kid = (keyId = crypto.randomUUID())
  jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' }] }
  sign = (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey)
}
before(rotate)

/** Most of the suite's keys have no kid. */
const nameless = await generateKeyPair('RS256')
const namelessKey = JSON.stringify({ ...(await exportJWK(nameless.publicKey)), use: 'sig', alg: 'RS256' })

const suite = suiteBox(
  (text) => `${text}
  suite-nameless:
    auth: { private_key_jwt: { jwks: { keys: [${namelessKey}] }, algorithms: [RS256] } }
    redirect_uris: [${/"http:[^"]*\/cb"/.exec(text)?.[0]}]
    grants: [authorization_code]
    login: [acme-partner]
    require_pkce: false
  suite-key:
    auth: { private_key_jwt: { jwks: { uri: "${client_url}/jwks" }, algorithms: [RS256] } }
    redirect_uris: [${/"http:[^"]*\/cb"/.exec(text)?.[0]}, ${/"http:[^"]*\/with\?tenant=1"/.exec(text)?.[0]}]
    grants: [authorization_code, refresh_token]
    login: [acme-partner]
    require_pkce: false
    scopes: [openid, offline_access]
`,
)
const { box } = suite

async function proof(client_id = 'suite-key', by = sign): Promise<Record<string, string | undefined>> {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: client_id, sub: client_id, aud: box.broker.issuer, nbf: iat, iat, exp: iat + 60 }
  const client_assertion = await by({ ...claims, jti: crypto.randomUUID() })
  return { client_id: undefined, client_assertion_type: JWT_BEARER_ASSERTION, client_assertion }
}

function later(t: TestContext, seconds: number): void {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + seconds * 1000 })
}

test('oidcc-ensure-client-assertion-with-iss-aud-succeeds: an assertion for our issuer', async () => {
  const { arrived, nonce } = await suite.authorize({ client_id: 'suite-key' })
  const { status, body } = await suite.redeem(arrived, await proof(), {})
  assert.equal(status, 200)
  await suite.checkIdToken(body.id_token, nonce, 'suite-key')
})

test('oidcc-ensure-client-assertion-with-iss-aud-succeeds: and one whose key has no kid', async () => {
  const client_id = 'suite-nameless'
  const { arrived, nonce } = await suite.authorize({ client_id })
  const by = (claims: JWTPayload) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(nameless.privateKey)
  const { status, body } = await suite.redeem(arrived, await proof(client_id, by), {})
  assert.equal(status, 200)
  await suite.checkIdToken(body.id_token, nonce, client_id)
})

test('oidcc-refresh-token-rp-key-rotation: a client with a new key refreshes a minute later', async (t) => {
  const asked = { client_id: 'suite-key', scope: 'openid offline_access', prompt: 'consent' }
  const { arrived } = await suite.authorize(asked)
  const { body } = await suite.redeem(arrived, await proof(), {})
  const before = keyId
  await rotate()
  assert.notEqual(keyId, before)
  later(t, 60)
  const again = await box.refresh(body.refresh_token, await proof(), {})
  assert.equal(again.status, 200)
  await suite.checkIdToken(again.body.id_token, undefined, 'suite-key')
  assert.equal((await suite.userinfo(again.body.access_token)).status, 200)
})

// Whoever invents kids makes us ask no more often than that.
test('a key that is younger than our copy of its set is refused for half a minute, which spends nothing', async (t) => {
  const asked = { client_id: 'suite-key', scope: 'openid offline_access', prompt: 'consent' }
  later(t, 1_200)
  const { arrived } = await suite.authorize(asked)
  const { body } = await suite.redeem(arrived, await proof(), {})
  await rotate()
  const early = await box.refresh(body.refresh_token, await proof(), {})
  assert.deepEqual([early.status, early.body.error], [401, 'invalid_client'])
  t.mock.timers.setTime(Date.now() + 31_000)
  assert.equal((await box.refresh(body.refresh_token, await proof(), {})).status, 200)
})

test('oidcc-ensure-redirect-uri-in-authorization-request: without it an error is shown to the person', async () => {
  const browser = box.browser()
  const { arrived } = await suite.authorize({ client_id: 'suite-key', redirect_uri: undefined }, browser)
  assert.equal(arrived.size, 0)
  assert.equal(browser.status, 400)
  assert.ok(browser.url.startsWith(box.broker.url))
})

test('oidcc-redirect-uri-query-OK: a query that is registered stays', async () => {
  const redirect_uri = `${box.app.url}/with?tenant=1`
  const { arrived } = await suite.authorize({ client_id: 'suite-key', redirect_uri })
  assert.equal(arrived.get('tenant'), '1')
  assert.equal((await suite.redeem(arrived, { ...(await proof()), redirect_uri }, {})).status, 200)
})

for (const [title, path] of [
  ['oidcc-redirect-uri-query-mismatch: another query than is registered', '/with?tenant=2'],
  ['oidcc-redirect-uri-query-added: a query where none is registered', '/cb?tenant=1'],
] as const)
  test(title, async () => {
    const browser = box.browser()
    const redirect_uri = box.app.url + path
    const { arrived } = await suite.authorize({ client_id: 'suite-key', redirect_uri }, browser)
    assert.equal(arrived.size, 0)
    assert.equal(browser.status, 400)
    assert.ok(browser.url.startsWith(box.broker.url))
  })

test('oidcc-server-rotate-keys: the new key is published beside the old one, and stays when it signs', async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'rotation-'))
  t.after(() => rmSync(dataDirectory, { recursive: true }))
  const { text, file } = quickstartConfig('http://127.0.0.1:8788')
  const kids: string[][] = []
  for (const keys of ['active: "1"', 'active: "1", published: ["2"]', 'active: "2", published: ["1"]']) {
    const config = { text: text.replace(/(\n {2}algorithms: \[.*\])/, `$1\n  keys: { RS256: { ${keys} } }`), file }
    const broker = await startBroker({ config, port: 0, dataDirectory })
    const body = (await (await fetch(`${broker.url}/jwks`)).json()) as { keys: JWK[] }
    await broker.close()
    kids.push(body.keys.filter(({ alg }) => alg === 'RS256').map(({ kid }) => String(kid)))
  }
  const [first = [], second = [], third = []] = kids
  assert.deepEqual([first.length, second.length, third.length], [1, 2, 2])
  assert.ok(second.includes(first[0] ?? ''))
  assert.deepEqual(third.toSorted(), second.toSorted())
})
