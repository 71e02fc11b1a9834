import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCompactJws } from '../../lib/tokens/compact-jws.ts'

const segment = (text: string) => Buffer.from(text).toString('base64url')
const header = segment('{"alg":"RS256"}')
const payload = segment('{"iss":"https://ci.test"}')
// 256 bytes, as an RSA signature has: its last character leaves four bits unused.
const signature = Buffer.alloc(256, 7).toString('base64url')
const token = `${header}.${payload}.${signature}`

function refusedFor(detail: string) {
  return { refusal: { reason: 'token_malformed', detail } }
}

test('header and payload are read, and what is signed is the token’s own text', () => {
  assert.deepEqual(parseCompactJws(token), {
    header: { alg: 'RS256' },
    payload: { iss: 'https://ci.test' },
    signed: `${header}.${payload}`,
  })
})

/** A good token but for its length. */
function ofLength(length: number): string {
  const start = `${header}.${payload}.`
  return start + 'A'.repeat(length - start.length)
}

test('16 KiB are read, one byte more is not', () => {
  assert.deepEqual(parseCompactJws(ofLength(16_384)), parseCompactJws(token))
  assert.throws(() => parseCompactJws(ofLength(16_385)), refusedFor('longer than 16384 bytes'))
})

for (const [title, spoilt, detail] of [
  ['two segments', `${header}.${payload}`, 'not three segments'],
  ['four segments', `${token}.AA`, 'not three segments'],
  ['five segments, an encrypted token', `${token}.AA.AA`, 'not three segments'],
  ['16,000 dots', '.'.repeat(16_000), 'not three segments'],
  ['nothing', '', 'not three segments'],
  ['an empty header', `.${payload}.${signature}`, 'not three segments'],
  ['an empty payload', `${header}..${signature}`, 'not three segments'],
  ['an empty signature', `${header}.${payload}.`, 'not three segments'],
  ['padding', `${token}==`, 'signature: not canonical base64url'],
  ['a line break', `${token}\n`, 'signature: not canonical base64url'],
  ['a space before it', ` ${token}`, 'header: not canonical base64url'],
  ['a byte outside base64url', `${header}.${payload}+.${signature}`, 'payload: not canonical base64url'],
  ['the alphabet of plain base64', `${header}.${payload}.++//`, 'signature: not canonical base64url'],
  // The same bytes, spelt otherwise: what a lax decoder takes for the same token.
  ['unused bits that are set', token.replace(/.$/, 'x'), 'signature: not canonical base64url'],
] as const) {
  test(`${title} is not a token`, () => {
    assert.throws(() => parseCompactJws(spoilt), refusedFor(detail))
  })
}

for (const [title, text, detail] of [
  ['a duplicate member', '{"iss":"https://ci.test","iss":"https://ci.test"}', 'duplicate member name'],
  ['a duplicate member spelt with an escape', '{"iss":"x","\\u0069ss":"x"}', 'duplicate member name'],
  ['a duplicate member deep inside', '{"a":[{"b":{"c":1,"c":2}}]}', 'duplicate member name'],
  ['a byte order mark', '\ufeff{"iss":"https://ci.test"}', 'not valid JSON'],
  ['nesting deeper than 16', `{"a":${'['.repeat(16)}${']'.repeat(16)}}`, 'nested deeper than 16'],
  ['an array', '["https://ci.test"]', 'not a JSON object'],
  ['null', 'null', 'not a JSON object'],
  ['text after the object', '{"iss":"https://ci.test"} x', 'not valid JSON'],
  ['invalid JSON', '{iss:1}', 'not valid JSON'],
] as const) {
  test(`a header or a payload with ${title} is refused`, () => {
    assert.throws(() => parseCompactJws(`${segment(text)}.${payload}.${signature}`), refusedFor(`header: ${detail}`))
    assert.throws(() => parseCompactJws(`${header}.${segment(text)}.${signature}`), refusedFor(`payload: ${detail}`))
  })
}
