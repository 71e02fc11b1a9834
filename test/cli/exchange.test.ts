import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import {
  accessToken,
  awsCredentials,
  brokerServer,
  decision,
  keys,
  refusal,
  timestamp,
  vacantUrl,
  type Scripted,
} from '../client/broker-server.ts'
import { subjectJwt } from '../client/subject-jwt.ts'
import { blackBox } from '../conformance/broker-fixture.ts'
import { serve } from '../http/test-server.ts'
import { noJob } from './job-environment.ts'
import { runCommand } from './run-command.ts'

const parent = mkdtempSync(join(tmpdir(), 'token-broker-exchange-'))
after(() => rmSync(parent, { recursive: true }))
let folders = 0

const token = subjectJwt()

/** `token-broker exchange` in a job whose token is in our variable, with a cache of its own. */
async function run(args: readonly string[], env: Record<string, string> = {}) {
  const XDG_CACHE_HOME = join(parent, String(folders++))
  const ran = await runCommand(['exchange', ...args], {
    env: { ...noJob, XDG_CACHE_HOME, TOKEN_BROKER_ID_TOKEN: token, ...env },
  })
  for (const part of token.split('.'))
    assert.ok(!(ran.stdout + ran.stderr).includes(part), 'a subject token was printed')
  return ran
}

const exportsOf = (variables: Record<string, string>) =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('')

for (const [title, args, expected] of [
  ['token: the token alone', ['--output', 'token'], `${accessToken.access_token}\n`],
  ['env: a line for a shell', ['--output', 'env'], exportsOf({ TOKEN_BROKER_ACCESS_TOKEN: accessToken.access_token })],
] as const) {
  test(`an access token, --output ${title}`, async (t) => {
    const { url } = await brokerServer(t, [{ body: accessToken }])
    const ran = await run(['--broker', url, '--target', 'deploy-api', ...args])
    assert.deepEqual(ran, { code: 0, stdout: expected, stderr: '' })
  })
}

test('an access token is printed as the broker answered, as JSON, if nothing else is said', async (t) => {
  const { url, asked } = await brokerServer(t, [{ body: accessToken }])
  const { code, stdout, stderr } = await run(['--target', 'deploy-api', '--scope', 'deploy:write'], {
    TOKEN_BROKER_URL: url,
  })
  assert.deepEqual([code, stderr], [0, ''])
  const { expires_in, ...said } = JSON.parse(stdout) as typeof accessToken
  assert.deepEqual({ ...said, expires_in: 900 }, accessToken)
  assert.ok(Number.isInteger(expires_in) && expires_in > 800 && expires_in <= 900)
  assert.deepEqual([asked[0]?.get('audience'), asked[0]?.get('scope')], ['deploy-api', 'deploy:write'])
})

const Expiration = timestamp(Date.now() + 1_800_000)
const credentials = awsCredentials(3600, { Expiration })

test('AWS credentials, --output json: the credential_process document', async (t) => {
  const { url } = await brokerServer(t, [credentials])
  const { code, stdout } = await run(['--broker', url, '--target', 'web-deployer', '--output', 'json'])
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(stdout), { Version: 1, ...keys, Expiration })
})

test('AWS credentials, --output env: what AWS SDKs read', async (t) => {
  const { url } = await brokerServer(t, [credentials])
  const { stdout } = await run(['--broker', url, '--target', 'web-deployer', '--output', 'env'])
  const variables = {
    AWS_ACCESS_KEY_ID: keys.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.SecretAccessKey,
    AWS_SESSION_TOKEN: keys.SessionToken,
    AWS_CREDENTIAL_EXPIRATION: Expiration,
  }
  assert.equal(stdout, exportsOf(variables))
})

test('AWS credentials, --output token: there is no single one', async (t) => {
  const { url } = await brokerServer(t, [credentials])
  const ran = await run(['--broker', url, '--target', 'web-deployer', '--output', 'token'])
  assert.deepEqual([ran.code, ran.stdout], [1, ''])
  assert.match(ran.stderr, /^this target issues AWS credentials.*: use --output env or json\n$/)
})

test('a shell gets back what was quoted for it, and runs none of it', async (t) => {
  const hostile = String.raw`a'b"c$(touch${'${IFS}'}/tmp/never)` + '`id`' + String.raw`\;&|<>*~#!%`
  const { url } = await brokerServer(t, [awsCredentials(3600, { SecretAccessKey: hostile })])
  const { stdout } = await run(['--broker', url, '--target', 'web-deployer', '--output', 'env'])
  const script = 'eval "$1"; printf %s "$AWS_SECRET_ACCESS_KEY"'
  assert.equal(spawnSync('sh', ['-c', script, 'sh', stdout], { encoding: 'utf8' }).stdout, hostile)
})

