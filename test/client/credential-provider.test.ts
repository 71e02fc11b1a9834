import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { credentialProvider, type AwsCredentials } from '../../client/credential-provider.ts'
import { RefusedByBroker, TemporaryError } from '../../client/errors.ts'
import { stoppedClock } from './stopped-clock.ts'

const minutes = 60_000
/** What began unattended has ended. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A provider over credentials that last an hour; `obtain` can be told to fail, or to wait. */
function setUp() {
  const clock = stoppedClock()
  const state = {
    calls: 0,
    lifetime: 60 * minutes,
    failure: undefined as Error | undefined,
    wait: Promise.resolve(),
  }
  const provider = credentialProvider(
    async () => {
      const name = String(++state.calls)
      const { failure } = state
      await state.wait
      if (failure) throw failure
      const expiration = new Date(clock.now() + state.lifetime)
      return { accessKeyId: name, secretAccessKey: name, sessionToken: name, expiration }
    },
    () => clock.now(),
  )
  const get = async () => (await provider()).accessKeyId
  return { clock, state, provider, get }
}

test('credentials are kept until 5 minutes before their end, and given while others are on their way', async () => {
  const { clock, state, get } = setUp()
  assert.equal(await get(), '1')
  clock.milliseconds += 55 * minutes - 1
  assert.deepEqual([await get(), state.calls], ['1', 1])
  clock.milliseconds += 1
  assert.deepEqual([await get(), state.calls], ['1', 2])
  await settled()
  assert.deepEqual([await get(), state.calls], ['2', 2])
})

test('credentials that last less than 15 minutes are kept for two thirds of their time', async () => {
  const { clock, state, get } = setUp()
  state.lifetime = 6 * minutes
  await get()
  clock.milliseconds += 4 * minutes - 1
  assert.deepEqual([await get(), state.calls], ['1', 1])
  clock.milliseconds += 1
  assert.deepEqual([await get(), state.calls], ['1', 2])
})

test('50 callers at once make one call, at the first and at each refresh', async () => {
  const { clock, state, get } = setUp()
  for (const [round, passed] of [
    [1, 61 * minutes],
    [2, 56 * minutes],
    [3, 0],
  ] as const) {
    const answers = await Promise.all(Array.from({ length: 50 }, get))
    assert.deepEqual([new Set(answers), state.calls], [new Set([round === 3 ? '2' : String(round)]), round])
    clock.milliseconds += passed
  }
})

test('50 callers share one failure, and the next call tries again', async () => {
  const { clock, state, get } = setUp()
  state.failure = new Error('refused')
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, get))
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === state.failure))
  assert.equal(state.calls, 1)
  state.failure = undefined
  clock.milliseconds += 1_000
  assert.equal(await get(), '2')
})

test('while nothing is held, who asks again within a second gets the same failure, and nobody is asked', async () => {
  const { clock, state, get } = setUp()
  state.failure = new RefusedByBroker('no', 'invalid_target', undefined)
  for (let second = 1; second <= 3; second++) {
    for (let i = 0; i < 100; i++) await assert.rejects(get(), state.failure)
    assert.equal(state.calls, second)
    clock.milliseconds += 1_000
  }
  clock.milliseconds -= 60 * minutes
  state.failure = undefined
  assert.equal(await get(), '4')
})

for (const [title, retryAfter, none, held] of [
  ['is waited for', 20_000, 20_000, 20_000],
  ['that is shorter than our own pauses changes nothing', 500, 1_000, 15_000],
  ['without end is waited for while something is held, and half a minute else', Infinity, 30_000, 5 * minutes],
] as const) {
  test(`a Retry-After ${title}`, async () => {
    const { clock, state, get } = setUp()
    const failure = new TemporaryError('throttled', retryAfter)
    state.failure = failure
    await assert.rejects(get(), failure)
    clock.milliseconds += none - 1
    await assert.rejects(get(), failure)
    assert.equal(state.calls, 1)
    clock.milliseconds += 1
    state.failure = undefined
    assert.equal(await get(), '2')
    state.failure = failure
    clock.milliseconds += 55 * minutes
    for (const passed of [0, held - 1]) {
      clock.milliseconds += passed
      assert.deepEqual([await get(), state.calls], ['2', 3])
      await settled()
    }
    clock.milliseconds += 1
    state.failure = undefined
    await get()
    assert.equal(state.calls, 4)
  })
}

test('who joins a refresh that began in the background asks once more, and no more, when that fails', async () => {
  for (const failure of [undefined, new TemporaryError('still away')]) {
    const { clock, state, get } = setUp()
    await get()
    clock.milliseconds += 55 * minutes
    state.failure = new TemporaryError('the connection was cut')
    let thaw = () => {}
    state.wait = new Promise((resolve) => (thaw = resolve))
    assert.equal(await get(), '1')
    // The machine is paused, and goes on when what is held has ended.
    clock.milliseconds += 60 * minutes
    const asked = Array.from({ length: 10 }, get)
    Object.assign(state, { failure, wait: Promise.resolve() })
    thaw()
    const outcomes = await Promise.allSettled(asked)
    for (const outcome of outcomes)
      assert.equal(outcome.status === 'fulfilled' ? outcome.value : outcome.reason, failure ?? '3')
    assert.equal(state.calls, 3)
  }
})

