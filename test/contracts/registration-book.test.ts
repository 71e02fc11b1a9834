import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { GetItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb'
import { dynamodbRegistrationBook } from '../../lib/aws/registration-book.ts'
import type { RegisteredClient, RegistrationBook } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { openFaultyProxy, type Fault } from './faulty-proxy.ts'
import { now } from './receipt.ts'
import { registeredClient, wholeRegisteredClient } from './registration-book.ts'
import { openTestTable, type TestTable } from './test-table.ts'

// What the network may do to the rows of clients that register themselves. What they promise is in registration-book.ts.

const signal = AbortSignal.timeout(60_000)
let world: TestTable

before(async () => {
  world = await openTestTable()
})
after(() => world.close())

async function row(pk: string) {
  const command = new GetItemCommand({ TableName: world.table, Key: { pk: { S: pk } }, ConsistentRead: true })
  return (await world.client.send(command)).Item
}

async function spoil(pk: string, changes: Record<string, AttributeValue | undefined>): Promise<void> {
  const changed = Object.entries({ ...(await row(pk)), ...changes })
  const Item = Object.fromEntries(changed.filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined))
  await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
}

async function through<T>(
  fault: (operation: string, nth: number) => Fault,
  work: (book: RegistrationBook, operations: readonly string[]) => Promise<T>,
): Promise<T> {
  const proxy = await openFaultyProxy(world.endpoint, fault)
  try {
    return await work(dynamodbRegistrationBook(world.clientFor(proxy.endpoint), world.table), proxy.operations)
  } finally {
    proxy.close()
  }
}

const book = () => dynamodbRegistrationBook(world.client, world.table)
const isUnavailable = (error: unknown) => error instanceof UnavailableError && error.dependency === 'dynamodb'

async function registered(make: () => RegisteredClient = registeredClient): Promise<RegisteredClient> {
  const one = make()
  assert.ok(await book().register(one, 5, signal))
  return one
}

test('a place is taken first, then the client is written; none is looked for', async () => {
  await through(
    () => 'none',
    async (book, operations) => {
      const one = registeredClient()
      await book.register(one, 1, signal)
      assert.deepEqual(operations, ['GetItem', 'PutItem', 'PutItem'])
      assert.ok(await book.find(one.client_id, now, signal))
      assert.deepEqual(operations.slice(3), ['GetItem'])
    },
  )
})

test('no secret and no token is in a row, but for their hashes, and the row of places has none', async () => {
  const one = await registered(wholeRegisteredClient)
  assert.deepEqual(Object.keys((await row(`client#${one.client_id}`)) ?? {}).toSorted(), [
    'changed_at',
    'client_id',
    'client_secret',
    'created_at',
    'expires_at',
    'management',
    'metadata',
    'pk',
    'registered_by',
    'schema',
    'write_id',
  ])
  assert.deepEqual(Object.keys((await row(`registration#${one.registered_by}`)) ?? {}).toSorted(), [
    'clients',
    'expires_at',
    'pk',
    'schema',
    'write_id',
  ])
})

describe('an answer that was lost once', () => {
  for (const [what, nth] of [
    ['of the place', 0],
    ['of the client', 1],
  ] as const)
    test(`${what}: it is our own when the SDK sends it again`, async () => {
      const one = registeredClient()
      const fault = (operation: string, at: number): Fault => (operation === 'PutItem' && at === nth ? 'lose' : 'none')
      assert.equal(await through(fault, (book) => book.register(one, 1, signal)), true)
      assert.deepEqual(await book().find(one.client_id, now, signal), one)
      assert.equal(await book().register(registeredClient({ registered_by: one.registered_by }), 1, signal), false)
    })

  test('of a change: it is done', async () => {
    const one = await registered()
    const changed = { ...one, changed_at: now + 1 }
    const lose = (operation: string, at: number): Fault => (operation === 'PutItem' && at === 0 ? 'lose' : 'none')
    assert.equal(await through(lose, (book) => book.replace(changed, now, signal)), true)
    assert.deepEqual(await book().find(one.client_id, now, signal), changed)
  })

  test('of a delete: it is gone, and its place is free', async () => {
    const one = await registered()
    const lose = (operation: string, at: number): Fault => (operation === 'DeleteItem' && at === 0 ? 'lose' : 'none')
    assert.equal(await through(lose, (book) => book.delete(one, now, signal)), true)
    assert.equal(await book().register(registeredClient({ registered_by: one.registered_by }), 1, signal), true)
  })
})

