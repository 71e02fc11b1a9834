import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb'
import { dynamodbReceiptStore } from '../../lib/aws/receipts.ts'
import type { ReceiptStore } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { openFaultyProxy, type Fault, type FaultyProxy } from './faulty-proxy.ts'
import { now, receipt } from './receipt.ts'
import { openTestTable, type TestTable } from './test-table.ts'

const signal = AbortSignal.timeout(60_000)

/** ReceiptStore's promises, held by the DynamoDB adapter against any endpoint that speaks its protocol. */
export function receiptStoreContract(name: string, open: () => Promise<TestTable> = openTestTable): void {
  describe(`receipts: ${name}`, () => {
    let world: TestTable
    let store: ReceiptStore
    const key = () => `github#jti:${randomUUID()}`

    before(async () => {
      world = await open()
      store = dynamodbReceiptStore(world.client, world.table, randomUUID, () => now + 1)
    })
    after(() => world.close())

    async function row(key: string) {
      const { Item } = await world.client.send(
        new GetItemCommand({ TableName: world.table, Key: { pk: { S: `receipt#${key}` } }, ConsistentRead: true }),
      )
      return Item
    }

    async function through(
      fault: (operation: string, nth: number) => Fault,
      work: (store: ReceiptStore, operations: string[], proxy: FaultyProxy) => Promise<void>,
    ) {
      const proxy = await openFaultyProxy(world.endpoint, fault)
      try {
        await work(dynamodbReceiptStore(world.clientFor(proxy.endpoint), world.table), proxy.operations, proxy)
      } finally {
        proxy.close()
      }
    }

    test('the first to come is recorded, everybody after is replayed', async () => {
      const k = key()
      assert.equal(await store.record(receipt(k), signal), 'recorded')
      assert.equal(await store.record(receipt(k), signal), 'replayed')
      assert.equal(await store.record(receipt(k, { at: now + 3_600 }), signal), 'replayed', 'also at its last second')
    })

    test('one decision does not record twice', async () => {
      const same = receipt(key())
      assert.equal(await store.record(same, signal), 'recorded')
      assert.equal(await store.record(same, signal), 'replayed')
    })

    test('a receipt holds what was decided, and is found by its decision', async () => {
      const one = receipt(key(), { subject_jti: 'j' })
      await store.record(one, signal)
      const item = await row(one.key)
      assert.deepEqual(item?.schema, { N: '1' })
      assert.deepEqual(item?.state, { S: 'recorded' })
      assert.deepEqual(item?.attempts, { N: '1' })
      assert.deepEqual(item?.rules, { L: [{ S: 'web-deploys' }, { S: 'another' }] })
      assert.deepEqual(item?.scopes, { L: [] })
      assert.deepEqual(item?.subject_jti, { S: 'j' })
      assert.deepEqual(JSON.parse(item?.claims?.S ?? ''), one.claims)
      assert.deepEqual(item?.expires_at, { N: String(one.expires_at) })
      const { Items } = await world.client.send(
        new QueryCommand({
          TableName: world.table,
          IndexName: 'by_id',
          KeyConditionExpression: 'decision_id = :id',
          ExpressionAttributeValues: { ':id': { S: one.decision_id } },
        }),
      )
      assert.equal(Items?.[0]?.pk?.S, `receipt#${one.key}`)
    })

    test('fifty at once get one recorded between them', async () => {
      const k = key()
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => store.record(receipt(k), signal)))
      assert.equal(outcomes.filter((outcome) => outcome === 'recorded').length, 1)
    })

    test('a released receipt is recorded again, three times in all', async () => {
      const k = key()
      for (const attempt of [1, 2, 3]) {
        const one = receipt(k)
        assert.equal(await store.record(one, signal), 'recorded', `attempt ${attempt}`)
        assert.equal(await store.record(receipt(k), signal), 'replayed', 'while it is not released')
        await store.release(one, signal)
        const item = await row(k)
        assert.deepEqual(
          [item?.state?.S, item?.attempts?.N, item?.released_at?.N],
          ['released', String(attempt), String(now + 1)],
        )
      }
      assert.equal(await store.record(receipt(k), signal), 'replayed')
    })

    test('fifty at a released receipt get one recorded between them', async () => {
      const first = receipt(key())
      await store.record(first, signal)
      await store.release(first, signal)
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => store.record(receipt(first.key), signal)))
      assert.equal(outcomes.filter((outcome) => outcome === 'recorded').length, 1)
      assert.equal((await row(first.key))?.attempts?.N, '2')
    })

    test("nobody releases another's receipt, nor one that is not there, nor one twice", async () => {
      const ours = receipt(key())
      await store.record(ours, signal)
      await store.release(receipt(ours.key), signal)
      assert.equal((await row(ours.key))?.state?.S, 'recorded')
      const never = receipt(key())
      await store.release(never, signal)
      assert.equal(await row(never.key), undefined)
      await store.release(ours, signal)
      await store.release(ours, signal)
      assert.equal((await row(ours.key))?.attempts?.N, '1')
    })

    test('an expired row is taken over, and counts its attempts anew', async () => {
      const old = receipt(key())
      await store.record(old, signal)
      assert.equal(
        await store.record(receipt(old.key, { at: now + 3_601, expires_at: now + 7_200 }), signal),
        'recorded',
      )
      assert.equal((await row(old.key))?.attempts?.N, '1')
      assert.equal(await store.record(receipt(old.key, { at: now + 3_602 }), signal), 'replayed')
    })

    test('a write whose answer was lost once is our own when the SDK sends it again', async () => {
      await through(
        (operation, nth) => (operation === 'PutItem' && nth === 0 ? 'lose' : 'none'),
        async (store, operations) => {
          assert.equal(await store.record(receipt(key()), signal), 'recorded')
          assert.deepEqual(operations, ['PutItem', 'PutItem', 'GetItem'])
        },
      )
    })

    test('a write whose every answer was lost is settled by one read', async () => {
      await through(
        (operation) => (operation === 'PutItem' ? 'lose' : 'none'),
        async (store, operations) => {
          const k = key()
          assert.equal(await store.record(receipt(k), signal), 'recorded')
          assert.equal(operations.filter((operation) => operation === 'GetItem').length, 1)
          assert.equal(await store.record(receipt(k), signal), 'replayed', "and finds another's as such")
        },
      )
    })

    test('the second put of a released receipt is settled the same way', async () => {
      const first = receipt(key())
      await store.record(first, signal)
      await store.release(first, signal)
      await through(
        (operation, nth) => (operation === 'PutItem' && nth > 0 ? 'lose' : 'none'),
        async (store) => assert.equal(await store.record(receipt(first.key), signal), 'recorded'),
      )
      assert.equal((await row(first.key))?.attempts?.N, '2')
    })

    test('a put that failed, over a row that has expired since: it is taken over', async () => {
      const old = receipt(key())
      await store.record(old, signal)
      await through(
        (operation, nth) =>
          operation === 'PutItem' && nth < 2 ? { status: 500, type: 'InternalServerError' } : 'none',
        async (store, operations) => {
          assert.equal(await store.record(receipt(old.key, { at: now + 3_601 }), signal), 'recorded')
          assert.deepEqual(operations, ['PutItem', 'PutItem', 'GetItem', 'PutItem'])
        },
      )
    })

    test('a receipt that is recorded is one put, and no read', async () => {
      await through(
        () => 'none',
        async (store, operations) => {
          assert.equal(await store.record(receipt(key()), signal), 'recorded')
          assert.deepEqual(operations, ['PutItem'])
        },
      )
    })

    test('whose receipt it is is found until it has expired, by one consistent read', async () => {
      const one = receipt(key())
      assert.equal(await store.find(one.key, signal), undefined)
      await store.record(one, signal)
      await through(
        () => 'none',
        async (_, operations, { endpoint, asked }) => {
          let time = one.expires_at
          const store = dynamodbReceiptStore(world.clientFor(endpoint), world.table, randomUUID, () => time)
          const found = { decision_id: one.decision_id, state: 'recorded' }
          assert.deepEqual(await store.find(one.key, signal), found, 'at its last second')
          assert.deepEqual(operations, ['GetItem'])
          assert.equal(asked()[0]?.ConsistentRead, true)
          time += 1
          assert.equal(await store.find(one.key, signal), undefined)
        },
      )
    })

    test('one that was released is found as such, and then whose it became', async () => {
      const first = receipt(key())
      await store.record(first, signal)
      await store.release(first, signal)
      assert.deepEqual(await store.find(first.key, signal), { decision_id: first.decision_id, state: 'released' })
      const second = receipt(first.key)
      await store.record(second, signal)
      await store.record(receipt(first.key), signal)
      assert.deepEqual(await store.find(first.key, signal), { decision_id: second.decision_id, state: 'recorded' })
    })

    for (const [field, value] of [
      ['decision_id', undefined],
      ['state', undefined],
      ['state', { S: 'pending' }],
      ['expires_at', undefined],
      ['expires_at', { S: String(now + 60) }],
    ] as const)
      test(`a receipt whose ${field} is ${value?.S ?? 'missing'} is not found, and not absent`, async () => {
        const k = key()
        const item = { decision_id: { S: 'd' }, state: { S: 'recorded' }, expires_at: { N: String(now + 60) } }
        const { [field]: _, ...rest } = { pk: { S: `receipt#${k}` }, ...item }
        const Item = value === undefined ? rest : { ...rest, [field]: value }
        await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
        await assert.rejects(store.find(k, signal), unavailable('a receipt is malformed'))
      })

    test('a receipt that cannot be read is unavailable', async () => {
      await through(
        () => ({ status: 500, type: 'InternalServerError' }),
        async (store) => assert.rejects(store.find(key(), signal), unavailable('InternalServerError')),
      )
      await assert.rejects(store.find(key(), AbortSignal.abort()), unavailable('AbortError'))
    })

    const rejected = (type: string) => (): Fault => ({ status: 400, type })
    const failures: [string, (operation: string) => Fault, string[], string][] = [
      ['a throttled put', rejected('ThrottlingException'), ['PutItem', 'PutItem'], 'ThrottlingException'],
      [
        'a put beyond its throughput',
        rejected('ProvisionedThroughputExceededException'),
        ['PutItem', 'PutItem'],
        'ProvisionedThroughputExceededException',
      ],
      ['a put that is denied', rejected('AccessDeniedException'), ['PutItem'], 'AccessDeniedException'],
      ['an invalid put', rejected('ValidationException'), ['PutItem'], 'ValidationException'],
      [
        'a put that failed and left nothing',
        (operation) => (operation === 'PutItem' ? { status: 500, type: 'InternalServerError' } : 'none'),
        ['PutItem', 'PutItem', 'GetItem'],
        'the outcome of a write is unknown',
      ],
      [
        'a put that cannot be settled',
        (operation) => (operation === 'PutItem' ? 'lose' : { status: 500, type: 'InternalServerError' }),
        ['PutItem', 'PutItem', 'GetItem', 'GetItem'],
        'InternalServerError',
      ],
    ]
    for (const [what, fault, expected, detail] of failures) {
      test(`${what} is unavailable`, async () => {
        await through(fault, async (store, operations) => {
          await assert.rejects(store.record(receipt(key()), signal), unavailable(detail))
          assert.deepEqual(operations, expected)
        })
      })
    }

    test('a release that fails is unavailable', async () => {
      await through(
        () => ({ status: 500, type: 'InternalServerError' }),
        async (store) => assert.rejects(store.release(receipt(key()), signal), unavailable('InternalServerError')),
      )
    })

    test('a row that is no receipt is unavailable, not free', async () => {
      const k = key()
      await world.client.send(
        new PutItemCommand({
          TableName: world.table,
          Item: { pk: { S: `receipt#${k}` }, expires_at: { N: String(now + 60) }, state: { S: 'released' } },
        }),
      )
      await assert.rejects(store.record(receipt(k), signal), unavailable('a receipt is malformed'))
    })

    for (const missing of ['write_id', 'attempts', 'expires_at']) {
      test(`a receipt without ${missing} is unavailable, neither free nor a replay`, async () => {
        const k = key()
        const item = {
          write_id: { S: 'w' },
          attempts: { N: '1' },
          expires_at: { N: String(now + 60) },
          state: { S: 'recorded' },
        }
        const Item = Object.fromEntries(Object.entries(item).filter(([name]) => name !== missing))
        await world.client.send(
          new PutItemCommand({ TableName: world.table, Item: { pk: { S: `receipt#${k}` }, ...Item } }),
        )
        // Without its expiry the put's own condition already takes the row for one that stays.
        await assert.rejects(store.record(receipt(k), signal), unavailable('a receipt is malformed'))
      })
    }

    test('the read that settles is consistent', async () => {
      const first = receipt(key())
      await store.record(first, signal)
      await through(
        () => 'none',
        async (store, operations, { asked }) => {
          assert.equal(await store.record(receipt(first.key), signal), 'replayed')
          assert.equal(asked()[operations.indexOf('GetItem')]?.ConsistentRead, true)
        },
      )
    })

    test('whoever loses the race for a released receipt twice is told to come back', async () => {
      const released = {
        write_id: { S: 'w' },
        attempts: { N: '1' },
        expires_at: { N: String(now + 60) },
        state: { S: 'released' },
      }
      await through(
        (operation) =>
          operation === 'PutItem'
            ? { status: 400, type: 'ConditionalCheckFailedException' }
            : { answer: { Item: released } },
        async (store, operations) => {
          await assert.rejects(store.record(receipt(key()), signal), unavailable('the receipt could not be settled'))
          assert.deepEqual(operations, ['PutItem', 'GetItem', 'PutItem', 'GetItem'])
        },
      )
    })

    test('an aborted request is unavailable', async () => {
      const aborted = AbortSignal.abort()
      await assert.rejects(store.record(receipt(key()), aborted), unavailable('AbortError'))
      await assert.rejects(store.release(receipt(key()), aborted), unavailable('AbortError'))
    })

    test('a request that is aborted while it settles is unavailable', async () => {
      const deadline = new AbortController()
      await through(
        (operation) => {
          if (operation === 'PutItem') return { status: 400, type: 'ConditionalCheckFailedException' }
          deadline.abort()
          return { hold: 'before it is done' }
        },
        async (store) => assert.rejects(store.record(receipt(key()), deadline.signal), unavailable('AbortError')),
      )
    })

    test('left to itself, it tells the time of a release by the clock, in seconds', async () => {
      const store = dynamodbReceiptStore(world.client, world.table)
      const one = receipt(key())
      const from = Math.floor(Date.now() / 1000)
      await store.record(one, signal)
      await store.release(one, signal)
      const to = Math.floor(Date.now() / 1000)
      const released_at = Number((await row(one.key))?.released_at?.N)
      assert.ok(from <= released_at && released_at <= to, String(released_at))
    })
  })
}

function unavailable(detail: string): UnavailableError {
  return new UnavailableError('dynamodb', detail)
}
