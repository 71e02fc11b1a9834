import assert from 'node:assert/strict'
import { test } from 'node:test'
import { credentialProvider, type AwsCredentials } from '../../client/credential-provider.ts'
import { stoppedClock } from './stopped-clock.ts'

const minutes = 60_000

/** A provider over credentials that last an hour; `obtain` can be told to fail, or to wait. */
function setUp() {
  const clock = stoppedClock()
  const state = { calls: 0, lifetime: 60 * minutes, failure: undefined as Error | undefined }
  const provider = credentialProvider(
    async () => {
      const name = String(++state.calls)
      await Promise.resolve()
      if (state.failure) throw state.failure
      const expiration = new Date(clock.now() + state.lifetime)
      return { accessKeyId: name, secretAccessKey: name, sessionToken: name, expiration }
    },
    () => clock.now(),
  )
  const get = async () => (await provider()).accessKeyId
  return { clock, state, provider, get }
}

test('credentials are kept until 5 minutes before their end', async () => {
  const { clock, get } = setUp()
  assert.equal(await get(), '1')
  clock.milliseconds += 55 * minutes - 1
  assert.equal(await get(), '1')
  clock.milliseconds += 1
  assert.equal(await get(), '2')
  assert.equal(await get(), '2')
})

test('50 callers at once make one call, at the first and at each refresh', async () => {
  const { clock, state, get } = setUp()
  for (const round of [1, 2, 3]) {
    const answers = await Promise.all(Array.from({ length: 50 }, get))
    assert.deepEqual([new Set(answers), state.calls], [new Set([String(round)]), round])
    clock.milliseconds += 56 * minutes
  }
})

test('50 callers share one failure, and the next call tries again', async () => {
  const { state, get } = setUp()
  state.failure = new Error('refused')
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, get))
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === state.failure))
  assert.equal(state.calls, 1)
  state.failure = undefined
  assert.equal(await get(), '2')
})

test('while a refresh fails, what is held serves to its end, and no longer', async () => {
  const { clock, state, get } = setUp()
  await get()
  state.failure = new Error('outage')
  clock.milliseconds += 55 * minutes
  assert.deepEqual([await get(), state.calls], ['1', 2])
  assert.deepEqual([await get(), state.calls], ['1', 2])
  clock.milliseconds += 15_000
  assert.deepEqual([await get(), state.calls], ['1', 3])
  clock.milliseconds += 5 * minutes - 15_000 - 1
  assert.equal(await get(), '1')
  clock.milliseconds += 1
  await assert.rejects(get(), state.failure)
  state.failure = undefined
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

test('what a caller does to its credentials, no other sees', async () => {
  const { provider } = setUp()
  const first = (await provider()) as { -readonly [Key in keyof AwsCredentials]: AwsCredentials[Key] }
  first.accessKeyId = 'changed'
  first.expiration.setTime(0)
  assert.equal((await provider()).accessKeyId, '1')
})
