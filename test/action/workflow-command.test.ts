import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCommand, logLine } from '../../action/workflow-command.ts'
import { addMask } from '../../client/workflow-command.ts'
import { readAsRunner } from './runner.ts'

for (const [title, secret] of [
  ['of one line', 'one'],
  ['of several lines', 'first line\nsecond\r\nthird'],
  ['with what is escaped', '100%0A%25'],
  ['that looks like a command', '::error::x'],
] as const) {
  test(`a secret ${title} is masked, whole and line by line`, () => {
    const { text, commands } = readAsRunner(`${addMask(secret)}> ${secret}\n`)
    assert.deepEqual(commands, [{ name: 'add-mask', data: secret }])
    for (const line of secret.split(/[\r\n]+/)) assert.ok(!text.includes(line))
    assert.match(text, /^> \*\*\*/)
  })
}

test('an error keeps its lines, and is one command', () => {
  const message = 'first 100%\n::set-output name=a::b\n##[add-mask]c'
  assert.deepEqual(readAsRunner(errorCommand(message)).commands, [
    { name: 'error', data: 'first 100%\n::set-output name=a::b\n# #[add-mask]c' },
  ])
})

test('an error shows what steers a terminal, and does not send it', () => {
  assert.equal(errorCommand('a\u001b[2J\u2028b\rc'), '::error title=token-broker::a\\u{1b}[2J\\u{2028}b\\u{d}c\n')
})

for (const text of [
  '::error::x',
  '##[error]x',
  'a ##[set-output name=b]c',
  'a\n::error::x',
  'a\r##[error]x',
  '##\u200b[x]',
])
  test(`in a line of the log ${JSON.stringify(text)} is text`, () => {
    const line = logLine(text)
    assert.deepEqual(readAsRunner(line).commands, [])
    assert.deepEqual([...line.matchAll(/[\r\n]/g)].length, 1)
  })
