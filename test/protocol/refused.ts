import assert from 'node:assert/strict'
import { RefusedError } from '../../lib/protocol/errors.ts'
import type { Refusal } from '../../lib/protocol/refusals.ts'

/** Why it was refused. Fails when it was not; throws what else was thrown. */
export async function refusal(promise: Promise<unknown>): Promise<Refusal> {
  const error = await promise.then(
    () => assert.fail('it was granted'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof RefusedError)) throw error
  return error.refusal
}
