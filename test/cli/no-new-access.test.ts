import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand, type RunOptions } from './run-command.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'token-broker-access-'))
after(() => rmSync(folder, { recursive: true }))

const old = readFileSync(join(root, 'examples/github-actions/broker.yaml'), 'utf8')
const renamed = old.replace('web-production:', 'web-live:')
const wider = old.replace('ref: refs/heads/main', 'ref: { glob: refs/heads/* }')
const unsure = old.replace('    grant:\n', '    when: claims.run_attempt == "1"\n    grant:\n')
const changed = unsure.replace('run_attempt', 'run_number')
const broken = old.replace('repository_id: "987654"', 'repository_id: 987654')

for (const text of [renamed, wider, unsure, changed, broken]) assert.notEqual(text, old)

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

async function compare(before: string, after: string, args: readonly string[] = [], options: RunOptions = {}) {
  write('old.yaml', before)
  write('new.yaml', after)
  return runCommand(['check', '--no-new-access', 'old.yaml', 'new.yaml', ...args], { cwd: folder, ...options })
}

test('no new access is exit 0, and one line', async () => {
  for (const after of [old, renamed])
    assert.deepEqual(await compare(old, after), {
      code: 0,
      stdout: 'ok: new.yaml grants nothing that old.yaml does not\n',
      stderr: '',
    })
})

test('new access is exit 1, and a line beside the rule with the claims that get it', async () => {
  const { code, stdout, stderr } = await compare(old, wider)
  assert.deepEqual([code, stderr], [1, ''])
  const line = wider.split('\n').findIndex((text) => text.startsWith('  web-production:')) + 1
  const [, shown] =
    new RegExp(
      `^new\\.yaml:${line}:3 error new-access rule web-production, issuer github, target deploy-api: scope \\S+ is granted, which was not; for example a token of https://token\\.actions\\.githubusercontent\\.com with (\\{.*\\})\n$`,
    ).exec(stdout) ?? []
  assert.ok(shown, stdout)
  const claims = JSON.parse(shown) as Record<string, string>
  assert.match(claims.ref!, /^refs\/heads\//)
  assert.notEqual(claims.ref, 'refs/heads/main')
})

test('the claims that are shown are such as explain grants', async () => {
  const { stdout } = await compare(old, wider, ['--json'])
  const { new_access } = JSON.parse(stdout) as { new_access: { witness: { iss: string; claims: object } }[] }
  const { iss, claims } = new_access[0]!.witness
  const exp = Math.floor(Date.now() / 1000) + 300
  const ids = { sub: 's', repository_id: '987654', repository_owner_id: '1234567', aud: 'https://broker.acme.dev' }
  write('claims.json', JSON.stringify({ iss, exp, ...ids, ...claims }))
  for (const [config, expected] of [
    ['new.yaml', 0],
    ['old.yaml', 1],
  ] as const) {
    const { code, stdout } = await runCommand(
      ['explain', '--config', config, '--claims', 'claims.json', '--target', 'deploy-api'],
      { cwd: folder },
    )
    assert.equal(code, expected, stdout)
  }
})

test('what cannot be compared may be new access: exit 1', async () => {
  const { code, stdout } = await compare(unsure, changed)
  assert.equal(code, 1)
  assert.match(
    stdout,
    /^new\.yaml:\d+:3 error new-access rule [a-z, -]+, issuer github, target deploy-api: may be new access: /,
  )
  assert.equal((await compare(old, unsure)).code, 0)
})

test('--json is one document', async () => {
  const same = await compare(old, old, ['--json'], { env: { GITHUB_ACTIONS: 'true' } })
  assert.deepEqual(
    [same.code, JSON.parse(same.stdout)],
    [0, { old: 'old.yaml', new: 'new.yaml', ok: true, findings: [], new_access: [] }],
  )
  const { code, stdout } = await compare(old, wider, ['--json'])
  const { ok, new_access } = JSON.parse(stdout) as { ok: boolean; new_access: Record<string, unknown>[] }
  assert.deepEqual([code, ok, new_access.length], [1, false, 1])
  const { what: _, witness: __, ...rest } = new_access[0]!
  assert.deepEqual(rest, { rules: ['web-production'], issuer: 'github', target: 'deploy-api', certain: true })
})

test('in GitHub Actions it is also shown beside the line', async () => {
  const { stdout } = await compare(old, wider, [], { env: { GITHUB_ACTIONS: 'true' } })
  assert.match(stdout, /\n::error file=new\.yaml,line=\d+,col=3,title=new-access::rule web-production, issuer github/)
})

test('a file that does not hold is exit 1, with its findings', async () => {
  for (const [before, after, name] of [
    [broken, old, 'old.yaml'],
    [old, broken, 'new.yaml'],
  ] as const) {
    const { code, stdout, stderr } = await compare(before, after)
    assert.deepEqual([code, stderr], [1, ''])
    assert.match(stdout, new RegExp(`^${name}:\\d+:\\d+ error unquoted-value `))
    const { findings, ok } = JSON.parse((await compare(before, after, ['--json'])).stdout) as {
      findings: { file: string }[]
      ok: boolean
    }
    assert.deepEqual([ok, findings.map(({ file }) => file)], [false, [name]])
  }
})

test('a file that is not there is exit 1, with one line', async () => {
  write('new.yaml', old)
  const { code, stderr } = await runCommand(['check', '--no-new-access', 'none.yaml', 'new.yaml'], { cwd: folder })
  assert.deepEqual([code, stderr], [1, 'none.yaml does not exist\n'])
})

test('standard input can be one of the files', async () => {
  write('new.yaml', old)
  const options = { cwd: folder, stdin: old }
  const { code, stdout } = await runCommand(['check', '--no-new-access', '-', 'new.yaml'], options)
  assert.deepEqual([code, stdout], [0, 'ok: new.yaml grants nothing that <stdin> does not\n'])
})

for (const [title, args] of [
  ['no file', []],
  ['one file', ['old.yaml']],
  ['three files', ['old.yaml', 'new.yaml', 'more.yaml']],
  ['standard input twice', ['-', '-']],
  ['--sarif', ['old.yaml', 'new.yaml', '--sarif']],
] as const)
  test(`${title}: exit 2 and the usage`, async () => {
    const { code, stdout, stderr } = await runCommand(['check', '--no-new-access', ...args], { cwd: folder })
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /token-broker check --no-new-access OLD NEW/)
  })

