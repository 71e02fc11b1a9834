import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { globMatches } from '../../../lib/trust/glob.ts'
import {
  intersection,
  isEmpty,
  noString,
  shortest,
  stringsExcept,
  stringsLike,
  stringsUnlike,
  tagTexts,
} from '../../../lib/trust/new-access/string-set.ts'

test('the shortest text of what is left', () => {
  const among = (...texts: string[]) => ({ among: new Set(texts) })
  for (const [sets, expected] of [
    [[stringsLike('refs/heads/*')], 'refs/heads/'],
    [[stringsLike('a*'), stringsUnlike('a')], 'ax'],
    [[stringsLike('x*'), stringsUnlike('x')], 'xy'],
    [[stringsLike('a*c'), stringsLike('*bb*')], 'abbc'],
    [[stringsLike('*/*'), stringsUnlike('*/')], '/x'],
    [[stringsLike('a*'), stringsUnlike('a*b'), stringsExcept(new Set(['a', 'ax']))], 'ay'],
    [[stringsLike('*'), stringsLike('*é'), stringsUnlike('é')], 'xé'],
    [[stringsExcept(new Set(['']))], 'x'],
    [[stringsExcept(new Set(['', 'a*']))], 'x'],
    [[tagTexts, stringsUnlike('?')], 'x'],
    [[tagTexts, stringsLike('a*'), stringsExcept(new Set(['a']))], 'ax'],
    [[among('ab', 'c', 'd/'), stringsLike('*')], 'c'],
  ] as const) {
    const left = sets.reduce((one, other) => intersection(one, other), stringsExcept(new Set()))
    assert.equal(shortest(left), expected)
  }
})

test('nothing is left', () => {
  for (const [one, other] of [
    [stringsLike('a*'), stringsUnlike('a*')],
    [stringsLike('ab*'), stringsUnlike('a*')],
    [stringsLike('a**b'), stringsUnlike('a*b')],
    [stringsLike('a/*'), stringsLike('a:*')],
    [stringsLike('*'), stringsLike('*/*')],
    [stringsLike('a'), stringsExcept(new Set(['a']))],
    [tagTexts, stringsLike('')],
    [tagTexts, stringsLike('a#*')],
    [noString, stringsExcept(new Set())],
  ] as const) {
    assert.ok(isEmpty(intersection(one, other)))
    assert.ok(isEmpty(intersection(other, one)))
  }
})

const characters = ['a', 'b', '/', ':', 'x']
const texts = [1, 2, 3, 4]
  .reduce<string[][]>(
    (lists) => [...lists, (lists.at(-1) as string[]).flatMap((text) => characters.map((one) => text + one))],
    [['']],
  )
  .flat()
const globs = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '*', '*'), maxLength: 4 })

test('what globs leave is what is left of all short texts', () => {
  fc.assert(
    fc.property(
      fc.array(globs, { maxLength: 2 }),
      fc.array(globs, { maxLength: 3 }),
      fc.subarray(['', 'a', 'b', 'ab', '/', 'a/b']),
      (like, unlike, except) => {
        const set = [...like.map(stringsLike), ...unlike.map(stringsUnlike), stringsExcept(new Set(except))].reduce(
          intersection,
        )
        const isLeft = (text: string) =>
          like.every((glob) => globMatches(glob, text)) &&
          !unlike.some((glob) => globMatches(glob, text)) &&
          !except.includes(text)
        const shortestLeft = texts.find(isLeft)
        if (isEmpty(set)) return assert.equal(shortestLeft, undefined)
        const found = shortest(set)
        assert.ok(isLeft(found), found)
        // Of longer ones than were tried there may be some.
        if (shortestLeft !== undefined) assert.equal(found.length, shortestLeft.length)
      },
    ),
    { numRuns: 3_000 },
  )
})
