import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable, printablePath } from '../../client/printable.ts'
import { toOneLine } from '../../lib/protocol/one-line.ts'

for (const [title, text, shown] of [
  ['an AWS secret access key', 'key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY.', 'key [removed].'],
  ['a part of a token', `x.${'a'.repeat(32)}.y`, 'x.[removed].y'],
  ['a decision id', 'decision A1b2C3d4E5f6G7h8I9j0Kw', 'decision A1b2C3d4E5f6G7h8I9j0Kw'],
  ['a command of GitHub', 'a ###[error]x##[group]', 'a ## #[error]x# #[group]'],
  ['a line', 'a\nb', String.raw`a\u{a}b`],
] as const) {
  test(`printable: ${title}`, () => assert.equal(printable(text), shown))
}

test('a path is shown, however long, and a token in its place is not', () => {
  const path = '/var/run/secrets/tokens/of/this/job/token-broker'
  assert.equal(printablePath(path), path)
  assert.equal(printablePath(`/x/${'a'.repeat(32)}`), '/x/[removed]')
})

test('one line keeps what is long', () => {
  assert.equal(toOneLine(`${'a'.repeat(40)}##[x]`), `${'a'.repeat(40)}# #[x]`)
})
