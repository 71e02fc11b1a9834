import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import fc from 'fast-check'
import { dynamodbReceiptStore } from '../../lib/aws/receipts.ts'
import { issueAccessToken } from '../../lib/grants/issue-access-token.ts'
import { issueAwsCredentials } from '../../lib/grants/issue-aws-credentials.ts'
import { tokenExchange } from '../../lib/grants/token-exchange.ts'
import type { Ports, Receipt } from '../../lib/ports.ts'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import { JWT_TYPE } from '../../lib/protocol/urns.ts'
import { verifySubjectToken, type VerifiedSubject } from '../../lib/tokens/verify-subject-token.ts'
import { decide } from '../../lib/trust/decide.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { openTestTable } from '../contracts/test-table.ts'
import { now, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { configuration, equals, grant, rule } from '../trust/policy-fixture.ts'
import { fakePorts } from './ports-fixture.ts'

const unused = (): never => assert.fail('nobody logs in here')
const loginsUnused: Pick<Ports, 'codes' | 'families' | 'consents' | 'registered' | 'random'> = {
  codes: { record: unused, find: unused },
  families: { record: unused, find: unused, rotate: unused, revoke: unused },
  consents: { find: unused },
  registered: { find: unused },
  random: unused,
}
import { MemoryTable, type Item } from './memory-table.ts'

const MAX_ATTEMPTS = 3

/** What the network, or a service, does with one request. */
const fates = {
  put: ['answered', 'throttled', 'failed', 'lost', 'sent twice', 'lost, then throttled'],
  read: ['answered', 'failed'],
  release: ['answered', 'throttled', 'lost', 'sent twice'],
  find: ['answered', 'failed'],
  sign: ['answered', 'failed'],
} as const
type Call = keyof typeof fates
type Fate = (typeof fates)[Call][number] | 'late'
type Fates = Record<Call, Fate[]>

/** Of each call the first few fates, in the order in which they are sent; what comes after is answered. */
const fatesOf = (changes: Partial<Record<Call, readonly Fate[]>> = {}): fc.Arbitrary<Fates> => {
  const some = (call: Call) => fc.array(fc.constantFrom<Fate>(...(changes[call] ?? fates[call])), { maxLength: 6 })
  return fc.record({
    put: some('put'),
    read: some('read'),
    release: some('release'),
    find: some('find'),
    sign: some('sign'),
  })
}

const exchanges = fc.integer({ min: 2, max: 5 })
const deadlines = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 })

const numRuns = 400

let farm: TestIssuer
let policies: Record<Kind, Policy>
let token: string
let subject: VerifiedSubject

before(async () => {
  farm = await testIssuer()
  const match = [equals('sub', 'job-7')]
  const session = { tags: {}, transitive_tags: [], managed_policies: [] }
  const toRole = rule('r', { match, grant: [grant('role', { session })] })
  const role = { role: 'arn:aws:iam::123456789012:role/deployer', lifetime: 900 }
  policies = {
    token: await toPolicy(configuration([rule('r', { match })]), ourIssuer),
    credentials: await toPolicy(configuration([toRole], { targets: { role } }), ourIssuer),
  }
  token = await farm.sign()
  const { issuers } = policies.token
  const by = { issuers, ourIssuer, keySets: farm.keySets, now, signal: new AbortController().signal }
  subject = await verifySubjectToken(token, JWT_TYPE, by)
})

/** A token is signed while its receipt is written; credentials are asked for afterwards. */
const kinds = ['token', 'credentials'] as const
type Kind = (typeof kinds)[number]

type Outcome = 'credential' | 'replayed' | 'unavailable'

/** One table and one token that may be used once; every request in it waits for its turn twice: to be done, and to be answered. */
class Race {
  readonly table = new MemoryTable()
  readonly outcomes: Outcome[] = []
  /** How often a receipt was recorded. */
  recorded = 0
  /** How often a release failed, as the log tells it. */
  stuck = 0
  private serial = 0
  private readonly scheduler: fc.Scheduler
  private readonly fates: Fates
  private readonly policy: Policy

  constructor(kind: Kind, scheduler: fc.Scheduler, fates: Fates) {
    this.policy = policies[kind]
    this.scheduler = scheduler
    this.fates = structuredClone(fates)
  }

  private turn(label: string): Promise<void> {
    return this.scheduler.schedule(Promise.resolve(), label)
  }

