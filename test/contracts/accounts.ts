import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Accounts } from '../../lib/ports.ts'
import { account, authentication, type Open, type Opened } from './kept.ts'
import { now } from './receipt.ts'

const signal = AbortSignal.timeout(60_000)

/** Accounts' promises, for every adapter. */
export function accountsContract(name: string, open: Open<Accounts>): void {
  describe(`accounts: ${name}`, () => {
    let opened: Opened<Accounts>
    let accounts: Accounts

    before(async () => {
      opened = await open()
      accounts = opened.store
    })
    after(() => opened.close())

    test('what is recorded is found, and nothing else', async () => {
      const one = account({ identity: authentication().identity })
      await accounts.record(one, signal)
      assert.deepEqual(await accounts.find(one.sub, now, signal), one)
      assert.equal(await accounts.find(account().sub, now, signal), undefined)
    })

    test('it is found until the second before its expiry', async () => {
      const one = account()
      await accounts.record(one, signal)
      assert.ok(await accounts.find(one.sub, one.expires_at - 1, signal))
      assert.equal(await accounts.find(one.sub, one.expires_at, signal), undefined)
    })

    test('it moves forward in time, never back', async () => {
      const one = account()
      await accounts.record(one, signal)
      const newer = { ...one, identity: { name: 'Ana Maria' }, at: now + 1 }
      await accounts.record(newer, signal)
      await accounts.record({ ...one, identity: { name: 'Anna' } }, signal)
      assert.deepEqual(await accounts.find(one.sub, now, signal), newer)
    })

    test('of two in one second the last one counts', async () => {
      const one = account()
      await accounts.record(one, signal)
      const again = { ...one, identity: {} }
      await accounts.record(again, signal)
      assert.deepEqual(await accounts.find(one.sub, now, signal), again)
    })

    test('twenty at once leave what the latest said', async () => {
      const { sub } = account()
      const all = Array.from({ length: 20 }, (_, i) => account({ sub, identity: { updated_at: i }, at: now + i }))
      await Promise.all(all.map((one) => accounts.record(one, signal)))
      assert.deepEqual(await accounts.find(sub, now, signal), all.at(-1))
    })
  })
}
