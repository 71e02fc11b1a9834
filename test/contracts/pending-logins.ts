import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { PendingLogins } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { pendingLogin, type Open, type Opened } from './kept.ts'
import { now } from './receipt.ts'

const signal = AbortSignal.timeout(60_000)

/** PendingLogins' promises, for every adapter. */
export function pendingLoginsContract(name: string, open: Open<PendingLogins>): void {
  describe(`pending logins: ${name}`, () => {
    let opened: Opened<PendingLogins>
    let logins: PendingLogins

    before(async () => {
      opened = await open()
      logins = opened.store
    })
    after(() => opened.close())

    async function recorded(changes: Parameters<typeof pendingLogin>[0] = {}) {
      const login = pendingLogin(changes)
      await logins.record(login, signal)
      return login
    }

    test('what is recorded is found, and nothing else', async () => {
      const login = await recorded()
      assert.deepEqual(await logins.find(login.id, now, signal), login)
      assert.equal(await logins.find(pendingLogin().id, now, signal), undefined)
    })

    test('it is found until the second before its expiry, and consumed until then', async () => {
      const { id, expires_at } = await recorded()
      assert.ok(await logins.find(id, expires_at - 1, signal))
      assert.equal(await logins.find(id, expires_at, signal), undefined)
      assert.equal(await logins.consume(id, expires_at, signal), false)
      assert.equal(await logins.consume(id, expires_at - 1, signal), true)
    })

    test('twenty at once consume it once between them, and it is gone', async () => {
      const { id } = await recorded()
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => logins.consume(id, now, signal)))
      assert.equal(outcomes.filter(Boolean).length, 1)
      assert.equal(await logins.find(id, now, signal), undefined)
      assert.equal(await logins.consume(id, now, signal), false)
    })

    test('one that never was is consumed by nobody', async () => {
      assert.equal(await logins.consume(pendingLogin().id, now, signal), false)
    })

    test("another's id does not take its place until it has expired", async () => {
      const login = await recorded()
      const other = { ...login, browser: 'browser-2', at: login.expires_at - 1 }
      await assert.rejects(logins.record(other, signal), new UnavailableError('dynamodb', 'another row is there'))
      assert.deepEqual(await logins.find(login.id, now, signal), login)
      const later = { ...other, at: login.expires_at, expires_at: login.expires_at + 600 }
      await logins.record(later, signal)
      assert.deepEqual(await logins.find(login.id, later.at, signal), later)
    })
  })
}
