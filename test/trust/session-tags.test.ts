import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sessionTags } from '../../lib/trust/session-tags.ts'
import { claimAt } from '../../lib/tokens/claim-path.ts'
import type { Evaluate } from '../../lib/trust/expression.ts'

const evaluate: Evaluate = (expression, claims) => {
  const value = 'path' in expression ? claimAt(claims, expression.path) : undefined
  return value === undefined ? { failed: 'absent' } : { value }
}
const tagsOf = (claims: Record<string, unknown>) =>
  sessionTags({ repository: { path: ['repository'] } }, claims, evaluate)

describe('what STS takes as a tag’s value is passed on as it is', () => {
  for (const value of [
    'acme/web',
    'refs/heads/main',
    'not-aws:x',
    'a b_c.d:e/f=g+h-i@j',
    'Zürich 日本 Ⅷ',
    'x'.repeat(256),
    // Spaces of every kind: an outer one is not trimmed.
    ' \u00a0\u2003acme ',
  ])
    test(JSON.stringify(value).slice(0, 40), () => {
      assert.deepEqual(tagsOf({ repository: value }), { values: { repository: value } })
    })
})

describe('what STS would refuse is refused before it is asked', () => {
  const character = 'its value has a character that AWS does not take in a tag'
  for (const [title, value, detail] of [
    ['257 characters', 'x'.repeat(257), 'its value is longer than 256 characters'],
    ['a quote', 'a"b', character],
    ['a wildcard', 'acme/*', character],
    ['a question mark', 'acme/w?b', character],
    ['a policy variable', '${aws:PrincipalTag/admin}', character],
    ['a comma', 'a,b', character],
    ['a line break', 'a\nb', character],
    ['a null byte', 'a\0b', character],
    ['half a surrogate pair', 'a\ud800', character],
    ['a zero-width space', 'a\u200bb', character],
    ['a right-to-left override', 'a\u202eb', character],
    ['an emoji', '🚀', character],
    ['AWS’s own prefix', 'aws:admin', 'its value begins with aws:, which is reserved'],
    ['in other letters', 'AWS:admin', 'its value begins with aws:, which is reserved'],
    ['nothing', '', 'its value is empty'],
    ['a number', 42, 'its value is not text'],
    ['a boolean', true, 'its value is not text'],
    ['a list', ['acme/web'], 'its value is not text'],
    ['a map', { a: 'b' }, 'its value is not text'],
    ['no value', undefined, 'it has no value: absent'],
  ] as const)
    test(title, () => {
      assert.deepEqual(tagsOf({ repository: value }), { refused: { tag: 'repository', detail } })
    })
})

test('the first that fails is named, and none is passed on', () => {
  const tags = { good: { path: ['good'] }, bad: { path: ['bad'] } }
  assert.deepEqual(sessionTags(tags, { good: 'x', bad: '"' }, evaluate), {
    refused: { tag: 'bad', detail: 'its value has a character that AWS does not take in a tag' },
  })
})

test('whatever a claim holds, its value is passed on unchanged or not at all', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), (value) => {
      const tags = tagsOf({ repository: value })
      if ('values' in tags) {
        assert.equal(tags.values.repository, value)
        assert.doesNotMatch(value, /[*?"'${}\\,;<>&\r\n]/)
      }
    }),
    { numRuns: 1_000 },
  )
})
