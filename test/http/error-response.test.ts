import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorResponse } from '../../lib/http/error-response.ts'
import type { Log } from '../../lib/ports.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { httpFaces } from '../../lib/protocol/http-faces.ts'
import { wire, type Refusal } from '../../lib/protocol/refusals.ts'

function answer(refusal: Refusal, faces: Parameters<typeof errorResponse>[1] = wire) {
  const logged: [string, Record<string, unknown>][] = []
  const write = (message: string, fields: Record<string, unknown>) => void logged.push([message, fields])
  const log: Log = { info: write, warn: write, error: write }
  const { statusCode } = errorResponse(new RefusedError(refusal), faces, 'decision', log, () => 0)
  return { statusCode, logged }
}

test('names of broker.yaml are logged whole, however long', () => {
  const role = `arn:aws:iam::123456789012:role/${'WebDeployerRole'.repeat(4)}`
  const target = 'a-target-with-a-name-that-is-as-long-as-a-secret'
  const refusal = { reason: 'role_not_assumed', target, role, error: 'AccessDenied', action: undefined } as const
  assert.deepEqual(answer(refusal).logged, [
    ['refused', { decision_id: 'decision', reason: 'role_not_assumed', target, role, error: 'AccessDenied' }],
  ])
})

test('a client’s name too, but not what it was refused for', () => {
  const client_id = 'a-client-with-a-name-that-is-as-long-as-a-secret'
  const cause = { reason: 'audience_mismatch', aud: 's'.repeat(40) } as const
  const { logged } = answer({ reason: 'client_assertion_refused', client_id, cause })
  assert.deepEqual(logged[0]?.[1], {
    decision_id: 'decision',
    reason: 'client_assertion_refused',
    client_id,
    cause: { ...cause, aud: '[removed]' },
  })
})

test('what the caller chose is cut where it could be a secret', () => {
  const { logged } = answer({ reason: 'audience_mismatch', aud: `https://x.test/${'s'.repeat(40)}` })
  assert.deepEqual(logged[0]?.[1].aud, 'https://x.test/[removed]')
})

test('a refusal that a function cannot have is its own mistake', () => {
  const { statusCode, logged } = answer({ reason: 'no_rule_matches' }, httpFaces)
  assert.equal(statusCode, 500)
  assert.equal(logged[0]?.[0], 'failed')
})
