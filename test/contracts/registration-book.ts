import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { RegisteredClient, RegistrationBook } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { now } from './receipt.ts'
import { type Open, type Opened } from './kept.ts'

const signal = AbortSignal.timeout(60_000)
const DAY = 86_400

/** A client of an initial access token of its own, unless `changes` says otherwise. */
export function registeredClient(changes: Partial<RegisteredClient> = {}): RegisteredClient {
  return {
    client_id: `reg.${randomBytes(16).toString('base64url')}`,
    registered_by: randomUUID(),
    management: 'management-1',
    metadata: { redirect_uris: ['https://app.example/cb'], client_name: 'é 🦊', scope: 'openid' },
    at: now,
    expires_at: now + DAY,
    ...changes,
  }
}

/** With everything that may be left out. */
export function wholeRegisteredClient(): RegisteredClient {
  return registeredClient({ client_secret: 'secret-1', changed_at: now + 1 })
}

/** The promises about clients that register themselves, for every adapter. */
export function registrationBookContract(name: string, open: Open<RegistrationBook>): void {
  describe(`clients that register themselves: ${name}`, () => {
    let opened: Opened<RegistrationBook>
    let book: RegistrationBook

    before(async () => {
      opened = await open()
      book = opened.store
    })
    after(() => opened.close())

    const of = (registered_by: string, changes: Partial<RegisteredClient> = {}) =>
      registeredClient({ registered_by, ...changes })

    for (const [what, make] of [
      ['as little as may be', registeredClient],
      ['all that may be', wholeRegisteredClient],
    ] as const)
      test(`what registered is found, with ${what} in it, until the second before its end`, async () => {
        const one = make()
        assert.equal(await book.register(one, 1, signal), true)
        assert.deepEqual(await book.find(one.client_id, now, signal), one)
        assert.deepEqual(await book.find(one.client_id, one.expires_at - 1, signal), one)
        assert.equal(await book.find(one.client_id, one.expires_at, signal), undefined)
        assert.equal(await book.find(registeredClient().client_id, now, signal), undefined)
      })

    test('there are so many places, each initial access token has its own, and nothing is written without one', async () => {
      const token = randomUUID()
      for (let i = 0; i < 3; i++) assert.equal(await book.register(of(token), 3, signal), true)
      const fourth = of(token)
      assert.equal(await book.register(fourth, 3, signal), false)
      assert.equal(await book.find(fourth.client_id, now, signal), undefined)
      assert.equal(await book.register(registeredClient(), 3, signal), true)
      assert.equal(await book.register(fourth, 4, signal), true)
    })

    test('of thirty at once ten get the ten places', async () => {
      const token = randomUUID()
      const clients = Array.from({ length: 30 }, () => of(token))
      const got = await Promise.all(clients.map((client) => book.register(client, 10, signal)))
      assert.equal(got.filter(Boolean).length, 10)
      const found = await Promise.all(clients.map((client) => book.find(client.client_id, now, signal)))
      assert.deepEqual(
        found.map((client) => client !== undefined),
        got,
      )
    })

    test('a place is free again when its client has ended, to the second, or was deleted', async () => {
      const token = randomUUID()
      const first = of(token, { expires_at: now + 60 })
      const second = of(token)
      for (const client of [first, second]) assert.equal(await book.register(client, 2, signal), true)
      assert.equal(await book.register(of(token, { at: now + 59 }), 2, signal), false)
      assert.equal(await book.register(of(token, { at: now + 60 }), 2, signal), true)
      assert.equal(await book.register(of(token, { at: now + 60 }), 2, signal), false)
      assert.equal(await book.delete(second, now + 60, signal), true)
      assert.equal(await book.find(second.client_id, now + 60, signal), undefined)
      assert.equal(await book.register(of(token, { at: now + 60 }), 2, signal), true)
      assert.equal(await book.register(of(token, { at: now + 60 }), 2, signal), false)
    })

    test('to delete may be repeated, and frees one place', async () => {
      const token = randomUUID()
      const [one, other] = [of(token), of(token)]
      for (const client of [one, other]) await book.register(client, 2, signal)
      for (let i = 0; i < 2; i++) assert.equal(await book.delete(one, now, signal), true)
      assert.equal(await book.register(of(token), 2, signal), true)
      assert.equal(await book.register(of(token), 2, signal), false)
    })

    test('while some register and others are deleted, there are never more than there are places', async () => {
      const token = randomUUID()
      const first = Array.from({ length: 5 }, () => of(token))
      await Promise.all(first.map((client) => book.register(client, 5, signal)))
      const second = Array.from({ length: 10 }, () => of(token))
      const [got] = await Promise.all([
        Promise.all(second.map((client) => book.register(client, 5, signal))),
        Promise.all(first.slice(0, 3).map((client) => book.delete(client, now, signal))),
      ])
      assert.ok(got.filter(Boolean).length <= 3)
      const left = 3 - got.filter(Boolean).length
      for (let i = 0; i < left; i++) assert.equal(await book.register(of(token), 5, signal), true)
      assert.equal(await book.register(of(token), 5, signal), false)
    })

    test('what it says of itself is replaced as a whole, and keeps its place', async () => {
      const token = randomUUID()
      const one = { ...wholeRegisteredClient(), registered_by: token }
      await book.register(one, 1, signal)
      const other = registeredClient({ ...one, metadata: { scope: 'openid' }, changed_at: now + 9 })
      delete other.client_secret
      assert.equal(await book.replace(other, now, signal), true)
      assert.deepEqual(await book.find(one.client_id, now, signal), other)
      assert.equal(await book.register(of(token), 1, signal), false)
    })

    test('one that was deleted, has ended or never was is not replaced', async () => {
      const one = registeredClient()
      assert.equal(await book.replace(one, now, signal), false)
      await book.register(one, 1, signal)
      assert.equal(await book.replace(one, one.expires_at, signal), false)
      await book.delete(one, now, signal)
      assert.equal(await book.replace(one, now, signal), false)
      assert.equal(await book.find(one.client_id, now, signal), undefined)
    })

    test('an id that is taken stays whose it is, and no place is lost for it', async () => {
      const token = randomUUID()
      const one = of(token)
      await book.register(one, 2, signal)
      const again = registeredClient({ client_id: one.client_id, management: 'management-2' })
      await assert.rejects(book.register(again, 1, signal), UnavailableError)
      assert.deepEqual(await book.find(one.client_id, now, signal), one)
      assert.equal(await book.register(of(again.registered_by), 1, signal), true)
    })
  })
}
