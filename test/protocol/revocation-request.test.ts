import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OperatorRequestError } from '../../lib/protocol/operator-request.ts'
import { parseRevocationRequest } from '../../lib/protocol/revocation-request.ts'

const now = 1_800_000_000
const rule = { dimension: 'rule', value: 'web-deploys' }
const revoke = { operation: 'revoke', reason: 'INC-1234', ...rule }
const count = { operation: 'count', ...rule, segment: 0, segments: 4 }

const parse = (request: unknown) =>
  parseRevocationRequest(typeof request === 'string' ? request : JSON.stringify(request), now)

describe('what is read', () => {
  for (const [what, request, read] of [
    ['a revocation', revoke, { ...revoke, even_if_unknown: false }],
    ['until now', { ...revoke, before: now }, { ...revoke, before: now, even_if_unknown: false }],
    ['for half a minute', { ...revoke, until: now + 30 }, { ...revoke, until: now + 30, even_if_unknown: false }],
    ['a name that may be gone', { ...revoke, even_if_unknown: true }, { ...revoke, even_if_unknown: true }],
    ['what is on record', { operation: 'find', ...rule }, { operation: 'find', ...rule }],
    ['undo', { ...revoke, operation: 'undo', id: 'Zm9v_-' }, { ...revoke, operation: 'undo', id: 'Zm9v_-' }],
    ['start', { ...revoke, operation: 'start', id: 'x' }, { ...revoke, operation: 'start', id: 'x' }],
    ['the list', { operation: 'list' }, { operation: 'list' }],
    [
      'the list from its middle',
      { operation: 'list', after: 'revocation#subject#farm:é' },
      { operation: 'list', after: 'revocation#subject#farm:é' },
    ],
    ['a count', count, { ...count, even_if_unknown: false }],
    [
      'the last of many parts',
      { ...count, segment: 63, segments: 64, after: 'x' },
      { ...count, segment: 63, segments: 64, after: 'x', even_if_unknown: false },
    ],
    [
      'a reason in any script',
      { ...revoke, reason: '障害 – ключ украден 🔑' },
      { ...revoke, reason: '障害 – ключ украден 🔑', even_if_unknown: false },
    ],
    [
      'a reason of 256',
      { ...revoke, reason: 'x'.repeat(256) },
      { ...revoke, reason: 'x'.repeat(256), even_if_unknown: false },
    ],
    [
      'a # in a subject',
      { ...revoke, dimension: 'subject', value: 'github:repo:1/2#all' },
      { ...revoke, dimension: 'subject', value: 'github:repo:1/2#all', even_if_unknown: false },
    ],
    [
      'a subject of an instance',
      { ...revoke, dimension: 'subject', value: 'eks/eu:serviceaccount:6f0c' },
      { ...revoke, dimension: 'subject', value: 'eks/eu:serviceaccount:6f0c', even_if_unknown: false },
    ],
    [
      'a client that is a subject',
      { ...revoke, dimension: 'subject', value: 'billing' },
      { ...revoke, dimension: 'subject', value: 'billing', even_if_unknown: false },
    ],
    [
      'everything',
      { ...revoke, dimension: 'all', value: 'all' },
      { ...revoke, dimension: 'all', value: 'all', even_if_unknown: false },
    ],
  ] as [string, object, object][])
    test(what, () => {
      assert.deepEqual(parse(request), read)
    })
})

