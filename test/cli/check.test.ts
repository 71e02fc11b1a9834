import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Finding } from '../../lib/config/findings.ts'
import { workflowCommand } from '../../cli/workflow-command.ts'
import { runCommand } from './run-command.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'token-broker-check-'))
after(() => rmSync(folder, { recursive: true }))

const good = readFileSync(join(root, 'examples/github-actions/broker.yaml'), 'utf8')
const expired = good.replace('    owner: "#web"\n', '    owner: "#web"\n    expires: 2020-01-31\n')
const broken = good.replace('repository_id: "987654"', 'repository_id: 987654').replace('lifetime: 15m', 'lifetme: 15m')

function write(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

interface Document {
  file: string
  ok: boolean
  findings: Finding[]
}

for (const example of globSync('examples/*/broker.yaml', { cwd: root })) {
  const local = /quickstart|conformance-suite/.test(example) ? ['--local'] : []
  test(`${example} holds`, async () => {
    const { code, stdout, stderr } = await runCommand(['check', example, ...local], { cwd: root })
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, new RegExp(`^${example}: ok, \\d+ issuers?, \\d+ targets?, \\d+ rules?\n$`))
  })
}

test('an http issuer on loopback is for --local', async () => {
  const { code, stdout } = await runCommand(['check', 'examples/quickstart/broker.yaml'], { cwd: root })
  assert.equal(code, 1)
  assert.match(stdout, /^examples\/quickstart\/broker\.yaml:5:9 error our-issuer /)
})

test('errors are printed by file, line and column, a line each: exit 1', async () => {
  const file = write('broken.yaml', broken)
  const { code, stdout, stderr } = await runCommand(['check', file])
  assert.deepEqual([code, stderr], [1, ''])
  assert.equal(stdout.split('\n').length, 2)
  assert.ok(stdout.startsWith(`${file}:21:5 error unknown-key unknown key "lifetme" (did you mean "lifetime"?)`))
})

test('warnings are printed, counted, and no failure', async () => {
  const file = write('expired.yaml', expired)
  const { code, stdout } = await runCommand(['check', file])
  assert.equal(code, 0)
  const [warning, summary] = stdout.split('\n')
  assert.ok(warning?.startsWith(`${file}:27:14 warning rule-expired `))
  assert.equal(summary, `${file}: ok, 1 issuer, 1 target, 2 rules, 1 warning`)
})

test('--json is one document, with the same findings and the same exit code', async () => {
  for (const [name, text, expected] of [
    ['good.yaml', good, { code: 0, ok: true, rules: [] }],
    ['expired.yaml', expired, { code: 0, ok: true, rules: ['rule-expired'] }],
    ['broken.yaml', broken, { code: 1, ok: false, rules: ['unknown-key'] }],
  ] as const) {
    const file = write(name, text)
    const { code, stdout } = await runCommand(['check', file, '--json'], { env: { GITHUB_ACTIONS: 'true' } })
    const document = JSON.parse(stdout) as Document
    assert.deepEqual({ code, ok: document.ok, rules: document.findings.map(({ rule }) => rule) }, expected)
    assert.equal(document.file, file)
    assert.ok(document.findings.every((finding) => finding.file === file && finding.line > 0 && finding.column > 0))
  }
})

test('--sarif is a log as code scanning reads it, with the same findings and the same exit code', async () => {
  for (const [name, text, expected] of [
    ['good.yaml', good, { code: 0, results: [] }],
    ['expired.yaml', expired, { code: 0, results: [['rule-expired', 'warning', 27, 14]] }],
    ['broken file.yaml', broken, { code: 1, results: [['unknown-key', 'error', 21, 5]] }],
  ] as const) {
    write(name, text)
    const { code, stdout } = await runCommand(['check', name, '--sarif'], { cwd: folder })
    const { version, runs } = JSON.parse(stdout) as Sarif
    const [{ tool, results }] = runs
    assert.deepEqual([code, version, runs.length, tool.driver.name], [expected.code, '2.1.0', 1, 'token-broker'])
    const found = results.map(({ ruleId, ruleIndex, level, message, locations }) => {
      const [{ physicalLocation }] = locations
      assert.equal(tool.driver.rules[ruleIndex]?.id, ruleId)
      assert.equal(decodeURIComponent(physicalLocation.artifactLocation.uri), name)
      assert.ok(message.text.length > 0)
      return [ruleId, level, physicalLocation.region.startLine, physicalLocation.region.startColumn]
    })
    assert.deepEqual(found, expected.results)
  }
})

interface Sarif {
  version: string
  runs: [
    {
      tool: { driver: { name: string; rules: { id: string }[] } }
      results: {
        ruleId: string
        ruleIndex: number
        level: string
        message: { text: string }
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: string }
              region: { startLine: number; startColumn: number }
            }
          },
        ]
      }[]
    },
  ]
}

test('--json and --sarif are not both', async () => {
  const { code, stderr } = await runCommand(['check', write('good.yaml', good), '--json', '--sarif'])
  assert.equal(code, 2)
  assert.match(stderr, /one of --json and --sarif/)
})

test('findings of an included file name that file', async () => {
  const project = mkdtempSync(join(folder, 'project-'))
  mkdirSync(join(project, 'rules'))
  writeFileSync(join(project, 'broker.yaml'), `${good}include: [rules/*.yaml]\n`)
  writeFileSync(join(project, 'rules', 'more.yaml'), 'rules:\n  more: { isuer: github }\n')
  const { code, stdout } = await runCommand(['check', 'broker.yaml'], { cwd: project })
  assert.equal(code, 1)
  assert.match(stdout, /^rules\/more\.yaml:2:\d+ error /)
  const fromStdin = await runCommand(['check', '-'], { cwd: project, stdin: `${good}include: [rules/*.yaml]\n` })
  assert.match(fromStdin.stdout, /^<stdin>:\d+:\d+ error include only a file can include others/)
})