test('in a job of GitHub every secret is masked before it is printed', async (t) => {
  const secret = '50%of/a+##[secret'
  for (const [answer, secrets] of [
    [{ body: accessToken }, [accessToken.access_token]],
    [awsCredentials(3600, { SecretAccessKey: secret }), [secret, keys.SessionToken, keys.AccessKeyId]],
  ] as [Scripted, string[]][]) {
    const { url } = await brokerServer(t, [answer])
    const { code, stdout, stderr } = await run(['--broker', url, '--target', 'x'], { GITHUB_ACTIONS: 'true' })
    assert.equal(code, 0)
    const masks = secrets.map((secret) => `::add-mask::${secret.replaceAll('%', '%25')}`)
    assert.deepEqual(stderr.trimEnd().split('\n'), masks)
    assert.ok(secrets.every((secret) => stdout.includes(secret)) && !stdout.includes('::'))
  }
})

test('both in one log, the masks are first', async (t) => {
  const { url } = await brokerServer(t, [{ body: accessToken }])
  const log = join(parent, 'log')
  const entry = new URL('../../cli/token-broker.ts', import.meta.url).pathname
  const ran = await runInShell(`"${process.execPath}" "${entry}" exchange --target x --output token >"${log}" 2>&1`, {
    TOKEN_BROKER_URL: url,
    GITHUB_ACTIONS: 'true',
  })
  assert.equal(ran, 0)
  const [mask, printed] = readFileSync(log, 'utf8').split('\n')
  assert.deepEqual([mask, printed], [`::add-mask::${accessToken.access_token}`, accessToken.access_token])
})

function runInShell(script: string, env: Record<string, string>): Promise<number | null> {
  const XDG_CACHE_HOME = join(parent, String(folders++))
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, ...noJob, XDG_CACHE_HOME, TOKEN_BROKER_ID_TOKEN: token, ...env },
  })
  return new Promise((resolve) => child.on('close', resolve))
}

test('a job of GitHub needs nothing but the permission', async (t) => {
  const { url, asked } = await brokerServer(t, [{ body: accessToken }])
  const audiences: (string | null)[] = []
  const port = await serve(t, ({ url, headers }, response) => {
    assert.equal(headers.authorization, 'Bearer of-this-job')
    audiences.push(new URL(url ?? '', 'http://x').searchParams.get('audience'))
    response.end(JSON.stringify({ value: token }))
  })
  const env = {
    GITHUB_ACTIONS: 'true',
    TOKEN_BROKER_ID_TOKEN: '',
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-this-job',
  }
  for (const audience of [[], ['--audience', 'https://other.example']])
    assert.equal((await run(['--broker', `${url}/`, '--target', 'x', ...audience], env)).code, 0)
  assert.deepEqual(audiences, [url, 'https://other.example'])
  assert.deepEqual(
    asked.map((form) => form.get('subject_token')),
    [token, token],
  )
})

test('without the permission the lines to add are printed: exit 1', async () => {
  const env = { GITHUB_ACTIONS: 'true', TOKEN_BROKER_ID_TOKEN: '' }
  const { code, stdout, stderr } = await run(['--broker', 'https://broker.example', '--target', 'x'], env)
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^GitHub gives this job no OIDC token\.[^]*\n {4}permissions:\n.*\n {6}id-token: write\n/)
  assert.doesNotMatch(stderr, /\n\s+at /)
})

for (const [title, place, env] of [
  ['a file', ['--token-file', join(parent, 'token')], {}],
  ['a variable', ['--token-env', 'JOB_TOKEN'], { JOB_TOKEN: token }],
  ['a command', ['--token-command', 'printf %s "$JOB_TOKEN"'], { JOB_TOKEN: token }],
] as [string, string[], Record<string, string>][]) {
  test(`the token to trade can be in ${title}`, async (t) => {
    writeFileSync(join(parent, 'token'), `${token}\n`)
    const { url, asked } = await brokerServer(t, [{ body: accessToken }])
    const { code } = await run(['--broker', url, '--target', 'x', ...place], { TOKEN_BROKER_ID_TOKEN: '', ...env })
    assert.equal(code, 0)
    assert.equal(asked[0]?.get('subject_token'), token)
  })
}

test('what was issued is kept in a file for its owner, and the next run asks nobody', async (t) => {
  const { url, asked } = await brokerServer(t, [{ body: accessToken }, refusal()])
  const XDG_CACHE_HOME = join(parent, 'kept')
  const first = await run(['--broker', url, '--target', 'x', '--output', 'token'], { XDG_CACHE_HOME })
  const second = await run(['--broker', url, '--target', 'x', '--output', 'token'], { XDG_CACHE_HOME })
  assert.deepEqual([second, asked.length], [first, 1])
  const [file = '', ...others] = globSync('token-broker/credentials/*', { cwd: XDG_CACHE_HOME })
  assert.deepEqual(others, [])
  assert.match(file, /\/[0-9a-f]{64}\.json$/)
  assert.equal(statSync(join(XDG_CACHE_HOME, file)).mode & 0o777, 0o600)
  const other = await run(['--broker', url, '--target', 'y'], { XDG_CACHE_HOME })
  assert.equal(other.code, 1)
})

