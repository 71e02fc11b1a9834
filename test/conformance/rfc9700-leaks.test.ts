import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { mock, test } from 'node:test'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { dynamodbClient } from '../../lib/aws/clients.ts'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox, verifier } from './login-fixture.ts'

process.env.POWERTOOLS_LOG_LEVEL = 'DEBUG'
process.env.POWERTOOLS_LOGGER_LOG_EVENT = 'true'
const box = loginBox()
const host = '127.0.0.1'

/** Everything that would let somebody go on where another has come to, by what it is. */
const secrets = new Map<string, string>([
  [verifier, 'code_verifier'],
  [clientSecret, 'client_secret'],
])
const canary = 'C4n4ry'.repeat(8).slice(0, 43)
/** What a person is called, what clients tell themselves by, and what stands where it should not: in no log, but in the table. */
const personal = ['alice@partner.example', 'Alice Example', 'bob@partner.example', 'the-state', 'the-nonce', canary]
let written = ''
let table = ''
/** Whether logins come to an end: then a session holds the claims of the ID token, its nonce among them. */
let spent = false

function keep(what: string, value: unknown): void {
  if (typeof value !== 'string' || value.length < 20) return
  // Of a token each part says it all, or proves it; its header is no secret.
  const [, payload, signature] = /^[\w-]+\.([\w-]+)\.([\w-]+)$/.exec(value) ?? []
  for (const part of payload === undefined ? [value] : [payload, signature!]) secrets.set(part, what)
}

/** What goes between the broker and the partner, both ways. */
function overhear(request: IncomingMessage, response: ServerResponse): boolean {
  const { pathname, searchParams } = new URL(request.url ?? '/', box.partner.url)
  if (pathname === '/auth') {
    const [, , mac] = (searchParams.get('state') ?? '').split('.')
    keep('upstream state', mac)
    keep(spent ? 'nonce of a finished login' : 'upstream nonce', searchParams.get('nonce'))
  }
  keep('upstream access_token', request.headers.authorization?.slice('Bearer '.length))
  if (pathname !== '/token') return false
  const emit = request.emit.bind(request)
  request.emit = (event: string, ...values: unknown[]) => {
    if (event === 'data')
      for (const [name, value] of new URLSearchParams(String(values[0])))
        if (!/uri|type|client_id/.test(name)) keep(`upstream ${name}`, value)
    return emit(event, ...values)
  }
  const end = response.end.bind(response)
  response.end = ((body: unknown) => {
    for (const [name, value] of Object.entries(JSON.parse(String(body)) as object)) keep(`upstream ${name}`, value)
    return end(body)
  }) as typeof response.end
  return false
}

