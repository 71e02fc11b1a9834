import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test, type TestContext } from 'node:test'
import { TemporaryError, TokenBrokerError } from '../../client/errors.ts'
import { findSubjectToken, type Environment, type SubjectTokenOptions } from '../../client/find-subject-token.ts'
import { readySource } from '../../client/subject-token.ts'
import { serve } from '../http/test-server.ts'
import { subjectJwt } from './subject-jwt.ts'
import type { Scripted } from './broker-server.ts'

const broker = 'https://broker.example'
const folder = mkdtempSync(join(tmpdir(), 'token-broker-client-'))
after(() => rmSync(folder, { recursive: true }))

const find = (options: SubjectTokenOptions, env: Environment = {}) => findSubjectToken(options, broker, env)
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const print = (text: string) => `${process.execPath} -e ${JSON.stringify(`process.stdout.write('${text}')`)}`

const [one, two, three] = ['one', 'two', 'three'].map((sub) => subjectJwt({ sub })) as [string, string, string]
const github = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://example.test/', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' }

for (const [title, options, env, expected] of [
  ['a file', { file: write('token', `${one}\n`) }, { TOKEN_BROKER_ID_TOKEN: two }, one],
  ['a named variable', { variable: 'JOB_TOKEN' }, { JOB_TOKEN: one, TOKEN_BROKER_ID_TOKEN: two, ...github }, one],
  ['what a command prints', { command: print(one) }, { TOKEN_BROKER_ID_TOKEN: two }, one],
  ["GitLab's id_tokens", {}, { GITLAB_CI: 'true', TOKEN_BROKER_ID_TOKEN: one, CIRCLE_OIDC_TOKEN: two }, one],
  ['our variable before GitHub', {}, { TOKEN_BROKER_ID_TOKEN: one, ...github }, one],
  ["CircleCI's newer one", {}, { CIRCLE_OIDC_TOKEN_V2: one, CIRCLE_OIDC_TOKEN: two }, one],
  ["CircleCI's older one", {}, { CIRCLE_OIDC_TOKEN_V2: '', CIRCLE_OIDC_TOKEN: two }, two],
  ['a variable with white space around it', { variable: 'X' }, { X: ` ${three}\r\n` }, three],
] as [string, SubjectTokenOptions, Environment, string][]) {
  test(`the token of ${title} is found`, async () => {
    assert.equal(await find(options, env).token(30_000), expected)
  })
}

test('a file is read again for each token', async () => {
  const source = find({ file: write('renewed', one) })
  assert.equal(await source.token(30_000), one)
  write('renewed', two)
  assert.equal(await source.token(30_000), two)
})

test('a pipe has its token once, and gives it again', { skip: process.platform === 'win32' }, async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const source = find({ file: pipe })
  const [first] = await Promise.all([source.token(30_000), writeFile(pipe, one)])
  const again = source.token(30_000)
  // Who reads the pipe again would wait for this writer, and get another token.
  const late = setTimeout(() => void writeFile(pipe, two), 1_000)
  assert.deepEqual([first, await again], [one, one])
  clearTimeout(late)
})

const tokenFileModule = new URL('../../client/token-file.ts', import.meta.url).href
const onPosix = { skip: process.platform === 'win32' }

test('a pipe that nobody writes to is not waited for, and keeps no process from its end', onPosix, () => {
  const pipe = join(folder, 'silent')
  execFileSync('mkfifo', [pipe])
  const script = `const { tokenFile } = await import(${JSON.stringify(tokenFileModule)})
    for (let i = 0; i < 5; i++) await tokenFile(process.argv[1]).token(100).catch((error) => console.log(String(error)))`
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, pipe], {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  const message = `TemporaryError: the file ${pipe} gave no token within 1 s\n`
  assert.deepEqual([status, stdout], [0, message.repeat(5)])
})

test('a pipe of a shell that ended empty is empty at once', onPosix, async () => {
  const script = `const { tokenFile } = await import(${JSON.stringify(tokenFileModule)})
    await tokenFile('/dev/stdin').token(20_000).catch((error) => console.log(String(error)))`
  const { stdout } = spawnSync('sh', ['-c', 'true | "$0" --input-type=module -e "$1"', process.execPath, script], {
    encoding: 'utf8',
    timeout: 10_000,
    killSignal: 'SIGKILL',
  })
  assert.equal(stdout, 'TokenBrokerError: the file /dev/stdin is empty, or not there\n')
})

