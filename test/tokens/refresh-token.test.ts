import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRefreshToken, seal, successorOf, toRefreshToken, unseal } from '../../lib/tokens/refresh-token.ts'

const common = 'c'.repeat(22)
const first = toRefreshToken('family-1', common, 's'.repeat(43))
const second = successorOf(first, 't'.repeat(43))
const nonce = Buffer.alloc(12, 7).toString('base64url')

test('what is made is read as it was made, and a successor is of its family', () => {
  assert.deepEqual(parseRefreshToken(first.text), first)
  assert.equal(second.text, `family-1.${common}.${'t'.repeat(43)}`)
  assert.equal(second.holder, first.holder)
  assert.notEqual(second.hash, first.hash)
})

for (const [title, text] of [
  ['nothing', ''],
  ['a JWT', `${'h'.repeat(20)}.${'p'.repeat(200)}.${'s'.repeat(86)}`],
  ['a part less', `family-1.${'s'.repeat(43)}`],
  ['a part more', `${first.text}.x`],
  ['no family', `.${common}.${'s'.repeat(43)}`],
  ['a family that is too long', `${'f'.repeat(65)}.${common}.${'s'.repeat(43)}`],
  ['other characters', first.text.replace('s', '+')],
  ['a line more', `${first.text}\n`],
] as const)
  test(`${title} is no refresh token`, () => assert.equal(parseRefreshToken(text), undefined))

test('a successor is read by who holds the token before it, and by nobody else', () => {
  const sealed = seal(second, first, nonce)
  assert.ok(!Buffer.from(sealed, 'base64url').includes('t'.repeat(8)))
  assert.deepEqual(unseal(sealed, first), second)
  assert.equal(unseal(sealed, second), undefined)
  assert.equal(unseal(sealed, toRefreshToken('family-1', common, 'u'.repeat(43))), undefined)
})

test('one that somebody has changed, or cut, is read by nobody', () => {
  const sealed = Buffer.from(seal(second, first, nonce), 'base64url')
  for (let at = 0; at < sealed.length; at += 9) {
    const changed = Buffer.from(sealed)
    changed[at]! ^= 1
    assert.equal(unseal(changed.toString('base64url'), first), undefined)
  }
  for (const length of [0, 11, 12, 27, 28, sealed.length - 1])
    assert.equal(unseal(sealed.subarray(0, length).toString('base64url'), first), undefined)
})

test('two of one token, with other nonces, have nothing in common', () => {
  const [one, other] = [nonce, Buffer.alloc(12, 8).toString('base64url')].map((each) => seal(second, first, each))
  assert.notEqual(one!.slice(16), other!.slice(16))
})
