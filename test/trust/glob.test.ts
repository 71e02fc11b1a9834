import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { globMatches } from '../../lib/trust/glob.ts'

for (const [pattern, text, expected] of [
  ['refs/heads/main', 'refs/heads/main', true],
  ['refs/heads/main', 'refs/heads/main2', false],
  ['refs/heads/*', 'refs/heads/main', true],
  ['refs/heads/*', 'refs/heads/', true],
  ['refs/heads/*', 'refs/heads/feature/x', false],
  ['refs/heads/*', 'xrefs/heads/main', false],
  ['refs/heads/release-*', 'refs/heads/release-1.2', true],
  ['refs/heads/*-rc', 'refs/heads/1-rc-2', false],
  ['refs/heads/*-rc', 'refs/heads/1-rc-rc', true],
  ['a*a', 'a', false],
  ['*ab*b', 'ab', false],
  ['*ab*b', 'abb', true],
  ['a*a', 'aa', true],
  ['*a*a*', 'bab', false],
  ['repo:acme/*:ref', 'repo:acme/web:ref', true],
  ['repo:acme/*:ref', 'repo:acme/web:environment:ref', false],
  ['repo:acme/*', 'repo:acme/web:ref', false],
  ['a.c', 'abc', false],
  ['a?c', 'abc', false],
  ['[ab]', 'a', false],
  ['a|b', 'a', false],
  ['a*', 'a\nb', true],
  ['', '', true],
  ['', 'a', false],
] as const) {
  test(`${JSON.stringify(pattern)} ${expected ? 'fits' : 'does not fit'} ${JSON.stringify(text)}`, () => {
    assert.equal(globMatches(pattern, text), expected)
  })
}

test('agrees with an anchored regular expression, and never lets * cross a separator', () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '*', '/', ':', '.'), maxLength: 12 })
  fc.assert(
    fc.property(
      piece,
      fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '.'), maxLength: 12 }),
      (pattern, text) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('*', '[^/:]*')
        assert.equal(globMatches(pattern, text), new RegExp(`^(?:${source})$`).test(text))
      },
    ),
    { numRuns: 5_000 },
  )
})
