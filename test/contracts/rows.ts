import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { GetItemCommand, PutItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { dynamodbAccounts } from '../../lib/aws/accounts.ts'
import { dynamodbAuthorizationCodes } from '../../lib/aws/authorization-codes.ts'
import { dynamodbConsents } from '../../lib/aws/consents.ts'
import { dynamodbPendingLogins } from '../../lib/aws/pending-logins.ts'
import { dynamodbSessions } from '../../lib/aws/sessions.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { openFaultyProxy, type Fault, type FaultyProxy } from './faulty-proxy.ts'
import { account, consent, pendingLogin, session, wholeAuthentication, wholeCode } from './kept.ts'
import { now } from './receipt.ts'
import { openTestTable, type TestTable } from './test-table.ts'

const signal = AbortSignal.timeout(60_000)

/** One row of a store: how it gets there, and how it is read. */
interface Kind {
  pk: string
  put: (signal: AbortSignal) => Promise<void>
  find: (signal: AbortSignal) => Promise<unknown>
  /** Names of fields without which it is none of ours. */
  fields: string[]
  /** Those that hold JSON text. */
  json?: string[]
  /** What else is done to it, by its operation in DynamoDB. */
  also?: Record<string, (signal: AbortSignal) => Promise<unknown>>
}

type OfKind = (client: DynamoDBClient, table: string) => Kind

/** Each makes a row of its own. */
const kinds: Record<string, OfKind> = {
  'a pending login'(client, table) {
    const logins = dynamodbPendingLogins(client, table)
    const one = pendingLogin()
    return {
      pk: `login#${one.id}`,
      put: (signal) => logins.record(one, signal),
      find: (signal) => logins.find(one.id, now, signal),
      fields: ['browser', 'request', 'created_at'],
      also: { consume: (signal) => logins.consume(one.id, now, signal) },
    }
  },
  'a session'(client, table) {
    const sessions = dynamodbSessions(client, table)
    const one = session({ authentication: wholeAuthentication() })
    return {
      pk: `session#${one.key}`,
      put: (signal) => sessions.record(one, signal),
      find: (signal) => sessions.find(one.key, now, signal),
      fields: ['login_id', 'created_at', 'seen_at'],
      json: ['authentication', 'claims', 'identity'],
      also: {
        touch: (signal) => sessions.touch(one.key, { seen_at: now + 1, expires_at: now + 9 }, signal),
        enter: (signal) => sessions.enter(one.key, 'client', now, signal),
        list: (signal) => sessions.list(one.authentication.sub, now, undefined, signal),
        close: (signal) => sessions.close(one.key, signal),
        replace: (signal) => sessions.replace(one, signal),
        end: (signal) => sessions.end(one.key, signal),
      },
    }
  },
  'an authorization code'(client, table) {
    const codes = dynamodbAuthorizationCodes(client, table)
    const one = wholeCode()
    return {
      pk: `code#${one.key}`,
      put: (signal) => codes.record(one, signal),
      find: (signal) => codes.find(one.key, now, signal),
      fields: ['client_id', 'redirect_uri', 'scopes', 'acr_values', 'created_at'],
      json: ['asked', 'authentication', 'claims', 'identity'],
    }
  },
  'a consent'(client, table) {
    const consents = dynamodbConsents(client, table)
    const one = consent()
    return {
      pk: `consent#${one.client_id}#${one.sub}`,
      put: (signal) => consents.record(one, signal),
      find: (signal) => consents.find(one, now, signal),
      fields: ['client_id', 'sub', 'scopes', 'created_at'],
      also: {
        list: (signal) => consents.list({}, now, undefined, signal),
        'list a person’s': (signal) => consents.list({ sub: one.sub }, now, undefined, signal),
        withdraw: (signal) => consents.withdraw(one, signal),
      },
    }
  },
  'an account'(client, table) {
    const accounts = dynamodbAccounts(client, table)
    const one = account()
    return {
      pk: `account#${one.sub}`,
      put: (signal) => accounts.record(one, signal),
      find: (signal) => accounts.find(one.sub, now, signal),
      fields: ['created_at'],
      json: ['identity'],
    }
  },
}

/** What holds for every row of a login's, whatever the network does: of the DynamoDB adapters alone. */
export function rowsContract(name: string, open: () => Promise<TestTable> = openTestTable): void {
  describe(`rows of logins: ${name}`, () => {
    let world: TestTable

    before(async () => {
      world = await open()
    })
    after(() => world.close())

    async function row(pk: string) {
      const command = new GetItemCommand({ TableName: world.table, Key: { pk: { S: pk } }, ConsistentRead: true })
      return (await world.client.send(command)).Item
    }

    /** A row that is there, with these fields otherwise; undefined takes one away. */
    async function spoiled(ofKind: OfKind, changes: Record<string, AttributeValue | undefined>): Promise<Kind> {
      const kind = ofKind(world.client, world.table)
      await kind.put(signal)
      const changed = Object.entries({ ...(await row(kind.pk)), ...changes })
      const Item = Object.fromEntries(
        changed.filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined),
      )
      await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
      return kind
    }

    async function through(
      ofKind: OfKind,
      fault: (operation: string, nth: number) => Fault,
      work: (kind: Kind, proxy: FaultyProxy) => Promise<void>,
    ) {
      const proxy = await openFaultyProxy(world.endpoint, fault)
      try {
        await work(ofKind(world.clientFor(proxy.endpoint), world.table), proxy)
      } finally {
        proxy.close()
      }
    }

    for (const [what, ofKind] of Object.entries(kinds))
      describe(what, () => {
        test('has a schema and an expiry, and is found again by one consistent read', async () => {
          await through(
            ofKind,
            () => 'none',
            async (kind, proxy) => {
              await kind.put(signal)
              assert.ok(await kind.find(signal))
              assert.deepEqual(proxy.operations, ['PutItem', 'GetItem'])
              assert.equal(proxy.asked()[1]?.ConsistentRead, true)
              const item = await row(kind.pk)
              assert.deepEqual(item?.schema, { N: '1' })
              assert.ok(Number(item?.expires_at?.N) > now)
            },
          )
        })

        const { fields, json = [], also = {} } = ofKind(undefined as never, '')
        for (const field of [...fields, ...json, 'schema', 'expires_at'])
          for (const [how, value] of [
            ['without', undefined],
            ['with another type of', { BOOL: true }],
          ] as const)
            test(`${how} ${field} it is unavailable, not absent`, async () => {
              const kind = await spoiled(ofKind, { [field]: value })
              await assert.rejects(kind.find(signal), isUnavailable)
            })

        for (const field of json)
          for (const text of ['{"sub":"a","sub":"b"}', '[]', ''])
            test(`with ${field} ${JSON.stringify(text)} it is unavailable, not absent`, async () => {
              const kind = await spoiled(ofKind, { [field]: { S: text } })
              await assert.rejects(kind.find(signal), unavailable(`a row with a broken ${field}`))
            })

        test('of another schema it is unavailable', async () => {
          const kind = await spoiled(ofKind, { schema: { N: '2' } })
          await assert.rejects(kind.find(signal), unavailable('a row of another kind'))
        })

        test('another row than the one that was asked for is unavailable', async () => {
          const kind = ofKind(world.client, world.table)
          await kind.put(signal)
          const Item = await row(kind.pk)
          const proxy = await openFaultyProxy(world.endpoint, () => ({ answer: { Item } }))
          try {
            const behind = ofKind(world.clientFor(proxy.endpoint), world.table)
            await assert.rejects(behind.find(signal), unavailable('a row of another kind'))
          } finally {
            proxy.close()
          }
        })

        test('a write whose answer was lost once is our own when the SDK sends it again', async () => {
          await through(
            ofKind,
            (operation, nth) => (operation === 'PutItem' && nth === 0 ? 'lose' : 'none'),
            async (kind, proxy) => {
              await kind.put(signal)
              assert.ok(await kind.find(signal))
              assert.deepEqual(proxy.operations, ['PutItem', 'PutItem', 'GetItem'])
            },
          )
        })

        test('a write whose every answer was lost is unavailable', async () => {
          await through(
            ofKind,
            () => 'lose',
            async (kind) => assert.rejects(kind.put(signal), isUnavailable),
          )
        })

        const operations = {
          put: (kind: Kind) => kind.put(signal),
          find: (kind: Kind) => kind.find(signal),
          ...Object.fromEntries(Object.keys(also).map((each) => [each, (kind: Kind) => kind.also![each]!(signal)])),
        }
        for (const [operation, work] of Object.entries(operations))
          for (const type of [
            'ThrottlingException',
            'AccessDeniedException',
            'ResourceNotFoundException',
            'InternalServerError',
          ])
            test(`${operation}: ${type} is unavailable`, async () => {
              await through(
                ofKind,
                () => ({ status: type === 'InternalServerError' ? 500 : 400, type }),
                async (kind) => assert.rejects(work(kind), unavailable(type)),
              )
            })

        test('an aborted request is unavailable', async () => {
          const kind = ofKind(world.client, world.table)
          const aborted = AbortSignal.abort()
          for (const work of [kind.put, kind.find, ...Object.values(kind.also ?? {})])
            await assert.rejects(work(aborted), unavailable('AbortError'))
        })

        test('a table that cannot be reached is unavailable', async () => {
          const kind = ofKind(world.clientFor('http://127.0.0.1:9'), world.table)
          for (const work of [kind.put, kind.find, ...Object.values(kind.also ?? {})])
            await assert.rejects(work(signal), unavailable('ECONNREFUSED'))
        })
      })

    describe('a delete that the SDK had to send twice', () => {
      for (const [what, operation] of [
        ['a pending login', 'consume'],
        ['a consent', 'withdraw'],
      ] as const)
        test(`${what}: nobody knows whose it was, and it is gone`, async () => {
          await through(
            kinds[what]!,
            (asked, nth) => (asked === 'DeleteItem' && nth === 0 ? 'lose' : 'none'),
            async (kind) => {
              await kind.put(signal)
              const work = kind.also![operation]!
              await assert.rejects(work(signal), unavailable('the outcome of a delete is unknown'))
              assert.equal(await row(kind.pk), undefined)
              assert.equal(await work(signal), false)
            },
          )
        })

      test('a session is ended all the same', async () => {
        await through(
          kinds['a session']!,
          (asked, nth) => (asked === 'DeleteItem' && nth === 0 ? 'lose' : 'none'),
          async (kind) => {
            await kind.put(signal)
            await kind.also!.end!(signal)
            assert.equal(await row(kind.pk), undefined)
          },
        )
      })
    })

    test('a session is seen again by one write', async () => {
      await through(
        kinds['a session']!,
        () => 'none',
        async (kind, { operations }) => {
          await kind.put(signal)
          await kind.also!.touch!(signal)
          assert.deepEqual(operations, ['PutItem', 'UpdateItem'])
          assert.deepEqual((await row(kind.pk))?.seen_at, { N: String(now + 1) })
        },
      )
    })

    describe('an authentication that is none of ours', () => {
      for (const [what, spoil] of [
        ['no sid', { sid: undefined }],
        ['an empty sub', { sub: '' }],
        ['a subject that is a number', { subject: 1 }],
        ['no issuer', { issuer_name: undefined }],
        ['a hash that is a list', { hash: [] }],
        ['a jti that is a number', { jti: 1 }],
        ['a time that is no integer', { auth_time: 1.5 }],
        ['acr that is text', { acr: 'urn:acme:mfa' }],
        ['acr with a number in it', { acr: [1] }],
        ['amr that is text', { amr: 'pwd' }],
        ['no end', { expires_at: undefined }],
        ['an end that is text', { expires_at: String(now) }],
      ] as [string, object][])
        test(`with ${what} it is unavailable`, async () => {
          const { claims: _, identity: __, ...rest } = wholeAuthentication()
          const text = JSON.stringify({ ...rest, ...spoil })
          for (const each of ['a session', 'an authorization code']) {
            const kind = await spoiled(kinds[each]!, { authentication: { S: text } })
            await assert.rejects(kind.find(signal), unavailable('a row without authentication'))
          }
        })
    })

    describe('a code that is none of ours', () => {
      const asked = { target: { resource: ['r'], scope: ['s'] }, claims: { id_token: [], userinfo: [] } }
      for (const [what, spoil] of [
        ['no claims', { claims: undefined }],
        ['claims that are a list', { claims: [] }],
        ['claims for one of two', { claims: { id_token: [] } }],
        ['a claim that is a number', { claims: { id_token: [1], userinfo: [] } }],
        ['a target that is text', { target: 'orders' }],
        ['a target that is null', { target: null }],
        ['a target without resource', { target: { scope: [] } }],
        ['a scope that is text', { target: { resource: [], scope: 's' } }],
      ] as [string, object][])
        test(`with ${what} it is unavailable`, async () => {
          const kind = await spoiled(kinds['an authorization code']!, {
            asked: { S: JSON.stringify({ ...asked, ...spoil }) },
          })
          await assert.rejects(kind.find(signal), unavailable('a row with a broken asked'))
        })

      // Without its challenge it would be anybody's.
      for (const field of ['code_challenge', 'nonce'])
        test(`with a ${field} that is no text it is unavailable`, async () => {
          const kind = await spoiled(kinds['an authorization code']!, { [field]: { N: '1' } })
          await assert.rejects(kind.find(signal), unavailable(`a row without ${field}`))
        })

      for (const field of ['scopes', 'acr_values'])
        test(`with a number among its ${field} it is unavailable`, async () => {
          const kind = await spoiled(kinds['an authorization code']!, { [field]: { L: [{ S: 'openid' }, { N: '1' }] } })
          await assert.rejects(kind.find(signal), unavailable(`a row without ${field}`))
        })
    })

    test('an account without a time is replaced', async () => {
      const kind = await spoiled(kinds['an account']!, { created_at: undefined })
      await kind.put(signal)
      assert.ok(await kind.find(signal))
    })
  })
}

function isUnavailable(error: unknown): boolean {
  return error instanceof UnavailableError && error.dependency === 'dynamodb'
}

function unavailable(detail: string): UnavailableError {
  return new UnavailableError('dynamodb', detail)
}
