import assert from 'node:assert/strict'
import { test } from 'node:test'
import { celPrograms } from '../../lib/trust/cel.ts'
import type { Evaluated } from '../../lib/trust/expression.ts'

function evaluate(source: string, claims: Record<string, unknown> = {}): Evaluated {
  return celPrograms(new Set([source]))(source, claims)
}

for (const [source, claims, expected] of [
  ['claims.a', { a: 'x' }, 'x'],
  ['claims.a', { a: true }, true],
  ['claims.a', { a: false }, false],
  ['claims.a', { a: 7 }, 7],
  ['claims.a + 1', { a: 7 }, 8],
  ['claims.a', { a: 1.5 }, 1.5],
  ['claims.a == 7', { a: 7 }, true],
  ['claims.a == 7', { a: '7' }, false],
  ['claims["a.b/c"].d', { 'a.b/c': { d: 'x' } }, 'x'],
  ['claims.list', { list: ['a', 1, true] }, ['a', 1, true]],
  ['claims.list', { list: [] }, []],
  ['claims.list', { list: [['a'], ['b', 2]] }, [['a'], ['b', 2]]],
  ['claims.list.exists(x, x == "b")', { list: ['a', 'b'] }, true],
  ['size(claims.list)', { list: ['a', 'b'] }, 2],
  ['claims.ref.startsWith("refs/tags/")', { ref: 'refs/tags/v1' }, true],
  ['claims.ref.matches("^v[0-9]+$")', { ref: 'v12' }, true],
  ['has(claims.a)', {}, false],
  ['"a" in claims', { a: 'x' }, true],
  ['"a" in claims', { b: 'x' }, false],
  ['has(claims.a.b)', { a: { b: 'x' } }, true],
  ['claims == {}', {}, true],
  ['claims.all(name, name != "a")', { b: 1 }, true],
  ['claims[claims.key]', { key: 'a', a: 'x' }, 'x'],
  ['{"all": claims}["all"].a', { a: 'x' }, 'x'],
  ['claims.o == {"a": [1, "x"]}', { o: { a: [1, 'x'] } }, true],
  // Names that every object of JavaScript has.
  ['"constructor" in claims', {}, false],
  ['has(claims.toString)', {}, false],
  ['claims.constructor', { constructor: 'x' }, 'x'],
  ['claims.a', { a: 'x', constructor: 'y' }, 'x'],
  ['claims.a.hasOwnProperty', { a: { hasOwnProperty: 'x' } }, 'x'],
] as const) {
  test(`${source} over ${JSON.stringify(claims)} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(evaluate(source, claims), { value: expected })
  })
}

for (const [title, source, claims] of [
  ['a claim that is absent', 'claims.a', {}],
  ['types that cannot be compared', 'claims.a < 3', { a: 'x' }],
  ['a division by zero', '1 / claims.a', { a: 0 }],
  ['an integer too large for JSON', 'claims.a * claims.a', { a: 2 ** 40 }],
  ['an overflow', 'claims.a * claims.a * claims.a', { a: 2 ** 40 }],
  ['a number that is none', '0.0 / claims.a', { a: 0.5 - 0.5 }],
  ['infinity', 'claims.a * 1e308', { a: 99.5 }],
  ['a map', 'claims', { a: 1 }],
  ['a map in a list', '[claims]', { a: 1 }],
  ['bytes', 'bytes(claims.a)', { a: 'x' }],
  ['a timestamp', 'timestamp(claims.a)', { a: '2026-01-01T00:00:00Z' }],
  ['null', 'claims.a == "x" ? null : null', { a: 'x' }],
  ['a function that does not exist', 'claims.a.nope()', { a: 'x' }],
] as const) {
  test(`${title} is no value`, () => {
    assert.ok('failed' in evaluate(source, claims))
  })
}

const blocked = { blocked: null, a: 'x' }
/** Each of them would be true, or an error that another condition hides, of a claim that is absent. */
for (const [source, claims] of [
  ['claims.blocked == "x"', blocked],
  ['claims.blocked == null', blocked],
  ['claims.blocked != "x"', blocked],
  ['!has(claims.blocked)', blocked],
  ['.claims.blocked == null', blocked],
  ['!("blocked" in claims)', blocked],
  ['!(r"blocked" in claims)', blocked],
  ["!('blocked' in claims)", blocked],
  ['!("\\x62locked" in claims)', blocked],
  ['!("blo" + "cked" in claims)', blocked],
  ['!(claims.name in claims)', { ...blocked, name: 'blocked' }],
  ['claims["\\x62locked"] == null', blocked],
  ['claims["blo" + "cked"] == null', blocked],
  ['claims[claims.name] == null', { ...blocked, name: 'blocked' }],
  ['[claims][0].blocked == null', blocked],
  ['{"all": claims}["all"].blocked == null', blocked],
  ['dyn(claims).blocked == null', blocked],
  ['[claims].all(all, !has(all.blocked))', blocked],
  ['has(claims.blocked) ? claims.blocked == "no" : true', blocked],
  ['claims.a == "x" ? !has(claims.blocked) : false', blocked],
  ['!has(claims.blocked) || claims.blocked == "no"', blocked],
  ['claims.a == "x" || has(claims.blocked)', blocked],
  ['claims.all(name, name != "blocked")', blocked],
  ['!claims.exists(name, name == "blo" + "cked")', blocked],
  ['size(claims) == 2', blocked],
  ['claims != {}', blocked],
  ['!has(claims.user.blocked)', { user: { blocked: null } }],
  ['!("blocked" in claims.user)', { user: { blocked: null } }],
  ['claims.user == {}', { user: { blocked: null } }],
  ['!has(claims.users[0].blocked)', { users: [{ blocked: null }] }],
  ['claims.users.all(user, !has(user.blocked))', { users: [{ blocked: null }] }],
  ['claims.users.all(user, !("blo" + "cked" in user))', { users: [{ blocked: null }] }],
  ['claims.users.map(user, has(user.blocked)) == [false]', { users: [{ blocked: null }] }],
  ['claims.users.filter(user, has(user.blocked)) == []', { users: [{ blocked: null }] }],
  ['claims.users.exists_one(user, !has(user.blocked))', { users: [{ blocked: null }] }],
  ['claims.users.all(claims, !has(claims.blocked))', { users: [{ blocked: null }] }],
  ['claims.groups.all(group, group != "blocked")', { groups: ['x', null] }],
  ['!("blocked" in claims.groups)', { groups: [null] }],
  ['size(claims.groups) == 1', { groups: [null] }],
  ['claims.groups[1] != "blocked"', { groups: ['x', null] }],
  ['claims.groups == [[null]]', { groups: [[null]] }],
] as const) {
  test(`${source} over ${JSON.stringify(claims)}: a null is neither absent nor a value`, () => {
    const result = evaluate(source, claims)
    assert.ok('failed' in result)
    assert.match(result.failed, /^a null (?:claim$|in (?:blocked|user|users|groups)$)/)
  })
}

test('a null in a claim that the expression does not name is of no interest', () => {
  assert.deepEqual(evaluate('claims.a == "x" && !("b" in claims)', { ...blocked, other: [null] }), { value: true })
})

test('why there is no value, without a word of the token', () => {
  for (const [source, claims, failed] of [
    ['claims.a == "x"', {}, 'an error'],
    ['claims.a < 3', { a: 'secret' }, 'an error'],
    ['timestamp(claims.a) == claims.a', { a: 'secret' }, 'an error'],
    ['claims.a.nope()', { a: 'secret' }, 'an error'],
    ['claims["a.b"] == 1', { 'a.b': { secret: null } }, 'a null in a.b'],
    ['size(claims) == 1', { secret: null }, 'a null claim'],
    ['size(claims.a) > 1', { a: Array.from({ length: 999 }, () => 'secret') }, 'more than 1000 claim values'],
    ['claims', { a: 'secret' }, 'neither text, number, boolean nor list'],
  ] as const)
    assert.deepEqual(evaluate(source, claims), { failed })
})

test('a thousand claim values are evaluated, one more is not', () => {
  // The map and its list count too.
  const ofSize = (length: number) => ({ list: Array.from({ length }, () => 'x') })
  assert.deepEqual(evaluate('size(claims.list)', ofSize(998)), { value: 998 })
  assert.ok('failed' in evaluate('size(claims.list)', ofSize(999)))
})

test('members of maps count, at every depth, also in claims that the expression does not name', () => {
  const deep = { a: { b: Object.fromEntries(Array.from({ length: 998 }, (_, i) => [`m${i}`, i])) }, other: 'x' }
  assert.ok('failed' in evaluate('has(claims.a.b.m1)', deep))
  assert.deepEqual(evaluate('claims.other', deep), { failed: 'more than 1000 claim values' })
})

test('only what was compiled is evaluated', () => {
  assert.throws(() => celPrograms(new Set(['claims.a']))('claims.b', {}), /not compiled/)
})
