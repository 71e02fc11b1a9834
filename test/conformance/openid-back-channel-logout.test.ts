import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createRemoteJWKSet, decodeJwt, jwtVerify, type JWTPayload } from 'jose'
import { close, listen } from '../../local/loopback.ts'
import { runCommand } from '../cli/run-command.ts'
import { loginBox } from './login-fixture.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'

/** Where clients are told, and what came there. */
const told: { path: string; token: string }[] = []
let failing = 0
const listener = createServer((request, response) => {
  void (async () => {
    const form = new URLSearchParams(await text(request))
    response.writeHead(failing-- > 0 ? 500 : 200).end()
    if (response.statusCode === 200) told.push({ path: request.url ?? '', token: form.get('logout_token') ?? '' })
  })()
})
const address = { url: '' }
before(async () => {
  address.url = await listen(listener, 0)
})
after(() => close(listener))

const box = loginBox((config) =>
  config.replaceAll(
    /(web-app|confidential): \{/g,
    (all, name: string) => `${all} backchannel_logout_uri: "${address.url}/${name}",`,
  ),
)

/** They are told in the background. */
async function untilTold(count: number): Promise<void> {
  for (let tries = 0; told.length < count && tries < 400; tries++) await setTimeout(25)
  assert.equal(told.length, count)
}

async function verified({ token, path }: { token: string; path: string }): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
  const options = { issuer: box.broker.issuer, audience: path.slice(1), typ: 'logout+jwt' }
  return (await jwtVerify(token, keys, options)).payload
}

async function loggedIn(changes: Record<string, string> = {}) {
  told.length = 0
  const browser = box.browser()
  const { body } = await box.tokens(changes, browser)
  return { browser, id_token: String(body.id_token), claims: decodeJwt(String(body.id_token)) }
}

const isLoggedIn = async (browser: Awaited<ReturnType<typeof loggedIn>>['browser']) =>
  (await box.login(browser, { prompt: 'none' })).has('code')

describe('OpenID Connect Back-Channel Logout 1.0', () => {
  test('section 2.1: discovery says so, with the session', async () => {
    const response = await fetch(`${box.broker.url}/.well-known/openid-configuration`)
    const document = (await response.json()) as Record<string, unknown>
    assert.equal(document.backchannel_logout_supported, true)
    assert.equal(document.backchannel_logout_session_supported, true)
  })

  test('section 2.5: a logout at the word of one client tells every client of the session', async () => {
    const { browser, id_token, claims } = await loggedIn()
    await box.login(browser, { client_id: 'confidential' })
    await box.login(browser, { client_id: 'second-app' })
    await browser.open(`${box.broker.url}/logout?id_token_hint=${id_token}`)
    await untilTold(2)
    assert.deepEqual(told.map(({ path }) => path).toSorted(), ['/confidential', '/web-app'])
    for (const each of told) {
      const { iat, exp, jti, nonce, ...token } = await verified(each)
      assert.deepEqual(token, {
        iss: box.broker.issuer,
        aud: each.path.slice(1),
        sub: claims.sub,
        sid: claims.sid,
        events: { [event]: {} },
      })
      assert.ok(Number(exp) > Number(iat) && typeof jti === 'string')
      assert.equal(nonce, undefined)
    }
  })

  test('section 2.8: a client that fails is told again, by the same jti', async () => {
    const { browser, id_token } = await loggedIn()
    failing = 1
    await browser.open(`${box.broker.url}/logout?id_token_hint=${id_token}`)
    await untilTold(1)
    await verified(told[0]!)
  })

  test('as a client: who logs out at their employer is logged out here, and our clients are told', async () => {
    const { browser, claims } = await loggedIn()
    await browser.open(`${box.partner.url}/session/end`)
    await browser.click('log-out')
    assert.ok(browser.page.title.startsWith('Logged out at Partner Inc.'), browser.page.text)
    await untilTold(1)
    assert.equal((await verified(told[0]!)).sid, claims.sid)
    assert.equal(await isLoggedIn(browser), false)
  })

  test('as a client: what is no logout token of the issuer is refused, and says no more', async () => {
    const { browser, id_token } = await loggedIn()
    const post = (body: Record<string, string>, path = '/backchannel-logout/acme-partner') =>
      box.ask(path, { method: 'POST', body: new URLSearchParams(body) })
    for (const answer of [
      await post({}),
      await post({ logout_token: 'x' }),
      await post({ logout_token: id_token }),
      await post({ logout_token: id_token }, '/backchannel-logout/nobody'),
    ]) {
      assert.equal(answer.status, 400)
      assert.equal(answer.headers.get('cache-control'), 'no-store')
      const { error } = (await answer.json()) as { error: string }
      assert.equal(error, 'invalid_request')
    }
    assert.equal(await isLoggedIn(browser), true)
  })

  test('an operator who revokes a person ends their sessions, and clients are told', async () => {
    const { browser, claims } = await loggedIn()
    const other = await loggedIn()
    const { code, stdout, stderr } = await runCommand(
      ['revoke', '--subject', String(claims.sub), '--before', '0s', '--reason', 'test', '--broker', box.broker.url],
      { env: { AWS_ACCESS_KEY_ID: 'ASIALOCAL', AWS_SECRET_ACCESS_KEY: 'local', AWS_REGION: 'eu-west-1' } },
    )
    assert.equal(code, 0, stderr)
    assert.match(stdout, /ended for good: \d+ sessions, and the refresh tokens of 0 logins; told of it: \d+ clients/)
    for (const each of [browser, other.browser]) assert.equal(await isLoggedIn(each), false)
    const sids = async () => Promise.all(told.map(async (each) => (await verified(each)).sid))
    for (let tries = 0; tries < 400 && !(await sids()).includes(other.claims.sid); tries++) await setTimeout(25)
    const all = await sids()
    assert.ok(all.includes(claims.sid) && all.includes(other.claims.sid))
  })
})
