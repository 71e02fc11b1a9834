import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { cachedExchange } from '../../client/cached-exchange.ts'
import { credentialsCache } from '../../client/credentials-cache.ts'
import { RefusedByBroker } from '../../client/errors.ts'
import { ownerLine, processOf } from '../../client/lock-owner.ts'
import { oneAtATime } from '../../client/lock.ts'
import { thisMachine } from '../../client/ports.ts'
import { readySource } from '../../client/subject-token.ts'
import { accessToken, brokerServer, decision, refusal } from './broker-server.ts'
import { stoppedClock } from './stopped-clock.ts'
import { encoded, subjectJwt } from './subject-jwt.ts'

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

test('nobody gets what is of another subject, place or request, whatever the request has', async (t) => {
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
    [{ ...asked, scope: 'deploy:write' }, sourceOf({})],
    [{ ...asked, parameter: 'one to come' }, sourceOf({})],
    [{ ...asked, broker: other.url }, sourceOf({})],
  ] as const
  for (let round = 0; round < 2; round++)
    for (const [request, source] of all) await cachedExchange(request, source, cache, thisMachine)
  assert.deepEqual([broker.asked.length, other.asked.length], [all.length - 1, 1])
})

test('scopes are a set: in another order, or twice, they are the same', async (t) => {
  const broker = await brokerServer(t, [{ body: accessToken }])
  const cache = await credentialsCache(newFolder())
  for (const scope of ['a b', 'b a', ' a  b a'])
    await cachedExchange({ broker: broker.url, target: 'x', scope }, sourceOf({}), cache, thisMachine)
  assert.deepEqual(
    broker.asked.map((form) => form.get('scope')),
    ['a b'],
  )
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
  assert.deepEqual([new Set(outcomes.map((issued) => JSON.stringify(issued))).size, broker.asked.length], [1, 1])
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

test('a refusal where nothing could be kept says that, unless the token was fresh', async (t) => {
  const broker = await brokerServer(t, [refusal()])
  const folder = '/dev/null/token-broker'
  const kept = `Nothing could be kept in ${folder}: it must be a folder that this user alone can write, and no link.`
  const nowhere = 'Nothing could be kept: there is neither a home nor XDG_CACHE_HOME.'
  for (const [cache, fresh, said] of [
    [await credentialsCache(folder), false, kept],
    [await credentialsCache(undefined), false, nowhere],
    [await credentialsCache(folder), true, undefined],
    [await credentialsCache(newFolder()), false, undefined],
  ] as const) {
    const get = cachedExchange({ broker: broker.url, target: 'x' }, { ...sourceOf({}), fresh }, cache, thisMachine)
    await assert.rejects(get, (error: Error) => {
      assert.ok(error instanceof RefusedByBroker && error.decision_id === decision)
      assert.equal(/Nothing could be kept.*$/.exec(error.message)?.[0], said)
      return true
    })
  }
})

const { pid: gone } = spawnSync(process.execPath, ['-e', ''])

const held = (pid: number, at: Partial<ReturnType<typeof processOf>> = {}) => ownerLine({ ...processOf(pid), ...at })
const { ppid } = process

for (const [title, content, age, waits] of [
  ['a process that is gone', held(gone), 0, false],
  ['a process that runs, but no longer holds it', held(ppid), 121, false],
  ['a process that runs', held(ppid), 0, true],
  ['a process that runs, where nobody knows since when', held(ppid, { started: '' }), 0, true],
  ['a process whose number another has now', held(ppid, { started: '1' }), 0, false],
  ['a process whose number is ours now', held(process.pid), 0, false],
  ['a process of another machine', held(gone, { machine: `another-${hostname()}` }), 0, true],
  ['a process of another machine, long ago', held(gone, { machine: `another-${hostname()}` }), 121, false],
  ['a process of another container', held(gone, { namespace: 'pid:[1]' }), 0, true],
  ['a process that has not written yet', '', 0, false],
  ['a time to come', held(ppid), -3600, false],
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
    if (waits) assert.deepEqual([slept, existsSync(file)], [25_000, true])
    else assert.deepEqual([slept <= (content === '' ? 1_100 : 50), existsSync(file)], [true, false])
  })
}

test('a clock that is set back makes no wait longer', async () => {
  const file = join(parent, `${folders++}.lock`)
  writeFileSync(file, held(ppid))
  const clock = stoppedClock()
  let polls = 0
  const backwards = {
    ...clock,
    now: () => (polls === 0 ? clock.now() : clock.now() - 1_000),
    sleep: () => Promise.resolve(polls++),
  }
  await oneAtATime(file, () => Promise.resolve(), backwards)
  assert.equal(polls, 500)
})

test('a lock is given back also when the work fails', async () => {
  const file = join(parent, `${folders++}.lock`)
  await assert.rejects(
    oneAtATime(file, () => Promise.reject(new Error('no')), thisMachine),
    /^Error: no$/,
  )
  assert.ok(!existsSync(file))
})

for (const [title, make] of [
  ['a folder', (file: string) => mkdirSync(file)],
  ['a link to a lock', (file: string) => (writeFileSync(`${file}.else`, ''), symlinkSync(`${file}.else`, file))],
] as const) {
  test(`${title} in the place of a lock is not waited for, and stays`, async () => {
    const file = join(parent, `${folders++}.lock`)
    make(file)
    const clock = stoppedClock()
    assert.equal(await oneAtATime(file, () => Promise.resolve(7), clock), 7)
    assert.deepEqual([clock.slept, existsSync(file)], [[], true])
  })
}

test('of many that find an abandoned lock, one at a time is inside', async () => {
  for (let round = 0; round < 20; round++) {
    const folder = newFolder()
    mkdirSync(folder)
    const file = join(folder, 'lock')
    writeFileSync(file, held(gone))
    let inside = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++inside)
      await thisMachine.sleep(5)
      inside--
    }
    await Promise.all(Array.from({ length: 8 }, () => oneAtATime(file, work, thisMachine)))
    assert.deepEqual([most, readdirSync(folder)], [1, []])
  }
})

