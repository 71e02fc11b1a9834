import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, beforeEach, describe, test } from 'node:test'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { dynamodbReceiptCounter } from '../../lib/aws/receipt-count.ts'
import { dynamodbReceiptStore } from '../../lib/aws/receipts.ts'
import type { Receipt, ReceiptCountRequest, ReceiptStore, RevocationKey } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { openFaultyProxy } from './faulty-proxy.ts'
import { now, receipt } from './receipt.ts'
import { openTestTable, type TestTable } from './test-table.ts'

const signal = AbortSignal.timeout(60_000)

const another = (changes: Partial<Receipt> = {}) => receipt(`github#id:${randomUUID()}`, changes)

/** A session of AWS's: no key of ours signs it. */
const session = (changes: Partial<Receipt> = {}) => {
  const { kid: _, ...rest } = another({
    target: 'web-deployer',
    role: 'arn:aws:iam::123456789012:role/web',
    ...changes,
  })
  return rest
}

/** ReceiptCounter's promises, held by the DynamoDB adapter against any endpoint that speaks its protocol. */
export function receiptCounterContract(name: string, open: () => Promise<TestTable> = openTestTable): void {
  describe(`the count of receipts: ${name}`, () => {
    let world: TestTable
    let store: ReceiptStore

    beforeEach(async () => {
      world = await open()
      store = dynamodbReceiptStore(world.client, world.table)
    })
    // Each test has a table of its own, and so counts nobody else's.
    const worlds: TestTable[] = []
    beforeEach(() => void worlds.push(world))
    after(() => Promise.all(worlds.map((each) => each.close())))

    async function recorded(...receipts: Receipt[]): Promise<void> {
      for (const each of receipts) assert.equal(await store.record(each, signal), 'recorded')
    }

    /** All segments, to their ends. */
    async function counted(key: RevocationKey, more: Partial<ReceiptCountRequest> = {}, segments = 1) {
      const counter = dynamodbReceiptCounter(world.client, world.table)
      const total = { tokens: 0, sessions: 0, read: 0, pages: 0 }
      for (let segment = 0; segment < segments; segment++) {
        let after: string | undefined
        do {
          const page = await counter.count({ ...key, now, segment, segments, after, ...more }, signal)
          total.tokens += page.tokens
          total.sessions += page.sessions
          total.read += page.read
          total.pages++
          after = page.next
        } while (after !== undefined)
      }
      return total
    }
    const everything: RevocationKey = { dimension: 'all', value: 'all' }

    test('tokens and AWS sessions are counted apart', async () => {
      await recorded(another(), another(), session())
      const { tokens, sessions, read } = await counted(everything)
      assert.deepEqual([tokens, sessions, read], [2, 1, 3])
    })

    describe('each dimension counts what it reaches, and nothing that is nearly that', () => {
      const one = another({
        sub: 'github:repo:1/2',
        client_id: 'deploy-server',
        client_sub: 'cluster:serviceaccount:8d1f',
        parents: ['grandparent', 'parent'],
      })
      const rows: [RevocationKey, number][] = [
        [everything, 1],
        [{ dimension: 'jti', value: one.decision_id }, 1],
        [{ dimension: 'jti', value: 'parent' }, 1],
        [{ dimension: 'jti', value: 'paren' }, 0],
        [{ dimension: 'subject', value: 'github:repo:1/2' }, 1],
        [{ dimension: 'subject', value: 'cluster:serviceaccount:8d1f' }, 1],
        [{ dimension: 'subject', value: 'github:repo:1/' }, 0],
        [{ dimension: 'subject', value: 'deploy-server' }, 0],
        [{ dimension: 'issuer', value: 'github' }, 1],
        // Of the workload that authenticated the client.
        [{ dimension: 'issuer', value: 'cluster' }, 1],
        [{ dimension: 'issuer', value: 'clus' }, 0],
        [{ dimension: 'rule', value: 'another' }, 1],
        [{ dimension: 'rule', value: 'web-deploy' }, 0],
        [{ dimension: 'client', value: 'deploy-server' }, 1],
        [{ dimension: 'client', value: 'deploy' }, 0],
        [{ dimension: 'kid', value: 'kid-1' }, 1],
        [{ dimension: 'kid', value: 'kid' }, 0],
        [{ dimension: 'target', value: 'deploy-api' }, 1],
        [{ dimension: 'target', value: 'deploy' }, 0],
      ]
      for (const [key, expected] of rows)
        test(`${key.dimension} ${key.value.slice(0, 30)}: ${expected}`, async () => {
          await recorded(one)
          assert.equal((await counted(key)).tokens, expected)
        })
    })

    describe('what is not counted', () => {
      for (const [what, changes, more] of [
        ['a token that has ended', { issued_exp: now }, {}],
        ['a token that was issued after the time asked for', { at: now - 99 }, { before: now - 100 }],
      ] as [string, Partial<Receipt>, Partial<ReceiptCountRequest>][])
        test(what, async () => {
          await recorded(another(changes))
          assert.equal((await counted(everything, more)).tokens, 0)
        })

      test('what was released, because nothing came of it', async () => {
        const one = another()
        await recorded(one)
        await store.release(one, signal)
        assert.equal((await counted(everything)).tokens, 0)
      })

      test("a client's proof, which is nothing that was issued", async () => {
        const { key, decision_id, at, expires_at } = another()
        await store.record(
          {
            key,
            decision_id,
            at,
            expires_at,
            use: 'client_assertion',
            client_id: 'deploy-server',
            issuer_name: 'github',
            iss: 'https://issuer.example',
            subject: 'repo:1/2',
            subject_jti: undefined,
            subject_hash: 'hash',
          },
          signal,
        )
        assert.equal((await counted(everything)).tokens, 0)
        assert.equal((await counted({ dimension: 'client', value: 'deploy-server' })).tokens, 0)
      })

      test('a row that is no receipt, whatever it has', async () => {
        const Item = {
          pk: { S: 'keyset#github' },
          state: { S: 'recorded' },
          issued_exp: { N: String(now + 900) },
          target: { S: 'deploy-api' },
        }
        await world.client.send(new PutItemCommand({ TableName: world.table, Item }))
        assert.equal((await counted(everything)).tokens, 0)
        assert.equal((await counted({ dimension: 'target', value: 'deploy-api' })).tokens, 0)
      })
    })

    test('at the time asked for is not after it', async () => {
      await recorded(another({ at: now - 100 }))
      assert.equal((await counted(everything, { before: now - 100 })).tokens, 1)
    })

    test('segments together are the table, each row once', async () => {
      await recorded(...Array.from({ length: 30 }, (_, index) => (index % 3 === 0 ? session() : another())))
      for (const segments of [1, 4, 7]) {
        const { tokens, sessions, read } = await counted(everything, {}, segments)
        assert.deepEqual([tokens, sessions, read], [20, 10, 30], `${segments} segments`)
      }
    })

    test('a count goes on where a page ended', async () => {
      const large = { named: 'x'.repeat(300_000) }
      await recorded(...Array.from({ length: 8 }, () => another({ claims: large })))
      const { tokens, read, pages } = await counted(everything)
      assert.deepEqual([tokens, read], [8, 8])
      assert.ok(pages > 1, String(pages))
    })

    test('a page is one scan, which reads no claims', async () => {
      const proxy = await openFaultyProxy(world.endpoint, () => 'none')
      try {
        const counter = dynamodbReceiptCounter(world.clientFor(proxy.endpoint), world.table)
        await counter.count({ ...everything, now, segment: 2, segments: 4 }, signal)
        assert.deepEqual(proxy.operations, ['Scan'])
        const [asked] = proxy.asked() as { Segment?: number; TotalSegments?: number; ProjectionExpression?: string }[]
        assert.deepEqual([asked?.Segment, asked?.TotalSegments], [2, 4])
        assert.doesNotMatch(asked?.ProjectionExpression ?? 'claims', /claims/)
      } finally {
        proxy.close()
      }
    })

    test('a throttled scan is unavailable', async () => {
      const proxy = await openFaultyProxy(world.endpoint, () => ({ status: 400, type: 'ThrottlingException' }))
      try {
        const counter = dynamodbReceiptCounter(world.clientFor(proxy.endpoint), world.table)
        await assert.rejects(
          counter.count({ ...everything, now, segment: 0, segments: 1 }, signal),
          new UnavailableError('dynamodb', 'ThrottlingException'),
        )
      } finally {
        proxy.close()
      }
    })
  })
}
