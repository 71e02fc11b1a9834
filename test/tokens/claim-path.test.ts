import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimAt } from '../../lib/tokens/claim-path.ts'
import { parseJsonObject } from '../../lib/protocol/strict-json.ts'

const claims = parseJsonObject(
  '{"ref":"main","void":null,"groups":["a"],"nested":{"uid":"u1","void":null},"a/b":"slash","__proto__":{"role":"admin"}}',
)

for (const [title, path, value] of [
  ['a claim at the top', ['ref'], 'main'],
  ['a claim inside another', ['nested', 'uid'], 'u1'],
  ['a name with a slash', ['a/b'], 'slash'],
  ['a list, whole', ['groups'], ['a']],
  ['null', ['void'], null],
  ['null inside another', ['nested', 'void'], null],
  ['a member that is called __proto__', ['__proto__', 'role'], 'admin'],
] as const) {
  test(`${title} is found`, () => {
    assert.deepEqual(claimAt(claims, path), value)
  })
}

for (const [title, path] of [
  ['a claim that is absent', ['role']],
  ['a claim inside one that is absent', ['role', 'name']],
  ['an inherited name', ['toString']],
  ['an inherited name further down', ['nested', 'constructor']],
  ['the length of a text', ['ref', 'length']],
  ['a character of a text', ['ref', '0']],
  ['an element of a list', ['groups', '0']],
  ['the length of a list', ['groups', 'length']],
  ['a member of null', ['void', 'uid']],
  ['a member of a claim further down that is null', ['nested', 'void', 'uid']],
] as const) {
  test(`${title} is undefined`, () => {
    assert.equal(claimAt(claims, path), undefined)
  })
}
