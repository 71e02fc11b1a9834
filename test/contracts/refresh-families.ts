import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { FamilyBook, RefreshFamilies, RefreshFamily, Rotation } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { authentication, family, wholeFamily, type Open, type Opened } from './kept.ts'
import { now } from './receipt.ts'

const signal = AbortSignal.timeout(60_000)

type Families = RefreshFamilies & FamilyBook

/** RefreshFamilies' promises, for every adapter. */
export function refreshFamiliesContract(name: string, open: Open<Families>): void {
  describe(`refresh families: ${name}`, () => {
    let opened: Opened<Families>
    let families: Families

    before(async () => {
      opened = await open()
      families = opened.store
    })
    after(() => opened.close())

    async function recorded(changes: Partial<RefreshFamily> = {}): Promise<RefreshFamily> {
      const one = family(changes)
      await families.record(one, signal)
      return one
    }
    const rotation = (changes: Partial<Rotation> = {}): Rotation => ({
      presented: 'hash-1',
      current: 'hash-2',
      successor: 'sealed-2',
      at: now + 5,
      expires_at: now + 3_605,
      ...changes,
    })
    const find = (id: string, at = now + 5) => families.find(id, at, signal)

    for (const [what, one] of [
      ['as little as may be', family()],
      ['all that may be', wholeFamily()],
      ['a target of any scope', family({ target: { resource: [], scope: undefined } })],
    ] as const)
      test(`what is recorded is found, with ${what} in it`, async () => {
        await families.record(one, signal)
        assert.deepEqual(await find(one.id), one)
        assert.equal(await find(family().id), undefined)
      })

    test('it is found until the second before its expiry, whatever its end', async () => {
      const { id, expires_at } = await recorded()
      assert.ok(await find(id, expires_at - 1))
      assert.equal(await find(id, expires_at), undefined)
    })

    test("another's id does not take its place", async () => {
      const one = await recorded()
      const other = { ...one, client_id: 'another' }
      await assert.rejects(families.record(other, signal), new UnavailableError('dynamodb', 'another row is there'))
      assert.deepEqual(await find(one.id), one)
    })

    test('rotated, it has another token that counts, and nothing else of it changes', async () => {
      const one = await recorded()
      assert.equal(await families.rotate(one.id, rotation(), signal), true)
      const first = { previous: 'hash-1', successor: 'sealed-2', at: now + 5 }
      assert.deepEqual(await find(one.id), { ...one, current: 'hash-2', rotation: first, expires_at: now + 3_605 })
      const next = rotation({ presented: 'hash-2', current: 'hash-3', successor: 'sealed-3', at: now + 6 })
      assert.equal(await families.rotate(one.id, next, signal), true)
      const second = { previous: 'hash-2', successor: 'sealed-3', at: now + 6 }
      assert.deepEqual(await find(one.id), { ...one, current: 'hash-3', rotation: second, expires_at: now + 3_605 })
    })

    for (const [what, spoil, changes] of [
      ['a token that does not count', async () => {}, { presented: 'hash-0' }],
      ['a token that was used', (id: string) => families.rotate(id, rotation(), signal), {}],
      ['a family that was revoked', (id: string) => families.revoke(id, now, signal), {}],
      ['a family at its expiry', async () => {}, { at: now + 3_600 }],
    ] as const)
      test(`nothing comes of ${what}`, async () => {
        const { id } = await recorded()
        await spoil(id)
        const before = await find(id)
        assert.equal(await families.rotate(id, rotation({ current: 'hash-x', ...changes }), signal), false)
        assert.deepEqual(await find(id), before)
      })

    test('nothing comes of a family that is not there', async () => {
      const { id } = family()
      assert.equal(await families.rotate(id, rotation(), signal), false)
      assert.equal(await find(id), undefined)
    })

    test('fifty at once: one rotates it', async () => {
      const { id } = await recorded()
      const all = Array.from({ length: 50 }, (_, i) => rotation({ current: `hash-of-${i}` }))
      const outcomes = await Promise.all(all.map((each) => families.rotate(id, each, signal)))
      const winners = all.filter((_, i) => outcomes[i])
      assert.equal(winners.length, 1)
      assert.equal((await find(id))?.current, winners[0]?.current)
    })

    test('all of a person are listed until they expire, those that were revoked too, and nobody else’s', async () => {
      const sub = `partner:${randomUUID()}`
      const mine = (expires_at: number) => family({ authentication: authentication({ sub }), expires_at })
      const [first, second] = [mine(now + 100), mine(now + 200)]
      for (const one of [first, second, family()]) await families.record(one, signal)
      await families.revoke(first.id, now + 1, signal)
      const listed = async (at: number) =>
        (await families.list(sub, at, undefined, signal)).families.toSorted((a, b) => a.expires_at - b.expires_at)
      assert.deepEqual(await listed(now), [{ ...first, revoked_at: now + 1 }, second])
      assert.deepEqual(await listed(now + 100), [second])
    })

    test('revoked, it says so since when, also a second time, and is found', async () => {
      const one = await recorded()
      await families.revoke(one.id, now + 1, signal)
      await families.revoke(one.id, now + 9, signal)
      assert.deepEqual(await find(one.id), { ...one, revoked_at: now + 1 })
    })

    test('a family that is not there is revoked in silence, and does not come to be', async () => {
      const { id } = family()
      await families.revoke(id, now, signal)
      assert.equal(await find(id), undefined)
      await families.record(family({ id }), signal)
      assert.equal((await find(id))?.revoked_at, undefined)
    })

    test('revoked while twenty rotate it, it stays revoked, and nothing comes of it after', async () => {
      const { id } = await recorded()
      await Promise.all([
        ...Array.from({ length: 20 }, (_, i) => families.rotate(id, rotation({ current: `hash-of-${i}` }), signal)),
        families.revoke(id, now, signal),
      ])
      const found = await find(id)
      assert.equal(found?.revoked_at, now)
      assert.equal(await families.rotate(id, rotation({ presented: found.current }), signal), false)
    })
  })
}
