import assert from 'node:assert/strict'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test, type TestContext } from 'node:test'
import { parse } from 'yaml'
import { compile } from '../../lib/config/compile.ts'
import type { ConfigurationError } from '../../lib/config/findings.ts'
import { serve } from '../http/test-server.ts'
import { runCommand, type Ran } from './run-command.ts'

const parent = mkdtempSync(join(tmpdir(), 'token-broker-init-'))
after(() => rmSync(parent, { recursive: true }))
let folders = 0
const newFolder = () => join(parent, `project-${folders++}`)

const token = 'ghp_never-to-be-printed'
const paths = ['.github/workflows/broker-check.yml', '.gitignore', 'app.mjs', 'broker.yaml', 'cdk.json', 'package.json']

const read = (folder: string, path: string) => readFileSync(join(folder, path), 'utf8')
const filesIn = (folder: string) =>
  globSync(['**', '.*', '.github/**'], { cwd: folder, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()

interface Asked {
  url: string | undefined
  authorization: string | undefined
  accept: string | undefined
  agent: string | undefined
}

/** `init --repo acme/web` against a GitHub that answers so. */
async function initWith(t: TestContext, answer: RequestListener, env: Record<string, string> = { GH_TOKEN: token }) {
  const asked: Asked[] = []
  const port = await serve(t, (request, response) => {
    const { authorization, accept, 'user-agent': agent } = request.headers
    asked.push({ url: request.url, authorization, accept, agent })
    answer(request, response)
  })
  const folder = newFolder()
  const api = `http://127.0.0.1:${port}`
  const ran = await runCommand(['init', folder, '--repo', 'acme/web'], { env: { GITHUB_API_URL: api, ...env } })
  return { folder, asked, ran }
}

const repository = { id: 987654, full_name: 'acme/web', owner: { id: 1234567 } }
const answering =
  (status: number, body: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))

function assertFilledIn(folder: string): void {
  const text = read(folder, 'broker.yaml')
  assert.match(text, /\n {6}repository_owner_id: "1234567"\n/)
  assert.match(text, /\n {6}repository_id: "987654"\n/)
  assert.doesNotMatch(text, /REPLACE-ME/)
  assert.deepEqual(compile(text, 'broker.yaml', { now: 0 }).findings, [])
}

/** Written, with gaps that nobody can miss. */
function assertGaps(folder: string, { code, stdout, stderr }: Ran): void {
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(
    stdout,
    /\n {2}repository_owner_id +gh api repos\/\S+ --jq \.owner\.id\n {2}repository_id +gh api repos\//,
  )
  assert.match(stdout, /check fails until both stand in broker\.yaml/)
  assert.deepEqual(filesIn(folder), paths)
  assert.throws(
    () => compile(read(folder, 'broker.yaml'), 'broker.yaml', { now: 0 }),
    (error: ConfigurationError) => {
      const refused = error.findings.map(({ rule, message }) => `${rule} ${message.split(' ', 1)[0]}`)
      assert.deepEqual(refused, ['wrong-type repository_owner_id', 'wrong-type repository_id'])
      return true
    },
  )
}

test('ids that are given are written in quotes, without asking anybody', async () => {
  const folder = newFolder()
  const { code, stdout, stderr } = await runCommand(['init', folder, '--owner-id', '1234567', '--repo-id', '987654'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(filesIn(folder), paths)
  assertFilledIn(folder)
  for (const step of ['npm install', 'npx token-broker check broker.yaml', 'npx cdk bootstrap', 'npx cdk deploy'])
    assert.ok(stdout.includes(`\n  ${step}`), step)
  assert.ok(stdout.includes(`\n  cd ${folder}\n`))
  const { stdout: checked } = await runCommand(['check', 'broker.yaml'], { cwd: folder })
  assert.equal(checked, 'broker.yaml: ok, 1 issuer, 1 target, 1 rule\n')
})

test('without --repo the project is written with gaps', async () => {
  const folder = newFolder()
  const ran = await runCommand(['init', folder])
  assertGaps(folder, ran)
  assert.match(ran.stdout, /The ids are missing: no --repo was given\./)
})

test('without DIR it is the working directory, which may hold other files', async () => {
  const folder = newFolder()
  mkdirSync(folder)
  writeFileSync(join(folder, 'README.md'), 'mine')
  const { code, stdout } = await runCommand(['init'], { cwd: folder })
  assert.equal(code, 0)
  assert.doesNotMatch(stdout, /\n {2}cd /)
  assert.deepEqual(filesIn(folder), [...paths, 'README.md'].toSorted())
})

test('a second init lists what is in the way, and changes nothing', async () => {
  const folder = newFolder()
  await runCommand(['init', folder])
  writeFileSync(join(folder, 'broker.yaml'), 'mine')
  rmSync(join(folder, 'app.mjs'))
  const { code, stdout, stderr } = await runCommand(['init', folder, '--owner-id', '1', '--repo-id', '2'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(
    stderr,
    /^nothing was written, .*: broker\.yaml, cdk\.json, package\.json, \.gitignore, \.github\/workflows\/broker-check\.yml\n$/,
  )
  assert.equal(read(folder, 'broker.yaml'), 'mine')
  assert.ok(!existsSync(join(folder, 'app.mjs')))
})

test('a link that leads nowhere, and a file where a folder should be, are in the way too', async () => {
  const folder = newFolder()
  mkdirSync(folder)
  symlinkSync(join(parent, 'elsewhere'), join(folder, 'package.json'))
  writeFileSync(join(folder, '.github'), '')
  const { code, stderr } = await runCommand(['init', folder])
  assert.equal(code, 1)
  assert.match(stderr, /: package\.json, \.github\/workflows\/broker-check\.yml\n$/)
  assert.ok(!existsSync(join(parent, 'elsewhere')))
  assert.deepEqual(filesIn(folder), ['.github', 'package.json'])
})

test('a DIR that is a file, or cannot be made, is one line', async () => {
  const file = newFolder()
  writeFileSync(file, '')
  const { code, stderr } = await runCommand(['init', file])
  assert.deepEqual([code, stderr], [1, `${file} is a file: name a folder\n`])
  const below = await runCommand(['init', join(file, 'none')])
  assert.deepEqual([below.code, below.stderr], [1, `nothing was written: ${join(file, 'none')} cannot be (ENOTDIR)\n`])
})

test('what is written fits this package: its versions, its flags, its actions', async () => {
  const folder = newFolder()
  await runCommand(['init', folder])
  const root = new URL('../..', import.meta.url).pathname
  interface Package {
    version: string
    dependencies: Record<string, string>
    devDependencies: Record<string, string>
    peerDependencies?: Record<string, string>
  }
  const ours = JSON.parse(read(root, 'package.json')) as Package
  const theirs = JSON.parse(read(folder, 'package.json')) as Package
  const { 'token-broker': version, ...pinned } = { ...theirs.dependencies, ...theirs.devDependencies }
  assert.equal(version, ours.version)
  const known = { ...ours.dependencies, ...ours.devDependencies }
  for (const [name, version] of Object.entries(pinned)) assert.equal(version, known[name], name)

  const recommended = JSON.parse(read(root, 'node_modules/aws-cdk-lib/recommended-feature-flags.json')) as object
  const { app, context } = JSON.parse(read(folder, 'cdk.json')) as { app: string; context: object }
  assert.equal(app, 'node app.mjs')
  assert.deepEqual({ ...recommended, ...context }, recommended)

  const actions = (text: string) => [...text.matchAll(/uses: .+/g)].map(([uses]) => uses)
  const workflow = read(folder, '.github/workflows/broker-check.yml')
  assert.deepEqual(actions(workflow), actions(read(root, '.github/workflows/ci.yml')))
  const { permissions, jobs } = parse(workflow) as {
    permissions: object
    jobs: { check: { permissions: object; steps: { run?: string; with?: object }[] } }
  }
  assert.deepEqual([permissions, jobs.check.permissions], [{}, { contents: 'read' }])
  assert.deepEqual(jobs.check.steps[0]?.with, { 'persist-credentials': false })
  assert.deepEqual(
    jobs.check.steps.flatMap(({ run }) => run ?? []),
    ['npm ci', 'npx token-broker check broker.yaml', 'npx cdk synth --quiet'],
  )
})

test('--repo asks GitHub for the ids, with the token and without printing it', async (t) => {
  const { folder, asked, ran } = await initWith(t, answering(200, { ...repository, full_name: 'Acme/Web' }))
  assert.deepEqual([ran.code, ran.stderr], [0, ''])
  assertFilledIn(folder)
  assert.match(read(folder, 'broker.yaml'), /# gh api repos\/acme\/web --jq \.id\n/)
  assert.equal(asked.length, 1)
  const [{ agent, ...request } = {} as Asked] = asked
  assert.deepEqual(request, {
    url: '/repos/acme/web',
    authorization: `Bearer ${token}`,
    accept: 'application/vnd.github+json',
  })
  assert.match(agent ?? '', /^token-broker\/\d/)
  assert.ok(!ran.stdout.includes(token))
  assert.match(ran.stdout, /The ids are those of http:\/\/127\.0\.0\.1:\d+\. Unless that is github\.com/)
})

test('GITHUB_TOKEN serves as well; without either the question is anonymous', async (t) => {
  const { asked } = await initWith(t, answering(200, repository), { GITHUB_TOKEN: token })
  const anonymous = await initWith(t, answering(200, repository), {})
  assert.deepEqual(
    [...asked, ...anonymous.asked].map(({ authorization }) => authorization),
    [`Bearer ${token}`, undefined],
  )
  assertFilledIn(anonymous.folder)
})

test('a redirect on the same server is followed, and a new name is told, not taken', async (t) => {
  const { folder, ran } = await initWith(t, (request, response) => {
    if (request.url === '/repositories/987654') response.end(JSON.stringify({ ...repository, full_name: 'acme/site' }))
    else response.writeHead(301, { location: '/repositories/987654' }).end()
  })
  assertGaps(folder, ran)
  assert.match(ran.stdout, /acme\/web has been renamed: it is acme\/site now/)
  assert.match(ran.stdout, /gh api repos\/acme\/site --jq \.id\n/)
})

test('a redirect to another server is not followed: the token would go there', async (t) => {
  let reached = 0
  const other = await serve(t, (_, response) => {
    reached++
    response.end(JSON.stringify(repository))
  })
  const { folder, ran } = await initWith(t, (_, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${other}/repos/acme/web` }).end(),
  )
  assertGaps(folder, ran)
  assert.equal(reached, 0)
})

suite('what GitHub may answer', { concurrency: 4 }, () => {
  for (const [title, answer, problem] of [
    ['404', answering(404, {}), /shows no repository acme\/web: GH_TOKEN may not be allowed to see it/],
    ['401', answering(401, {}), /does not accept the token in GH_TOKEN/],
    ['403', answering(403, {}), /refused to answer \(403\): its rate limit/],
    ['429', answering(429, {}), /refused to answer \(429\): its rate limit/],
    ['500', answering(500, 'x'), /answered 500/],
    ['a connection that breaks', (_, response) => response.destroy(), /could not be reached/],
    ['silence', () => {}, /did not answer within 5 s/],
    ['half an answer', (_, response) => response.write('{"id": 1,'), /did not answer within 5 s/],
    ['redirects in circles', (_, response) => response.writeHead(301, { location: '/x' }).end(), /or in circles/],
    ['a redirect to nowhere', (_, response) => response.writeHead(301).end(), /or in circles|answered|describes/],
    ['HTML', answering(200, '<!doctype html><title>Sign in</title>'), /describes no repository/],
    ['nothing', answering(200, ''), /describes no repository/],
    ['null', answering(200, null), /describes no repository/],
    ['an id that is text', answering(200, { ...repository, id: '987654' }), /describes no repository/],
    ['an id that is a fraction', answering(200, { ...repository, id: 1.5 }), /describes no repository/],
    [
      'an id that a double rounds',
      answering(200, '{"id":9007199254740993,"full_name":"acme/web","owner":{"id":1}}'),
      /describes no/,
    ],
    ['an id below one', answering(200, { ...repository, owner: { id: -1 } }), /describes no repository/],
    ['no owner', answering(200, { ...repository, owner: null }), /describes no repository/],
    ['a name that is YAML', answering(200, { ...repository, full_name: 'a/b\nissuer: x' }), /describes no repository/],
    ['another repository', answering(200, { ...repository, full_name: 'evil/web' }), /it is evil\/web now/],
    ['a huge body', answering(200, JSON.stringify({ ...repository, padding: 'x'.repeat(2_000_000) })), /describes no/],
  ] as const satisfies readonly (readonly [string, RequestListener, RegExp])[]) {
    test(`GitHub answering ${title} leaves gaps and says so: exit 0`, async (t) => {
      const { folder, ran } = await initWith(t, answer)
      assertGaps(folder, ran)
      assert.match(ran.stdout, problem)
      assert.ok(!(ran.stdout + ran.stderr).includes(token))
      for (const path of paths) assert.ok(!read(folder, path).includes(token))
    })
  }
})

for (const [title, env, problem] of [
  ['a port where nobody listens', { GITHUB_API_URL: 'http://127.0.0.1:1' }, /could not be reached/],
  ['plain http', { GITHUB_API_URL: 'http://github.example' }, /GITHUB_API_URL is no https URL/],
  ['no URL', { GITHUB_API_URL: 'api.github.com' }, /GITHUB_API_URL is no https URL/],
  ['a token that no header can carry', { GH_TOKEN: `${token}\nx: y` }, /GH_TOKEN holds characters that no token has/],
] as const) {
  test(`${title} leaves gaps too, and the token is not printed`, async () => {
    const folder = newFolder()
    const ran = await runCommand(['init', folder, '--repo', 'acme/web'], { env: { GH_TOKEN: token, ...env } })
    assertGaps(folder, ran)
    assert.match(ran.stdout, problem)
    assert.ok(!ran.stdout.includes(token))
  })
}

for (const repo of [
  '',
  'web',
  '../..',
  'acme/..',
  'acme/.',
  'acme/web/x',
  'acme/we b',
  ' acme/web',
  'acme/web\n',
  'acme/web?x=y',
  'acme/web#x',
  'acme/%2e%2e',
  'acme/web$(id)',
  '-x/web',
  'https://github.com/acme/web',
  'acme/wéb',
  `acme/${'x'.repeat(101)}`,
]) {
  test(`--repo ${JSON.stringify(repo.slice(0, 40))} is refused: exit 2, nothing written, nobody asked`, async () => {
    const folder = newFolder()
    const { code, stderr } = await runCommand(['init', folder, `--repo=${repo}`])
    assert.equal(code, 2)
    assert.match(stderr, /^--repo takes owner\/name, such as acme\/web, not "/)
    assert.ok(!existsSync(folder))
  })
}

for (const [title, args, message] of [
  ['one id without the other', ['--owner-id', '1'], /given together, or not at all/],
  ['an id that is no number', ['--owner-id', '1', '--repo-id', 'web'], /an id is a number, such as 1234567, not "web"/],
  ['an id with a leading zero', ['--owner-id', '01', '--repo-id', '1'], /not "01"/],
  ['an id with a quote', ['--owner-id', '1"', '--repo-id', '1'], /not "1\\""/],
] as const) {
  test(`${title}: exit 2, nothing written`, async () => {
    const folder = newFolder()
    const { code, stderr } = await runCommand(['init', folder, ...args])
    assert.equal(code, 2)
    assert.match(stderr, message)
    assert.ok(!existsSync(folder))
  })
}

test('a folder that a shell would split is quoted in the next steps', async () => {
  const folder = join(parent, 'it’s a "folder"')
  const { stdout } = await runCommand(['init', folder])
  assert.ok(stdout.includes(`\n  cd '${folder}'\n`))
})
