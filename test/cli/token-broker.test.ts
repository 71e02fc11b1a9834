import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from './run-command.ts'

const entry = fileURLToPath(new URL('../../cli/token-broker.ts', import.meta.url))
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

for (const args of [['--help'], ['-h'], ['help'], ['help', 'help']]) {
  test(`${args.join(' ')} lists the commands, an example and the exit codes`, async () => {
    const { code, stdout, stderr } = await runCommand(args)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /\n {2}init .*\n {2}check /)
    assert.match(stdout, /\nExample: token-broker /)
    assert.match(stdout, /\nExit codes: 0 .*1 .*2 /)
  })
}

for (const command of ['check', 'doctor', 'init', 'exchange', 'credential-process', 'revoke', 'stop', 'start']) {
  test(`${command} --help, -h and help ${command} show one usage, with an example and the exit codes`, async () => {
    const runs = await Promise.all(
      [
        [command, '--help'],
        [command, 'x', '-h'],
        ['help', command],
        ['--help', command],
      ].map((args) => runCommand(args)),
    )
    for (const { code, stdout, stderr } of runs) {
      assert.deepEqual([code, stderr, stdout], [0, '', runs[0]?.stdout])
      assert.ok(stdout.startsWith(`token-broker ${command} `))
      assert.match(stdout, new RegExp(`\nExample: token-broker ${command} `))
      assert.match(stdout, /\nExit codes: 0 .*1 .*2 /)
    }
  })
}

test('--version is the version of the package', async () => {
  assert.deepEqual(await runCommand(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
})

const onLinux = { skip: process.platform !== 'linux' }
const inShell = (script: string) =>
  spawnSync('bash', ['-c', script, process.execPath, entry], { encoding: 'utf8', timeout: 20_000 })

test('what cannot be printed is one line, and exit 1', onLinux, () => {
  const { status, stderr } = inShell('"$0" "$1" --version >/dev/full')
  assert.deepEqual([status, stderr], [1, 'the output cannot be written (ENOSPC)\n'])
})

test('what cannot be said changes no exit code', onLinux, () => {
  for (const closed of ['2>/dev/full', '2>&-', '2> >(exec true)', '>/dev/full 2>/dev/full'])
    assert.equal(inShell(`"$0" "$1" --nope ${closed}`).status, 2, closed)
  assert.equal(inShell('"$0" "$1" --version >/dev/full 2>/dev/full').status, 1)
})

test('who stops reading gets no error', onLinux, () => {
  const { stdout, stderr } = inShell('"$0" "$1" --help | true; echo "${PIPESTATUS[0]}"')
  assert.deepEqual([stdout, stderr], ['0\n', ''])
})

for (const [title, args, message] of [
  ['no command', [], /^no command given\n\ntoken-broker COMMAND/],
  ['an unknown command', ['deploy'], /^unknown command "deploy"\n\ntoken-broker COMMAND/],
  ['a command that is nearly one', ['chekc'], /^unknown command "chekc" \(did you mean "check"\?\)\n/],
  ['help for an unknown command', ['help', 'int'], /^unknown command "int" \(did you mean "init"\?\)\n/],
  ['an unknown option', ['--verison'], /^unknown option --verison \(did you mean "--version"\?\)\n/],
  ['an unknown command that steers a log', ['##[error]x\u2028'], /^unknown command "# #\[error\]x\\u\{2028\}"\n/],
  ['a token for a command', ['a'.repeat(40)], /^unknown command "\[removed\]"\n/],
  ['an unknown option that steers a log', ['check', "--x'\n##[error]y"], /^unknown option --x'\\u\{a\}# #\[error\]y\n/],
  [
    'an empty scope',
    ['exchange', '--broker', 'https://b.example', '--target', 'x', '--scope', ''],
    /^--scope is empty: /,
  ],
  [
    'a blank scope',
    ['exchange', '--broker', 'https://b.example', '--target', 'x', '--scope', ' '],
    /^--scope is empty: /,
  ],
  [
    'an unknown option of a command',
    ['check', '--jsno', 'x'],
    /^unknown option --jsno \(did you mean "--json"\?\)\n\ntoken-broker check/,
  ],
  ['an option that takes no value', ['check', '--json=yes', 'x'], /--json[^]*token-broker check FILE/],
  ['an option without its value', ['init', '--repo'], /--repo[^]*token-broker init/],
  ['check without a file', ['check'], /^FILE is missing/],
  ['check with two files', ['check', 'a', 'b'], /^one FILE at a time, not also b\n/],
  ['check of an empty name', ['check', ''], /^FILE is missing/],
  ['init of an empty name', ['init', ''], /^DIR is empty/],
  ['init with two folders', ['init', 'a', 'b'], /^one DIR at a time, not also b\n/],
] as const) {
  test(`${title}: exit 2, with the usage`, async () => {
    const { code, stdout, stderr } = await runCommand(args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, /\nExit codes: /)
    assert.doesNotMatch(stderr, /\n\s+at /)
  })
}
