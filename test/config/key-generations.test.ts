import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyGenerations } from '../../lib/config/key-generations.ts'

test('every algorithm has an active generation, by default 1', () => {
  assert.deepEqual(
    keyGenerations({ algorithms: ['ES256', 'RS256'], keys: { RS256: { active: '3', published: [] } } }),
    [
      { alg: 'ES256', generation: '1', state: 'active' },
      { alg: 'RS256', generation: '3', state: 'active' },
    ],
  )
})

test('generations of an algorithm that is not listed are none', () => {
  const keys = { ES256: { active: '1', published: ['2'] } }
  assert.deepEqual(keyGenerations({ algorithms: ['RS256'], keys }), [
    { alg: 'RS256', generation: '1', state: 'active' },
  ])
})

for (const [published, active, state] of [
  ['1', '2', 'retiring'],
  ['3', '2', 'pending'],
  ['9', '10', 'retiring'],
  ['10', '9', 'pending'],
  ['2026-04', '2026-10', 'retiring'],
  ['2027-01', '2026-10', 'pending'],
] as const) {
  test(`published ${published} beside active ${active} is ${state}`, () => {
    assert.deepEqual(keyGenerations({ algorithms: ['ES256'], keys: { ES256: { active, published: [published] } } }), [
      { alg: 'ES256', generation: active, state: 'active' },
      { alg: 'ES256', generation: published, state },
    ])
  })
}

test('a generation that is named twice is one key, and active if it is that', () => {
  const keys = { ES256: { active: '2', published: ['2', '1', '1'] } }
  assert.deepEqual(keyGenerations({ algorithms: ['ES256'], keys }), [
    { alg: 'ES256', generation: '2', state: 'active' },
    { alg: 'ES256', generation: '1', state: 'retiring' },
  ])
})