test('text of the file cannot pass for a line of ours', async () => {
  const hostile = wider.replace('{ glob: refs/heads/* }', String.raw`"x\n::add-mask::y\e[2J"`)
  const { stdout } = await compare(old, hostile, [], { env: { GITHUB_ACTIONS: 'true' } })
  assert.equal(stdout.split('\n').length, 3)
  assert.ok(stdout.includes(String.raw`x\n::add-mask::y\u001b[2J`), stdout)
})

test('docs/no-new-access.md shows what is printed', async () => {
  const page = readFileSync(join(root, 'docs/no-new-access.md'), 'utf8')
  write('old.yaml', old)
  for (const [after, expected] of [
    [renamed, 0],
    [old.replace('ref: refs/heads/main', 'ref: { glob: "refs/heads/*" }'), 1],
  ] as const) {
    write('broker.yaml', after)
    const { code, stdout } = await runCommand(['check', '--no-new-access', 'old.yaml', 'broker.yaml'], { cwd: folder })
    assert.equal(code, expected)
    assert.ok(page.includes(`\n\`\`\`\n${stdout}\`\`\`\n`), stdout)
  }
})

test('of files that are included, and of rows, the place is shown', async () => {
  const project = (name: string, row: string) => {
    mkdirSync(join(folder, name, 'rules'), { recursive: true })
    writeFileSync(join(folder, name, 'broker.yaml'), `${old}include: [rules/*.yaml]\n`)
    writeFileSync(
      join(folder, name, 'rules', 'a.yaml'),
      `rules:
  more:
    issuer: github
    match: { repository_id: "7", ref: $ref }
    grant: [{ target: deploy-api, scopes: [deploy:write] }]
    each:
      a: { ref: refs/heads/a }
      b: { ref: ${row} }
`,
    )
  }
  project('before', 'refs/heads/b')
  project('after', '[refs/heads/b, refs/heads/c]')
  const args = ['check', '--no-new-access', 'before/broker.yaml', 'after/broker.yaml']
  const { code, stdout } = await runCommand(args, { cwd: folder })
  assert.equal(code, 1)
  assert.match(stdout, /^after\/rules\/a\.yaml:8:7 error new-access rule more\/b, .*"ref":"refs\/heads\/c"/)
  const same = await runCommand([...args.slice(0, 2), 'before/broker.yaml', 'before/broker.yaml'], { cwd: folder })
  assert.equal(same.code, 0)
})
