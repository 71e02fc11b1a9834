import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExpression } from '../../lib/config/expression.ts'

for (const [source, path] of [
  ['claims.sha', ['sha']],
  ['claims._a1.B', ['_a1', 'B']],
  ['claims["kubernetes.io"].pod.name', ['kubernetes.io', 'pod', 'name']],
  ["claims['a b']['c']", ['a b', 'c']],
] as const) {
  test(`${source} is a path`, () => {
    assert.deepEqual(parseExpression(source), { path })
  })
}

const padded = (length: number) => `claims.a == "${'x'.repeat(length - 'claims.a == ""'.length)}"`
const nested = (depth: number) => `${'('.repeat(depth)}claims.a${')'.repeat(depth)} == 1`

for (const [title, source] of [
  ['an operator', 'claims.a == 1'],
  ['a method', 'claims.a.startsWith("x")'],
  ['an index', 'claims.a[0] == "x"'],
  ['1,024 characters', padded(1_024)],
  ['a nesting of 16', nested(16)],
  ['many brackets side by side', Array.from({ length: 20 }, () => '(claims.a == 1)').join(' && ')],
  ['a comprehension', 'claims.a.exists(x, x == claims.b)'],
  ['claims alone', 'claims == {}'],
  ['a comprehension, and the word for one in a text', 'claims.a.all(x, x != ".map(")'],
  ['a pattern that is written out', 'claims.ref.matches("^v[0-9]+$")'],
  ['1,000 negations', `${'!'.repeat(1_000)}claims.a`],
] as const) {
  test(`${title} is CEL`, () => {
    assert.deepEqual(parseExpression(source), { cel: source })
  })
}

for (const [title, source, message] of [
  ['another root of the same length', 'tokens.sha', /speak of claims/],
  ['a name that only begins like claims', 'claimsx.a == 1', /speak of claims/],
  ['1,025 characters', padded(1_025), /1024/],
  ['a nesting of 17', nested(17), /16/],
  ['a comprehension in another', 'claims.a.all(x, claims.b.exists(y, x == y))', /more than one/],
  ['a comprehension in another, spaced', 'claims.a.map (x, claims.b. map(y, x + y))', /more than one/],
  ['a comprehension after another', 'claims.a.all(x, x) && claims.b.all(x, x)', /more than one/],
  ['a comprehension after another, behind a comment', 'claims.a.all(x, x) && claims.b.//\nall(x, x)', /more than one/],
  ['a comprehension by its other name', 'claims.a.exists_one(x, x) && claims.b.existsOne(x, x)', /more than one/],
  ['claims in a comment', '1 == 1 // claims.a\n', /speak of claims/],
  ['claims in a text', '"claims.a" == "x"', /speak of claims/],
  ['claims in a long text', '"""a "claims.a" """ == "x"', /speak of claims/],
  ['a pattern that the token brings', 'claims.ref.matches(claims.pattern)', /pattern of matches/],
  ['a pattern that the token has a part in', 'claims.ref.matches("^" + claims.pattern)', /pattern of matches/],
  ['an open bracket', 'claims.a[', /not valid CEL/],
  ['nothing', '', /not valid CEL/],
] as const) {
  test(`${title} is refused`, () => {
    assert.throws(
      () => parseExpression(source),
      (error) => error instanceof SyntaxError && message.test(error.message),
    )
  })
}
