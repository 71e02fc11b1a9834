import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'
import type { Expression, Rule } from '../../lib/trust/configuration.ts'
import { celSources, loadEvaluate } from '../../lib/trust/expression.ts'
import { configuration, grant, rule } from './policy-fixture.ts'

const loaded: string[] = []
registerHooks({
  load(url, context, next) {
    loaded.push(url)
    return next(url, context)
  },
})

function ruleWith(when: Expression, claims: Record<string, Expression> = {}): readonly Rule[] {
  return [rule('r', { when, grant: [grant('api'), grant('plain', { claims })] })]
}

test('paths need no engine: where there is nothing else, it is not loaded, and need not be deployed', async () => {
  const paths = configuration([...ruleWith({ path: ['a'] }, { x: { path: ['b', 'c'] } }), rule('s')])
  assert.deepEqual(celSources(paths), new Set())
  const evaluate = await loadEvaluate(paths)
  assert.deepEqual(evaluate({ path: ['b', 'c'] }, { b: { c: 'x' } }), { value: 'x' })
  assert.deepEqual(evaluate({ path: ['b', 'c'] }, { b: {} }), { failed: 'absent' })
  assert.deepEqual(evaluate({ path: ['b'] }, { b: null }), { failed: 'null' })
  assert.deepEqual(evaluate({ path: ['b'] }, { b: false }), { value: false })
  assert.deepEqual(evaluate({ cel: 'true' }, {}), { failed: 'an error' })
  assert.deepEqual(loaded, [])
})

test('an expression in when or in claims brings the engine', async () => {
  for (const rules of [
    ruleWith({ cel: 'claims.n + 1 == 2' }),
    ruleWith({ path: ['a'] }, { x: { path: ['b'] }, y: { cel: 'claims.n + 1 == 2' } }),
  ]) {
    const evaluate = await loadEvaluate(configuration(rules))
    assert.deepEqual(evaluate({ cel: 'claims.n + 1 == 2' }, { n: 1 }), { value: true })
    assert.deepEqual(evaluate({ path: ['a'] }, { a: 'x' }), { value: 'x' })
    assert.deepEqual(celSources(configuration(rules)), new Set(['claims.n + 1 == 2']))
  }
  assert.ok(loaded.some((url) => url.endsWith('/cel.ts')))
})
