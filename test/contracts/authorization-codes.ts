import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AuthorizationCode, AuthorizationCodes } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { code, wholeCode, type Open, type Opened } from './kept.ts'
import { now } from './receipt.ts'

const signal = AbortSignal.timeout(60_000)

/** AuthorizationCodes' promises, for every adapter. */
export function authorizationCodesContract(name: string, open: Open<AuthorizationCodes>): void {
  describe(`authorization codes: ${name}`, () => {
    let opened: Opened<AuthorizationCodes>
    let codes: AuthorizationCodes

    before(async () => {
      opened = await open()
      codes = opened.store
    })
    after(() => opened.close())

    for (const [what, one] of [
      ['as little as may be', code()],
      ['all that may be', wholeCode()],
      ['a target of any scope', code({ target: { resource: [], scope: undefined } })],
    ] as [string, AuthorizationCode][])
      test(`what is recorded is found as often as one likes, with ${what} in it`, async () => {
        await codes.record(one, signal)
        assert.deepEqual(await codes.find(one.key, now, signal), one)
        assert.deepEqual(await codes.find(one.key, now, signal), one)
        assert.equal(await codes.find(code().key, now, signal), undefined)
      })

    test('it is found until the second before its expiry', async () => {
      const one = code()
      await codes.record(one, signal)
      assert.ok(await codes.find(one.key, one.expires_at - 1, signal))
      assert.equal(await codes.find(one.key, one.expires_at, signal), undefined)
    })

    test("another's key does not take its place until it has expired", async () => {
      const one = code()
      await codes.record(one, signal)
      const other = { ...one, client_id: 'another', at: one.expires_at - 1 }
      await assert.rejects(codes.record(other, signal), new UnavailableError('dynamodb', 'another row is there'))
      assert.deepEqual(await codes.find(one.key, now, signal), one)
      const later = { ...other, at: one.expires_at, expires_at: one.expires_at + 60 }
      await codes.record(later, signal)
      assert.deepEqual(await codes.find(one.key, later.at, signal), later)
    })

    test('twenty at once: one is recorded, and it is that which is found', async () => {
      const { key } = code()
      const all = Array.from({ length: 20 }, (_, i) => code({ key, client_id: `client-${i}` }))
      const outcomes = await Promise.allSettled(all.map((one) => codes.record(one, signal)))
      const recorded = all.filter((_, i) => outcomes[i]?.status === 'fulfilled')
      assert.equal(recorded.length, 1)
      assert.deepEqual(await codes.find(key, now, signal), recorded[0])
    })
  })
}
