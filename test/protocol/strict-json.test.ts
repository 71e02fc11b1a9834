import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseJsonObject } from '../../lib/protocol/strict-json.ts'

const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`

for (const [title, text] of [
  ['the same name in two objects', '{"a":{"x":1},"b":{"x":2},"x":3}'],
  ['a value that looks like a name', '{"a":"a","b":"a"}'],
  ['quotes and backslashes in a value', '{"a":"\\",\\"a\\":\\"","b":"\\\\"}'],
  ['brackets in a value', '{"a":"}{][","b":["}"]}'],
  ['an array of equal strings', '{"a":["x","x",["x"]]}'],
  ['names of Object.prototype', '{"__proto__":1,"constructor":2,"toString":3}'],
  ['16 levels', nested(16)],
  ['a pair of surrogates', '{"a":"\\ud83d\\ude00","\\ud83d\\ude00":1}'],
  ['an escaped backslash before a u', '{"a":"\\\\ud800"}'],
  [
    'numbers of every shape',
    '{"a":[0,-0,0.0,1,-1,1.50,0.1,1e3,1E+3,1.5e-7,100000000000000000000,0e9,1234567890.1234567]}',
  ],
  ['the largest integers', '{"a":[9007199254740991,-9007199254740991,9007199254740992,1.7976931348623157e308,5e-324]}'],
  ['white space everywhere', ' {\n"a" :\t[ 1 , 2 ] , "b" : { } }\r\n'],
] as const) {
  test(`${title} is read as JSON.parse reads it`, () => {
    assert.deepEqual(parseJsonObject(text), JSON.parse(text))
    assert.deepEqual(parseJsonObject(Buffer.from(text)), JSON.parse(text))
  })
}

for (const [title, input, message] of [
  ['a duplicate name', '{"a":1,"a":1}', /duplicate/],
  ['a duplicate after a nested object', '{"a":{"b":1},"a":1}', /duplicate/],
  ['a duplicate after an array', '{"a":[{"b":1}],"c":1,"a":1}', /duplicate/],
  ['a duplicate behind escaped quotes', '{"a":"\\"","a":1}', /duplicate/],
  ['a duplicate of __proto__', '{"__proto__":1,"__proto__":1}', /duplicate/],
  ['a duplicate spelt with an escape', '{"a":1,"\\u0061":1}', /duplicate/],
  ['17 levels', nested(17), /deeper/],
  ['17 levels of arrays', `{"a":${'['.repeat(16)}${']'.repeat(16)}}`, /deeper/],
  ['a byte order mark', Buffer.from('\ufeff{}'), /JSON/],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
  ['a surrogate in UTF-8', Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
  ['an unpaired high surrogate', '{"a":"x\\ud800"}', /surrogate/],
  ['an unpaired low surrogate', '{"a":["\\uDFFFx"]}', /surrogate/],
  ['surrogates the wrong way round', '{"a":"\\ude00\\ud83d"}', /surrogate/],
  ['an unpaired surrogate in a name', '{"\\ud800":1}', /surrogate/],
  ['an integer that a double rounds', '{"a":9007199254740993}', /number/],
  ['a fraction that a double drops', '{"a":9007199254740992.4}', /number/],
  ['a fraction too fine', '{"a":[5.0000000000000000001]}', /number/],
  ['a negative one', '{"a":-9007199254740993}', /number/],
  ['a long integer', '{"a":12345678901234567890}', /number/],
  ['a number over the range', '{"a":1e400}', /number/],
  ['a number under the range', '{"a":1e-400}', /number/],
  ['a number of a thousand digits', `{"a":${'1'.repeat(1_000)}}`, /number/],
  ['an array', '[]', /object/],
  ['null', 'null', /object/],
  ['text', '"a"', /object/],
  ['nothing', '', /JSON/],
] as const) {
  test(`${title} is refused, and the message quotes nothing`, () => {
    assert.throws(
      () => parseJsonObject(input),
      (error) => error instanceof SyntaxError && message.test(error.message) && !error.message.includes('"'),
    )
  })
}

test('whatever JSON.stringify writes is read back, as long as it is not too deep', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
      const text = JSON.stringify(value)
      assert.deepEqual(parseJsonObject(text), JSON.parse(text))
    }),
    { numRuns: 2_000 },
  )
})
