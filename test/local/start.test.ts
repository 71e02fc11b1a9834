import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, request as requestHttp } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { htmlBrowser } from '../../local/demo/html-browser.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'

const start = fileURLToPath(new URL('../../local/start.ts', import.meta.url))
const quickstart = fileURLToPath(new URL('../../examples/quickstart/broker.yaml', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'token-broker-'))
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

interface Run {
  child: ChildProcess
  output(): string
  exit: Promise<number | null>
}

function run(environment: Record<string, string> = {}, ...argv: string[]): Run {
  const env = {
    ...process.env,
    PORT: '0',
    EXAMPLE_ISSUER_PORT: '0',
    PARTNER_IDP_PORT: '0',
    PARTNER_APP_PORT: '0',
    BROKER_CONFIG: '',
    BROKER_ISSUER: '',
    ...environment,
  }
  const child = spawn(process.execPath, [start, ...argv], { env })
  children.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, output: () => text, exit: once(child, 'close').then(([code]) => code as number | null) }
}

async function ready(broker: Run): Promise<{ url: string; issuer: string }> {
  for (let i = 0; i < 500; i++) {
    const found = /ready at ([^\s,]+)(?:, trusting the example issuer at ([^\s,]+))?/.exec(broker.output())
    if (found) return { url: found[1]!, issuer: found[2] ?? '' }
    if (broker.child.exitCode !== null) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(broker.output())
}

async function stop(broker: Run): Promise<number | null> {
  broker.child.kill('SIGTERM')
  return broker.exit
}

async function exchange(
  url: string,
  subject_token: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const body = new URLSearchParams({
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    audience: 'deploy-api',
    subject_token,
  })
  const response = await fetch(`${url}/token`, { method: 'POST', body })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('it says where it is, exchanges a token, and stops cleanly on SIGTERM', async () => {
  const broker = run()
  const { url, issuer } = await ready(broker)
  const token = await (await fetch(`${issuer}/token?audience=${encodeURIComponent(url)}`)).text()
  assert.equal((await exchange(url, token)).status, 200)
  assert.equal(await stop(broker), 0)
})

const noCurl = spawnSync('curl', ['--version']).error !== undefined && 'there is no curl'

test('the curl that it prints gets a token when it is copied', { skip: noCurl }, async () => {
  const broker = run()
  const { url } = await ready(broker)
  const command = broker
    .output()
    .slice(broker.output().indexOf(`curl -s ${url}/token`))
    .split('\n\n', 1)[0]!
  const { stdout } = await promisify(execFile)('sh', ['-c', command])
  assert.equal((JSON.parse(stdout) as { scope: string }).scope, 'deploy:write')
  await stop(broker)
})

test('--data keeps keys and receipts over a restart: same kids, and a spent token stays spent', async () => {
  const data = join(folder, 'data')
  const first = run({}, '--data', data)
  const { url, issuer } = await ready(first)
  const keys = await (await fetch(`${url}/jwks`)).text()
  assert.equal(await stop(first), 0)
  const samePort = { EXAMPLE_ISSUER_PORT: new URL(issuer).port }
  const second = run(samePort, '--data', data)
  const again = await ready(second)
  assert.deepEqual(JSON.parse(await (await fetch(`${again.url}/jwks`)).text()), JSON.parse(keys))
  const token = await (
    await fetch(`${again.issuer}/token?audience=${encodeURIComponent(again.url)}&jti=only-once`)
  ).text()
  assert.equal((await exchange(again.url, token)).status, 200)
  assert.equal(await stop(second), 0)
  const third = run(samePort, '--data', data)
  const last = await ready(third)
  const replay = await (
    await fetch(`${last.issuer}/token?audience=${encodeURIComponent(last.url)}&jti=only-once`)
  ).text()
  assert.equal((await exchange(last.url, replay)).body.error, 'invalid_request')
  assert.equal(await stop(third), 0)
})

test('BROKER_ISSUER is our iss: metadata and the default audience follow it', async () => {
  const broker = run({ BROKER_ISSUER: 'https://broker.example' })
  const { url, issuer } = await ready(broker)
  const metadata = (await (await fetch(`${url}/.well-known/openid-configuration`)).json()) as {
    issuer: string
    token_endpoint: string
  }
  assert.deepEqual(
    [metadata.issuer, metadata.token_endpoint],
    ['https://broker.example', 'https://broker.example/token'],
  )
  const token = await (await fetch(`${issuer}/token?audience=https://broker.example`)).text()
  assert.equal((await exchange(url, token)).status, 200)
  await stop(broker)
})

for (const variable of ['PORT', 'EXAMPLE_ISSUER_PORT', 'PARTNER_IDP_PORT', 'PARTNER_APP_PORT']) {
  test(`a ${variable} that is taken is named, with the remedy`, async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const broker = run({ [variable]: String(port) })
    assert.equal(await broker.exit, 1)
    assert.match(broker.output(), new RegExp(`port ${port} is taken: set ${variable} `))
    taken.close()
  })
}

test('a person logs in where it says', async () => {
  const broker = run({ POWERTOOLS_LOG_LEVEL: 'SILENT' })
  await ready(broker)
  const [, app = '', username = ''] = /Log in at (\S+) as (\w+) or bob/.exec(broker.output()) ?? []
  const browser = htmlBrowser()
  await browser.open(app)
  await browser.click('log-in')
  await browser.click('log-in', { username, password: 'example' })
  await browser.click('consent-allow')
  assert.equal(browser.url, `${app}/`)
  assert.match(browser.page.text, /sub acme-partner:/)
  assert.equal(await stop(broker), 0)
  assert.doesNotMatch(broker.output(), /NOTICE|WARNING/)
})

test('behind a proxy, people are sent to our iss', async () => {
  // A proxy without TLS: it tells the broker apart from where it listens all the same.
  let target = ''
  const proxy = createHttpServer((request, response) => {
    const { method, headers } = request
    const onward = requestHttp(target + request.url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const issuer = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const broker = run({ BROKER_ISSUER: issuer, POWERTOOLS_LOG_LEVEL: 'SILENT' })
  target = (await ready(broker)).url
  const [, app = ''] = /Log in at (\S+) as/.exec(broker.output()) ?? []
  const browser = htmlBrowser()
  await browser.open(`${app}/login`)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  await browser.click('consent-allow')
  assert.ok(browser.page.text.includes(`iss ${issuer}`))
  assert.ok(browser.visited.every((url) => new URL(url).origin !== target))
  await stop(broker)
  proxy.close()
  proxy.closeAllConnections()
})

test('only the example has a partner', async () => {
  const broker = run({ BROKER_CONFIG: quickstart })
  await ready(broker)
  assert.doesNotMatch(broker.output(), /Log in/)
  assert.equal(await stop(broker), 0)
})

test('--partner starts the partner beside a broker.yaml of one’s own', async () => {
  const broker = run({ BROKER_CONFIG: quickstart }, '--partner')
  await ready(broker)
  const [, partner = ''] = /a partner's identity provider at (\S+)/.exec(broker.output()) ?? []
  const metadata = await (await fetch(`${partner}/.well-known/openid-configuration`)).json()
  assert.equal((metadata as { issuer: string }).issuer, partner)
  assert.equal(await stop(broker), 0)
})

test('half a request does not keep it from stopping', async () => {
  const broker = run()
  const { url } = await ready(broker)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write('POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf')
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(await stop(broker), 0)
  socket.destroy()
})

test('300 jobs at once all get their token', async () => {
  const broker = run({ POWERTOOLS_LOG_LEVEL: 'SILENT' })
  const { url, issuer } = await ready(broker)
  const job = async () => (await fetch(`${issuer}/token?audience=${encodeURIComponent(url)}`)).text()
  const tokens = await Promise.all(Array.from({ length: 300 }, job))
  // On a machine that has other work to do some are told to come again, as in a deployment, and a client does.
  const patiently = async (token: string, tries = 10): Promise<number> => {
    const { status } = await exchange(url, token)
    if (status !== 503 || tries === 0) return status
    await pause(1_000)
    return patiently(await job(), tries - 1)
  }
  const statuses = await Promise.all(tokens.map((token) => patiently(token)))
  assert.deepEqual([...new Set(statuses)], [200])
  await stop(broker)
})

for (const [title, environment, argv, code, expected] of [
  [
    'a BROKER_ISSUER with a path',
    { BROKER_ISSUER: 'https://broker.example/x' },
    [],
    2,
    /BROKER_ISSUER must be an origin/,
  ],
  ['a BROKER_CONFIG that is a folder', { BROKER_CONFIG: folder }, [], 1, /BROKER_CONFIG is a folder/],
  ['a PORT that is no port', { PORT: 'x' }, [], 2, /PORT must be a number/],
  ['an unknown option', {}, ['--nope'], 2, /--nope[\s\S]*npm start/],
  [
    'a config that is not there',
    { BROKER_CONFIG: join(folder, 'none.yaml') },
    [],
    1,
    /none\.yaml does not exist: set BROKER_CONFIG/,
  ],
  ['--help', {}, ['--help'], 0, /BROKER_CONFIG/],
] as const) {
  test(`${title}: exit ${code}, no stack`, async () => {
    const broker = run(environment, ...argv)
    assert.equal(await broker.exit, code)
    assert.match(broker.output(), expected)
    assert.doesNotMatch(broker.output(), /\n\s+at /)
  })
}

test('guardrails stop the start, with file, line and column', async () => {
  const file = join(folder, 'unpinned.yaml')
  writeFileSync(
    file,
    [
      'version: 1',
      'issuer: http://127.0.0.1:8787',
      'signing: { algorithms: [ES256, RS256] }',
      'issuers:',
      '  github: { preset: github-actions }',
      'targets:',
      '  api: { audience: https://api.test, scopes: [read], lifetime: 15m }',
      'rules:',
      '  r: { issuer: github, match: { ref: refs/heads/main }, grant: [{ target: api, scopes: [read] }] }',
      '',
    ].join('\n'),
  )
  const broker = run({ BROKER_CONFIG: file })
  assert.equal(await broker.exit, 1)
  assert.match(broker.output(), /unpinned\.yaml:5:\d+ error [a-z-]+ .*require/)
  assert.doesNotMatch(broker.output(), /\n\s+at /)
})
