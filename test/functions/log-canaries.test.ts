import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { JWT_BEARER_ASSERTION, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'

let child: ChildProcess
let captured = ''
let url = ''
let issuer = ''

before(async () => {
  const environment = {
    ...process.env,
    PORT: '0',
    EXAMPLE_ISSUER_PORT: '0',
    PARTNER_IDP_PORT: '0',
    PARTNER_APP_PORT: '0',
    BROKER_CONFIG: '',
    BROKER_ISSUER: '',
    POWERTOOLS_LOG_LEVEL: 'DEBUG',
  }
  child = spawn(process.execPath, [fileURLToPath(new URL('../../local/start.ts', import.meta.url))], {
    env: environment,
  })
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => (captured += chunk.toString()))
  while (url === '') {
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(child.exitCode, null, captured)
    ;[, url = '', issuer = ''] = /ready at (\S+), trusting the example issuer at (\S+)/.exec(captured) ?? []
  }
})
after(async () => {
  if (child.exitCode === null) {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
})

const jobToken = async (query: Record<string, string> = {}) =>
  (await fetch(`${issuer}/token?${new URLSearchParams({ audience: url, ...query }).toString()}`)).text()

let serial = 0
/** A secret's shape: 40 characters of base64url that occur nowhere else. */
const canary = () => `C4n4ry${String(serial++).padStart(4, '0')}${'xYz019-_'.repeat(4)}`

async function post(body: string, headers: Record<string, string> = {}, query = '', path = '/token'): Promise<string> {
  const response = await fetch(`${url}${path}${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
  return JSON.stringify([...response.headers]) + (await response.text())
}

test('no token, code or secret reaches a log line or an error answer, whatever field it is put in', async () => {
  const planted: string[] = []
  const answers: string[] = []
  const plant = (value = canary()) => {
    planted.push(value)
    return value
  }
  const good = async () => ({
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token: await jobToken(),
    audience: 'deploy-api',
  })
  const fields = [
    'grant_type',
    'subject_token',
    'subject_token_type',
    'actor_token',
    'actor_token_type',
    'requested_token_type',
    'audience',
    'resource',
    'scope',
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
    'code',
    'code_verifier',
    'refresh_token',
    'token',
    'password',
    'anything',
  ]
  for (const field of fields) {
    answers.push(await post(new URLSearchParams({ ...(await good()), [field]: plant() }).toString()))
    answers.push(await post(new URLSearchParams({ [field]: plant() }).toString()))
    answers.push(await post(`${field}=${plant()}&${field}=${plant()}`))
    answers.push(await post(`${field}=${plant()}%zz`))
    answers.push(await post('', {}, `?${field}=${plant()}`))
  }
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  for (const path of ['/introspect', '/revoke']) {
    for (const field of ['token', 'token_type_hint', 'client_id', 'client_secret', 'client_assertion', 'anything']) {
      const form = { token: plant(), client_id: 'deploy-server', [field]: plant() }
      answers.push(await post(new URLSearchParams(form).toString(), {}, '', path))
      answers.push(await post('', {}, `?${field}=${plant()}`, path))
    }
    answers.push(await post(`token=${plant()}`, { authorization: basic(plant(), plant()) }, '', path))
    answers.push(await post(`token=${plant()}`, { authorization: basic('deploy-server', plant()) }, '', path))
  }
  // Of a client that is believed, and of one whose conditions its token does not meet.
  for (const client_id of ['deploy-server', 'deploy-monitor']) {
    const uid = '8d1f6b1e-90f4-4a55-b2c6-7f0d2c9e4a10'
    const query = { audience: url, 'kubernetes.io': JSON.stringify({ serviceaccount: { name: 's', uid } }) }
    const proof = await (await fetch(`${issuer}/cluster/token?${new URLSearchParams(query).toString()}`)).text()
    const form = { token: plant(), client_id, client_assertion: proof, client_assertion_type: JWT_BEARER_ASSERTION }
    const answer = await post(new URLSearchParams(form).toString(), {}, '', '/introspect')
    assert.ok(answer.includes(client_id === 'deploy-server' ? '{"active":false}' : 'invalid_client'), answer)
    answers.push(answer)
    planted.push(...proof.split('.').slice(1))
  }
  // Names, headers, bodies that are not forms.
  const name = plant()
  answers.push(await post(`${name}=1&${name}=2`))
  answers.push(await post(plant()))
  answers.push(await post(JSON.stringify({ subject_token: plant() })))
  answers.push(await post(JSON.stringify({ subject_token: plant() }), { 'content-type': 'application/json' }))
  answers.push(
    await post('', {
      authorization: `Bearer ${plant()}`,
      cookie: `session=${plant()}`,
      'x-api-key': plant(),
      'content-type': `text/${plant()}`,
    }),
  )
  answers.push(await post('', { authorization: `Basic ${plant()}` }))
  // Real tokens: granted, replayed, cut, of a wrong audience, with broken parts. No segment of any may show.
  const granted = await good()
  const response = JSON.parse((await post(new URLSearchParams(granted).toString())).replace(/^.*?\]\]/, '')) as {
    access_token: string
  }
  const tokens = [
    granted.subject_token,
    response.access_token,
    await jobToken({ audience: 'https://other.test' }),
    await jobToken({ event_name: 'pull_request' }),
  ]
  for (const token of tokens) {
    const [header, payload, signature] = token.split('.') as [string, string, string]
    for (const subject_token of [
      token,
      `${token}=`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${payload}.${header}.${signature}`,
      `${header}.${payload}.${signature.slice(4)}`,
    ]) {
      answers.push(await post(new URLSearchParams({ ...granted, subject_token }).toString()))
    }
    planted.push(signature, payload, payload.slice(0, 60), signature.slice(0, 40))
  }

  await new Promise((resolve) => setTimeout(resolve, 200))
  const lines = captured.split('\n').filter((line) => line.startsWith('{'))
  assert.ok(lines.length > 100, 'the log was captured')
  assert.ok(planted.length > 100)
  const errors = answers.filter((answer) => !answer.includes('"access_token"'))
  assert.ok(errors.length > 100)
  for (const value of planted) {
    assert.ok(!captured.includes(value), `in the log: ${lines.find((line) => line.includes(value)) ?? ''}`)
    assert.equal(
      errors.find((answer) => answer.includes(value)),
      undefined,
    )
  }
})

test('every log line is JSON, and each refusal in it has a reason and the decision id the caller got', async () => {
  const answer = await post('grant_type=x')
  const id = /"x-decision-id","([\w-]{22})"/.exec(answer)?.[1]
  await new Promise((resolve) => setTimeout(resolve, 100))
  const entries = captured
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(entries.find(({ decision_id }) => decision_id === id)?.reason, 'grant_type_unsupported')
})