test('a source that never answers is not waited for', { timeout: 10_000 }, async (t) => {
  const awake = setInterval(() => {}, 1_000)
  t.after(() => clearInterval(awake))
  const source = readySource('the option token', () => new Promise(() => {}))
  await assert.rejects(source.token(20), {
    name: 'TemporaryError',
    message: 'the option token gave no token within 1 s',
  })
})

test('files and variables that only look like ours are left alone', () => {
  const env = { AWS_WEB_IDENTITY_TOKEN_FILE: write('aws', one), CI_JOB_JWT: one, GITHUB_TOKEN: one }
  assert.throws(() => find({}, env), /no token to trade was found/)
})

for (const [title, env, message] of [
  [
    'a job of GitHub without the permission',
    { GITHUB_ACTIONS: 'true' },
    /\n {4}permissions:\n.*\n {6}id-token: write\n/,
  ],
  ['one with half of it', { GITHUB_ACTIONS: 'true', ...github, ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' }, /id-token: write/],
  [
    'a job of GitLab without id_tokens',
    { GITLAB_CI: 'true' },
    /\n {4}id_tokens:\n {6}TOKEN_BROKER_ID_TOKEN:\n {8}aud: https:\/\/broker\.example$/,
  ],
  ['a job of CircleCI without a context', { CIRCLECI: 'true' }, /CIRCLE_OIDC_TOKEN_V2.*use a context$/],
  [
    'no job at all',
    {},
    /TOKEN_BROKER_ID_TOKEN is not set.*--token-file, --token-env and --token-command, fromTokenBroker takes tokenFile and token$/,
  ],
] as [string, Environment, RegExp][]) {
  test(`${title} is told what to add`, () => {
    assert.throws(
      () => find({}, env),
      (error) => error instanceof TokenBrokerError && message.test(error.message),
    )
  })
}

for (const [title, options, env, message] of [
  ['a file that is not there', { file: join(folder, 'none') }, {}, /^the file \S+ does not exist$/],
  ['a folder', { file: folder }, {}, /is a folder/],
  ['an empty file', { file: write('empty', ' \n') }, {}, /is empty, or not there$/],
  ['a file without end', { file: '/dev/zero' }, {}, /is larger than 16 KiB$/],
  ['a token that is too large', { file: write('large', `${one}${'x'.repeat(17_000)}`) }, {}, /is larger than 16 KiB$/],
  ['a link that leads nowhere', { file: link('nowhere', join(folder, 'none')) }, {}, /does not exist$/],
  ['a variable that is not set', { variable: 'JOB_TOKEN' }, {}, /^the variable JOB_TOKEN is empty, or not there$/],
  ['an opaque token', { variable: 'X' }, { X: 'ghs_0123456789' }, /^the variable X holds no JWT/],
  ['two tokens', { variable: 'X' }, { X: `${one} ${two}` }, /holds no JWT/],
  ['an encrypted token', { variable: 'X' }, { X: `${one}.${one.slice(0, 8)}.x` }, /holds no JWT/],
  ['a payload that is no object', { variable: 'X' }, { X: 'e30.W10.e30' }, /holds no JWT/],
  ['a command that fails', { command: 'exit 3' }, {}, /^the token command failed with exit code 3/],
  ['a command that is killed', { command: 'kill -9 $$' }, {}, /^the token command was ended by SIGKILL$/],
  ['a command that prints nothing', { command: ':' }, {}, /^the token command is empty/],
  [
    'a command that prints without end',
    { command: 'cat /dev/zero 2>/dev/null' },
    {},
    /printed more than any token holds$/,
  ],
  ['a command that is none', { command: '/nowhere/to-be-found 2>/dev/null' }, {}, /failed with exit code 127/],
] as [string, SubjectTokenOptions, Environment, RegExp][]) {
  test(`${title} is one error, without the token`, async () => {
    const source = find(options, env)
    for (const attempt of [() => source.token(30_000), () => source.identity()])
      await assert.rejects(attempt, (error) => {
        assert.ok(error instanceof TokenBrokerError)
        assert.match(error.message, message)
        assert.ok(!/eyJ|ghs_/.test(error.message))
        return true
      })
  })
}

function link(name: string, target: string): string {
  symlinkSync(target, join(folder, name))
  return join(folder, name)
}

test('a command that does not end is not waited for, nor is what it left behind', async () => {
  for (const command of ['sleep 3', 'sleep 3 & sleep 3'])
    await assert.rejects(find({ command }).token(20), /^TokenBrokerError: the token command did not end within 1 s$/)
})

const isRunning = (pid: number) => {
  try {
    // A zombie is gone, but for who shall read its exit code.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
const untilIt = async (is: () => boolean) => {
  for (let i = 0; i < 500 && !is(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(is())
}
const onLinux = { skip: process.platform !== 'linux' }

test('of a command that does not end nothing is left, even if it will not go', onLinux, async () => {
  const file = join(folder, 'stubborn')
  const command = `trap '' TERM INT; sh -c 'trap "" TERM INT; echo $$ >"${file}"; sleep 30; sleep 30' & wait`
  await assert.rejects(find({ command }).token(500), /did not end/)
  const pid = Number(readFileSync(file, 'utf8'))
  await untilIt(() => !isRunning(pid))
})

test('a command that ends well is not waited for because of what it left behind', async () => {
  const source = find({ command: `${print(one)}; sleep 30 &` })
  assert.equal(await source.token(10_000), one)
})

test(
  'a command’s words on standard error are passed on, and what it left behind holds nobody up',
  { ...onLinux, timeout: 15_000 },
  async () => {
    const module = new URL('../../client/token-command.ts', import.meta.url).href
    const script = `const { tokenCommand } = await import(${JSON.stringify(module)})
    await tokenCommand(process.argv[1]).token(30_000).then(() => console.log('got it'), (error) => console.log(error.message))`
    for (const [command, said, printed] of [
      [`echo words >&2; sleep 20 & ${print(one)}`, 'words\n', 'got it\n'],
      [
        'sleep 20 & head -c 200000 /dev/zero >&2; exit 3',
        '\0'.repeat(200_000),
        /^the token command failed with exit code 3/,
      ],
    ] as const) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, command])
      const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
      assert.equal(err, said)
      assert.ok(typeof printed === 'string' ? out === printed : printed.test(out), out)
    }
  },
)

test('Ctrl-C ends us and the command', onLinux, async () => {
  const file = join(folder, 'interrupted')
  const module = new URL('../../client/token-command.ts', import.meta.url).href
  const script = `const { tokenCommand } = await import(${JSON.stringify(module)}); await tokenCommand(process.argv[1]).token(30_000)`
  const command = `echo $$ >"${file}.new"; mv "${file}.new" "${file}"; sleep 30; sleep 30`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, command], { stdio: 'ignore' })
  const exit = once(child, 'exit')
  await untilIt(() => existsSync(file))
  child.kill('SIGINT')
  assert.deepEqual(await exit, [null, 'SIGINT'])
  const pid = Number(readFileSync(file, 'utf8'))
  await untilIt(() => !isRunning(pid))
})

test('a token that is passed where its place belongs is not repeated', async () => {
  const opaque = `ghp_${'a1B2'.repeat(9)}`
  for (const attempt of [() => find({ variable: opaque }).token(30_000), () => find({ variable: opaque }).identity()])
    await assert.rejects(attempt, /^TokenBrokerError: the variable \[removed\] is empty, or not there$/)
  const long = `THE_TOKEN_OF_${'OUR_JOBS_'.repeat(5)}`
  assert.equal(find({ variable: long }, { [long]: one }).name, `the variable ${long}`)
  assert.throws(() => find({ variable: one }), /^TokenBrokerError: that is no name of an environment variable$/)
  await assert.rejects(find({ file: one }).token(30_000), ({ message }: Error) => {
    for (const part of one.split('.')) assert.ok(!message.includes(part), message)
    return true
  })
})

test('an audience can be asked for where it can be chosen, and is an error elsewhere', () => {
  const audience = 'https://other.example'
  for (const [options, env] of [
    [{ file: 'x' }, github],
    [{ variable: 'X' }, { X: one }],
    [{}, { TOKEN_BROKER_ID_TOKEN: one, ...github }],
    [{}, { CIRCLE_OIDC_TOKEN: one }],
  ] as [SubjectTokenOptions, Environment][])
    assert.throws(() => find({ ...options, audience }, env), /in GitHub Actions only: the token in the (file|variable)/)
  assert.equal(find({ audience }, github).name, 'GitHub Actions')
})

test('who a token is of is known again when it is renewed, and never taken for another', async () => {
  const identity = (claims: Record<string, unknown>, name = 'X') =>
    find({ variable: name }, { [name]: subjectJwt(claims) }).identity()
  const first = await identity({ sub: 'a', iat: 1, nbf: 1, exp: 2, jti: 'x' })
  assert.equal(await identity({ sub: 'a', iat: 3, nbf: 3, exp: 4, jti: 'y' }), first)
  for (const changed of [{ sub: 'b' }, { sub: 'a', iss: 'x' }, { sub: 'a', aud: 'x' }, { sub: 'a', run_id: '1' }])
    assert.notEqual(await identity(changed), first)
})

interface Asked {
  url: string | undefined
  authorization: string | undefined
}

/** GitHub's endpoint at the network's edge. */
async function githubServer(t: TestContext, { status = 200, body, headers = {} }: Scripted) {
  const asked: Asked[] = []
  const port = await serve(t, ({ url, headers: { authorization } }, response) => {
    asked.push({ url, authorization })
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  const env = {
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/idtoken/run?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token-of-this-job',
  }
  return { asked, env }
}

for (const [title, options, audience] of [
  ['the broker', {}, 'https%3A%2F%2Fbroker.example'],
  ['the audience that is named', { audience: 'a b&c=d' }, 'a+b%26c%3Dd'],
] as const) {
  test(`GitHub is asked for a token for ${title}`, async (t) => {
    const { asked, env } = await githubServer(t, { body: { count: 1, value: one } })
    assert.equal(await find(options, env).token(30_000), one)
    assert.deepEqual(asked, [
      { url: `/idtoken/run?api-version=2.0&audience=${audience}`, authorization: 'Bearer request-token-of-this-job' },
    ])
  })
}

test('GitHub need not be asked to tell one job from another', async (t) => {
  const { asked, env } = await githubServer(t, { body: { value: one } })
  const identity = (changes: Environment, audience?: string) => find({ audience }, { ...env, ...changes }).identity()
  const first = await identity({})
  assert.equal(await identity({}), first)
  assert.notEqual(await identity({ ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-another-job' }), first)
  assert.notEqual(await identity({}, 'another audience'), first)
  assert.deepEqual(asked, [])
})

for (const [title, answer, message, temporary] of [
  ['its refusal', { status: 403, body: { message: 'request-token-of-this-job' } }, /answered 403 when asked/, false],
  ['its outage', { status: 503 }, /answered 503 when asked for a token$/, true],
  ['its throttling', { status: 429 }, /answered 429 when asked for a token$/, true],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, /answered 302/, false],
  ['no JSON', { body: '<html>' }, /the answer of GitHub Actions is empty/, false],
  ['no token in it', { body: { value: 7 } }, /the answer of GitHub Actions is empty/, false],
  ['no JWT in it', { body: { value: 'opaque' } }, /the answer of GitHub Actions holds no JWT/, false],
] as [string, Scripted, RegExp, boolean][]) {
  test(`GitHub: ${title} is ${temporary ? 'tried again' : 'an error'}`, async (t) => {
    const { env } = await githubServer(t, answer)
    await assert.rejects(find({}, env).token(30_000), (error) => {
      assert.ok(error instanceof TokenBrokerError)
      assert.equal(error instanceof TemporaryError, temporary)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /of-this-job/)
      return true
    })
  })
}

test('GitHub: how long to wait is heard', async (t) => {
  const { env } = await githubServer(t, { status: 429, headers: { 'retry-after': '7' } })
  await assert.rejects(find({}, env).token(30_000), (error) => {
    assert.equal((error as TemporaryError).retryAfter, 7_000)
    return true
  })
})

for (const [title, changes, message] of [
  ['a URL in the clear', { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://pipelines.example/' }, /is no https URL$/],
  ['a URL that is none', { ACTIONS_ID_TOKEN_REQUEST_URL: 'pipelines' }, /is no https URL$/],
  ['a header in the token', { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x\r\ny: z' }, /holds characters that no token has$/],
] as [string, Environment, RegExp][]) {
  test(`GitHub: ${title} is refused before anything is sent`, () => {
    assert.throws(() => find({}, { ...github, ...changes }), message)
  })
}