/** Logins that come to something, and those that fail at each step. */
async function everything(): Promise<void> {
  const browser = box.browser()
  const other = box.browser()
  const authorization = basicAuthorization('confidential', clientSecret)
  const redeem = async (
    code: string | null,
    ...more: [Record<string, string | undefined>?, Record<string, string>?]
  ) => {
    keep('code', code)
    const { body } = await box.redeem(code, ...more)
    for (const name of ['access_token', 'id_token']) keep(name, body[name])
    return body
  }
  const cookies = () => {
    for (const each of [browser, other])
      for (const name of ['session', 'browser']) keep(`cookie ${name}`, each.cookies(host)[name])
    return browser.cookies(host)
  }

  const held = await box.held(browser)
  for (const url of [held, held.replace('code=', 'code=x'), `${held}&code=y`])
    await box.ask(url, {}, url === held ? {} : cookies())
  spent = true
  const code = (await box.login(browser, { prompt: 'login' })).get('code')
  cookies()
  await redeem(code, { code_verifier: clientSecret })
  await redeem(code, { client_id: 'second-app' })
  const { access_token, id_token } = await redeem(code)
  for (const token of [access_token, id_token])
    await fetch(`${box.broker.url}/userinfo`, { headers: { authorization: `Bearer ${String(token)}` } })
  await redeem(code)
  await redeem((await box.login(browser, { scope: 'openid email orders:read' })).get('code'))
  const confidential = { client_id: 'confidential', response_mode: 'form_post', id_token_hint: String(id_token) }
  await redeem((await box.login(browser, confidential)).get('code'), { client_id: undefined }, { authorization })
  await redeem((await box.login(browser, confidential)).get('code'), {
    client_id: 'confidential',
    client_secret: verifier,
  })
  await box.login(browser, { client_id: 'third-party' })
  const proof = browser.page.forms[0]!.fields.find(({ name }) => name === 'proof')!.value
  keep('proof of consent', proof)
  await box.ask(
    '/consent',
    { method: 'POST', body: new URLSearchParams({ id: 'x', proof, decision: 'allow' }) },
    cookies(),
  )
  await browser.click('consent-allow')
  await redeem(box.app.arrived.get('code'), { client_id: 'third-party' })
  // Never traded, so that its row is there as it was made.
  keep('code', (await box.login(browser)).get('code'))
  await box.login(other, { client_id: 'second-app', login_hint: 'alice@partner.example', prompt: 'select_account' })
  await other.open(box.authorizationUrl({ prompt: 'login' }))
  await other.click('cancel')
  box.says = { nonce: verifier, email: 'alice@partner.example' }
  await box.login(other, { prompt: 'login' })
  box.says = {}
  // In each parameter by itself, where it is malformed.
  for (const name of new URL(box.authorizationUrl()).searchParams.keys())
    await box.ask(box.authorizationUrl({ [name]: canary, prompt: 'none' }), {}, cookies())
  for (const name of [
    'prompt',
    'max_age',
    'claims',
    'resource',
    'request',
    'id_token_hint',
    'response_mode',
    'acr_values',
  ])
    await box.ask(box.authorizationUrl({ [name]: canary }), {}, cookies())
  for (const [path, method] of [
    ['/login', 'GET'],
    ['/callback/acme-partner', 'GET'],
    ['/consent', 'POST'],
    ['/userinfo', 'GET'],
  ] as const)
    for (const name of ['id', 'state', 'code', 'proof', 'issuer', 'login_hint', 'access_token', canary])
      await box.ask(`${path}?${name}=${canary}`, { method }, cookies())
}

test('logins that come to something, and those that fail at each step', async () => {
  box.instead = overhear
  const mocks = [process.stdout, process.stderr].map((stream) => {
    const write = stream.write.bind(stream) as (...chunk: unknown[]) => boolean
    return mock.method(stream, 'write', (...chunk: unknown[]) => {
      if (!String(chunk[0]).startsWith('{')) return write(...chunk)
      written += String(chunk[0])
      return true
    })
  })
  try {
    await everything()
    const { Items } = await dynamodbClient().send(new ScanCommand({ TableName: process.env.BROKER_TABLE }))
    table = JSON.stringify(Items)
  } finally {
    for (const { mock } of mocks) mock.restore()
  }
})

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')

test('what follows has seen every kind of secret, the log and the table', () => {
  const kinds = new Set(secrets.values())
  for (const what of [
    'code_verifier',
    'client_secret',
    'code',
    'access_token',
    'id_token',
    'cookie browser',
    'cookie session',
    'proof of consent',
    'upstream state',
    'upstream nonce',
    'upstream code',
    'upstream code_verifier',
    'upstream client_assertion',
    'upstream access_token',
    'upstream id_token',
  ])
    assert.ok(kinds.has(what), what)
  const lines = written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.ok(lines.filter(({ message }) => message === 'logged in').length >= 7)
  const reasons = new Set(lines.map(({ reason }) => reason))
  for (const reason of [
    'browser_mismatch',
    'code_mismatch',
    'code_of_another_client',
    'code_replayed',
    'upstream_refused',
    'upstream_answer_refused',
  ])
    assert.ok(reasons.has(reason), reason)
  const of = (what: string) => [...secrets].filter(([, kind]) => kind === what).map(([secret]) => secret)
  for (const what of ['code', 'cookie session', 'cookie browser'])
    assert.ok(
      of(what).some((secret) => table.includes(sha256(secret))),
      `${what} is there by its hash`,
    )
})

test('section 4.2 and 4.3: no secret of a login is in the log', () => {
  for (const [secret, what] of secrets) assert.ok(!written.includes(secret), what)
})

test('nor anything that a person is called, or a client says for itself', () => {
  for (const text of personal) assert.ok(!written.includes(text), text)
})

test('no secret of a login is in the table: who reads all of it can finish none, and be nobody', () => {
  for (const [secret, what] of secrets)
    if (what !== 'nonce of a finished login') assert.ok(!table.includes(secret), what)
})
