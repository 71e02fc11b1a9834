import assert from 'node:assert/strict'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, suite, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { dependencySpec } from '../../cli/own-package.ts'
import { projectFiles } from '../../cli/project-files.ts'
import { planFiles, writePlan } from '../../cli/project-folder.ts'
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

interface Package {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const ours = JSON.parse(read(root, 'package.json')) as Package

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
  for (const step of [
    'npm install',
    'npx --no-install token-broker check broker.yaml',
    'npx cdk bootstrap',
    'npx cdk deploy',
  ])
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
  assert.match(stderr, /^nothing was written, .*: broker\.yaml, cdk\.json, \.github\/workflows\/broker-check\.yml\n$/)
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

for (const linked of ['.github', '.github/workflows']) {
  test(`a ${linked} that is a link is in the way: nothing is written where it leads`, async () => {
    const [folder, elsewhere] = [newFolder(), newFolder()]
    mkdirSync(join(folder, dirname(linked)), { recursive: true })
    mkdirSync(elsewhere)
    symlinkSync(elsewhere, join(folder, linked))
    const { code, stderr } = await runCommand(['init', folder])
    assert.equal(code, 1)
    assert.match(stderr, /: \.github\/workflows\/broker-check\.yml\n$/)
    assert.deepEqual(readdirSync(elsewhere), [])
    assert.ok(!existsSync(join(folder, 'broker.yaml')))
  })
}

test('folders that are there already are written into', async () => {
  const folder = newFolder()
  mkdirSync(join(folder, '.github/workflows'), { recursive: true })
  writeFileSync(join(folder, '.github/workflows/ci.yml'), 'mine')
  assert.equal((await runCommand(['init', folder])).code, 0)
  assert.deepEqual(filesIn(folder), ['.github/workflows/ci.yml', ...paths].toSorted())
})

/** A folder where these stand already. */
function folderWith(files: Record<string, string | Uint8Array>): string {
  const folder = newFolder()
  mkdirSync(folder)
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text)
  return folder
}

test('a package.json gets what it lacks, and keeps all else in its order', async () => {
  const folder = folderWith({
    'package.json': JSON.stringify({
      version: '1.0.0',
      devDependencies: { constructs: '^10.0.0' },
      scripts: { deploy: 'mine', check: 'token-broker check broker.yaml' },
      name: 'web',
      dependencies: { zebra: '1', 'token-broker': 'file:../token-broker-0.1.0.tgz', 'aws-cdk-lib': '^2.0.0' },
    }),
  })
  const { code, stdout, stderr } = await runCommand(['init', folder])
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(
    read(folder, 'package.json'),
    `{
  "version": "1.0.0",
  "devDependencies": {
    "constructs": "^10.0.0",
    "aws-cdk": "${ours.devDependencies['aws-cdk']}"
  },
  "scripts": {
    "deploy": "mine",
    "check": "token-broker check broker.yaml",
    "synth": "cdk synth --quiet"
  },
  "name": "web",
  "dependencies": {
    "zebra": "1",
    "token-broker": "file:../token-broker-0.1.0.tgz",
    "aws-cdk-lib": "^2.0.0"
  }
}
`,
  )
  const [written, extended, kept, next] = stdout.split('\n')
  assert.equal(
    written,
    `Written to ${folder}: broker.yaml, app.mjs, cdk.json, .gitignore, .github/workflows/broker-check.yml`,
  )
  assert.deepEqual(
    [extended, kept, next],
    ['Extended: package.json', 'package.json keeps its own script deploy; ours would be: cdk deploy', ''],
  )
})

test('an empty package.json gets everything but type and private', async () => {
  const folder = folderWith({ 'package.json': '{}' })
  await runCommand(['init', folder])
  const { scripts, dependencies, devDependencies, ...others } = JSON.parse(read(folder, 'package.json')) as Package
  assert.deepEqual(Object.keys({ ...scripts, ...dependencies, ...devDependencies }), [
    'check',
    'synth',
    'deploy',
    'aws-cdk-lib',
    'constructs',
    'token-broker',
    'aws-cdk',
  ])
  assert.deepEqual(others, {})
})

for (const [title, theirs, extended] of [
  ['without a last newline', 'dist/\n!node_modules/x', 'dist/\n!node_modules/x\nnode_modules/\ncdk.out/\n'],
  ['that has one line', 'cdk.out/\n*.log\n', 'cdk.out/\n*.log\nnode_modules/\n'],
  ['of Windows', 'node_modules/\r\n', 'node_modules/\r\ncdk.out/\n'],
  ['that is empty', '', 'node_modules/\ncdk.out/\n'],
] as const) {
  test(`a .gitignore ${title} gets what it lacks`, async () => {
    const folder = folderWith({ '.gitignore': theirs })
    const { code, stdout } = await runCommand(['init', folder])
    assert.equal(code, 0)
    assert.match(stdout, /\nExtended: \.gitignore\n/)
    assert.equal(read(folder, '.gitignore'), extended)
  })
}

test('what lacks nothing is left as it is, down to its spaces', async () => {
  const folder = newFolder()
  await runCommand(['init', folder])
  const mine = { 'package.json': `${read(folder, 'package.json')}\n\n`, '.gitignore': 'cdk.out/\nnode_modules/' }
  const other = folderWith(mine)
  const { code, stdout } = await runCommand(['init', other])
  assert.equal(code, 0)
  assert.doesNotMatch(stdout, /Extended/)
  for (const [path, text] of Object.entries(mine)) assert.equal(read(other, path), text)
})