  private async send<T>(call: Call, who: number, carryOut: () => T): Promise<T> {
    const fate = this.fates[call].shift() ?? 'answered'
    const label = `${call} of ${who}, ${fate}`
    if (fate === 'late') {
      // The caller gives up while the request is still on its way.
      void this.turn(`${label}: done`)
        .then(carryOut)
        .catch(() => {})
      await this.turn(`${label}: given up`)
      throw sdkError('TimeoutError')
    }
    await this.turn(`${label}: done`)
    if (fate === 'throttled') throw sdkError('ThrottlingException', 400)
    if (fate === 'failed') throw sdkError('InternalServerError', 500)
    const outcomes = [attempt(carryOut)]
    await this.turn(`${label}: answered`)
    if (fate === 'sent twice') {
      outcomes.push(attempt(carryOut))
      await this.turn(`${label}: answered again`)
    }
    if (fate === 'lost') throw sdkError('TimeoutError')
    if (fate === 'lost, then throttled') throw sdkError('ThrottlingException', 400)
    return outcomes.at(-1)!()
  }

  private ports(who: number): Ports {
    const client = this.table.client((command, carryOut) => {
      const call = command instanceof PutItemCommand ? 'put' : command instanceof GetItemCommand ? 'read' : 'release'
      return this.send(call, who, carryOut)
    })
    const receipts = dynamodbReceiptStore(
      client,
      'table',
      () => `write-${this.serial++}`,
      () => now,
    )
    const unavailable = (error: unknown) => {
      throw new UnavailableError('kms', (error as Error).name)
    }
    return {
      now: () => now,
      keySets: farm.keySets,
      receipts: {
        ...receipts,
        record: async (receipt, signal) => {
          const outcome = await receipts.record(receipt, signal)
          if (outcome === 'recorded') this.recorded++
          return outcome
        },
      },
      revocations: { find: () => this.send('find', who, () => []).catch(unavailable) },
      register: { revoke: () => assert.fail('nothing is revoked here') },
      ...loginsUnused,
      signer: {
        activeKey: (alg) => ({ kid: 'kid', alg }),
        sign: () => this.send('sign', who, () => new Uint8Array([1])).catch(unavailable),
      },
      roles: {
        assume: () =>
          this.send('sign', who, () => ({
            AccessKeyId: 'ASIA',
            SecretAccessKey: 'secret',
            SessionToken: 'token',
            expires_at: now + 900,
          })).catch(unavailable),
      },
      log: { info() {}, warn() {}, error: () => this.stuck++ },
    }
  }

  /** `late`: its deadline passes at some moment. */
  private async exchange(who: number, late: boolean): Promise<void> {
    const deadline = new AbortController()
    if (late) void this.turn(`deadline of ${who}`).then(() => deadline.abort())
    const asked = { audience: [], resource: [], scope: undefined, subject, client_id: undefined }
    const { policy } = this
    const decision = decide(asked, policy, now)
    assert.ok('granted' in decision)
    const { granted, trace } = decision
    const context = { policy, ports: this.ports(who), decision_id: `decision-${who}`, signal: deadline.signal }
    const issuing =
      'role' in granted
        ? issueAwsCredentials({ granted, trace }, subject, undefined, context)
        : issueAccessToken({ granted, trace }, subject, undefined, context)
    this.outcomes.push(await outcomeOf(issuing))
  }

  async run(count: number, late: boolean[] = []): Promise<void> {
    const all = Promise.all(Array.from({ length: count }, (_, who) => this.exchange(who, late[who] ?? false)))
    await this.scheduler.waitFor(all)
  }

  /** The same token once more, from the form on, when all is well again. */
  async retry(): Promise<Outcome> {
    const who = 100 + this.serial
    for (const call of Object.keys(this.fates) as Call[]) this.fates[call].length = 0
    const outcome = await this.scheduler.waitFor(outcomeOf(present(this.policy, this.ports(who), `decision-${who}`)))
    this.outcomes.push(outcome)
    return outcome
  }

  count(wanted: Outcome): number {
    return this.outcomes.filter((outcome) => outcome === wanted).length
  }

  get row(): { state: string | undefined; attempts: number } {
    const [item] = this.table.rows.values()
    return { state: item?.state?.S, attempts: Number(item?.attempts?.N ?? 0) }
  }
}

/** The token, from the form on. */
function present(policy: Policy, ports: Ports, decision_id: string): Promise<unknown> {
  const form = new Map([
    ['subject_token', [token]],
    ['subject_token_type', [JWT_TYPE]],
  ])
  const context = { policy, ports, decision_id, signal: new AbortController().signal }
  return tokenExchange(form, undefined, context)
}

async function outcomeOf(issuing: Promise<unknown>): Promise<Outcome> {
  try {
    await issuing
    return 'credential'
  } catch (error) {
    if (error instanceof UnavailableError) return 'unavailable'
    assert.ok(error instanceof RefusedError && error.refusal.reason === 'subject_token_replayed', String(error))
    return 'replayed'
  }
}

/** What came of it, to be told later. */
function attempt<T>(work: () => T): () => T {
  try {
    const value = work()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

function sdkError(name: string, httpStatusCode?: number): Error {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode } })
}

