import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { errorName, toUnavailable } from '../../lib/aws/unavailable.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'

const secret = 'x-amz-security-token: do-not-tell'
const failure = (members: object, error: Error = new Error(secret)) => Object.assign(error, members)

for (const [title, error, name] of [
  ["AWS's exception", failure({ name: 'ThrottlingException', $fault: 'client' }), 'ThrottlingException'],
  ["AWS's exception with a code beside", failure({ name: 'TimeoutError', code: 'ECONNRESET' }), 'TimeoutError'],
  ['a connection that failed', failure({ code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ['an error with a code that is no text', failure({ code: 401 }), 'Error'],
  ['an error that is only that', new Error(secret), 'Error'],
  ['a mistake of ours', failure({ code: 'ERR_INVALID_URL' }, new TypeError(secret)), 'TypeError'],
  ['a text', secret, 'unknown'],
  ['an object that looks like an error', { name: secret, code: secret, message: secret }, 'unknown'],
  ['nothing', undefined, 'unknown'],
  ['null', null, 'unknown'],
] as const) {
  test(`${title} is named ${name}, and nothing more of it is told`, () => {
    assert.equal(errorName(error), name)
    const unavailable = toUnavailable('dynamodb', error)
    assert.deepEqual([unavailable.dependency, unavailable.message], ['dynamodb', `dynamodb: ${name}`])
    assert.ok(unavailable instanceof UnavailableError)
    assert.ok(!inspect(unavailable, { depth: 9, showHidden: true }).includes(secret))
  })
}

test('what is unavailable already stays what it is', () => {
  const error = new UnavailableError('deadline', 'the request took too long')
  assert.equal(toUnavailable('kms', error), error)
})