for (const [path, title, text] of [
  ['package.json', 'a list', '[]'],
  ['package.json', 'null', 'null'],
  ['package.json', 'no JSON', '{ "name": "web", }'],
  ['package.json', 'empty', ''],
  ['package.json', 'an object whose scripts are a list', '{ "scripts": [] }'],
  ['package.json', 'an object whose dependencies are text', '{ "dependencies": "x" }'],
  ['package.json', 'no UTF-8', Buffer.from('{ "name": "caf\xe9" }', 'latin1')],
  ['.gitignore', 'no UTF-8', Buffer.from('caf\xe9', 'latin1')],
] as const) {
  test(`a ${path} that is ${title} is in the way`, async () => {
    const folder = folderWith({ [path]: text })
    const { code, stderr } = await runCommand(['init', folder])
    assert.deepEqual([code, stderr], [1, `nothing was written, because this is in the way in ${folder}: ${path}\n`])
    assert.deepEqual(readFileSync(join(folder, path)), Buffer.from(text))
    assert.deepEqual(filesIn(folder), [path])
  })
}

test('a link to a package.json or a .gitignore is in the way, as is a folder', async () => {
  const elsewhere = folderWith({ 'package.json': '{}', '.gitignore': '' })
  const folder = newFolder()
  mkdirSync(folder)
  for (const path of ['package.json', '.gitignore']) symlinkSync(join(elsewhere, path), join(folder, path))
  const { code, stderr } = await runCommand(['init', folder])
  assert.equal(code, 1)
  assert.match(stderr, /: package\.json, \.gitignore\n$/)
  assert.deepEqual([read(elsewhere, 'package.json'), read(elsewhere, '.gitignore')], ['{}', ''])
  const other = newFolder()
  mkdirSync(join(other, 'package.json'), { recursive: true })
  assert.match((await runCommand(['init', other])).stderr, /: package\.json\n$/)
})

test('when writing fails half-way, what was written goes and what was extended is put back', async () => {
  const mine = { 'package.json': '{"name":"web"}', '.gitignore': 'dist/' }
  for (const [path, appear] of [
    ['.github/workflows/broker-check.yml', (file: string) => writeFileSync(file, 'theirs')],
    ['.gitignore', (file: string) => symlinkSync(join(parent, 'elsewhere'), file)],
  ] as const) {
    const folder = folderWith(mine)
    const plan = await planFiles(folder, projectFiles({ dependency: '0.1.0' }))
    assert.deepEqual(Object.keys(plan.extended), ['package.json', '.gitignore'])
    mkdirSync(join(folder, '.github/workflows'), { recursive: true })
    rmSync(join(folder, path), { force: true })
    appear(join(folder, path))
    await assert.rejects(writePlan(folder, plan), {
      name: 'CommandError',
      message: new RegExp(`^nothing was written: ${join(folder, path)} cannot be`),
    })
    assert.equal(read(folder, 'package.json'), mine['package.json'])
    assert.deepEqual(filesIn(folder), [...new Set(['.gitignore', 'package.json', path])].toSorted())
  }
})

test('what appears while GitHub is asked is kept', async (t) => {
  let folder = ''
  const port = await serve(t, (_, response) => {
    writeFileSync(join(folder, 'package.json'), '{"name":"web"}')
    writeFileSync(join(folder, 'app.mjs'), 'mine')
    response.end(JSON.stringify(repository))
  })
  folder = folderWith({ 'package.json': '{}' })
  const env = { GITHUB_API_URL: `http://127.0.0.1:${port}` }
  const { code, stderr } = await runCommand(['init', folder, '--repo', 'acme/web'], { env })
  assert.equal(code, 1)
  assert.match(stderr, /: app\.mjs\n$/)
  assert.deepEqual(filesIn(folder), ['app.mjs', 'package.json'])
  assert.equal(read(folder, 'package.json'), '{"name":"web"}')
})

test('while no registry has the package, it is named by where it is, and the output says so', async () => {
  const link = newFolder()
  const target = join(newFolder(), 'deeper')
  mkdirSync(target, { recursive: true })
  symlinkSync(target, link)
  // npm follows `..` from where the folder really is.
  for (const folder of [newFolder(), join(link, 'new')]) {
    const { stdout } = await runCommand(['init', folder])
    const { dependencies } = JSON.parse(read(folder, 'package.json')) as Package
    const spec = dependencies['token-broker'] ?? ''
    assert.match(spec, /^file:\.\.\//)
    assert.equal(resolve(realpathSync(folder), spec.slice('file:'.length)), resolve(root))
    assert.match(
      stdout,
      /\ntoken-broker is on no registry yet: .*npm pack.* npm install \.\/token-broker-[\d.]+\.tgz\n/,
    )
  }
})

test('once a registry has it, it is named by its exact version', () => {
  const own = { version: '1.2.3', folder: '/srv/token-broker' }
  assert.equal(dependencySpec(own, '/srv/web'), '1.2.3')
  assert.equal(dependencySpec({ ...own, private: true }, '/srv/web'), 'file:../token-broker')
  assert.equal(dependencySpec({ ...own, private: true }, '/srv/token-broker'), 'file:.')
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
  const theirs = JSON.parse(read(folder, 'package.json')) as Package
  const { 'token-broker': _, ...pinned } = { ...theirs.dependencies, ...theirs.devDependencies }
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
    ['npm ci', 'npx --no-install token-broker check broker.yaml', 'npx cdk synth --quiet'],
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
