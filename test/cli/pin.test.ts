import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'token-broker-pin-'))
after(() => rmSync(folder, { recursive: true }))

const claims = {
  iss: 'https://token.actions.githubusercontent.com',
  repository: 'acme/web',
  repository_id: '987654',
  repository_owner: 'acme',
  repository_owner_id: '1234567',
}
const stdin = JSON.stringify(claims)

const file = `version: 1
issuer: https://broker.test
include: [rules/*.yaml]
issuers:
  github: { preset: github-actions, require: { repository_owner: { name: acme } } } # an id is missing
targets:
  api: { audience: https://api.test }
`
const rules = `rules:
  web: { issuer: github, match: { repository: acme/web }, grant: [{ target: api }] }
`

function project(text = file, part = rules): string {
  const path = mkdtempSync(join(folder, 'project-'))
  mkdirSync(join(path, 'rules'))
  writeFileSync(join(path, 'broker.yaml'), text)
  writeFileSync(join(path, 'rules', 'web.yaml'), part)
  return path
}

test('ids of a token are written beside its names, and the file then holds', async () => {
  const cwd = project()
  assert.equal((await runCommand(['check', 'broker.yaml'], { cwd })).code, 1)
  const { code, stdout, stderr } = await runCommand(['pin', 'broker.yaml', '--claims', '-'], { cwd, stdin })
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(
    stdout,
    `broker.yaml:5:66 require of github, repository_owner: acme has the id 1234567
rules/web.yaml:2:47 web, repository: acme/web has the id 987654
wrote 2 ids of github in broker.yaml, rules/web.yaml
`,
  )
  assert.equal(
    readFileSync(join(cwd, 'rules', 'web.yaml'), 'utf8'),
    rules.replace('acme/web', '{ name: acme/web, id: "987654" }'),
  )
  assert.equal((await runCommand(['check', 'broker.yaml'], { cwd })).code, 0)
})

test('--dry-run says so and changes nothing', async () => {
  const cwd = project()
  const { code, stdout } = await runCommand(['pin', 'broker.yaml', '--claims', '-', '--dry-run'], { cwd, stdin })
  assert.equal(code, 0)
  assert.match(stdout, /^would write 2 ids of github in /m)
  assert.equal(readFileSync(join(cwd, 'broker.yaml'), 'utf8'), file)
})

test('a token is read, and never printed', async () => {
  const cwd = project()
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`
  writeFileSync(join(cwd, 'token'), `${token}\n`)
  const { code, stdout } = await runCommand(['pin', 'broker.yaml', '--token', 'token'], { cwd })
  assert.equal(code, 0)
  assert.ok(!stdout.includes(token.slice(0, 20)))
})

test('another id than the token has is told, and left: exit 1', async () => {
  const cwd = project(file.replace('name: acme', 'name: acme, id: "7"'))
  const { code, stdout } = await runCommand(['pin', 'broker.yaml', '--claims', '-'], { cwd, stdin })
  assert.equal(code, 1)
  assert.match(stdout, /acme has the id 1234567 now, and "7" stands there/)
  assert.match(readFileSync(join(cwd, 'broker.yaml'), 'utf8'), /id: "7"/)
})

test('nothing is changed where the file would not hold any more', async () => {
  const rows = `rules:
  a:
    issuer: github
    owner: $repository
    match: { repository: $repository }
    grant: [{ target: api }]
    each: { x: { repository: acme/web } }
`
  const cwd = project(file.replace('{ name: acme }', '{ name: acme, id: "1234567" }'), rows)
  assert.equal((await runCommand(['check', 'broker.yaml'], { cwd })).code, 0)
  const { code, stdout, stderr } = await runCommand(['pin', 'broker.yaml', '--claims', '-'], { cwd, stdin })
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^nothing was changed, because the file would not hold any more:\nrules\/web\.yaml:7:30 error /)
  assert.equal(readFileSync(join(cwd, 'rules', 'web.yaml'), 'utf8'), rows)
})

for (const [title, args, stdin, code, message] of [
  ['no file', ['--claims', '-'], '{}', 2, /FILE is missing/],
  ['standard input', ['-', '--claims', 'x'], '{}', 2, /standard input is none/],
  ['no claims', ['broker.yaml'], '', 2, /give --token or --claims/],
  ['both', ['broker.yaml', '--token', '-', '--claims', 'x'], '', 2, /give --token or --claims/],
  ['claims that are none', ['broker.yaml', '--claims', '-'], '[]', 1, /no JSON object of claims/],
  [
    'a token that is none',
    ['broker.yaml', '--token', '-'],
    'secret',
    1,
    /^<stdin> is no JWT that the broker could read\n$/,
  ],
  [
    'a token of nobody here',
    ['broker.yaml', '--claims', '-'],
    '{"iss":"https://x.test\\u001b"}',
    1,
    /no issuer of broker\.yaml with a preset has the token's iss: "https:\/\/x\.test\\u001b"/,
  ],
] as const)
  test(`${title}: exit ${code}`, async () => {
    const result = await runCommand(['pin', ...args], { cwd: project(), stdin })
    assert.deepEqual([result.code, result.stdout], [code, ''])
    assert.match(result.stderr, message)
  })
