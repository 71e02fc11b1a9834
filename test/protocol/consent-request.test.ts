import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConsentRequest } from '../../lib/protocol/consent-request.ts'
import { OperatorRequestError } from '../../lib/protocol/operator-request.ts'

const consent = { client_id: 'web-app', subject: 'acme-partner:person#1' }
const withdraw = { operation: 'withdraw', ...consent }
const list = { operation: 'list' }

const parse = (request: unknown) => parseConsentRequest(JSON.stringify(request))

describe('what is read', () => {
  for (const [what, request] of [
    ['all', list],
    ['a client’s', { ...list, client_id: 'web-app' }],
    ['a person’s', { ...list, subject: consent.subject }],
    ['one', { ...list, ...consent }],
    ['the list from its middle, wherever in the table that is', { ...list, after: 'receipt#farm#jti:1' }],
    ['a person’s from its middle', { ...list, subject: consent.subject, after: 'consent#web-app#a:b' }],
    ['a withdrawal', withdraw],
    ['the longest names', { ...withdraw, client_id: 'x'.repeat(64), subject: `a:${'x'.repeat(253)}` }],
    ['a subject of an instance', { ...withdraw, subject: 'eks/eu:person' }],
  ] as [string, object][])
    test(what, () => assert.deepEqual(parse(request), request))
})

describe('what is refused', () => {
  for (const [what, request, says] of [
    ['another operation', { operation: 'withdraw-all' }, /^operation must be one of list, withdraw$/],
    ['another member', { ...list, by: 'me' }, /^list has a member that is none/],
    ['a withdrawal with a member of the list', { ...withdraw, after: 'x' }, /^withdraw has a member that is none/],
    ['a withdrawal of all of a client', { ...withdraw, subject: undefined }, /^subject is missing/],
    ['a withdrawal of all of a person', { ...withdraw, client_id: undefined }, /^client_id is missing/],
    ['a client_id that is none', { ...withdraw, client_id: 'web#app' }, /^client_id must be/],
    ['an empty client_id', { ...list, client_id: '' }, /^client_id must be/],
    ['a client_id that is a list', { ...list, client_id: ['web-app'] }, /^client_id must be/],
    ['a client_id that is too long', { ...list, client_id: 'x'.repeat(65) }, /^client_id must be/],
    ['null for a client_id', { ...list, client_id: null }, /^client_id must be/],
    ['a subject without its issuer', { ...withdraw, subject: 'person' }, /^a subject is/],
    ['a subject that is a number', { ...list, subject: 1 }, /^a subject is/],
    ['a subject that is too long', { ...withdraw, subject: `a:${'x'.repeat(254)}` }, /^a subject is/],
    ['a subject beyond ASCII', { ...withdraw, subject: 'acme:é' }, /^a subject is/],
    ['an empty place', { ...list, after: '' }, /^after must be/],
    ['a person’s list that goes on elsewhere', { ...list, subject: consent.subject, after: 'receipt#x' }, /^after/],
    ['a place that is too long', { ...list, after: 'x'.repeat(2_049) }, /^after must be/],
  ] as [string, object, RegExp][])
    test(what, () => {
      assert.throws(
        () => parse(request),
        (error) => error instanceof OperatorRequestError && error.status === 400 && says.test(error.message),
      )
    })
})
