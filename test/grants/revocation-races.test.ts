import assert from 'node:assert/strict'
import { KeyObject, sign, verify, type webcrypto } from 'node:crypto'
import { before, mock, test } from 'node:test'
import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { grantToken } from '../../lib/grants/index.ts'
import { introspect } from '../../lib/grants/introspect.ts'
import { manageRevocations } from '../../lib/grants/manage-revocations.ts'
import { revokeToken } from '../../lib/grants/revoke-token.ts'
import type {
  Ports,
  Revocation,
  RevocationBook,
  RevocationEntry,
  RevocationKey,
  RevocationRecord,
} from '../../lib/ports.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { now as start, ourIssuer } from '../tokens/issuer-fixture.ts'
import { configuration, equals, farm as farmIssuer, rule } from '../trust/policy-fixture.ts'
import { basic, clients, form, introspectionWorld } from './introspection-fixture.ts'

/** Two jobs, each by a rule of its own. What takes one of them back, or both. */
const jobs = ['one', 'two'] as const
type Job = (typeof jobs)[number]
const causes: readonly { key: RevocationKey; of: readonly Job[] }[] = [
  { key: { dimension: 'all', value: 'all' }, of: jobs },
  { key: { dimension: 'issuer', value: 'farm' }, of: jobs },
  { key: { dimension: 'target', value: 'api' }, of: jobs },
  { key: { dimension: 'kid', value: 'es' }, of: jobs },
  { key: { dimension: 'kid', value: 'old' }, of: [] },
  ...jobs.flatMap((job) => [
    { key: { dimension: 'rule', value: `rule-${job}` } as const, of: [job] },
    { key: { dimension: 'subject', value: `farm:${job}` } as const, of: [job] },
  ]),
]
type Cause = (typeof causes)[number]

const world = introspectionWorld()
let policy: Policy
let subjectTokens: Record<Job, string>
before(async () => {
  const rules = jobs.map((job) => rule(`rule-${job}`, { match: [equals('sub', job)] }))
  const issuers = { farm: { ...farmIssuer, replay: 'off' as const } }
  policy = await toPolicy(configuration(rules, { clients, issuers }), ourIssuer)
  const [one, two] = await Promise.all(jobs.map((sub) => world.farm.sign({ sub })))
  subjectTokens = { one: one!, two: two! }
  // Keys are imported once, in time of their own.
  const warm = new Race()
  await Promise.all(jobs.map(async (job) => warm.isActive((await warm.issue(job))!)))
  cryptoAtOnce()
})

/** Signatures without a thread of their own: where nothing takes time, the scheduler alone says what comes first. */
function cryptoAtOnce(): void {
  const keyOf = (key: webcrypto.CryptoKey) => ({ key: KeyObject.from(key), dsaEncoding: 'ieee-p1363' }) as const
  const { subtle } = crypto
  mock.method(subtle, 'verify', async (_: unknown, key: webcrypto.CryptoKey, signature: Uint8Array, data: Uint8Array) =>
    verify('sha256', data, keyOf(key), signature),
  )
  mock.method(subtle, 'sign', async (_: unknown, key: webcrypto.CryptoKey, data: Uint8Array) =>
    sign('sha256', data, keyOf(key)),
  )
}

interface Issued {
  job: Job
  token: string
  iat: number
}

const unused = (): never => assert.fail('nobody asks for it')

/** A table, a clock and a network in which everything waits for its turn: to be done, and to be answered. */
class Race {
  readonly issued: Issued[] = []
  /** Whose revocation its caller knows to be done. */
  readonly revoked: Cause[] = []
  readonly revokedTokens: string[] = []
  clock = start
  private readonly rows = new Map<string, Revocation>()
  private serial = 0
  /** How many turns a write of a revocation waits before its own. */
  slow = 0
  private readonly scheduler: fc.Scheduler | undefined

  constructor(scheduler?: fc.Scheduler) {
    this.scheduler = scheduler
  }

  private async inTurn<T>(label: string, work: () => T): Promise<Awaited<T>> {
    await this.scheduler?.schedule(Promise.resolve(), `${label}: done`)
    const result = await work()
    await this.scheduler?.schedule(Promise.resolve(), `${label}: answered`)
    return result
  }

  /** As the register says it: what holds is raised, and never lowered. */
  private async write(entry: RevocationEntry): Promise<RevocationRecord> {
    await this.wait(this.slow)
    const name = `${entry.dimension}#${entry.value}`
    return this.inTurn('write', () => {
      const { not_before = 0, blocked_until = 0 } = this.rows.get(name) ?? {}
      const record = {
        ...entry,
        not_before: Math.max(not_before, entry.not_before),
        blocked_until: Math.max(blocked_until, entry.blocked_until),
        id: `record-${this.serial++}`,
      }
      this.rows.set(name, record)
      return record
    })
  }

