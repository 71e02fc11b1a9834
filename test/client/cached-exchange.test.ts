import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { cachedExchange } from '../../client/cached-exchange.ts'
import { credentialsCache } from '../../client/credentials-cache.ts'
import { oneAtATime } from '../../client/lock.ts'
import { thisMachine } from '../../client/ports.ts'
import { readySource } from '../../client/subject-token.ts'
import { accessToken, awsCredentials, brokerServer, refusal } from './broker-server.ts'
import { stoppedClock } from './stopped-clock.ts'
import { subjectJwt } from './subject-jwt.ts'

const parent = mkdtempSync(join(tmpdir(), 'token-broker-cache-'))
after(() => rmSync(parent, { recursive: true }))
let folders = 0
const newFolder = () => join(parent, String(folders++))
const sourceOf = (claims: Record<string, unknown>, name = 'the variable JOB') =>
  readySource(name, () => subjectJwt(claims))

test('the same subject gets the same until 5 minutes before its end', async (t) => {
  const broker = await brokerServer(t, [{ body: accessToken }])
  const clock = stoppedClock()
  const cache = await credentialsCache(newFolder())
  const get = (jti: string) =>
    cachedExchange({ broker: broker.url, target: 'deploy-api' }, sourceOf({ jti }), cache, clock)
  const first = await get('1')
  for (const [passed, exchanges] of [
    [0, 1],
    [598_000, 1],
    [2_000, 2],
  ] as const) {
    clock.milliseconds += passed
    const issued = await get('2')
    assert.equal(broker.asked.length, exchanges)
    assert.equal(issued.expires_at === first.expires_at, exchanges === 1)
  }
})

test('nobody gets what is of another subject, broker, target, scope or place', async (t) => {
  const broker = await brokerServer(t, [{ body: accessToken }])
  const other = await brokerServer(t, [{ body: accessToken }])
  const cache = await credentialsCache(newFolder())
  const asked = { broker: broker.url, target: 'deploy-api' }
  const all = [
    [asked, sourceOf({})],
    [asked, sourceOf({ sub: 'other' })],
    [asked, sourceOf({ ref: 'refs/heads/other' })],
    [asked, sourceOf({}, 'the variable OTHER')],
    [{ ...asked, target: 'other' }, sourceOf({})],
    [{ ...asked, scope: 'deploy:read' }, sourceOf({})],
    [{ ...asked, broker: other.url }, sourceOf({})],
  ] as const
  for (let round = 0; round < 2; round++)
    for (const [request, source] of all) await cachedExchange(request, source, cache, thisMachine)
  assert.deepEqual([broker.asked.length, other.asked.length], [all.length - 1, 1])
})

test('what ends within 5 minutes is given, and asked for again the next time', async (t) => {
  const broker = await brokerServer(t, [awsCredentials(299)])
  const cache = await credentialsCache(newFolder())
  for (let round = 1; round <= 2; round++) {
    await cachedExchange({ broker: broker.url, target: 'x' }, sourceOf({}), cache, thisMachine)
    assert.equal(broker.asked.length, round)
  }
})

test('of many at once one exchanges: a token that works once serves them all', async (t) => {
  const broker = await brokerServer(t, [
    { body: accessToken },
    refusal('invalid_request', 'the subject token was not accepted'),
  ])
  const folder = newFolder()
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, async () =>
      cachedExchange({ broker: broker.url, target: 'x' }, sourceOf({}), await credentialsCache(folder), thisMachine),
    ),
  )
  assert.deepEqual([outcomes.length, broker.asked.length], [20, 1])
})

test('a refusal is not kept', async (t) => {
  const broker = await brokerServer(t, [refusal(), { body: accessToken }])
  const cache = await credentialsCache(newFolder())
  const get = () => cachedExchange({ broker: broker.url, target: 'x' }, sourceOf({}), cache, thisMachine)
  await assert.rejects(get(), /refused: invalid_target/)
  assert.equal((await get()).issued_token_type, accessToken.issued_token_type)
})

test('where no file can be, it is exchanged each time', async (t) => {
  const broker = await brokerServer(t, [{ body: accessToken }])
  const cache = await credentialsCache('/dev/null/token-broker')
  for (let round = 1; round <= 2; round++) {
    await cachedExchange({ broker: broker.url, target: 'x' }, sourceOf({}), cache, thisMachine)
    assert.equal(broker.asked.length, round)
  }
})

const { pid: gone } = spawnSync(process.execPath, ['-e', ''])

for (const [title, content, age, waits] of [
  ['a process that is gone', String(gone), 0, false],
  ['a process that runs, but no longer holds it', String(process.pid), 121, false],
  ['a process that runs', String(process.pid), 0, true],
  ['a process that has not written yet', '', 0, true],
  ['nobody', 'x', 0, true],
] as const) {
  test(`the lock of ${title} is ${waits ? 'waited for, and not for ever' : 'taken over'}`, async () => {
    const file = join(parent, `${folders++}.lock`)
    writeFileSync(file, content)
    const clock = stoppedClock()
    const time = clock.now() / 1000 - age
    utimesSync(file, time, time)
    let done = 0
    await oneAtATime(file, () => Promise.resolve(done++), clock)
    assert.equal(done, 1)
    const slept = clock.slept.reduce((sum, pause) => sum + pause, 0)
    if (waits) assert.deepEqual([slept, existsSync(file)], [40_000, true])
    else assert.deepEqual([slept <= 50, existsSync(file)], [true, false])
  })
}

test('a lock is given back also when the work fails', async () => {
  const file = join(parent, `${folders++}.lock`)
  await assert.rejects(
    oneAtATime(file, () => Promise.reject(new Error('no')), thisMachine),
    /^Error: no$/,
  )
  assert.ok(!existsSync(file))
})
