import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { bearerToken } from '../../lib/http/bearer-token.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'

const form = { 'content-type': 'application/x-www-form-urlencoded' }
interface Ask {
  method?: string
  headers?: Record<string, string>
  body?: string
  query?: string
}
const read = ({ method = 'GET', headers = {}, body, query = '' }: Ask) =>
  bearerToken({
    rawPath: '/userinfo',
    rawQueryString: query,
    headers,
    body,
    requestContext: { http: { method } },
  } as unknown as APIGatewayProxyEventV2)

for (const [title, ask] of [
  ['in the header', { headers: { authorization: 'Bearer a.b-c_d' } }],
  ['in the header, in lower case', { headers: { authorization: 'bearer  a.b-c_d' } }],
  ['in the header of a POST', { method: 'POST', headers: { authorization: 'Bearer a.b-c_d' } }],
  [
    'in the header of a POST with a form',
    { method: 'POST', headers: { authorization: 'Bearer a.b-c_d', ...form }, body: 'x=1' },
  ],
  ['in the form', { method: 'POST', headers: form, body: 'access_token=a.b-c_d' }],
] as const)
  test(`a token ${title}`, () => assert.equal(read(ask), 'a.b-c_d'))

for (const [title, ask, reason] of [
  ['none', {}, 'bearer_token_missing'],
  ['none in a POST', { method: 'POST' }, 'bearer_token_missing'],
  ['an empty form', { method: 'POST', headers: form, body: '' }, 'bearer_token_missing'],
  ['one in the URL', { query: 'access_token=a' }, 'bearer_token_missing'],
  ['one in the URL of a POST', { method: 'POST', headers: form, body: '', query: 'access_token=a' }, 'form_malformed'],
  ['one in the form of a GET', { headers: form, body: 'access_token=a' }, 'bearer_token_missing'],
  [
    'two',
    { method: 'POST', headers: { authorization: 'Bearer a', ...form }, body: 'access_token=a' },
    'form_malformed',
  ],
  ['two in one form', { method: 'POST', headers: form, body: 'access_token=a&access_token=b' }, 'parameter_repeated'],
  ['one by Basic', { headers: { authorization: 'Basic YTpi' } }, 'bearer_token_invalid'],
  ['one with spaces', { headers: { authorization: 'Bearer a b' } }, 'bearer_token_invalid'],
  ['a bare one', { headers: { authorization: 'a.b.c' } }, 'bearer_token_invalid'],
  [
    'JSON',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"access_token":"a"}' },
    'unsupported_media_type',
  ],
] as const)
  test(`${title} is refused`, () => {
    assert.throws(
      () => read(ask),
      (error) => error instanceof RefusedError && error.refusal.reason === reason,
    )
  })
