import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { decodeJwt } from 'jose'
import { loadFunction } from '../../local/load-function.ts'
import type { Fault } from '../contracts/faulty-proxy.ts'
import { issuerKey, startFaultyIssuer, type FaultyIssuer, type IssuerKey } from './faulty-issuer.ts'
import { captureLog, exchange, now, openFaultyWorld, type Answer, type FaultyWorld } from './faulty-world.ts'

let world: FaultyWorld
let issuer: FaultyIssuer
let key: IssuerKey
let victim: ChildProcess | undefined

before(async () => {
  captureLog()
  key = await issuerKey('a')
  issuer = await startFaultyIssuer()
  issuer.keys = [key.jwk]
  world = await openFaultyWorld(issuer.configuration)
})
beforeEach(async () => {
  // The keys are known, unless the row says otherwise.
  await present(await issuer.sign(key))
  world.mend()
})
afterEach(async () => {
  world.mend()
  issuer.answers = {}
  await kill()
})
after(async () => {
  issuer.stop()
  await world.close()
})

/** To a function that has only just started, in this process. */
async function present(subject_token: string): Promise<Answer> {
  return exchange(await loadFunction('token', issuer.configuration), subject_token)
}

/** To a process of its own, whose answer nobody may live to hear. */
async function presentToVictim(subject_token: string): Promise<ChildProcess> {
  victim = fork(fileURLToPath(new URL('sandbox.ts', import.meta.url)), {
    env: { ...process.env, TEST_CONFIGURATION: JSON.stringify(issuer.configuration), POWERTOOLS_LOG_LEVEL: 'SILENT' },
  })
  await once(victim, 'message')
  victim.send(subject_token)
  return victim
}

async function kill(): Promise<void> {
  if (victim === undefined) return
  const exited = once(victim, 'exit')
  victim.kill('SIGKILL')
  await exited
  victim = undefined
}

async function left(subject_token: string): Promise<string> {
  const row = await world.row(`receipt#farm#jti:${decodeJwt(subject_token).jti}`)
  return row === undefined ? 'nothing' : `${row.state?.S}, attempt ${row.attempts?.N}`
}

async function forgetKeys(): Promise<void> {
  await world.client.send(new DeleteItemCommand({ TableName: 'token-broker', Key: { pk: { S: 'keyset#farm' } } }))
}

/** Which request is not answered, in words of `Fault`; and, of several to one operation, which one. */
interface Moment {
  hold: Record<string, 'before it is done' | 'after it was done'>
  nth?: number
  /** What fails meanwhile. */
  fails?: Record<string, Fault>
  left: string
  retry: 200 | 400
}

const signFails: Record<string, Fault> = { Sign: { status: 400, type: 'DisabledException' } }

const moments: Record<string, Moment> = {
  'before the receipt is written': { hold: { PutItem: 'before it is done' }, left: 'nothing', retry: 200 },
  'after the receipt is written, before the put is answered': {
    hold: { PutItem: 'after it was done' },
    left: 'recorded, attempt 1',
    retry: 400,
  },
  'after the put, before the revocations are read': {
    hold: { BatchGetItem: 'before it is done' },
    left: 'recorded, attempt 1',
    retry: 400,
  },
  'after the put, before KMS signs': { hold: { Sign: 'before it is done' }, left: 'recorded, attempt 1', retry: 400 },
  'after KMS has signed, before it answers': {
    hold: { Sign: 'after it was done' },
    left: 'recorded, attempt 1',
    retry: 400,
  },
  'after all three are done, and none answered': {
    hold: { PutItem: 'after it was done', BatchGetItem: 'after it was done', Sign: 'after it was done' },
    left: 'recorded, attempt 1',
    retry: 400,
  },
  'while it settles a put': {
    // The first GetItem reads the keys.
    hold: { GetItem: 'before it is done' },
    nth: 1,
    fails: { PutItem: 'lose' },
    left: 'recorded, attempt 1',
    retry: 400,
  },
  'before a receipt is released': {
    hold: { UpdateItem: 'before it is done' },
    fails: signFails,
    left: 'recorded, attempt 1',
    retry: 400,
  },
  'after a receipt is released, before that is answered': {
    hold: { UpdateItem: 'after it was done' },
    fails: signFails,
    left: 'released, attempt 1',
    retry: 200,
  },
}

