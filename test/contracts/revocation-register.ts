import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { GetItemCommand, PutItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { dynamodbRevocationBook } from '../../lib/aws/revocation-book.ts'
import { dynamodbRevocationStore } from '../../lib/aws/revocations.ts'
import type { Lifting, RevocationBook, RevocationEntry, RevocationKey, RevocationRecord } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { openFaultyProxy, type Fault, type FaultyProxy } from './faulty-proxy.ts'
import { openTestTable, type TestTable } from './test-table.ts'

const now = 1_800_000_000
const forGood = 253_402_300_799
const signal = AbortSignal.timeout(60_000)

/** A revocation of a rule of its own, unless `changes` says otherwise. */
function entry(changes: Partial<RevocationEntry> = {}): RevocationEntry {
  return {
    dimension: 'rule',
    value: randomUUID(),
    not_before: now + 2,
    blocked_until: forGood,
    expires_at: forGood,
    reason: 'a disk was lost',
    by: 'arn:aws:iam::123456789012:user/ana',
    at: now,
    ...changes,
  }
}

const undo: Lifting = {
  tokens: true,
  reason: 'found again',
  by: 'arn:aws:iam::123456789012:user/bo',
  at: now + 60,
  expires_at: now + 500,
}
const start: Lifting = { ...undo, tokens: false }

/** RevocationBook's promises, held by the DynamoDB adapter against any endpoint that speaks its protocol. */
export function revocationRegisterContract(name: string, open: () => Promise<TestTable> = openTestTable): void {
  describe(`the register of revocations: ${name}`, () => {
    let world: TestTable
    let register: RevocationBook

    before(async () => {
      world = await open()
      register = dynamodbRevocationBook(world.client, world.table)
    })
    after(() => world.close())

    async function row({ dimension, value }: RevocationKey): Promise<Record<string, AttributeValue> | undefined> {
      const Key = { pk: { S: `revocation#${dimension}#${value}` } }
      const command = new GetItemCommand({ TableName: world.table, Key, ConsistentRead: true })
      return (await world.client.send(command)).Item
    }

    /** As every exchange reads it. */
    async function found(key: RevocationKey) {
      const [revocation] = await dynamodbRevocationStore(world.client, world.table, () => now).find([key], signal)
      return revocation
    }

    async function listed(): Promise<RevocationRecord[]> {
      const records: RevocationRecord[] = []
      let after: string | undefined
      do {
        const page = await register.list(after, signal)
        records.push(...page.records)
        after = page.next
      } while (after !== undefined)
      return records
    }

    async function through(
      fault: (operation: string, nth: number) => Fault,
      work: (register: RevocationBook, proxy: FaultyProxy) => Promise<void>,
    ) {
      const proxy = await openFaultyProxy(world.endpoint, fault)
      try {
        await work(dynamodbRevocationBook(world.clientFor(proxy.endpoint), world.table), proxy)
      } finally {
        proxy.close()
      }
    }

    test('what is revoked is what every exchange reads, and who asked, when and why is on record', async () => {
      const one = entry()
      await register.revoke(one, signal)
      const { dimension, value, not_before, blocked_until, expires_at } = one
      assert.deepEqual(await found(one), { dimension, value, not_before, blocked_until, expires_at })
      const stored = await row(one)
      assert.deepEqual(stored?.schema, { N: '1' })
      assert.deepEqual(
        [stored?.reason, stored?.by, stored?.at],
        [{ S: 'a disk was lost' }, { S: 'arn:aws:iam::123456789012:user/ana' }, { N: String(now) }],
      )
    })

    for (const [what, value] of [
      ['a # in it', 'farm:a#b#all#all'],
      ['the name of a prototype’s', '__proto__'],
      ['255 characters', 'x'.repeat(255)],
    ] as const)
      test(`a value with ${what} is a key of its own`, async () => {
        const one = entry({ dimension: 'subject', value: value + (value.length < 255 ? randomUUID() : '') })
        await register.revoke(one, signal)
        assert.equal((await found(one))?.value, one.value)
        assert.equal(await found({ dimension: 'all', value: 'all' }), undefined)
      })

    describe('of two revocations of one name the stricter holds, whichever comes first', () => {
      for (const field of ['not_before', 'blocked_until', 'expires_at'] as const)
        for (const order of ['stricter first', 'stricter last'] as const)
          test(`${field}, ${order}`, async () => {
            const lax = entry({ not_before: now, blocked_until: now + 100, expires_at: now + 200 })
            const strict = { ...lax, [field]: lax[field] + 50 }
            const both = order === 'stricter first' ? [strict, lax] : [lax, strict]
            for (const each of both) await register.revoke(each, signal)
            const { reason: _, by: __, at: ___, ...expected } = strict
            assert.deepEqual(await found(lax), expected)
          })

      test('each its own field', async () => {
        const until = entry({ not_before: now - 500, blocked_until: now + 100, expires_at: now + 200 })
        const before = { ...until, not_before: now - 5, blocked_until: 0, expires_at: now + 150 }
        await register.revoke(until, signal)
        await register.revoke(before, signal)
        const { not_before, blocked_until, expires_at } = (await found(until))!
        assert.deepEqual([not_before, blocked_until, expires_at], [now - 5, now + 100, now + 200])
      })
    })

    test('ten at once all count', async () => {
      const { dimension, value } = entry()
      const entries = Array.from({ length: 10 }, (_, index) =>
        entry({
          dimension,
          value,
          not_before: now + index,
          blocked_until: now + 100 - index,
          expires_at: now + 200 + ((index * 7) % 10),
        }),
      )
      const outcomes = await Promise.allSettled(entries.map((each) => register.revoke(each, signal)))
      const settled = entries.filter((_, index) => outcomes[index]?.status === 'fulfilled')
      assert.ok(settled.length > 0)
      const stored = (await found(entries[0]!))!
      for (const name of ['not_before', 'blocked_until', 'expires_at'] as const)
        assert.ok(stored[name] >= Math.max(...settled.map((each) => each[name])), name)
      // Whoever could not be settled was told, and said nothing that is not so.
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof UnavailableError)
    })

    test('two at once both count, and neither fails', async () => {
      const one = entry({ not_before: now + 9, blocked_until: 0, expires_at: now + 100 })
      const other = { ...one, not_before: now, blocked_until: now + 50 }
      await Promise.all([register.revoke(one, signal), register.revoke(other, signal)])
      const { not_before, blocked_until } = (await found(one))!
      assert.deepEqual([not_before, blocked_until], [now + 9, now + 50])
    })

    describe('lifting', () => {
      test('undo revives tokens and issues again; who, when and why is on record beside the revocation', async () => {
        const one = await register.revoke(entry(), signal)
        const record = await register.lift(one, undo, signal)
        assert.ok(record !== 'changed' && record.id !== one.id)
        assert.deepEqual(record, {
          ...one,
          id: record.id,
          not_before: 0,
          blocked_until: 0,
          // It need not stay for as long as a block would.
          expires_at: undo.expires_at,
          lifted_at: undo.at,
          lifted_by: undo.by,
          lifted_reason: undo.reason,
        })
        assert.deepEqual(await register.find(one, signal), record)
        const { not_before, blocked_until } = (await found(one))!
        assert.deepEqual([not_before, blocked_until], [0, 0])
      })

      test('start issues again, and leaves dead what is dead', async () => {
        const one = await register.revoke(entry(), signal)
        await register.lift(one, start, signal)
        const { not_before, blocked_until } = (await found(one))!
        assert.equal(not_before, one.not_before)
        assert.ok(blocked_until <= start.at, String(blocked_until))
      })

      test('where nothing is revoked there is nothing to lift, and nothing is written', async () => {
        const key = entry()
        assert.equal(await register.find(key, signal), undefined)
        assert.equal(await register.lift({ ...key, id: 'none' }, undo, signal), 'changed')
        assert.equal(await row(key), undefined)
      })

      for (const [what, lifting] of [
        ['undo', undo],
        ['start', start],
      ] as const) {
        test(`${what} of a record that was revoked again since changes nothing`, async () => {
          const one = await register.revoke(entry(), signal)
          const again = await register.revoke({ ...one, reason: 'another finding', at: now + 1 }, signal)
          assert.equal(await register.lift(one, lifting, signal), 'changed')
          assert.deepEqual(await register.find(one, signal), again)
        })

        test(`${what}, repeated after somebody stopped it again, leaves that stop alone`, async () => {
          const one = await register.revoke(entry(), signal)
          await register.lift(one, lifting, signal)
          const again = await register.revoke({ ...one, reason: 'another finding', at: now + 90 }, signal)
          assert.equal(await register.lift(one, lifting, signal), 'changed')
          assert.deepEqual(await register.find(one, signal), again)
        })

        test(`${what}, repeated at once, is done once`, async () => {
          const one = await register.revoke(entry(), signal)
          const first = await register.lift(one, lifting, signal)
          assert.deepEqual(await register.lift(one, { ...lifting, at: lifting.at + 1 }, signal), first)
        })
      }

      test('undo of a token that somebody else has revoked since changes nothing', async () => {
        const not_before = now + 86_400
        let stale = await register.revoke(entry({ dimension: 'jti', not_before, blocked_until: 0 }), signal)
        for (const changes of [{ by: 'farm:job' }, { reason: 'another finding' }]) {
          const again = await register.revoke({ ...stale, ...changes, at: now + 1 }, signal)
          assert.deepEqual({ ...again, ...changes }, again)
          assert.equal(await register.lift(stale, undo, signal), 'changed')
          assert.equal((await found(stale))?.not_before, not_before)
          stale = again
        }
      })

      test('one of start and undo is done, and the other told', async () => {
        const one = await register.revoke(entry(), signal)
        await register.lift(one, start, signal)
        assert.equal(await register.lift(one, undo, signal), 'changed')
        assert.equal((await found(one))?.not_before, one.not_before)
      })

      test('an answer that is lost while somebody stops it again lifts nothing of theirs', async () => {
        const one = await register.revoke(entry(), signal)
        const again = { ...one, reason: 'another finding', at: now + 90 }
        let lost = false
        // The first put is done, and while nobody hears of it the rule is stopped again.
        const send = async (command: PutItemCommand, options: object) => {
          const answer = await world.client.send(command, options)
          if (!(command instanceof PutItemCommand) || lost) return answer
          lost = true
          await register.revoke(again, signal)
          throw new Error('the answer was lost')
        }
        const losing = dynamodbRevocationBook({ send } as unknown as DynamoDBClient, world.table)
        assert.equal(await losing.lift(one, start, signal), 'changed')
        assert.ok(lost)
        assert.equal((await found(one))?.blocked_until, forGood)
      })

      test('a revocation after it holds', async () => {
        const one = await register.revoke(entry(), signal)
        await register.lift(one, undo, signal)
        await register.revoke({ ...one, at: now + 90 }, signal)
        const { not_before, blocked_until } = (await found(one))!
        assert.deepEqual([not_before, blocked_until], [one.not_before, one.blocked_until])
      })

      test('a revocation at the same moment is before it or after it, and never half of each', async () => {
        for (let round = 0; round < 20; round++) {
          const first = await register.revoke(
            entry({ not_before: now - 50, blocked_until: now + 50, expires_at: now + 1_000 }),
            signal,
          )
          const second = { ...first, not_before: now + 2, blocked_until: forGood }
          await Promise.all([register.revoke(second, signal), register.lift(first, undo, signal)])
          const { not_before, blocked_until } = (await found(first))!
          const outcome = JSON.stringify([not_before, blocked_until])
          assert.ok(
            [
              [0, 0],
              [second.not_before, second.blocked_until],
            ].some((each) => JSON.stringify(each) === outcome),
            outcome,
          )
        }
      })
    })

    describe('the list', () => {
      test('has all but single tokens, and what was lifted too', async () => {
        const token = entry({ dimension: 'jti' })
        const one = await register.revoke(entry(), signal)
        await register.revoke(token, signal)
        const records = await listed()
        assert.deepEqual(
          records.find(({ value }) => value === one.value),
          one,
        )
        assert.equal(
          records.find(({ value }) => value === token.value),
          undefined,
        )
        await register.lift(one, undo, signal)
        const lifted = (await listed()).find(({ value }) => value === one.value)
        assert.equal(lifted?.lifted_reason, undo.reason)
      })

      test('goes on where a page ended', async () => {
        // DynamoDB reads 1 MB a page, and DynamoDB Local too.
        const reason = 'é'.repeat(100_000)
        const values = Array.from({ length: 12 }, () => randomUUID())
        for (const value of values) await register.revoke(entry({ value, reason }), signal)
        const first = await register.list(undefined, signal)
        assert.ok(first.next !== undefined)
        const seen = (await listed()).map(({ value }) => value)
        assert.deepEqual(
          values.filter((value) => seen.filter((each) => each === value).length !== 1),
          [],
        )
      })
    })

    describe('what it asks of DynamoDB', () => {
      test('a consistent read and a conditional put', async () => {
        await through(
          () => 'none',
          async (register, proxy) => {
            const one = entry()
            await register.revoke(one, signal)
            await register.revoke(one, signal)
            assert.deepEqual(proxy.operations, ['GetItem', 'PutItem', 'GetItem', 'PutItem'])
            const [get, first, , second] = proxy.asked() as {
              ConsistentRead?: boolean
              ConditionExpression?: string
            }[]
            assert.equal(get?.ConsistentRead, true)
            assert.equal(first?.ConditionExpression, 'attribute_not_exists(pk)')
            assert.notEqual(second?.ConditionExpression, undefined)
          },
        )
      })

      test('to lift: the same', async () => {
        await through(
          () => 'none',
          async (register, proxy) => {
            await register.lift(await register.revoke(entry(), signal), undo, signal)
            assert.deepEqual(proxy.operations, ['GetItem', 'PutItem', 'GetItem', 'PutItem'])
          },
        )
      })

      test('to list: one query', async () => {
        await through(
          () => 'none',
          async (register, proxy) => {
            await register.list(undefined, signal)
            assert.deepEqual(proxy.operations, ['Query'])
          },
        )
      })
    })

    describe('when DynamoDB fails', () => {
      const lostOnce =
        (lost: Fault, operation = 'PutItem') =>
        (asked: string, nth: number): Fault =>
          asked === operation && nth === 0 ? lost : 'none'

      test('a put whose answer was lost is found again, and is not done twice', async () => {
        await through(lostOnce('lose'), async (register) => {
          const one = entry()
          await register.revoke(one, signal)
          assert.equal((await found(one))?.not_before, one.not_before)
        })
      })

      test('so is a lifting', async () => {
        const one = await register.revoke(entry(), signal)
        await through(lostOnce('lose'), async (faulty) => {
          const record = await faulty.lift(one, undo, signal)
          assert.ok(record !== 'changed')
          assert.equal(record.lifted_at, undo.at)
          assert.equal((await found(one))?.blocked_until, 0)
        })
      })

      test('every answer lost: what is told is what is so', async () => {
        await through(
          (operation) => (operation === 'PutItem' ? 'lose' : 'none'),
          async (register) => {
            const one = entry()
            await register.revoke(one, signal)
            assert.equal((await found(one))?.not_before, one.not_before)
          },
        )
      })

      for (const [what, fault, detail] of [
        [
          'a throttled read',
          (operation: string): Fault =>
            operation === 'GetItem' ? { status: 400, type: 'ThrottlingException' } : 'none',
          'ThrottlingException',
        ],
        [
          'a throttled put',
          (operation: string): Fault =>
            operation === 'PutItem' ? { status: 400, type: 'ThrottlingException' } : 'none',
          'ThrottlingException',
        ],
        [
          'a right that is missing',
          (operation: string): Fault =>
            operation === 'PutItem' ? { status: 400, type: 'AccessDeniedException' } : 'none',
          'AccessDeniedException',
        ],
        [
          'a race that is lost again and again',
          (operation: string): Fault =>
            operation === 'PutItem' ? { status: 400, type: 'ConditionalCheckFailedException' } : 'none',
          'a revocation could not be settled',
        ],
      ] as [string, (operation: string) => Fault, string][])
        test(`${what} is unavailable, and nothing was revoked`, async () => {
          await through(fault, async (register, { operations }) => {
            const one = entry()
            await assert.rejects(register.revoke(one, signal), new UnavailableError('dynamodb', detail))
            assert.equal(await row(one), undefined)
            assert.ok(operations.length <= 12, operations.join(' '))
          })
        })

      test('a throttled list is unavailable', async () => {
        await through(
          () => ({ status: 400, type: 'ThrottlingException' }),
          async (register) => {
            await assert.rejects(
              register.list(undefined, signal),
              new UnavailableError('dynamodb', 'ThrottlingException'),
            )
          },
        )
      })

      test('an aborted request is unavailable', async () => {
        await assert.rejects(
          register.revoke(entry(), AbortSignal.abort()),
          new UnavailableError('dynamodb', 'AbortError'),
        )
      })

      for (const [what, fields] of [
        ['no write_id', { write_id: { NULL: true } }],
        ['a time that is text', { not_before: { S: '1' } }],
        ['a time that is no integer', { blocked_until: { N: '1.5' } }],
        ['no reason', { reason: { N: '1' } }],
        ['a dimension that is none', { dimension: { S: 'everything' } }],
      ] as [string, Record<string, AttributeValue>][])
        test(`a row with ${what} is unavailable, not overwritten`, async () => {
          const one = entry()
          await register.revoke(one, signal)
          const spoiled = { ...(await row(one)), ...fields }
          await world.client.send(new PutItemCommand({ TableName: world.table, Item: spoiled }))
          await assert.rejects(
            register.revoke(one, signal),
            new UnavailableError('dynamodb', `the row "revocation#rule#${one.value}" is malformed`),
          )
          assert.deepEqual(await row(one), spoiled)
          await world.client.send(
            new PutItemCommand({ TableName: world.table, Item: { pk: spoiled.pk!, note: { S: 'out of the list' } } }),
          )
        })
    })
  })
}