test('- is standard input', async () => {
  const fine = await runCommand(['check', '-'], { stdin: good })
  assert.deepEqual(fine, { code: 0, stdout: '<stdin>: ok, 1 issuer, 1 target, 2 rules\n', stderr: '' })
  const wrong = await runCommand(['check', '-'], { stdin: broken })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stdout, /^<stdin>:21:5 error /)
  const nothing = await runCommand(['check', '-'])
  assert.equal(nothing.code, 1)
  assert.match(nothing.stdout, /^<stdin>:1:1 error yaml-syntax /)
})

for (const [title, file, message] of [
  ['a file that is not there', join(folder, 'none.yaml'), /none\.yaml does not exist\n$/],
  ['a file below a file', join(write('plain', ''), 'broker.yaml'), /broker\.yaml does not exist\n$/],
  ['a folder', folder, /is a folder: name the file in it\n$/],
  [
    'bytes that are no UTF-8',
    write('latin1.yaml', Buffer.from('version: 1 # caf\xe9', 'latin1')),
    /is not text in UTF-8\n$/,
  ],
  ['a name that is too long', 'x'.repeat(5_000), /cannot be read: ENAMETOOLONG\n$/],
  ['a device without end', '/dev/zero', /^\/dev\/zero is larger than 16 MiB\n$/],
  ['a file above 16 MiB', write('large.yaml', '#'.repeat(16 * 2 ** 20 + 1)), /large\.yaml is larger than 16 MiB/],
] as const) {
  test(`${title}: exit 1, one line, no stack`, async () => {
    const { code, stdout, stderr } = await runCommand(['check', file, '--json'])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, message)
    assert.equal(stderr.split('\n').length, 2)
  })
}

test('1 MiB is read to its end', async () => {
  const file = write('full.yaml', good + '#'.repeat(2 ** 20 - Buffer.byteLength(good)))
  const { code, stdout } = await runCommand(['check', file])
  assert.deepEqual([code, stdout], [0, `${file}: ok, 1 issuer, 1 target, 2 rules\n`])
})

test('standard input without end is left unread', async () => {
  const { code, stdout, stderr } = await runCommand(['check', '-'], { stdin: Readable.from(endless()) })
  assert.deepEqual([code, stdout, stderr], [1, '', '<stdin> is larger than 16 MiB\n'])
})

function* endless() {
  for (;;) yield '# and so on\n'.repeat(1_000)
}

for (const [title, text] of [
  ['nested without end', '['.repeat(200_000)],
  ['binary', '\0\u0001\u0002'],
  ['JSON null', 'null'],
  ['two documents', `${good}\n---\n${good}`],
] as const) {
  test(`a file that is ${title} is a finding, no stack`, async () => {
    const { code, stdout, stderr } = await runCommand(['check', write('hostile.yaml', text)])
    assert.deepEqual([code, stderr], [1, ''])
    assert.match(stdout, /hostile\.yaml:\d+:\d+ error yaml-syntax /)
  })
}

test('text of the file cannot pass for a line of ours', async () => {
  const text = `${good}"x\\n::add-mask::y\\e[2J\\u2028z": 1\n`
  const { stdout } = await runCommand(['check', write('lines.yaml', text)], { env: { GITHUB_ACTIONS: 'true' } })
  const [finding, command, ...rest] = stdout.split('\n')
  assert.ok(finding?.includes(String.raw`unknown key "x\u{a}::add-mask::y\u{1b}[2J\u{2028}z"`), stdout)
  assert.ok(
    command?.startsWith('::error ') && command.includes(String.raw`x%0A::add-mask::y\u{1b}[2J\u{2028}z`),
    stdout,
  )
  assert.deepEqual(rest, [''])
})

test('in GitHub Actions each finding is also a workflow command', async () => {
  write('broken.yaml', broken)
  write('expired.yaml', expired)
  const options = { cwd: folder, env: { GITHUB_ACTIONS: 'true' } }
  const { stdout } = await runCommand(['check', 'broken.yaml'], options)
  assert.match(stdout, /\n::error file=broken\.yaml,line=21,col=5,title=unknown-key::unknown key "lifetme"/)
  const { stdout: warned } = await runCommand(['check', 'expired.yaml'], options)
  assert.match(warned, /\n::warning file=expired\.yaml,line=27,col=14,title=rule-expired::/)
})

test('a workflow command escapes what would end its parts', () => {
  const finding = { file: 'a:b,c%.yaml', line: 1, column: 2, severity: 'error', rule: 'yaml-syntax' } as const
  assert.equal(
    workflowCommand({ ...finding, message: '100%\r\nsure: yes, really' }),
    '::error file=a%3Ab%2Cc%25.yaml,line=1,col=2,title=yaml-syntax::100%25%0D%0Asure: yes, really',
  )
})

test('a workflow command lets no other control character pass', () => {
  const finding = { file: 'a\u001b.yaml', line: 1, column: 2, severity: 'error', rule: 'yaml-syntax' } as const
  assert.equal(
    workflowCommand({ ...finding, message: '\u001b[2J\u0085\u2028\u202eé' }),
    String.raw`::error file=a\u{1b}.yaml,line=1,col=2,title=yaml-syntax::\u{1b}[2J\u{85}\u{2028}\u{202e}é`,
  )
})

test('a reader that stops early gets no stack', async () => {
  const file = write('broken.yaml', broken)
  const entry = join(root, 'cli/token-broker.ts')
  const child = spawn(process.execPath, [entry, 'check', file])
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = await once(child, 'close')
  assert.deepEqual([code, stderr], [1, ''])
})