test('a client that cannot be written leaves no place taken', async () => {
  const one = registeredClient()
  const fault = (operation: string, nth: number): Fault =>
    operation === 'PutItem' && nth === 1 ? { status: 400, type: 'AccessDeniedException' } : 'none'
  await assert.rejects(
    through(fault, (book) => book.register(one, 1, signal)),
    isUnavailable,
  )
  assert.equal(await book().find(one.client_id, now, signal), undefined)
  assert.equal(await book().register(registeredClient({ registered_by: one.registered_by }), 1, signal), true)
})

test('a place that cannot be freed is told, and the client is gone all the same', async () => {
  const one = await registered()
  const fault = (operation: string): Fault =>
    operation === 'DeleteItem' ? 'none' : { status: 400, type: 'ThrottlingException' }
  assert.equal(await through(fault, (book) => book.delete(one, now, signal)), false)
  assert.equal(await book().find(one.client_id, now, signal), undefined)
  assert.equal(await book().register(registeredClient({ registered_by: one.registered_by }), 1, signal), false)
})

test('through a network that loses every third answer no two are in one place', async () => {
  const registered_by = registeredClient().management + String(Math.random())
  const clients = Array.from({ length: 12 }, () => registeredClient({ registered_by }))
  const got = await through(
    (operation, nth) => (operation === 'PutItem' && nth % 3 === 2 ? 'lose' : 'none'),
    (book) => Promise.all(clients.map((client) => book.register(client, 4, signal).catch(() => undefined))),
  )
  const found = await Promise.all(clients.map(({ client_id }) => book().find(client_id, now, signal)))
  assert.ok(found.filter((client) => client !== undefined).length <= 4)
  for (const [index, client] of found.entries()) if (got[index] === true) assert.ok(client)
})

describe('a client that is none of ours', () => {
  for (const field of [
    'registered_by',
    'management',
    'client_secret',
    'metadata',
    'created_at',
    'changed_at',
    'schema',
  ])
    test(`with another type of ${field} it is unavailable, not absent`, async () => {
      const one = await registered(wholeRegisteredClient)
      await spoil(`client#${one.client_id}`, { [field]: { BOOL: true } })
      await assert.rejects(book().find(one.client_id, now, signal), isUnavailable)
    })

  for (const text of ['{"scope":"a","scope":"b"}', '[]', ''])
    test(`with metadata ${JSON.stringify(text)} it is unavailable`, async () => {
      const one = await registered()
      await spoil(`client#${one.client_id}`, { metadata: { S: text } })
      await assert.rejects(book().find(one.client_id, now, signal), isUnavailable)
    })
})

describe('places that are none of ours', () => {
  for (const [what, clients] of [
    ['no list', undefined],
    ['text', { S: 'reg.a 1' }],
    ['a place without an end', { L: [{ S: 'reg.a' }] }],
    ['a place that is a number', { L: [{ N: '1' }] }],
  ] as const)
    test(`with ${what} nobody registers`, async () => {
      const one = await registered()
      await spoil(`registration#${one.registered_by}`, { clients: clients as AttributeValue | undefined })
      const next = registeredClient({ registered_by: one.registered_by })
      await assert.rejects(book().register(next, 5, signal), isUnavailable)
      assert.equal(await book().find(next.client_id, now, signal), undefined)
    })
})

for (const type of ['ThrottlingException', 'AccessDeniedException', 'InternalServerError'])
  test(`${type} is unavailable`, async () => {
    const one = await registered()
    const fault = (): Fault => ({ status: type === 'InternalServerError' ? 500 : 400, type })
    const works: readonly ((book: RegistrationBook) => Promise<unknown>)[] = [
      (book) => book.register(registeredClient(), 1, signal),
      (book) => book.find(one.client_id, now, signal),
      (book) => book.replace(one, now, signal),
      (book) => book.delete(one, now, signal),
    ]
    for (const work of works) await assert.rejects(through(fault, work), isUnavailable)
  })
