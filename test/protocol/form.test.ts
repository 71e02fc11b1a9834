import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { parseForm } from '../../lib/protocol/form.ts'

const parsed = (body: string) => Object.fromEntries(parseForm(body))

test('names and values are decoded', () => {
  assert.deepEqual(parsed('a=1&b%20c=d+e%26&f=%C3%B6'), { a: ['1'], 'b c': ['d e&'], f: ['ö'] })
})

test('RFC 6749 section 3.2: a parameter without a value counts as absent', () => {
  assert.deepEqual(parsed('a=&b&c=1&&'), { c: ['1'] })
})

test('RFC 8693 section 2.1: audience and resource may be repeated', () => {
  assert.deepEqual(parsed('audience=a&audience=b&resource=c&resource=d'), {
    audience: ['a', 'b'],
    resource: ['c', 'd'],
  })
})

test('the limits themselves are within', () => {
  assert.equal(parseForm(Array.from({ length: 100 }, (_, i) => `p${i}=1`).join('&')).size, 100)
  assert.equal(parseForm(`a=${'x'.repeat(64 * 1024 - 2)}`).size, 1)
})

for (const [title, body, reason] of [
  ['a repeated parameter', 'scope=a&scope=b', 'parameter_repeated'],
  ['a repeated parameter, once empty', 'scope=&scope=b', 'parameter_repeated'],
  ['a repeated parameter, once encoded', 'scope=a&%73cope=b', 'parameter_repeated'],
  ['a repeated unknown parameter', 'x=1&x=1', 'parameter_repeated'],
  ['broken percent-encoding', 'a=%zz', 'form_malformed'],
  ['a cut percent-encoding', 'a=%4', 'form_malformed'],
  ['invalid UTF-8', 'a=%ff', 'form_malformed'],
  ['an overlong encoding', 'a=%c0%af', 'form_malformed'],
  ['too many parameters', Array.from({ length: 101 }, (_, i) => `p${i}=1`).join('&'), 'form_malformed'],
  ['too many bytes', `a=${'x'.repeat(64 * 1024 - 1)}`, 'request_too_large'],
] as const) {
  test(`${title} is refused`, () => {
    assert.throws(
      () => parseForm(body),
      (error) => error instanceof RefusedError && error.refusal.reason === reason,
    )
  })
}
