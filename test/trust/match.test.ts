import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operator } from '../../lib/trust/configuration.ts'
import { matches } from '../../lib/trust/match.ts'

const claims = JSON.parse(
  '{"ref":"main","n":3,"yes":true,"nothing":null,"groups":["a","b"],"nested":{"uid":"u1"},"a/b":"slash","__proto__":{"polluted":"x"}}',
) as Record<string, unknown>

for (const [title, path, operator, expected] of [
  ['equal text', ['ref'], { equals: ['main'] }, true],
  ['one of a list', ['ref'], { equals: ['x', 'main'] }, true],
  ['none of a list', ['ref'], { equals: ['x', 'y'] }, false],
  ['an empty list', ['ref'], { equals: [] }, false],
  ['text against a number', ['n'], { equals: ['3'] }, false],
  ['a number against a number', ['n'], { equals: [3] }, true],
  ['a boolean against text', ['yes'], { equals: ['true'] }, false],
  ['a boolean against a boolean', ['yes'], { equals: [true] }, true],
  ['a boolean under not', ['yes'], { not: [false] }, true],
  ['a scalar against an array that holds it', ['groups'], { equals: ['a'] }, false],
  ['an array that contains it', ['groups'], { contains: 'a' }, true],
  ['an array that does not contain it', ['groups'], { contains: 'c' }, false],
  ['contains on a scalar, also as a substring', ['ref'], { contains: 'main' }, false],
  ['not something else', ['ref'], { not: ['dev'] }, true],
  ['not itself', ['ref'], { not: ['main'] }, false],
  ['an absent claim under not', ['absent'], { not: ['dev'] }, false],
  ['a null claim under not', ['nothing'], { not: ['dev'] }, false],
  ['an array under not', ['groups'], { not: ['c'] }, false],
  ['an absent claim', ['absent'], { equals: ['x'] }, false],
  ['a null claim', ['nothing'], { equals: ['null'] }, false],
  ['a nested claim', ['nested', 'uid'], { equals: ['u1'] }, true],
  ['a path through a scalar', ['ref', 'length'], { equals: [4] }, false],
  ['a path through an array', ['groups', '0'], { equals: ['a'] }, false],
  ['a literal name with a slash', ['a/b'], { equals: ['slash'] }, true],
  ['an inherited name', ['constructor', 'name'], { equals: ['Object'] }, false],
  ['a member named __proto__ changes nothing else', ['polluted'], { equals: ['x'] }, false],
  ['a glob', ['ref'], { glob: 'ma*' }, true],
  ['a glob on a number', ['n'], { glob: '*' }, false],
] as const satisfies readonly (readonly [string, readonly string[], Operator, boolean])[]) {
  test(`${title} ${expected ? 'matches' : 'does not match'}`, () => {
    assert.equal(matches({ key: 'k', path, operator }, claims), expected)
  })
}