test('a refresh in the background that fails when a paused machine goes on keeps nobody from asking', async () => {
  const { clock, state, get } = setUp()
  await get()
  clock.milliseconds += 55 * minutes
  state.failure = new TemporaryError('no answer within 12 s', 600_000)
  let thaw = () => {}
  state.wait = new Promise((resolve) => (thaw = resolve))
  assert.equal(await get(), '1')
  clock.milliseconds += 60 * minutes
  // Its time is over before anybody has asked again.
  thaw()
  await settled()
  const { failure } = state
  await assert.rejects(get(), failure)
  assert.equal(state.calls, 3)
  // Of that one, which was waited for, it is not asked again at once.
  await assert.rejects(get(), failure)
  assert.equal(state.calls, 3)
  state.failure = undefined
  clock.milliseconds += 30_000
  assert.equal(await get(), '4')
})

test('credentials that had ended when they came replace none that last', async () => {
  const { clock, state, get } = setUp()
  await get()
  clock.milliseconds += 55 * minutes
  state.lifetime = 0
  await get()
  await settled()
  assert.equal(await get(), '1')
})

test('while a refresh fails, what is held serves to its end, and no longer', async () => {
  const { clock, state, get } = setUp()
  await get()
  state.failure = new Error('outage')
  clock.milliseconds += 55 * minutes
  assert.deepEqual([await get(), state.calls], ['1', 2])
  await settled()
  assert.deepEqual([await get(), state.calls], ['1', 2])
  clock.milliseconds += 15_000
  assert.deepEqual([await get(), state.calls], ['1', 3])
  await settled()
  clock.milliseconds += 5 * minutes - 15_000 - 1
  assert.equal(await get(), '1')
  await settled()
  clock.milliseconds += 1
  await assert.rejects(get(), state.failure)
  state.failure = undefined
  clock.milliseconds += 1_000
  assert.equal(await get(), '6')
})

test('a failure just before the end does not carry the credentials over it', async () => {
  const { clock, state, get } = setUp()
  await get()
  state.failure = new Error('outage')
  clock.milliseconds += 60 * minutes - 1
  assert.equal(await get(), '1')
  clock.milliseconds += 1
  await assert.rejects(get(), state.failure)
})

test('credentials that end while they are on their way are not given', async () => {
  const { clock, state, get } = setUp()
  for (const lifetime of [0, -1, -60 * minutes]) {
    state.lifetime = lifetime
    await assert.rejects(get(), /look at the clock of this machine$/)
    clock.milliseconds += 1_000
  }
  state.lifetime = 1
  assert.equal(await get(), '4')
  clock.milliseconds += 1
  assert.equal(await get(), '5')
})

test('forceRefresh asks at once', async () => {
  const { state, provider } = setUp()
  await provider()
  await provider({})
  assert.equal(state.calls, 1)
  assert.equal((await provider({ forceRefresh: true })).accessKeyId, '2')
})

test('forceRefresh throws a refusal, and keeps what is held through an outage', async () => {
  const { state, provider } = setUp()
  await provider()
  state.failure = new RefusedByBroker('no', 'invalid_target', undefined)
  await assert.rejects(provider({ forceRefresh: true }), state.failure)
  assert.equal((await provider()).accessKeyId, '1')
  state.failure = new TemporaryError('outage')
  assert.equal((await provider({ forceRefresh: true })).accessKeyId, '1')
})

test('what a caller does to its credentials, no other sees', async () => {
  const { provider } = setUp()
  const first = (await provider()) as { -readonly [Key in keyof AwsCredentials]: AwsCredentials[Key] }
  first.accessKeyId = 'changed'
  first.expiration.setTime(0)
  assert.equal((await provider()).accessKeyId, '1')
})

test('a refresh that nobody waits for keeps no program alive; one that is waited for does', async () => {
  const module = (name: string) => JSON.stringify(new URL(`../../client/${name}.ts`, import.meta.url).href)
  const script = `
    const { credentialProvider } = await import(${module('credential-provider')})
    const { unattended } = await import(${module('ports')})
    let passed = 0, calls = 0
    const provider = credentialProvider(async () => {
      if (++calls === 2) await unattended.sleep(300).then(() => process.stdout.write('slept '))
      return { accessKeyId: String(calls), expiration: new Date(passed + 60_000) }
    }, () => passed)
    await provider()
    passed = 50_000
    process.stdout.write((await provider()).accessKeyId + ' ')
    if (process.argv[1] === 'wait') {
      passed = 60_000
      process.stdout.write((await provider()).accessKeyId)
    }`
  for (const [argument, printed] of [
    ['leave', '1 '],
    ['wait', '1 slept 2'],
  ] as const) {
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, argument])
    assert.deepEqual([status, stdout.toString()], [0, printed])
  }
})
