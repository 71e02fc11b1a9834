import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { startBroker } from '../../local/broker.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { loginBox } from './login-fixture.ts'
import { ask, initialToken, otherToken, ownOf, register, withRegistration } from './registration-fixture.ts'

/** Brokers that start while it runs have its table. */
const box = loginBox(withRegistration({ limit: '10' }))

suite('how many clients an initial access token may have', () => {
  test('of thirty that register at once ten do, and the others are told why', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => register(box)))
    const [made, refused] = [201, 403].map((status) => answers.filter((answer) => answer.status === status))
    assert.deepEqual([made?.length, refused?.length], [10, 20])
    assert.equal(new Set(made?.map(({ body }) => body.client_id)).size, 10)
    for (const { body } of refused ?? []) {
      assert.equal(body.error, 'access_denied')
      assert.match(String(body.error_description), /as many clients as it may/)
    }
    // Each token has its own, and who is deleted frees one place.
    assert.equal((await register(box, {}, otherToken)).status, 201)
    const { url, token } = ownOf(made![0]!)
    assert.equal((await ask(url, 'DELETE', token)).status, 204)
    assert.equal((await register(box)).status, 201)
    assert.equal((await register(box)).status, 403)
  })
})

suite('where broker.yaml changes', () => {
  const issuers = `version: 1
issuer: http://127.0.0.1:8787
issuers:
  partner: { issuer: "https://login.partner.example", login: { client_id: broker } }
targets: {}
rules: {}
`

  test('without its initial access token a client is none, and where nobody may register there is nothing', async () => {
    const started = (changes: Record<string, string> | undefined) => {
      const text = changes === undefined ? issuers : withRegistration({ login: '[partner]', ...changes })(issuers)
      return startBroker({ config: { text, file: 'broker.yaml' }, port: 0 })
    }
    const first = await started({})
    const body = { redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'none' }
    const made = await ask(`${first.url}/register`, 'POST', initialToken, body)
    const { url, token } = ownOf(made)
    const { pathname } = new URL(url)
    const metadata = await (await fetch(`${first.url}/.well-known/openid-configuration`)).json()
    assert.equal((metadata as { registration_endpoint: string }).registration_endpoint, `${first.issuer}/register`)
    await first.close()

    const authorize = `/authorize?client_id=${String(made.body.client_id)}&redirect_uri=https%3A%2F%2Fapp.example%2Fcb`
    for (const [changes, status] of [
      [{}, 200],
      [{ initial_access_tokens: `{ sha256: [${hashOfSecret(otherToken)}] }` }, 401],
      [{ redirect_hosts: '[other.example]' }, 401],
      [{ lifetime: '1h' }, 200],
    ] as const) {
      const broker = await started(changes)
      assert.equal((await ask(broker.url + pathname, 'GET', token)).status, status, JSON.stringify(changes))
      const asked = await fetch(`${broker.url}${authorize}`, { redirect: 'manual' })
      // What is amiss with the request is told to a client that is one, at its redirect URI.
      assert.equal(
        asked.headers.get('location')?.startsWith('https://app.example/cb?error='),
        status === 200 ? true : undefined,
      )
      await broker.close()
    }

    const last = await started(undefined)
    for (const [path, method] of [
      ['/register', 'POST'],
      [pathname, 'GET'],
    ] as const)
      assert.equal((await ask(last.url + path, method, initialToken, method === 'POST' ? body : undefined)).status, 404)
    const without = await (await fetch(`${last.url}/.well-known/oauth-authorization-server`)).json()
    assert.ok(!('registration_endpoint' in (without as object)))
    await last.close()
  })
})
