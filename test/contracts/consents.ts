import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Consents } from '../../lib/ports.ts'
import { consent, type Open, type Opened } from './kept.ts'
import { now } from './receipt.ts'

const signal = AbortSignal.timeout(60_000)

/** Consents' promises, for every adapter. */
export function consentsContract(name: string, open: Open<Consents>): void {
  describe(`consents: ${name}`, () => {
    let opened: Opened<Consents>
    let consents: Consents

    before(async () => {
      opened = await open()
      consents = opened.store
    })
    after(() => opened.close())

    test('what is recorded is found, by client and person', async () => {
      const one = consent()
      await consents.record(one, signal)
      assert.deepEqual(await consents.find(one, now, signal), one)
      assert.equal(await consents.find({ ...one, client_id: 'another' }, now, signal), undefined)
      assert.equal(await consents.find({ ...one, sub: consent().sub }, now, signal), undefined)
    })

    test('it is found until the second before its expiry', async () => {
      const one = consent()
      await consents.record(one, signal)
      assert.ok(await consents.find(one, one.expires_at - 1, signal))
      assert.equal(await consents.find(one, one.expires_at, signal), undefined)
    })

    test('the last one counts, also where it says less', async () => {
      const one = consent()
      await consents.record(one, signal)
      const less = { ...one, scopes: [], at: now + 1, expires_at: now + 60 }
      await consents.record(less, signal)
      assert.deepEqual(await consents.find(one, now, signal), less)
    })

    test('a # in a subject leads to nobody else', async () => {
      const one = consent({ client_id: 'web', sub: 'farm:a#b' })
      await consents.record(one, signal)
      assert.deepEqual(await consents.find({ client_id: 'web', sub: 'farm:a#b' }, now, signal), one)
      assert.equal(await consents.find({ client_id: 'web', sub: 'farm:a' }, now, signal), undefined)
    })
  })
}
