import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { revokeToken } from '../../lib/grants/revoke-token.ts'
import { tokenKeys } from '../../lib/grants/revocation-keys.ts'
import type { Ports, Revocation } from '../../lib/ports.ts'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import type { OwnClaims } from '../../lib/tokens/verify-own-token.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { now as start, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'
import { code, refreshConfiguration, refreshing, storedCode } from './refresh-fixture.ts'

let farm: TestIssuer
let policy: Policy
before(async () => {
  farm = await testIssuer()
  policy = await toPolicy(refreshConfiguration(), ourIssuer)
})

/** A login, a clock and a table to which everything waits for its turn: to be done, and to be answered. */
class Race {
  /** What was handed out: by the token that was presented for it, the next one. */
  readonly next = new Map<string, string>()
  readonly accessTokens: OwnClaims[] = []
  /** Tokens that were presented, by whom a rotation was done for them. */
  readonly rotated: string[] = []
  readonly refused: string[] = []
  clock = start
  /** How many rotations are done whose answer does not come. */
  lost = 0
  private readonly alone: FakePorts = fakePorts(farm)
  private readonly register = new Map<string, Revocation>()
  private readonly ask: ReturnType<typeof refreshing>
  private readonly scheduler: fc.Scheduler | undefined

  constructor(scheduler?: fc.Scheduler) {
    this.scheduler = scheduler
    this.ask = refreshing(() => ({ policy, ports: this.ports() }))
  }

  private async inTurn<T>(label: string, work: () => Promise<T> | T): Promise<T> {
    await this.scheduler?.schedule(Promise.resolve(), `${label}: done`)
    const result = await work()
    await this.scheduler?.schedule(Promise.resolve(), `${label}: answered`)
    return result
  }

  private ports(): Ports {
    const { families } = this.alone.memory
    return {
      ...this.alone,
      now: () => this.clock,
      receipts: {
        ...this.alone.receipts,
        record: (...asked) => this.inTurn('record', () => this.alone.receipts.record(...asked)),
      },
      revocations: {
        find: (keys) =>
          this.inTurn('find', () =>
            keys.flatMap(({ dimension, value }) => this.register.get(`${dimension}#${value}`) ?? []),
          ),
      },
      register: {
        revoke: (entry) =>
          this.inTurn('register', () => {
            this.register.set(`${entry.dimension}#${entry.value}`, entry)
            return { ...entry, id: 'r' }
          }),
      },
      families: {
        record: (...asked) => this.inTurn('record family', () => families.record(...asked)),
        find: (...asked) => this.inTurn('find family', () => families.find(...asked)),
        revoke: (...asked) => this.inTurn('revoke family', () => families.revoke(...asked)),
        rotate: (id, rotation, signal) =>
          this.inTurn('rotate', async () => {
            const done = await families.rotate(id, rotation, signal)
            if (done) this.rotated.push(rotation.presented)
            if (done && this.lost-- > 0) throw new UnavailableError('dynamodb', 'lost')
            return done
          }),
      },
    }
  }

  async logIn(): Promise<string> {
    this.alone.codesStored.set(hashOfSecret(code), storedCode())
    const { refresh_token, access_token } = await this.ask.redeem()
    this.accessTokens.push(decodeJwt(access_token))
    return refresh_token ?? assert.fail('no refresh token')
  }

  /** Undefined where it was refused. */
  async refresh(token: string, client_id = 'web-app'): Promise<string | undefined> {
    try {
      const { refresh_token = '', access_token } = await this.ask.refresh(token, { client_id })
      this.accessTokens.push(decodeJwt(access_token))
      assert.equal(this.next.get(token) ?? refresh_token, refresh_token, 'two successors of one token')
      this.next.set(token, refresh_token)
      return refresh_token
    } catch (error) {
      assert.ok(error instanceof RefusedError, String(error))
      this.refused.push(error.refusal.reason)
      return undefined
    }
  }

  async revoke(token: string): Promise<void> {
    const context = { policy, keys: [], decision_id: 'd', signal: new AbortController().signal }
    const form = new Map([
      ['token', [token]],
      ['client_id', ['web-app']],
    ])
    await revokeToken(form, undefined, { ...context, ports: this.ports() })
  }