  private context() {
    const { ours, farm, ports: alone } = world
    const ports: Ports & { register: RevocationBook } = {
      ...alone,
      now: () => this.clock,
      keySets: farm.keySets,
      receipts: { ...alone.receipts, record: () => this.inTurn('record', () => 'recorded' as const) },
      revocations: {
        find: (keys) =>
          this.inTurn('find', () =>
            keys.flatMap(({ dimension, value }) => this.rows.get(`${dimension}#${value}`) ?? []),
          ),
      },
      signer: { ...ours.signer, sign: (...asked) => this.inTurn('sign', () => ours.signer.sign(...asked)) },
      register: { revoke: (entry) => this.write(entry), find: unused, lift: unused, list: unused },
      log: { info() {}, warn() {}, error() {} },
    }
    const { signal } = new AbortController()
    return { policy, ports, keys: ours.keys, decision_id: `decision-${this.serial++}`, signal }
  }

  /** Undefined where it was refused, as a revocation that was done before says it must be. */
  async issue(job: Job): Promise<Issued | undefined> {
    const shut = this.revoked.some(({ of }) => of.includes(job))
    const fields = {
      grant_type: TOKEN_EXCHANGE_GRANT,
      subject_token_type: JWT_TYPE,
      subject_token: subjectTokens[job],
    }
    try {
      const { access_token: token } = await grantToken(form(fields), undefined, this.context())
      assert.ok(!shut, 'issued although its cause had been revoked')
      const issued = { job, token, iat: decodeJwt(token).iat! }
      this.issued.push(issued)
      return issued
    } catch (error) {
      assert.ok(error instanceof RefusedError && error.refusal.reason === 'issuance_blocked', String(error))
      return undefined
    }
  }

  async revoke(cause: Cause): Promise<void> {
    const { ports, ...context } = this.context()
    const request = { operation: 'revoke', ...cause.key, reason: 'test' }
    await manageRevocations(JSON.stringify(request), {
      ...context,
      configuration: policy.configuration,
      kids: ['es', 'old'],
      ports: { ...ports, receipts: { count: unused } },
      by: 'test',
    })
    this.revoked.push(cause)
  }

  /** What was revoked stays so, and is issued again. */
  start(): void {
    for (const row of this.rows.values()) row.blocked_until = 0
    this.revoked.length = 0
  }

  async revokeToken({ token }: Issued): Promise<void> {
    await revokeToken(form({ token }), undefined, this.context())
    this.revokedTokens.push(token)
  }

  async isActive({ token, job }: Issued): Promise<boolean> {
    const taken = this.isTaken({ token, job })
    const answer = await introspect(form({ token }), basic('orders-api'), 'application/json', this.context())
    const { active } = JSON.parse(answer) as { active: boolean }
    assert.ok(!(active && taken), 'active although it had been revoked')
    return active
  }

  isTaken({ token, job }: Pick<Issued, 'token' | 'job'>): boolean {
    return this.revokedTokens.includes(token) || this.revoked.some(({ of }) => of.includes(job))
  }

  async wait(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) await this.inTurn('wait', () => {})
  }

  async tick(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) await this.inTurn('tick', () => this.clock++)
  }
}

const job = fc.constantFrom(...jobs)
/** When a token is asked for, in turns, and what becomes of it once it is there. */
const life = fc.record({
  job,
  late: fc.integer({ min: 0, max: 5 }),
  looks: fc.integer({ min: 0, max: 2 }),
  revoke: fc.boolean(),
})
const races = fc.record({
  lives: fc.array(life, { minLength: 1, maxLength: 4 }),
  revocations: fc.array(fc.constantFrom(...causes), { maxLength: 2 }),
  slow: fc.integer({ min: 0, max: 8 }),
  // More than a revocation allows for clocks: also one that is slow to be written.
  seconds: fc.integer({ min: 0, max: 12 }),
})

test('however issuing, revoking and looking up meet, no token lives whose cause, or itself, was revoked', async () => {
  const seen = { refused: 0, overtaken: 0, untouched: 0, itself: 0 }
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), races, async (scheduler, { lives, revocations, slow, seconds }) => {
      const race = new Race(scheduler)
      race.slow = slow
      const all = Promise.all([
        ...lives.map(async ({ job, late, looks, revoke }) => {
          await race.wait(late)
          const issued = await race.issue(job)
          if (issued === undefined) seen.refused++
          else
            await Promise.all([
              ...Array.from({ length: looks }, () => race.isActive(issued)),
              ...(revoke ? [race.revokeToken(issued)] : []),
            ])
        }),
        ...revocations.map((cause) => race.revoke(cause)),
        race.tick(seconds),
      ])
      await scheduler.waitFor(all)
      // When all is over: what was revoked is dead, also what was issued while that was under way, and nothing else is.
      for (const issued of race.issued) {
        const taken = race.isTaken(issued)
        assert.equal(await scheduler.waitFor(race.isActive(issued)), !taken)
        if (!taken) seen.untouched++
        else if (race.revokedTokens.includes(issued.token)) seen.itself++
        else seen.overtaken++
      }
      // And a revocation of what was, is none of what comes later.
      await scheduler.waitFor(race.tick(5))
      race.start()
      for (const job of jobs) {
        const later = await scheduler.waitFor(race.issue(job))
        assert.ok(later !== undefined && (await scheduler.waitFor(race.isActive(later))))
      }
    }),
    { numRuns: 400 },
  )
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 20, `${what}: ${times}`)
})
