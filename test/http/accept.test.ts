import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prefers } from '../../lib/http/accept.ts'

const special = 'application/token-introspection+jwt'

for (const accept of [
  special,
  'Application/Token-Introspection+JWT',
  `${special};q=0.001`,
  `${special}; q=1.000`,
  `text/html, ${special};q=0.5`,
  `application/json;q=0.9, ${special}`,
  `${special};q=0.6,application/json;q=0.5`,
  // What names it comes before what takes anything.
  `${special}, */*`,
  `*/*, ${special}`,
  `application/*, ${special}`,
  `*/*;q=0.8, ${special};q=0.9`,
  // The most specific range says how much JSON is liked.
  `application/json;q=0.1, */*, ${special};q=0.5`,
  `${special}, application/json;q=0`,
  `, ${special},, `,
  `${special};`,
  `${special};v=1`,
  `application/json;charset=utf-8;q=0.5, ${special}`,
])
  test(`Accept: ${accept} prefers it`, () => assert.equal(prefers(accept, special, 'application/json'), true))

for (const accept of [
  undefined,
  '',
  '*/*',
  'application/*',
  'application/json',
  'text/html',
  'application/jwt',
  `application/json, ${special}`,
  `${special}, application/json`,
  `${special};q=0.5, application/json`,
  `${special};q=0.5, */*`,
  `${special};q=0.5, application/*;q=0.6`,
  `${special};q=0`,
  `${special};q=0, application/json;q=0`,
  `${special};q=0, */*;q=0`,
  // Malformed.
  `${special};q=2`,
  `${special};q=0.0001`,
  `${special};q=-1`,
  `${special};q=`,
  `${special};q`,
  `${special};q=high`,
  `${special} q=1`,
  `${special}/x`,
  `${special}, json`,
  `${special}, a/b/c`,
  `${special}, text/html;a="b,c"`,
  `${special};q =1`,
  '\u0000',
])
  test(`Accept: ${JSON.stringify(accept)} does not`, () =>
    assert.equal(prefers(accept, special, 'application/json'), false))