  async wait(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) await this.inTurn('wait', () => {})
  }

  async tick(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) await this.inTurn('tick', () => void this.clock++)
  }

  get family() {
    return [...this.alone.memory.rows.families.values()].at(-1) ?? assert.fail('no family')
  }

  /** As introspection and /userinfo look at it. */
  isLive(claims: OwnClaims): boolean {
    return !tokenKeys(claims).some(({ dimension, value }) => {
      const revocation = this.register.get(`${dimension}#${value}`)
      return revocation !== undefined && revocation.not_before >= claims.iat
    })
  }

  /** Receipts of tokens that were not handed out are released. */
  get receipts(): number {
    return [...this.alone.stored.values()].filter(({ state }) => state === 'recorded').length
  }
}

/** Who holds the first token: when it is used first, and how often what comes of it is used. */
const holder = fc.record({
  late: fc.integer({ min: 0, max: 30 }),
  times: fc.constantFrom(1, 1, 1, 2, 3),
  client_id: fc.constantFrom(...Array<string>(9).fill('web-app'), 'second-app'),
})
const races = fc.record({
  holders: fc.array(holder, { minLength: 1, maxLength: 4 }),
  revocations: fc.oneof(fc.constant<number[]>([]), fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 2 })),
  seconds: fc.integer({ min: 0, max: 25 }),
  lost: fc.integer({ min: 0, max: 2 }),
})

test('however refreshing, reuse and revoking meet, nothing outlives a family that was revoked, and nobody is locked out of another', async () => {
  const seen = { revoked: 0, reused: 0, alive: 0, shared: 0 }
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), races, async (scheduler, { holders, revocations, seconds, lost }) => {
      const race = new Race(scheduler)
      const first = await scheduler.waitFor(race.logIn())
      race.lost = lost
      let given = 0
      const all = Promise.all([
        ...holders.map(async ({ late, times, client_id }) => {
          await race.wait(late)
          let token: string | undefined = first
          for (let i = 0; i < times && token !== undefined; i++) {
            token = await race.refresh(token, client_id)
            if (token !== undefined) given++
          }
        }),
        ...revocations.map(async (late) => {
          await race.wait(late)
          await race.revoke(first)
        }),
        race.tick(seconds),
      ])
      await scheduler.waitFor(all)

      assert.equal(new Set(race.rotated).size, race.rotated.length, 'a token was rotated twice')
      assert.equal(race.receipts, 1 + given, 'a receipt of nothing, or none of something')
      const { revoked_at, current } = race.family
      const isRevoked = revoked_at !== undefined
      assert.equal(isRevoked, revocations.length > 0 || race.refused.includes('refresh_token_reused'))
      assert.deepEqual(
        race.accessTokens.map((token) => race.isLive(token)),
        race.accessTokens.map(() => !isRevoked),
      )
      const tokens = [first, ...race.next.values()]
      const newest = tokens.find((token) => hashOfSecret(token) === current)
      if (isRevoked) {
        for (const token of tokens) assert.equal(await scheduler.waitFor(race.refresh(token)), undefined)
        seen.revoked++
        if (race.refused.includes('refresh_token_reused')) seen.reused++
      } else {
        assert.ok(newest !== undefined && (await scheduler.waitFor(race.refresh(newest))), 'locked out')
        seen.alive++
        if (given > race.rotated.length) seen.shared++
      }
    }),
    { numRuns: 500 },
  )
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 10, `${what}: ${times}`)
})

test('of fifty who refresh at once by one token all get the same next one, and one rotates it', async () => {
  const race = new Race()
  const token = await race.logIn()
  const next = await Promise.all(Array.from({ length: 50 }, () => race.refresh(token)))
  assert.equal(new Set(next).size, 1)
  assert.equal(race.rotated.length, 1)
  assert.equal(race.receipts, 51)
  assert.ok(await race.refresh(next[0]!))
})

test('an answer that never came is had again within the window', async () => {
  const race = new Race()
  const token = await race.logIn()
  const lost = await race.refresh(token)
  race.clock += 9
  assert.equal(await race.refresh(token), lost)
  assert.ok(await race.refresh(lost!))
})