test('of processes that run at once one exchanges: a token that works once serves them all', async (t) => {
  const { url, asked } = await brokerServer(t, [{ body: accessToken }, refusal('invalid_request', 'spent')])
  const XDG_CACHE_HOME = join(parent, 'at-once')
  const runs = await Promise.all(
    Array.from({ length: 6 }, () => run(['--broker', url, '--target', 'x', '--output', 'token'], { XDG_CACHE_HOME })),
  )
  assert.deepEqual(new Set(runs.map(({ stdout }) => stdout)), new Set([`${accessToken.access_token}\n`]))
  assert.equal(asked.length, 1)
})

test('a refusal has the error, the description with the decision id, and what to look at: exit 1', async (t) => {
  const { url } = await brokerServer(t, [refusal()])
  const { code, stdout, stderr } = await run(['--broker', url, '--target', 'x'])
  assert.deepEqual([code, stdout], [1, ''])
  const [first, second] = stderr.split('\n')
  assert.equal(
    first,
    `the broker at ${url} refused: invalid_target: no token can be issued for this target (decision ${decision})`,
  )
  assert.match(
    second ?? '',
    /^The token from the variable TOKEN_BROKER_ID_TOKEN has iss "https:\/\/ci\.example", sub "job"/,
  )
  assert.doesNotMatch(stderr, /\n\s+at /)
})

test('API Gateway’s own refusals are survived', async (t) => {
  const throttled = { status: 429, body: { message: 'Too Many Requests' }, headers: { 'retry-after': '0' } }
  const { url, asked } = await brokerServer(t, [throttled, { status: 503, body: 'x' }, { body: accessToken }])
  const { code } = await run(['--broker', url, '--target', 'x'])
  assert.deepEqual([code, asked.length], [0, 3])
})

test('nobody there: exit 1, one line', async () => {
  const url = await vacantUrl()
  const { code, stdout, stderr } = await run(['--broker', url, '--target', 'x'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.equal(stderr, `the broker at ${url} could not be reached (ECONNREFUSED), tried 5 times\n`)
})

const good = ['--broker', 'https://broker.example', '--target', 'x']
for (const [title, args, message] of [
  ['no broker', ['--target', 'x'], /^--broker is missing: .*TOKEN_BROKER_URL/],
  ['no target', ['--broker', 'https://broker.example'], /^--target is missing/],
  ['an empty target', ['--broker', 'https://broker.example', '--target', ''], /^--target is missing/],
  ['a broker in the clear', ['--broker', 'http://broker.example', '--target', 'x'], /^the broker's URL must be https/],
  ['an output that is none', [...good, '--output', 'yaml'], /^--output is one of json, env, token\n/],
  ['an output that objects inherit', [...good, '--output', 'constructor'], /^--output is one of/],
  ['two places', [...good, '--token-file', 'a', '--token-env', 'B'], /^.*not both --token-file and --token-env\n/],
  ['an empty place', [...good, '--token-file', ''], /^--token-file is empty/],
  ['an empty audience', [...good, '--audience='], /^--audience is empty/],
  ['an argument', [...good, token], /^exchange takes options only\n/],
  [
    'an option that is nearly one',
    [...good, '--tokenfile', 'x'],
    /^unknown option --tokenfile \(did you mean "--token-file"\?\)/,
  ],
  ['a token as an option', [...good, `--token=${token}`], /^unknown option --token\b/],
] as const) {
  test(`${title}: exit 2, with the usage`, async () => {
    const { code, stdout, stderr } = await run(args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, /\nExit codes: /)
  })
}

test('an audience that nobody can be asked for is an error', async () => {
  const { code, stderr } = await run([...good, '--audience', 'x'])
  assert.equal(code, 1)
  assert.match(stderr, /^an audience can be asked for in GitHub Actions only/)
})

const box = blackBox()

test('a real broker is understood: what it issues, and what it refuses', async () => {
  const XDG_CACHE_HOME = join(parent, 'real')
  const env = { XDG_CACHE_HOME, TOKEN_BROKER_URL: box.broker.url, TOKEN_BROKER_ID_TOKEN: await box.jobToken() }
  const args = ['--target', 'deploy-api', '--output', 'token']
  const { code, stdout, stderr } = await run(args, env)
  assert.deepEqual([code, stderr], [0, ''])
  const { payload } = await jwtVerify(stdout.trim(), createRemoteJWKSet(new URL(`${box.broker.url}/jwks`)))
  assert.equal(payload.aud, 'https://deploy.acme.dev')
  assert.equal((await run(args, env)).stdout, stdout)
  rmSync(XDG_CACHE_HOME, { recursive: true })
  const spent = await run(args, env)
  assert.equal(spent.code, 1)
  assert.match(
    spent.stderr,
    /^the broker at \S+ refused: invalid_request: the subject token was not accepted \(decision [\w-]{22}\)\n.*\n.*a token can be traded once\.\n/,
  )
})
