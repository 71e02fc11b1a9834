import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimAt, toClaims, toName, toPath, type ClaimPath } from '../../lib/tokens/claim-path.ts'
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

for (const [path, name] of [
  [['ref'], 'ref'],
  [['a/b'], 'a/b'],
  [['a~b'], 'a~b'],
  [['kubernetes.io', 'serviceaccount', 'uid'], '/kubernetes.io/serviceaccount/uid'],
  [['a/b~1', 'c'], '/a~1b~01/c'],
  [['/a/b'], '/~1a~1b'],
  [['a', ''], '/a/'],
] as const) {
  test(`${JSON.stringify(path)} is written ${name}, and read back`, () => {
    assert.equal(toName(path), name)
    assert.deepEqual(toPath(name), path)
  })
}

test('claims of their paths: each value is found again, and nothing beside it', () => {
  const values: [ClaimPath, unknown][] = [
    [['ref'], 'main'],
    [['a', 'b', 'c'], 1],
    [['a', 'b', 'd'], null],
    [['a', 'e'], ['x']],
    [['__proto__', 'role'], 'admin'],
    [['a/b'], false],
  ]
  const claims = toClaims(values)
  for (const [path, value] of values) assert.deepEqual(claimAt(claims, path), value)
  assert.equal(claimAt(claims, ['role']), undefined)
  assert.equal(claimAt(claims, ['a', 'b', 'x']), undefined)
})

for (const order of [0, 1])
  test(`a claim that is there whole, and in part ${order === 0 ? 'after' : 'before'} it, is there whole`, () => {
    const whole = { b: 1, c: 2 }
    const values: [ClaimPath, unknown][] = [
      [['a'], whole],
      [['a', 'b'], 1],
    ]
    assert.deepEqual(toClaims(order === 0 ? values : values.toReversed()), { a: whole })
  })