/** Has the world hold these requests, and resolves when it does so with all of them. */
function holding({ hold, nth, fails }: Pick<Moment, 'hold' | 'nth' | 'fails'>): Promise<unknown> {
  const reached = new Map(Object.keys(hold).map((operation) => [operation, Promise.withResolvers<void>()]))
  world.fault = (operation, before) => {
    const when = hold[operation]
    if (when !== undefined && before >= (nth ?? 0)) return { hold: when, reached: reached.get(operation)!.resolve }
    return fails?.[operation] ?? 'none'
  }
  return Promise.all([...reached.values()].map(({ promise }) => promise))
}

/** The put stands in the table, or never will: what runs beside the held request has ended too. */
async function settled(subject_token: string, moment: Moment): Promise<void> {
  while ((await left(subject_token)) !== moment.left) await new Promise(setImmediate)
}

for (const [when, moment] of Object.entries(moments)) {
  const then = moment.retry === 200 ? 'works' : 'is a replay'
  test(`killed ${when}: ${moment.left} is left, and the same token ${then}`, async () => {
    const subject_token = await issuer.sign(key)
    const held = holding(moment)
    await presentToVictim(subject_token)
    await held
    await settled(subject_token, moment)
    await kill()
    world.mend()
    assert.equal(await left(subject_token), moment.left)
    const answers = [await present(subject_token), await present(subject_token)]
    assert.deepEqual(
      answers.map(({ status }) => status),
      [moment.retry, 400],
    )
    assert.equal(answers[1]!.body.error, 'invalid_request')
  })
}

test('killed after its answer: the same token is a replay', async () => {
  const subject_token = await issuer.sign(key)
  const [answer] = (await once(await presentToVictim(subject_token), 'message')) as [Answer]
  assert.equal(answer.status, 200)
  await kill()
  assert.equal(await left(subject_token), 'recorded, attempt 1')
  assert.equal((await present(subject_token)).status, 400)
})

type Hold = Pick<Moment, 'hold' | 'nth'>

for (const [when, moment, known] of [
  ['before it reads which keys are known', { hold: { GetItem: 'before it is done' } }, 'nothing'],
  ['before it claims the fetch of keys', { hold: { UpdateItem: 'before it is done' } }, 'nothing'],
  ['after it claimed the fetch of keys', { hold: { UpdateItem: 'after it was done' } }, 'the claim'],
  ['while it reads the discovery document', 'discovery', 'the claim'],
  ['while it reads the key set', 'keys', 'the claim'],
  ['before it stores the keys', { hold: { UpdateItem: 'before it is done' }, nth: 1 }, 'the claim'],
  ['after it stored the keys', { hold: { UpdateItem: 'after it was done' }, nth: 1 }, 'the key set'],
] as [string, Hold | 'discovery' | 'keys', string][]) {
  const then = known === 'the claim' ? 'works 30 s after it' : 'works'
  test(`killed ${when}: ${known} is left and no receipt, and the same token ${then}`, async () => {
    await forgetKeys()
    const subject_token = await issuer.sign(key)
    const asked = Promise.withResolvers<void>()
    if (typeof moment === 'string') issuer.answers = { [moment]: () => asked.resolve() }
    const held = typeof moment === 'string' ? asked.promise : holding(moment)
    await presentToVictim(subject_token)
    await held
    await kill()
    world.mend()
    issuer.answers = {}
    assert.equal(await left(subject_token), 'nothing')
    const row = await world.row('keyset#farm')
    assert.equal(row === undefined ? 'nothing' : row.keys === undefined ? 'the claim' : 'the key set', known)
    if (known === 'the claim') {
      const { status, body } = await present(subject_token)
      assert.deepEqual([status, body.error], [503, 'temporarily_unavailable'])
      await claimedBefore(31)
    }
    assert.equal((await present(subject_token)).status, 200)
    assert.equal((await present(subject_token)).status, 400)
  })
}

async function claimedBefore(seconds: number): Promise<void> {
  await world.client.send(
    new UpdateItemCommand({
      TableName: 'token-broker',
      Key: { pk: { S: 'keyset#farm' } },
      UpdateExpression: 'SET attempted_at = :then',
      ExpressionAttributeValues: { ':then': { N: String(now() - seconds) } },
    }),
  )
}
