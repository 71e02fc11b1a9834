import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { before, test } from 'node:test'
import { compactVerify, decodeJwt, importJWK } from 'jose'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { now } from '../tokens/issuer-fixture.ts'
import { ownTokens, type OwnTokens } from '../tokens/own-tokens.ts'
import { delivery, notice, type Delivery } from './delivery-fixture.ts'

let own: OwnTokens
before(async () => {
  own = await ownTokens()
})

const answering =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end()

async function fails(delivering: Promise<void>, message: string | RegExp): Promise<void> {
  await assert.rejects(delivering, (error) => {
    assert.ok(error instanceof UnavailableError)
    assert.equal(error.dependency, 'client')
    assert.match(error.message, typeof message === 'string' ? new RegExp(`^${message}$`) : message)
    return true
  })
}

/** Nothing of it may be read in a log. */
function assertNoSecrets({ logged, told }: Delivery): void {
  const text = JSON.stringify(logged)
  for (const { form } of told) assert.ok(!text.includes(form.get('logout_token')!.split('.')[2]!))
  assert.ok(!text.includes(notice.sub) && !text.includes(notice.sid))
}

for (const [alg, kid] of [
  ['ES256', 'es'],
  ['RS256', 'rs'],
] as const)
  test(`a client is told by a POST of a form with a logout token, signed by ${alg} where its ID tokens are`, async (t) => {
    const client = await delivery(t, own, answering(200))
    await client.deliver({ login: { id_token_signed_response_alg: alg } })
    const [{ method, path, type, form }] = client.told as [Delivery['told'][0]]
    assert.deepEqual([method, path, type], ['POST', '/bc?of=app', 'application/x-www-form-urlencoded'])
    assert.deepEqual([...form.keys()], ['logout_token'])
    const { jwk } = own.keys.find((key) => key.kid === kid)!
    const { protectedHeader } = await compactVerify(form.get('logout_token')!, await importJWK(jwk, alg))
    assert.deepEqual(protectedHeader, { alg, typ: 'logout+jwt', kid })
  })

for (const status of [200, 204])
  test(`${status} is success, and the log says so`, async (t) => {
    const client = await delivery(t, own, answering(status))
    await client.deliver()
    const fields = { decision_id: notice.id, client_id: 'web-app', age: 30, status }
    assert.deepEqual(client.logged, [{ level: 'info', message: 'logout delivered', fields }])
    assertNoSecrets(client)
  })

test('a long body after a 200 is not read', async (t) => {
  const client = await delivery(t, own, (_, response) => response.writeHead(200).write('x'.repeat(300_000)))
  await client.deliver()
})

for (const status of [201, 202, 206, 400, 401, 404, 429, 500, 501, 503])
  test(`${status} is none: it is to be tried again`, async (t) => {
    const client = await delivery(t, own, answering(status))
    await fails(client.deliver(), `client: web-app: answered ${status}`)
    assert.deepEqual(client.logged, [])
  })

for (const status of [301, 302, 303, 307, 308])
  test(`a redirect by ${status} is not followed`, async (t) => {
    const client = await delivery(t, own, answering(status, { location: '/elsewhere' }))
    await fails(client.deliver(), `client: web-app: answered ${status}`)
    assert.equal(client.told.length, 1)
  })

test('a client that does not answer is given up after 5 s', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const reached = new EventTarget()
  const client = await delivery(t, own, () => reached.dispatchEvent(new Event('asked')))
  const asked = once(reached, 'asked')
  const delivering = fails(client.deliver(), 'client: web-app: no answer in time')
  await asked
  t.mock.timers.tick(4_999)
  assert.equal(await Promise.race([delivering, new Promise((resolve) => setImmediate(resolve, 'waits'))]), 'waits')
  t.mock.timers.tick(1)
  await delivering
})

test('or when its function’s time is up', async (t) => {
  const deadline = new AbortController()
  const client = await delivery(t, own, () => deadline.abort())
  await fails(client.deliver({ signal: deadline.signal }), 'client: web-app: no answer in time')
})

test('a connection that is cut is to be tried again', async (t) => {
  const client = await delivery(t, own, (request) => request.socket.destroy())
  await fails(client.deliver(), /^client: web-app: /)
})

const inside = [{ address: '10.0.0.1', family: 4 }]
for (const [what, backchannel_logout_uri, guards] of [
  ['a private address', 'https://10.0.0.1/bc', { local: true }],
  ['the address of instance metadata', 'https://169.254.169.254/bc', {}],
  ['a name with a private address', 'https://app.example/bc', { resolve: async () => inside }],
] as const)
  test(`${what} is not connected to`, async (t) => {
    const client = await delivery(t, own, answering(200))
    await fails(client.deliver({ login: { backchannel_logout_uri }, guards }), /may not be connected to$/)
  })

test('http on this machine is for local runs', async (t) => {
  const client = await delivery(t, own, answering(200))
  await fails(client.deliver({ guards: {} }), 'client: web-app: not an https URL')
  assert.equal(client.told.length, 0)
})

for (const [what, of] of [
  ['a client that is no more', { login: null }],
  ['a client that is not told of logouts', { login: { backchannel_logout_uri: undefined } }],
  ['another client', { notice: { client_id: 'toString' } }],
] as [string, NonNullable<Parameters<Delivery['deliver']>[0]>][])
  test(`for ${what} there is nothing to do, and the log says so`, async (t) => {
    const client = await delivery(t, own, answering(200))
    await client.deliver(of)
    assert.equal(client.told.length, 0)
    const detail = 'no such client, or it is told of no logouts'
    const fields = { decision_id: notice.id, client_id: of.notice?.client_id ?? 'web-app', age: 30, detail }
    assert.deepEqual(client.logged, [{ level: 'info', message: 'logout not delivered', fields }])
    assertNoSecrets(client)
  })

test('of a notice that is delivered again a client sees that it is the same', async (t) => {
  const client = await delivery(t, own, answering(200))
  await client.deliver()
  await client.deliver({ at: now + 60 })
  const [first, second] = client.told.map(({ form }) => decodeJwt(form.get('logout_token')!))
  assert.deepEqual([first?.jti, second?.jti], [notice.id, notice.id])
  assert.deepEqual([first?.iat, second?.iat], [now, now + 60])
})

test('a notice of last week is delivered, by a token of today', async (t) => {
  const client = await delivery(t, own, answering(200))
  await client.deliver({ notice: { at: now - 7 * 86_400 } })
  assert.equal(decodeJwt(client.told[0]!.form.get('logout_token')!).exp, now + 120)
  assert.equal(client.logged[0]?.fields.age, 7 * 86_400)
})

test('where it cannot be signed the client is not asked', async (t) => {
  const outage = new UnavailableError('kms', 'DisabledException')
  const signer = { ...own.signer, sign: () => Promise.reject(outage) }
  const client = await delivery(t, { ...own, signer }, answering(200))
  await assert.rejects(client.deliver(), outage)
  assert.equal(client.told.length, 0)
})
