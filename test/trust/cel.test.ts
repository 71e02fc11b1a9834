import assert from 'node:assert/strict'
import { test } from 'node:test'
import { celPrograms } from '../../lib/trust/cel.ts'

function evaluate(source: string, claims: Record<string, unknown> = {}): unknown {
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
] as const) {
  test(`${source} over ${JSON.stringify(claims)} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(evaluate(source, claims), expected)
  })
}

for (const [title, source, claims] of [
  ['a claim that is absent', 'claims.a', {}],
  ['a claim that is null', 'claims.a', { a: null }],
  ['a null member that the source tests for', '!("blocked" in claims)', { blocked: null }],
  ['a null member deep inside', 'claims.a.b == "x"', { a: { b: null } }],
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
    assert.equal(evaluate(source, claims), undefined)
  })
}

test('a thousand claim values are evaluated, one more is not', () => {
  // The map and its list count too.
  const ofSize = (length: number) => ({ list: Array.from({ length }, () => 'x') })
  assert.equal(evaluate('size(claims.list)', ofSize(998)), 998)
  assert.equal(evaluate('size(claims.list)', ofSize(999)), undefined)
})

test('only what was compiled is evaluated', () => {
  assert.throws(() => celPrograms(new Set(['claims.a']))('claims.b', {}), /not compiled/)
})
