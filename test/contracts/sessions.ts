import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Session, SessionBook } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { authentication, session, wholeAuthentication, type Open, type Opened } from './kept.ts'
import { now } from './receipt.ts'

const signal = AbortSignal.timeout(60_000)

/** Sessions' promises, for every adapter. */
export function sessionsContract(name: string, open: Open<SessionBook>): void {
  describe(`sessions: ${name}`, () => {
    let opened: Opened<SessionBook>
    let sessions: SessionBook

    before(async () => {
      opened = await open()
      sessions = opened.store
    })
    after(() => opened.close())

    async function recorded(changes: Partial<Session> = {}) {
      const one = session(changes)
      await sessions.record(one, signal)
      return one
    }

    for (const [what, changes] of [
      ['as little as may be', {}],
      ['all that may be', { authentication: wholeAuthentication() }],
    ] as [string, Partial<Session>][])
      test(`what is recorded is found, with ${what} in it`, async () => {
        const one = await recorded(changes)
        assert.deepEqual(await sessions.find(one.key, now, signal), one)
        assert.equal(await sessions.find(session().key, now, signal), undefined)
      })

    test('it is found until the second before its expiry', async () => {
      const { key, expires_at } = await recorded()
      assert.ok(await sessions.find(key, expires_at - 1, signal))
      assert.equal(await sessions.find(key, expires_at, signal), undefined)
    })

    test("it is not found beyond its authentication's end, whatever it was touched to", async () => {
      const end = now + 28_800
      const { key } = await recorded({ authentication: authentication({ expires_at: end }) })
      await sessions.touch(key, { seen_at: end - 10, expires_at: end + 600 }, signal)
      assert.ok(await sessions.find(key, end - 1, signal))
      assert.equal(await sessions.find(key, end, signal), undefined)
    })

    test("another's key does not take its place until it has expired", async () => {
      const one = await recorded()
      const other = { ...one, login_id: 'login-2', at: one.expires_at - 1 }
      await assert.rejects(sessions.record(other, signal), new UnavailableError('dynamodb', 'another row is there'))
      assert.deepEqual(await sessions.find(one.key, now, signal), one)
      const later = { ...other, at: one.expires_at, expires_at: one.expires_at + 600 }
      await sessions.record(later, signal)
      assert.deepEqual(await sessions.find(one.key, later.at, signal), later)
    })

    test('seen again, it lasts longer, and nothing else of it changes', async () => {
      const one = await recorded()
      const seen = { seen_at: one.expires_at - 1, expires_at: one.expires_at + 600 }
      await sessions.touch(one.key, seen, signal)
      assert.deepEqual(await sessions.find(one.key, one.expires_at, signal), { ...one, ...seen })
    })

    test('of two that saw it the later counts, whichever comes first', async () => {
      const one = await recorded()
      const [earlier, later] = [300, 600].map((after) => ({ seen_at: now + after, expires_at: now + 28_800 + after }))
      await sessions.touch(one.key, later!, signal)
      await sessions.touch(one.key, earlier!, signal)
      assert.deepEqual(await sessions.find(one.key, now, signal), { ...one, ...later })
    })

    test('twenty at once leave what the latest said', async () => {
      const one = await recorded()
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          sessions.touch(one.key, { seen_at: now + 1 + i, expires_at: now + 28_801 + i }, signal),
        ),
      )
      const found = await sessions.find(one.key, now, signal)
      assert.deepEqual([found?.seen_at, found?.expires_at], [now + 20, now + 28_820])
    })

    test('one that has expired is not revived', async () => {
      const { key, expires_at } = await recorded()
      await sessions.touch(key, { seen_at: expires_at, expires_at: expires_at + 600 }, signal)
      assert.equal(await sessions.find(key, expires_at, signal), undefined)
    })

    test('twenty clients at once are all of it, each once, whatever else happens to it', async () => {
      const one = await recorded({ clients: ['client-0'] })
      const clients = Array.from({ length: 20 }, (_, i) => `client-${i}`)
      const touched = sessions.touch(one.key, { seen_at: now + 1, expires_at: now + 600 }, signal)
      const entered = await Promise.all(
        [...clients, ...clients].map((client_id) => sessions.enter(one.key, client_id, now, signal)),
      )
      await touched
      assert.ok(entered.every(Boolean))
      const found = await sessions.find(one.key, now, signal)
      assert.deepEqual(found?.clients.toSorted(), clients.toSorted())
      assert.equal(found?.seen_at, now + 1)
    })

    test('nobody enters one that has expired, was ended or never was', async () => {
      const one = await recorded()
      assert.equal(await sessions.enter(one.key, 'client', one.expires_at, signal), false)
      assert.equal(await sessions.enter(one.key, 'client', one.expires_at - 1, signal), true)
      await sessions.end(one.key, signal)
      assert.equal(await sessions.enter(one.key, 'client', now, signal), false)
      assert.equal(await sessions.find(one.key, now, signal), undefined)
    })

    test('all of a person are listed until each has ended or expired, and nobody else’s', async () => {
      const sub = `partner:${randomUUID()}`
      const mine = authentication({ sub })
      const listed = async (at = now) => {
        const all: string[] = []
        let after: string | undefined
        do {
          const { sessions: some, next } = await sessions.list(sub, at, after, signal)
          all.push(...some.map(({ key }) => key))
          after = next
        } while (after !== undefined)
        return all.toSorted()
      }
      const ends = [now + 100, now + 200]
      const ones = await Promise.all(
        Array.from({ length: 60 }, (_, i) => recorded({ authentication: mine, expires_at: ends[i % 2]! })),
      )
      await recorded({ authentication: authentication({ sub: `${sub}x` }) })
      const keys = (expires_at?: number) =>
        ones.filter((one) => expires_at === undefined || one.expires_at === expires_at).map(({ key }) => key)
      assert.deepEqual(await listed(), keys().toSorted())
      assert.deepEqual(await listed(now + 100), keys(now + 200).toSorted())
      assert.deepEqual((await sessions.list(sub, now, undefined, signal)).sessions[0]?.authentication, mine)
      await Promise.all(ones.filter((one) => one.expires_at === now + 200).map((one) => sessions.end(one.key, signal)))
      assert.deepEqual(await listed(now + 100), [])
    })

    test('one that was ended stays so, and may be ended again', async () => {
      const { key } = await recorded()
      await sessions.end(key, signal)
      assert.equal(await sessions.find(key, now, signal), undefined)
      await sessions.touch(key, { seen_at: now + 1, expires_at: now + 600 }, signal)
      assert.equal(await sessions.find(key, now, signal), undefined)
      await sessions.end(key, signal)
      assert.equal(await sessions.close(key, signal), undefined)
      assert.equal(await sessions.find(key, now, signal), undefined)
    })

    test('one that ends says so, with all its clients, of which there come no more', async () => {
      const one = await recorded({ clients: ['first'] })
      const closed = { ...one, ending: true }
      assert.deepEqual(await sessions.close(one.key, signal), closed)
      assert.equal(await sessions.enter(one.key, 'second', now, signal), false)
      assert.equal(await sessions.enter(one.key, 'first', now, signal), false)
      assert.equal(await sessions.replace(one, signal), 'gone')
      assert.deepEqual(await sessions.find(one.key, now, signal), closed)
      assert.deepEqual(await sessions.close(one.key, signal), closed)
    })

    test('twenty clients come to it while it ends: who did is among its clients, and who did not is told so', async () => {
      const one = await recorded()
      const clients = Array.from({ length: 20 }, (_, i) => `client-${i}`)
      const [closed, ...entered] = await Promise.all([
        sessions.close(one.key, signal),
        ...clients.map(async (client_id) => ((await sessions.enter(one.key, client_id, now, signal)) ? client_id : '')),
      ])
      assert.deepEqual(closed?.clients.toSorted(), entered.filter((each) => each !== '').toSorted())
    })

    test('twenty take its place at once: one of them does', async () => {
      const one = await recorded()
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => sessions.replace(one, signal)))
      assert.equal(outcomes.filter((outcome) => outcome === 'replaced').length, 1)
      assert.equal(outcomes.filter((outcome) => outcome === 'gone').length, 19)
    })

    test('nobody takes its place who does not know all of its clients', async () => {
      const one = await recorded({ clients: ['first'] })
      await sessions.enter(one.key, 'second', now, signal)
      assert.equal(await sessions.replace(one, signal), 'changed')
      const found = await sessions.find(one.key, now, signal)
      assert.deepEqual(found?.clients, ['first', 'second'])
      assert.equal(await sessions.replace(found, signal), 'replaced')
    })
  })
}
