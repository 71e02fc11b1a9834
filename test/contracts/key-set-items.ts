import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { GetItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb'
import { dynamodbKeySetItems } from '../../lib/aws/key-set-items.ts'
import type { KeySetItems } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { parseKeySet, type KeySet } from '../../lib/protocol/key-set.ts'
import { openFaultyProxy } from './faulty-proxy.ts'
import { openTestTable, type TestTable } from './test-table.ts'

const now = 1_800_000_000
const signal = AbortSignal.timeout(60_000)

function keySet(kid: string): KeySet {
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  return parseKeySet({ keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] })
}

/** KeySetItems' promises, held by the DynamoDB adapter against any endpoint that speaks its protocol. */
export function keySetItemsContract(name: string, open: () => Promise<TestTable> = openTestTable): void {
  describe(`key set items: ${name}`, () => {
    let world: TestTable
    let items: KeySetItems

    before(async () => {
      world = await open()
      items = dynamodbKeySetItems(world.client, world.table)
    })
    after(() => world.close())

    async function row(name: string) {
      const { Item } = await world.client.send(
        new GetItemCommand({ TableName: world.table, Key: { pk: { S: `keyset#${name}` } }, ConsistentRead: true }),
      )
      return Item
    }

    test('nothing is known of an issuer at first', async () => {
      assert.deepEqual(await items.find(randomUUID(), signal), { item: undefined, attempted_at: undefined })
    })

    test('a set reads back as it was stored, with its etag or without', async () => {
      const name = randomUUID()
      const first = { keys: keySet('a'), fetched_at: now, etag: '"1"' }
      await items.store(name, first, signal)
      assert.deepEqual((await items.find(name, signal)).item, first)
      const second = { keys: keySet('b'), fetched_at: now + 1, etag: undefined }
      await items.store(name, second, signal)
      assert.deepEqual((await items.find(name, signal)).item, second)
    })

    test('the row outlives what it is believed for, and not by far', async () => {
      const name = randomUUID()
      const lifetime = async () => Number((await row(name))?.expires_at?.N) - now
      await items.claimFetch(name, now, signal)
      assert.ok((await lifetime()) >= 3_600 && (await lifetime()) <= 2 * 86_400, 'after a claim')
      await items.store(name, { keys: keySet('a'), fetched_at: now, etag: undefined }, signal)
      assert.ok((await lifetime()) >= 3_600 && (await lifetime()) <= 2 * 86_400, 'after a set')
    })

    test('a set of the same second replaces', async () => {
      const name = randomUUID()
      await items.store(name, { keys: keySet('a'), fetched_at: now, etag: undefined }, signal)
      const again = { keys: keySet('b'), fetched_at: now, etag: undefined }
      await items.store(name, again, signal)
      assert.deepEqual((await items.find(name, signal)).item, again)
    })

    test('a set only moves forward in time', async () => {
      const name = randomUUID()
      const newer = { keys: keySet('newer'), fetched_at: now + 100, etag: undefined }
      await items.store(name, newer, signal)
      await items.store(name, { keys: keySet('older'), fetched_at: now, etag: '"0"' }, signal)
      assert.deepEqual((await items.find(name, signal)).item, newer)
    })

    test('a set from far ahead does not stay there for ever', async () => {
      const name = randomUUID()
      await items.store(name, { keys: keySet('broken clock'), fetched_at: now + 86_400, etag: undefined }, signal)
      const right = { keys: keySet('right'), fetched_at: now, etag: undefined }
      await items.store(name, right, signal)
      assert.deepEqual((await items.find(name, signal)).item, right)
    })

    test('fifty at once get one claim between them, and the next is had 30 s later', async () => {
      const name = randomUUID()
      const claims = await Promise.all(Array.from({ length: 50 }, () => items.claimFetch(name, now, signal)))
      assert.equal(claims.filter(Boolean).length, 1)
      assert.equal(await items.claimFetch(name, now + 29, signal), false)
      assert.equal(await items.claimFetch(name, now + 30, signal), true)
      assert.equal((await items.find(name, signal)).attempted_at, now + 30)
    })

    test('a claim and a set leave each other alone', async () => {
      const name = randomUUID()
      await items.claimFetch(name, now, signal)
      assert.deepEqual(await items.find(name, signal), { item: undefined, attempted_at: now })
      const item = { keys: keySet('a'), fetched_at: now, etag: undefined }
      await items.store(name, item, signal)
      assert.deepEqual(await items.find(name, signal), { item, attempted_at: now })
      await items.claimFetch(name, now + 30, signal)
      assert.deepEqual(await items.find(name, signal), { item, attempted_at: now + 30 })
      assert.equal((await row(name))?.expires_at?.N, String(now + 30 + 86_400))
    })

    test('a claim by a clock far ahead stops nobody', async () => {
      const name = randomUUID()
      await items.claimFetch(name, now + 86_400, signal)
      assert.equal(await items.claimFetch(name, now, signal), true)
    })

    for (const [what, fields] of [
      ['no JSON', { keys: { S: '<html>' } }],
      ['no keys', { keys: { S: '{"keys":[]}' } }],
      ['keys of another type', { keys: { L: [] } }],
      ['a time that is text', { fetched_at: { S: '1800000000' } }],
    ] as [string, Record<string, AttributeValue>][]) {
      test(`a row with ${what} counts as none`, async () => {
        const name = randomUUID()
        await items.store(name, { keys: keySet('a'), fetched_at: now, etag: undefined }, signal)
        await world.client.send(
          new PutItemCommand({
            TableName: world.table,
            Item: { ...(await row(name)), pk: { S: `keyset#${name}` }, ...fields },
          }),
        )
        assert.equal((await items.find(name, signal)).item, undefined)
      })
    }

    test('a key in a row is checked like one from the issuer', async () => {
      const name = randomUUID()
      const keys = JSON.stringify({
        keys: [{ kty: 'oct', kid: 'hmac', k: 'c2VjcmV0' }, ...keySet('a').keys.map(({ jwk }) => jwk)],
      })
      await world.client.send(
        new PutItemCommand({
          TableName: world.table,
          Item: { pk: { S: `keyset#${name}` }, keys: { S: keys }, fetched_at: { N: String(now) } },
        }),
      )
      assert.deepEqual(
        (await items.find(name, signal)).item?.keys.keys.map(({ kid }) => kid),
        ['a'],
      )
    })

    test('it is read consistently', async () => {
      const proxy = await openFaultyProxy(world.endpoint, () => 'none')
      try {
        await dynamodbKeySetItems(world.clientFor(proxy.endpoint), world.table).find('a', signal)
        assert.equal(proxy.asked()[0]?.ConsistentRead, true)
      } finally {
        proxy.close()
      }
    })

    test('a table that fails is unavailable', async () => {
      const proxy = await openFaultyProxy(world.endpoint, () => ({ status: 500, type: 'InternalServerError' }))
      try {
        const items = dynamodbKeySetItems(world.clientFor(proxy.endpoint), world.table)
        const unavailable = new UnavailableError('dynamodb', 'InternalServerError')
        await assert.rejects(items.find('a', signal), unavailable)
        await assert.rejects(items.claimFetch('a', now, signal), unavailable)
        const item = { keys: keySet('a'), fetched_at: now, etag: undefined }
        await assert.rejects(items.store('a', item, signal), unavailable)
      } finally {
        proxy.close()
      }
    })

    test('an aborted request is unavailable', async () => {
      const aborted = AbortSignal.abort()
      const unavailable = new UnavailableError('dynamodb', 'AbortError')
      await assert.rejects(items.find('a', aborted), unavailable)
      await assert.rejects(items.claimFetch(randomUUID(), now, aborted), unavailable)
      const item = { keys: keySet('a'), fetched_at: now, etag: undefined }
      await assert.rejects(items.store(randomUUID(), item, aborted), unavailable)
    })
  })
}