for (const kind of kinds) {
  describe(`exchanges of one subject token for ${kind} at once, in any order, whatever fails`, () => {
    test('no two of them, and no retry, get a credential', async () => {
      // Also requests that are carried out after their sender has given up.
      const anything = fatesOf({ put: [...fates.put, 'late'], release: [...fates.release, 'late'] })
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), exchanges, anything, deadlines, async (scheduler, count, fates, late) => {
          const race = new Race(kind, scheduler, fates)
          await race.run(count, late)
          // What is late may still arrive between these.
          for (let i = 0; i <= MAX_ATTEMPTS; i++) await race.retry()
          await scheduler.waitIdle()
          await race.retry()
          assert.ok(race.count('credential') <= 1, race.outcomes.join(', '))
          assert.ok(race.recorded <= MAX_ATTEMPTS, `${race.recorded} attempts`)
        }),
        { numRuns },
      )
    })

    test('if none got a credential the token is unspent, until its three attempts are used', async () => {
      // A release whose outcome nobody knows is left out: see the next.
      let unspent = 0
      const releases = fatesOf({ release: ['answered', 'sent twice'] })
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), exchanges, releases, deadlines, async (scheduler, count, fates, late) => {
          const race = new Race(kind, scheduler, fates)
          await race.run(count, late)
          if (race.count('credential') > 0) return
          assert.ok(race.count('unavailable') > 0, 'whoever is a replay, is one of another that was recorded')
          unspent++
          const { state, attempts } = race.row
          assert.notEqual(state, 'recorded')
          assert.equal(await race.retry(), attempts < MAX_ATTEMPTS ? 'credential' : 'replayed')
          assert.equal(await race.retry(), 'replayed')
        }),
        { numRuns },
      )
      assert.ok(unspent > numRuns / 20, `${unspent} times none got one`)
    })

    test('only a release that failed may leave a token spent that gave no credential, and the log says so', async () => {
      let spent = 0
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), exchanges, fatesOf(), deadlines, async (scheduler, count, fates, late) => {
          const race = new Race(kind, scheduler, fates)
          await race.run(count, late)
          if (race.count('credential') > 0 || race.row.state !== 'recorded') return
          spent++
          assert.ok(race.stuck > 0)
        }),
        { numRuns },
      )
      assert.ok(spent > 0)
    })
  })
}

test('a put that arrives after its sender has given up: unavailable, and the token is spent without a credential', async () => {
  const table = new MemoryTable()
  const underway: (() => unknown)[] = []
  const client = table.client(async (command, carryOut) => {
    if (!(command instanceof PutItemCommand)) return carryOut()
    underway.push(carryOut)
    throw sdkError('TimeoutError')
  })
  const ports = { ...fakePorts(farm), receipts: dynamodbReceiptStore(client, 'table') }
  await assert.rejects(
    present(policies.token, ports, 'first'),
    new UnavailableError('dynamodb', 'the outcome of a write is unknown'),
  )
  for (const carryOut of underway) carryOut()
  assert.equal([...table.rows.values()][0]?.state?.S, 'recorded')
  const mended = table.client(async (_, carryOut) => carryOut())
  const receipts = dynamodbReceiptStore(mended, 'table')
  assert.equal(await outcomeOf(present(policies.token, { ...ports, receipts }, 'second')), 'replayed')
})

test('the table in memory does as DynamoDB does with every command that receipts are kept by', async () => {
  const world = await openTestTable()
  try {
    const step = fc.record({
      call: fc.constantFrom('record', 'release'),
      key: fc.constantFrom('a', 'b'),
      decision: fc.integer({ min: 0, max: 2 }),
      at: fc.constantFrom(now, now + 50, now + 51, now + 200),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const memory = new MemoryTable()
        const prefix = `run-${run++}#`
        const commands: object[] = []
        const [real, fake] = [
          world.client,
          memory.client(async (command, carryOut) => (commands.push(command), carryOut())),
        ].map((client) => {
          let serial = 0
          return dynamodbReceiptStore(
            client,
            world.table,
            () => `write-${serial++}`,
            () => now,
          )
        })
        const signal = AbortSignal.timeout(10_000)
        for (const { call, key, decision, at } of steps) {
          const receipt = {
            key: `${prefix}${key}`,
            decision_id: `d${decision}`,
            claims: {},
            at,
            expires_at: now + 50,
          } as unknown as Receipt
          assert.deepEqual(
            await fake![call as 'record'](receipt, signal),
            await real![call as 'record'](receipt, signal),
          )
        }
        for (const [pk, item] of memory.rows) {
          const { Item: found } = await world.client.send(
            new GetItemCommand({ TableName: world.table, Key: { pk: { S: pk } }, ConsistentRead: true }),
          )
          assert.deepEqual(item, found as Item)
        }
        assert.ok(commands.some((command) => command instanceof PutItemCommand || command instanceof UpdateItemCommand))
      }),
      { numRuns: 60 },
    )
  } finally {
    await world.close()
  }
})
