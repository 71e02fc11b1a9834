import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { coloured } from '../../cli/colour.ts'

const { isTTY } = process.stdout
const { NO_COLOR = '' } = process.env
afterEach(() => {
  process.stdout.isTTY = isTTY
  process.env.NO_COLOR = NO_COLOR
})

for (const [what, terminal, noColour, line, expected] of [
  ['what holds is green', true, '', '  ✓ keys', '\u001b[32m  ✓ keys\u001b[39m'],
  ['what does not is red', true, '', '  x keys', '\u001b[31m  x keys\u001b[39m'],
  ['a warning is yellow', true, '', '  ! keys', '\u001b[33m  ! keys\u001b[39m'],
  ['what was not tried has no colour', true, '', '  - keys', '  - keys'],
  ['a word is no mark', true, '', 'xylophone ✓ keys', 'xylophone ✓ keys'],
  ['where no terminal is there is no colour', false, '', '  x keys', '  x keys'],
  ['NO_COLOR is heard', true, '1', '  x keys', '  x keys'],
] as const)
  test(what, () => {
    process.stdout.isTTY = terminal
    process.env.NO_COLOR = noColour
    assert.equal(coloured(line), expected)
  })
