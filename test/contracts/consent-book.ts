import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { dynamodbConsents } from '../../lib/aws/consents.ts'
import type { Consent, ConsentBook } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { openFaultyProxy } from './faulty-proxy.ts'
import { consent } from './kept.ts'
import { now } from './receipt.ts'
import { openTestTable, type TestTable } from './test-table.ts'

const signal = AbortSignal.timeout(60_000)

/** What ConsentBook promises beyond Consents, held by the DynamoDB adapter against any endpoint that speaks its protocol. */
export function consentBookContract(name: string, open: () => Promise<TestTable> = openTestTable): void {
  describe(`the book of consents: ${name}`, () => {
    let world: TestTable
    let book: ConsentBook

    before(async () => {
      world = await open()
      book = dynamodbConsents(world.client, world.table)
    })
    after(() => world.close())

    async function recorded(changes: Partial<Consent> = {}): Promise<Consent> {
      const one = consent(changes)
      await book.record(one, signal)
      return one
    }

    async function listed(of: { client_id?: string; sub?: string }, at = now, from = book): Promise<Consent[]> {
      const consents: Consent[] = []
      let after: string | undefined
      do {
        const page = await from.list(of, at, after, signal)
        consents.push(...page.consents)
        after = page.next
      } while (after !== undefined)
      return consents.toSorted((a, b) => `${a.client_id} ${a.sub}`.localeCompare(`${b.client_id} ${b.sub}`))
    }

    test('it lists all, those of a client, of a person, and of both', async () => {
      const [client, other, person] = ['book-a', 'book-b', consent().sub]
      const one = await recorded({ client_id: client, sub: person })
      const two = await recorded({ client_id: other, sub: person })
      const three = await recorded({ client_id: client, sub: `z${consent().sub}` })
      assert.deepEqual(await listed({ client_id: client }), [one, three])
      assert.deepEqual(await listed({ sub: person }), [one, two])
      assert.deepEqual(await listed({ client_id: client, sub: person }), [one])
      const all = (await listed({})).filter(({ client_id }) => [client, other].includes(client_id))
      assert.deepEqual(all, [one, three, two])
    })

    test('one that has expired is not listed, nor is any other row', async () => {
      const one = await recorded()
      const Item = { pk: { S: 'receipt#x' }, client_id: { S: one.client_id }, expires_at: { N: String(now + 60) } }
      await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
      assert.equal((await listed({ sub: one.sub }, one.expires_at - 1)).length, 1)
      assert.deepEqual(await listed({ sub: one.sub }, one.expires_at), [])
      assert.ok((await listed({ client_id: one.client_id })).every(({ sub }) => sub !== undefined))
      assert.deepEqual(await listed({ client_id: one.client_id }, one.expires_at), [])
    })

    for (const [what, of, operation] of [
      ['a person’s', { sub: 'farm:paged' }, 'Query'],
      ['a client’s', { client_id: 'paged' }, 'Scan'],
    ] as const)
      test(`${what} go on where the last page ended`, async () => {
        const [one, two] = [consent({ client_id: 'paged', sub: 'farm:paged' }), consent()]
        await book.record(one, signal)
        await book.record(two, signal)
        const LastEvaluatedKey = { pk: { S: `consent#${two.client_id}#${two.sub}` } }
        const proxy = await openFaultyProxy(world.endpoint, (_, nth) =>
          nth === 0 ? { answer: { Items: [], LastEvaluatedKey } } : { answer: { Items: [] } },
        )
        try {
          const behind = dynamodbConsents(world.clientFor(proxy.endpoint), world.table)
          const page = await behind.list(of, now, undefined, signal)
          assert.deepEqual(page, { consents: [], next: LastEvaluatedKey.pk.S })
          assert.deepEqual(await behind.list(of, now, page.next, signal), { consents: [] })
          assert.deepEqual(proxy.operations, [operation, operation])
          assert.deepEqual(proxy.asked()[1]?.ExclusiveStartKey, {
            ...(operation === 'Query' ? { decision_id: { S: 'consents#farm:paged' } } : {}),
            ...LastEvaluatedKey,
          })
        } finally {
          proxy.close()
        }
        assert.ok((await book.list(of, now, undefined, signal)).consents.length === 1)
      })

    test('more than a page holds are all listed, of a client and of a person', async () => {
      // A page is 1 MB, before anything is left out of it.
      const scopes = Array.from({ length: 40 }, (_, i) => `${i}`.padStart(5_000, 'x'))
      const client_ids = Array.from({ length: 7 }, (_, i) => `many-${i}`)
      for (const client_id of client_ids) await recorded({ client_id, sub: 'farm:many', scopes })
      const found = (await listed({ sub: 'farm:many' })).map(({ client_id }) => client_id)
      assert.deepEqual(found, client_ids)
      assert.equal((await listed({ client_id: 'many-6' })).length, 1)
      assert.notEqual((await book.list({ sub: 'farm:many' }, now, undefined, signal)).next, undefined)
    })

    test('what is withdrawn is no more, and there is nothing to withdraw again', async () => {
      const one = await recorded()
      const other = await recorded({ sub: one.sub, client_id: 'another' })
      assert.equal(await book.withdraw(one, signal), true)
      assert.equal(await book.find(one, now, signal), undefined)
      assert.equal(await book.withdraw(one, signal), false)
      assert.deepEqual(await listed({ sub: one.sub }), [other])
    })

    test('twenty who withdraw at once withdraw it once between them', async () => {
      const one = await recorded()
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => book.withdraw(one, signal)))
      assert.equal(outcomes.filter(Boolean).length, 1)
    })

    test('a row that is none of ours is named, and can be withdrawn', async () => {
      const sub = 'farm:malformed'
      const pk = `consent#web#${sub}`
      const Item = {
        pk: { S: pk },
        schema: { N: '1' },
        decision_id: { S: `consents#${sub}` },
        expires_at: { N: String(now + 60) },
      }
      await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
      const named = new UnavailableError('dynamodb', `the row ${JSON.stringify(pk)} is malformed`)
      await assert.rejects(book.list({ sub }, now, undefined, signal), named)
      await assert.rejects(book.find({ client_id: 'web', sub }, now, signal), named)
      assert.equal(await book.withdraw({ client_id: 'web', sub }, signal), true)
      assert.deepEqual(await listed({ sub }), [])
    })

    test('a row whose fields name another consent is unavailable', async () => {
      const one = await recorded({ sub: 'farm:moved' })
      const Item = {
        pk: { S: `consent#${one.client_id}#farm:other` },
        schema: { N: '1' },
        decision_id: { S: 'consents#farm:other' },
        client_id: { S: one.client_id },
        sub: { S: one.sub },
        scopes: { L: [] },
        created_at: { N: String(now) },
        expires_at: { N: String(now + 60) },
      }
      await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
      await assert.rejects(book.find({ client_id: one.client_id, sub: 'farm:other' }, now, signal), UnavailableError)
      assert.equal(await book.withdraw({ client_id: one.client_id, sub: 'farm:other' }, signal), true)
    })
  })
}