test('a lock that another has taken over is not given back', async () => {
  const file = join(parent, `${folders++}.lock`)
  await oneAtATime(file, () => Promise.resolve(writeFileSync(file, 'another')), thisMachine)
  assert.equal(readFileSync(file, 'utf8'), 'another')
})

const payloadStart = '{"iss":"https://ci.example","aud":"b","exp":1800000000,'
for (const [title, payloads] of [
  ['a claim that is there twice', ['"sub":"a","sub":"x"}', '"sub":"b","sub":"x"}']],
  ['a number that a double cannot hold', ['"sub":"a","id":9007199254740993}', '"sub":"a","id":9007199254740992}']],
] as const) {
  test(`two subjects with ${title} never share what was issued`, async (t) => {
    const broker = await brokerServer(t, [{ body: accessToken }])
    const cache = await credentialsCache(newFolder())
    for (const payload of payloads) {
      const source = readySource('the variable JOB', () => encoded(payloadStart + payload))
      await cachedExchange({ broker: broker.url, target: 'x' }, source, cache, stoppedClock(0, 1_790_000_000_000))
    }
    assert.equal(broker.asked.length, 2)
  })
}

test('a token that is over gets what is in the cache: it is for the same user still', async (t) => {
  const broker = await brokerServer(t, [{ body: accessToken }])
  const cache = await credentialsCache(newFolder())
  const clock = stoppedClock()
  const exp = Math.floor(clock.now() / 1000) + 60
  const get = () => cachedExchange({ broker: broker.url, target: 'x' }, sourceOf({ exp }), cache, clock)
  await get()
  clock.milliseconds += 61_000
  await get()
  assert.equal(broker.asked.length, 1)
})

test('what lasts less than 15 minutes is kept for two thirds of its time', async (t) => {
  const broker = await brokerServer(t, [{ body: { ...accessToken, expires_in: 300 } }])
  const cache = await credentialsCache(newFolder())
  const clock = stoppedClock()
  for (const [passed, exchanges] of [
    [0, 1],
    [199_000, 1],
    [2_000, 2],
  ] as const) {
    clock.milliseconds += passed
    await cachedExchange({ broker: broker.url, target: 'x' }, sourceOf({}), cache, clock)
    assert.equal(broker.asked.length, exchanges)
  }
})
