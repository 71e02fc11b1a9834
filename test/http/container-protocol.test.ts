import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { containerError, containerRequest } from '../../lib/http/container-protocol.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'

function event(changes: { path?: unknown; method?: string; headers?: Record<string, string> | null } = {}) {
  const { path = '/credentials/web-deployer', method = 'GET', headers = { authorization: 'a.b.c' } } = changes
  return { rawPath: path, requestContext: { http: { method } }, headers } as unknown as APIGatewayProxyEventV2
}

describe('the subject token stands alone in Authorization, or after one Bearer', () => {
  for (const [title, headers, subject_token] of [
    ['alone', { authorization: 'a.b.c' }, 'a.b.c'],
    ['after Bearer', { authorization: 'Bearer a.b.c' }, 'a.b.c'],
    ['after bearer and spaces', { authorization: 'bearer   a.b.c' }, 'a.b.c'],
    [
      'after two: the second is part of what is then no token',
      { authorization: 'Bearer Bearer a.b.c' },
      'Bearer a.b.c',
    ],
    ['with the newline of its file', { authorization: 'a.b.c\n' }, 'a.b.c'],
    ['a header in capitals', { Authorization: 'a.b.c' }, 'a.b.c'],
    ['8 KiB of it', { authorization: 'x'.repeat(8_192) }, 'x'.repeat(8_192)],
  ] as const)
    test(title, () => {
      assert.deepEqual(containerRequest(event({ headers })), { target: 'web-deployer', subject_token })
    })
})

describe('what is no such request is refused', () => {
  for (const [title, changes, reason] of [
    ['POST', { method: 'POST' }, 'method_not_allowed'],
    ['HEAD', { method: 'HEAD' }, 'method_not_allowed'],
    ['no method', { method: '' }, 'method_not_allowed'],
    ['no target', { path: '/credentials/' }, 'not_found'],
    ['a second segment', { path: '/credentials/web-deployer/x' }, 'not_found'],
    ['a slash after it', { path: '/credentials/web-deployer/' }, 'not_found'],
    ['an escape', { path: '/credentials/web%2Ddeployer' }, 'not_found'],
    ['dots', { path: '/credentials/..' }, 'not_found'],
    ['a target in capitals', { path: '/credentials/Web' }, 'not_found'],
    ['a target of 64 characters', { path: `/credentials/${'a'.repeat(64)}` }, 'not_found'],
    ['no Authorization', { headers: {} }, 'authorization_missing'],
    ['no headers', { headers: null }, 'authorization_missing'],
    ['an empty one', { headers: { authorization: '' } }, 'authorization_missing'],
    ['Bearer alone', { headers: { authorization: 'Bearer ' } }, 'authorization_missing'],
    ['spaces alone', { headers: { authorization: '  ' } }, 'authorization_missing'],
    ['over 8 KiB', { headers: { authorization: 'x'.repeat(8_193) } }, 'token_malformed'],
  ] as const)
    test(`${title}: ${reason}`, () => {
      assert.throws(
        () => containerRequest(event(changes)),
        (error) => error instanceof RefusedError && error.refusal.reason === reason,
      )
    })
})

test('an error keeps its status and headers, and says itself under the names that SDKs read', () => {
  const headers = { 'retry-after': '3' }
  const body = JSON.stringify({ error: 'temporarily_unavailable', error_description: 'try again (decision x)' })
  assert.deepEqual(containerError({ statusCode: 503, headers, body }), {
    statusCode: 503,
    headers,
    body: JSON.stringify({
      code: 'temporarily_unavailable',
      message: 'try again (decision x)',
      Code: 'temporarily_unavailable',
      Message: 'try again (decision x)',
    }),
  })
})
