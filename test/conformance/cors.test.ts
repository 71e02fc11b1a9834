import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loginBox } from './login-fixture.ts'

const box = loginBox()

type Send = (
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: URLSearchParams },
) => Promise<Response>
const send: Send = (path, init) => fetch(box.broker.url + path, { redirect: 'manual', ...init })

/** What it allows whom. */
function cors({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')))
}

const preflight = (path: string, origin: string, method = 'POST') =>
  send(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  })

for (const [path, methods] of [
  ['/token', 'POST'],
  ['/userinfo', 'GET, POST'],
  ['/revoke', 'POST'],
] as const) {
  test(`Fetch standard section 4.8: ${path} lets a listed origin ask`, async () => {
    const answer = await preflight(path, box.app.url)
    assert.equal(answer.status, 204)
    assert.equal(await answer.text(), '')
    assert.deepEqual(cors(answer), {
      'access-control-allow-origin': box.app.url,
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-max-age': '7200',
    })
    assert.match(answer.headers.get('vary') ?? '', /\borigin\b/i)
  })

  test(`${path} allows another origin nothing`, async () => {
    for (const origin of ['https://evil.example', 'null', `${box.app.url}.evil.example`, `${box.app.url}/`]) {
      const answer = await preflight(path, origin)
      assert.equal(answer.status, 405)
      assert.deepEqual(cors(answer), {})
      assert.match(answer.headers.get('vary') ?? '', /\borigin\b/i)
    }
  })

  test(`a script may read why ${path} refuses it, on a listed origin alone`, async () => {
    for (const [origin, listed] of [
      [box.app.url, true],
      ['https://evil.example', false],
      [undefined, false],
    ] as const) {
      const answer = await send(path, { method: 'POST', headers: origin === undefined ? {} : { origin } })
      assert.ok(answer.status >= 400 && answer.status < 500)
      assert.equal(cors(answer)['access-control-allow-origin'], listed ? origin : undefined)
      assert.equal(/\bx-decision-id\b/.test(cors(answer)['access-control-expose-headers'] ?? ''), listed)
      assert.match(answer.headers.get('vary') ?? '', /\borigin\b/i)
    }
  })
}

test('an application in a browser trades its code, reads whom it is about and gives the token back', async () => {
  const headers = { origin: box.app.url }
  const {
    status,
    headers: answered,
    body,
  } = await box.redeem((await box.login(box.browser())).get('code'), {}, headers)
  assert.equal(status, 200)
  assert.equal(answered.get('access-control-allow-origin'), box.app.url)
  const token = String(body.access_token)
  const answers = [
    await send('/userinfo', { headers: { ...headers, authorization: `Bearer ${token}` } }),
    await send('/revoke', { method: 'POST', headers, body: new URLSearchParams({ token }) }),
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.equal(cors(answer)['access-control-allow-origin'], box.app.url)
  }
})

test('no answer lets a browser send cookies, and none is for everybody', async () => {
  for (const path of ['/token', '/userinfo', '/revoke'])
    for (const answer of [await preflight(path, box.app.url), await send(path, { headers: { origin: box.app.url } })]) {
      assert.equal(answer.headers.get('access-control-allow-credentials'), null)
      assert.notEqual(answer.headers.get('access-control-allow-origin'), '*')
    }
})

test('where people and other servers go, no script may', async () => {
  for (const path of [
    '/authorize',
    '/login',
    '/callback/acme-partner',
    '/consent',
    '/introspect',
    '/credentials/orders',
  ])
    for (const method of ['GET', 'POST', 'OPTIONS'])
      assert.deepEqual(cors(await send(path, { method, headers: { origin: box.app.url } })), {}, path)
  assert.notEqual((await preflight('/introspect', box.app.url)).status, 204)
})
