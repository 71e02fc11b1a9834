import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb'
import { dynamodbRevocationStore } from '../../lib/aws/revocations.ts'
import type { RevocationKey, RevocationStore } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { openFaultyProxy, type Fault } from './faulty-proxy.ts'
import { openTestTable, type TestTable } from './test-table.ts'

const now = 1_800_000_000
const signal = AbortSignal.timeout(60_000)

/** RevocationStore's promises, held by the DynamoDB adapter against any endpoint that speaks its protocol. */
export function revocationStoreContract(name: string, open: () => Promise<TestTable> = openTestTable): void {
  describe(`revocations: ${name}`, () => {
    let world: TestTable
    let store: RevocationStore

    before(async () => {
      world = await open()
      store = dynamodbRevocationStore(world.client, world.table, () => now)
    })
    after(() => world.close())

    /** A key of its own for each test. */
    async function revoked(fields: Record<string, AttributeValue> = {}): Promise<RevocationKey> {
      const value = randomUUID()
      const Item = {
        pk: { S: `revocation#subject#${value}` },
        not_before: { N: String(now - 5) },
        blocked_until: { N: '0' },
        expires_at: { N: String(now + 1) },
        reason: { S: 'left' },
        ...fields,
      }
      await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
      return { dimension: 'subject', value }
    }

    test('what is stored among the keys is found, and nothing else', async () => {
      const [one, two] = [await revoked(), await revoked({ blocked_until: { N: String(now + 60) } })]
      await revoked()
      const found = await store.find(
        [one, { dimension: 'issuer', value: one.value }, two, { dimension: 'all', value: 'all' }],
        signal,
      )
      assert.deepEqual(
        found.toSorted((a, b) => a.blocked_until - b.blocked_until),
        [
          { ...one, not_before: now - 5, blocked_until: 0, expires_at: now + 1 },
          { ...two, not_before: now - 5, blocked_until: now + 60, expires_at: now + 1 },
        ],
      )
    })

    test('a row counts for nothing from its expiry on', async () => {
      assert.deepEqual(await store.find([await revoked({ expires_at: { N: String(now) } })], signal), [])
    })

    test('a key may be named twice', async () => {
      const key = await revoked()
      assert.equal((await store.find([key, { ...key }], signal)).length, 1)
    })

    test('no keys, no revocations', async () => {
      assert.deepEqual(await store.find([], signal), [])
    })

    test('it is one read, and a consistent one', async () => {
      const proxy = await openFaultyProxy(world.endpoint, () => 'none')
      try {
        const store = dynamodbRevocationStore(world.clientFor(proxy.endpoint), world.table, () => now)
        await store.find([await revoked(), { dimension: 'all', value: 'all' }], signal)
        const [asked] = proxy.asked() as { RequestItems: Record<string, { ConsistentRead: boolean }> }[]
        assert.equal(asked?.RequestItems[world.table]?.ConsistentRead, true)
        assert.deepEqual(proxy.operations, ['BatchGetItem'])
      } finally {
        proxy.close()
      }
    })

    test('more keys than a request takes are read by several', async () => {
      const keys = Array.from({ length: 250 }, (): RevocationKey => ({ dimension: 'subject', value: randomUUID() }))
      for (const place of [0, 99, 100, 249]) keys[place] = await revoked()
      const few = keys.slice(0, 100)
      const proxy = await openFaultyProxy(world.endpoint, () => 'none')
      try {
        const store = dynamodbRevocationStore(world.clientFor(proxy.endpoint), world.table, () => now)
        assert.equal((await store.find([...few, ...few], signal)).length, 2)
        assert.equal(proxy.operations.length, 1)
        const found = (await store.find(keys, signal)).map(({ value }) => value)
        assert.deepEqual(found.toSorted(), [0, 99, 100, 249].map((place) => keys[place]!.value).toSorted())
        assert.equal(proxy.operations.length, 4)
      } finally {
        proxy.close()
      }
    })

    test('an aborted request is unavailable', async () => {
      await assert.rejects(
        store.find([{ dimension: 'all', value: 'all' }], AbortSignal.abort()),
        new UnavailableError('dynamodb', 'AbortError'),
      )
    })

    for (const [what, fields] of [
      ['a time that is text', { not_before: { S: '1' } }],
      ['a time that is no integer', { blocked_until: { N: '1.5' } }],
      ['no expiry', { expires_at: { NULL: true } }],
    ] as [string, Record<string, AttributeValue>][]) {
      test(`a row with ${what} is unavailable, not ignored`, async () => {
        await assert.rejects(
          store.find([await revoked(fields)], signal),
          new UnavailableError('dynamodb', 'a revocation is malformed'),
        )
      })
    }

    for (const [what, fault, detail] of [
      ['a throttled read', () => ({ status: 400, type: 'ThrottlingException' }), 'ThrottlingException'],
      [
        'a partial answer',
        () => ({
          answer: {
            Responses: { [world.table]: [] },
            UnprocessedKeys: { [world.table]: { Keys: [{ pk: { S: 'revocation#all#all' } }] } },
          },
        }),
        'some revocations were not read',
      ],
      ['an answer about no table', () => ({ answer: {} }), 'the answer names no table'],
      [
        'a row that was not asked for',
        () => ({
          answer: {
            Responses: {
              [world.table]: [
                {
                  pk: { S: 'revocation#all#other' },
                  not_before: { N: '1' },
                  blocked_until: { N: '1' },
                  expires_at: { N: '1' },
                },
              ],
            },
          },
        }),
        'a revocation is malformed',
      ],
      [
        'a row without a key',
        () => ({
          answer: {
            Responses: {
              [world.table]: [{ not_before: { N: '1' }, blocked_until: { N: '1' }, expires_at: { N: '1' } }],
            },
          },
        }),
        'a revocation is malformed',
      ],
    ] as [string, () => Fault, string][]) {
      test(`${what} is unavailable`, async () => {
        const proxy = await openFaultyProxy(world.endpoint, fault)
        try {
          const store = dynamodbRevocationStore(world.clientFor(proxy.endpoint), world.table, () => now)
          await assert.rejects(
            store.find([{ dimension: 'all', value: 'all' }], signal),
            new UnavailableError('dynamodb', detail),
          )
        } finally {
          proxy.close()
        }
      })
    }
  })
}