describe('what is refused, each for one thing', () => {
  for (const [what, request, message] of [
    ['no JSON', 'revoke', /no JSON object: not valid JSON/],
    ['no object', '[]', /no JSON object/],
    ['a member twice', '{"operation":"list","operation":"list"}', /duplicate member/],
    ['nothing asked', {}, /operation must be one of revoke, find, end, start, undo, list, count/],
    ['an operation that is none', { operation: 'delete' }, /operation must be/],
    ['an operation of a prototype', { operation: 'constructor' }, /operation must be/],
    ['an operation that is a list', { operation: ['revoke'] }, /operation must be/],
    ['a member that is none', { ...revoke, by: 'me' }, /has a member that is none/],
    ['a member of another operation', { operation: 'list', reason: 'x' }, /has a member that is none/],
    ['a member called __proto__', '{"operation":"list","__proto__":1}', /has a member that is none/],
    ['no dimension', { operation: 'revoke', reason: 'x', value: 'x' }, /dimension must be one of/],
    ['a dimension that is none', { ...revoke, dimension: 'rules' }, /dimension must be one of/],
    ['a dimension of a prototype', { ...revoke, dimension: 'toString' }, /dimension must be one of/],
    ['no value', { ...revoke, value: '' }, /value must be/],
    ['a value that is a number', { ...revoke, value: 1 }, /value must be/],
    ['a value of 256', { ...revoke, value: 'x'.repeat(256) }, /value must be/],
    ['a value with a line in it', { ...revoke, value: 'a\nb' }, /value must be/],
    ['a value with a line at its end', { ...revoke, value: 'web-deploys\n' }, /value must be/],
    ['a value with NUL', { ...revoke, value: 'a\0' }, /value must be/],
    ['a value beyond ASCII', { ...revoke, value: 'wéb' }, /value must be/],
    ['all of something', { ...revoke, dimension: 'all', value: 'rules' }, /the value of all is all/],
    [
      'a subject without its issuer',
      { ...revoke, dimension: 'subject', value: 'repo/1' },
      /a subject is <issuer name>:<subject>/,
    ],
    ['a subject with nothing after its issuer', { ...revoke, dimension: 'subject', value: 'github:' }, /a subject is/],
    ['no reason', { operation: 'revoke', ...rule }, /reason must be/],
    ['an empty reason', { ...revoke, reason: '' }, /reason must be/],
    ['a blank reason', { ...revoke, reason: '   ' }, /reason must be/],
    ['a reason of 257', { ...revoke, reason: 'x'.repeat(257) }, /reason must be/],
    ['a reason of two lines', { ...revoke, reason: 'a\nb' }, /reason must be/],
    ['a reason with a newline at its end', { ...revoke, reason: 'a\n' }, /reason must be/],
    ['a reason that steers a terminal', { ...revoke, reason: '\u001b[2J' }, /reason must be/],
    ['a reason that turns around', { ...revoke, reason: 'a\u202eb' }, /reason must be/],
    ['a reason with a line separator', { ...revoke, reason: 'a\u2028b' }, /reason must be/],
    [
      'half a character',
      '{"operation":"revoke","dimension":"rule","value":"x","reason":"\\ud800"}',
      /unpaired surrogate/,
    ],
    ['a reason that is a list', { ...revoke, reason: ['x'] }, /reason must be/],
    ['a list from elsewhere in the table', { operation: 'list', after: 'receipt#farm#jti:1' }, /after must be/],
    [
      'a workload for a client',
      { ...revoke, dimension: 'client', value: 'github:repo:1/2' },
      /a workload, .* is a subject/,
    ],
    ['start of a token', { ...revoke, operation: 'start', dimension: 'jti', id: 'x' }, /a single token has nothing/],
    ['undo of no record', { ...revoke, operation: 'undo' }, /id must be that of the record/],
    ['start of no record', { ...revoke, operation: 'start' }, /id must be that of the record/],
    ['an id of nothing', { ...revoke, operation: 'undo', id: '' }, /id must be/],
    ['an id that is a list', { ...revoke, operation: 'undo', id: ['x'] }, /id must be/],
    ['an id of a kilobyte', { ...revoke, operation: 'undo', id: 'x'.repeat(1_024) }, /id must be/],
    ['an id to revoke', { ...revoke, id: 'x' }, /has a member that is none/],
    ['a reason to find', { operation: 'find', ...rule, reason: 'x' }, /has a member that is none/],
    ['undo without a reason', { operation: 'undo', ...rule }, /reason must be/],
    ['start without a reason', { operation: 'start', ...rule }, /reason must be/],
    ['a time to come', { ...revoke, before: now + 1 }, /before must be .* not in the future/],
    ['a time before 1970', { ...revoke, before: -1 }, /before must be/],
    ['half a second', { ...revoke, before: 1.5 }, /before must be/],
    ['a time in text', { ...revoke, before: '2026-11-25T09:00:00Z' }, /before must be/],
    ['an end that is over', { ...revoke, until: now }, /until must be .* half a minute from now or later/],
    ['an end before it is written', { ...revoke, until: now + 29 }, /until must be .* half a minute from now or later/],
    ['an end after the year 9999', { ...revoke, until: 253_402_300_800 }, /until must be/],
    ['a time and an end', { ...revoke, before: now, until: now + 60 }, /there is no until to it/],
    ['an end for a single token', { ...revoke, dimension: 'jti', until: now + 60 }, /without before and until/],
    ['a time for a single token', { ...revoke, dimension: 'jti', before: now }, /without before and until/],
    ['a flag in text', { ...revoke, even_if_unknown: 'true' }, /even_if_unknown must be/],
    ['no parts', { operation: 'count', ...rule }, /segments must be/],
    ['no part', { ...count, segments: 0 }, /segments must be/],
    ['more parts than are any use', { ...count, segments: 65 }, /segments must be/],
    ['a part that is none', { ...count, segment: 4 }, /segment must be/],
    ['a part before the first', { ...count, segment: -1 }, /segment must be/],
    ['nowhere to go on', { ...count, after: '' }, /after must be/],
    ['a place that no key is', { ...count, after: 'x'.repeat(2_049) }, /after must be/],
    ['more than a request', { ...revoke, reason: 'x'.repeat(20_000) }, /longer than 16384 bytes/],
  ] as [string, unknown, RegExp][])
    test(what, () => {
      assert.throws(
        () => parse(request),
        (error) => {
          assert.ok(error instanceof OperatorRequestError)
          assert.match(error.message, message)
          return true
        },
      )
    })
})
