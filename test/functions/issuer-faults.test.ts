import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { RequestListener } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { decodeJwt } from 'jose'
import { loadFunction } from '../../local/load-function.ts'
import { issuerKey, startFaultyIssuer, type FaultyIssuer, type IssuerKey } from './faulty-issuer.ts'
import { captureLog, exchange, now, openFaultyWorld, type Answer, type FaultyWorld } from './faulty-world.ts'

let world: FaultyWorld
let issuer: FaultyIssuer
let key: IssuerKey
let logged: string[]

before(async () => {
  logged = captureLog()
  key = await issuerKey('a')
  issuer = await startFaultyIssuer()
  world = await openFaultyWorld(issuer.configuration)
})
beforeEach(async () => {
  await world.client.send(new DeleteItemCommand(keySetRow))
  issuer.keys = [key.jwk]
  issuer.answers = {}
  issuer.requests.length = 0
  logged.length = 0
})
afterEach(() => world.mend())
after(async () => {
  issuer.stop()
  await world.close()
})

const keySetRow = { TableName: 'token-broker', Key: { pk: { S: 'keyset#farm' } } }

/** With nothing in memory. */
const sandbox = () => loadFunction('token', issuer.configuration)

async function present(subject_token: string, handler?: Awaited<ReturnType<typeof sandbox>>): Promise<Answer> {
  return exchange(handler ?? (await sandbox()), subject_token)
}

/** The table knows the issuer's keys, from so many seconds ago. */
async function known(age: number): Promise<void> {
  assert.equal((await present(await issuer.sign(key))).status, 200)
  await grow(age)
}

async function grow(age: number, ...fields: string[]): Promise<void> {
  const grown = fields.length > 0 ? fields : ['attempted_at', 'fetched_at']
  await world.client.send(
    new UpdateItemCommand({
      ...keySetRow,
      UpdateExpression: `SET ${grown.map((field) => `${field} = :then`).join(', ')}`,
      ExpressionAttributeValues: { ':then': { N: String(now() - age) } },
    }),
  )
  issuer.requests.length = 0
  logged.length = 0
}

async function receiptOf(subject_token: string): Promise<string | undefined> {
  return (await world.row(`receipt#farm#jti:${decodeJwt(subject_token).jti}`))?.state?.S
}

async function knownKids(): Promise<(string | undefined)[] | undefined> {
  const text = (await world.row('keyset#farm'))?.keys?.S
  return text === undefined ? undefined : (JSON.parse(text) as { keys: { kid?: string }[] }).keys.map(({ kid }) => kid)
}

const body =
  (text: string): RequestListener =>
  (_, response) =>
    response.end(text)

/** As much as the reader takes. */
const pour =
  (chunk: Buffer, chunks: number): RequestListener =>
  (_, response) => {
    let written = 0
    const more = () => {
      while (!response.destroyed && written < chunks) {
        written++
        if (!response.write(chunk)) return response.once('drain', more)
      }
      return response.end()
    }
    more()
  }

const manyKeys = (count: number) => JSON.stringify({ keys: Array.from({ length: count }, () => key.jwk) })

const faults: Record<string, { answers: () => FaultyIssuer['answers']; logged: string }> = {
  'hangs up': {
    answers: () => ({ '*': (request) => request.socket.destroy() }),
    logged: 'discovery: ECONNRESET',
  },
  'never answers': { answers: () => ({ '*': () => {} }), logged: 'discovery: no answer in time' },
  'answers 500': {
    answers: () => ({ '*': (_, response) => response.writeHead(500).end() }),
    logged: 'discovery: answered 500',
  },
  'drips its keys': {
    answers: () => ({
      keys: async (_, response) => {
        while (!response.destroyed) {
          response.write(' ')
          await setTimeout(50)
        }
      },
    }),
    logged: 'key set: no answer in time',
  },
  'sends keys without end': {
    answers: () => ({ keys: pour(Buffer.alloc(16 * 1024, ' '), Infinity) }),
    logged: 'key set: the answer is longer than 262144 bytes',
  },
  'sends 100 MB': {
    answers: () => ({ keys: pour(Buffer.alloc(1024 * 1024, ' '), 100) }),
    logged: 'key set: the answer is longer than 262144 bytes',
  },
  'sends 200,000 keys': {
    answers: () => ({ keys: body(manyKeys(200_000)) }),
    logged: 'key set: the answer is longer than 262144 bytes',
  },
  'sends 101 keys': {
    answers: () => ({ keys: body(manyKeys(101)) }),
    logged: 'key set: the key set has more than 100 keys',
  },
  'sends HTML': {
    answers: () => ({ keys: body('<!doctype html><title>Sign in</title>') }),
    logged: 'key set: not valid JSON',
  },
  'sends nothing': { answers: () => ({ keys: body('') }), logged: 'key set: not valid JSON' },
  'sends a set without keys': {
    answers: () => ({ keys: body('{"keys":[]}') }),
    logged: 'key set: the key set is empty',
  },
  redirects: {
    answers: () => ({ keys: (_, response) => response.writeHead(302, { location: '/other' }).end() }),
    logged: 'key set: answered 302',
  },
  'names another issuer in its discovery': {
    answers: () => ({
      discovery: body(JSON.stringify({ issuer: 'https://other.test', jwks_uri: `${issuer.url}/keys` })),
    }),
    logged: 'discovery: the document names another issuer',
  },
}

describe('an issuer of which nothing is known', () => {
  for (const [what, fault] of Object.entries(faults)) {
    test(`${what}: 503, the token is unspent, and only the claim of the fetch is left`, async () => {
      const subject_token = await issuer.sign(key)
      issuer.answers = fault.answers()
      const { status, body } = await present(subject_token)
      assert.deepEqual([status, body.error], [503, 'temporarily_unavailable'])
      assert.deepEqual(logged, [
        `key_set_fetch_failed: issuer_keys: farm: ${fault.logged}`,
        'unavailable: issuer_keys: farm: the last fetch failed',
      ])
      assert.equal(await receiptOf(subject_token), undefined)
      const { attempted_at, keys } = (await world.row('keyset#farm'))!
      assert.ok(attempted_at?.N !== undefined && keys === undefined)
      issuer.answers = {}
      await grow(31, 'attempted_at')
      assert.equal((await present(subject_token)).status, 200)
    })
  }
})

describe('an issuer whose keys are 20 minutes old', () => {
  for (const [what, fault] of Object.entries(faults)) {
    test(`${what}: the old keys serve and stay`, async () => {
      await known(1_200)
      issuer.answers = fault.answers()
      const subject_token = await issuer.sign(key)
      assert.equal((await present(subject_token)).status, 200)
      assert.deepEqual(logged, [`key_set_fetch_failed: issuer_keys: farm: ${fault.logged}`, 'stale_keys_served'])
      assert.equal(await receiptOf(subject_token), 'recorded')
      assert.deepEqual(await knownKids(), ['a'])
    })
  }
})

test('an issuer that is down: keys serve until they are an hour old, then it is 503 and the token is unspent', async () => {
  await known(3_500)
  issuer.stop()
  try {
    assert.equal((await present(await issuer.sign(key))).status, 200)
    assert.deepEqual(logged, ['key_set_fetch_failed: issuer_keys: farm: discovery: ECONNREFUSED', 'stale_keys_served'])
    await grow(3_601)
    const subject_token = await issuer.sign(key)
    assert.equal((await present(subject_token)).status, 503)
    assert.deepEqual(logged, [
      'key_set_fetch_failed: issuer_keys: farm: discovery: ECONNREFUSED',
      'unavailable: issuer_keys: farm: the last fetch failed',
    ])
    assert.equal(await receiptOf(subject_token), undefined)
  } finally {
    await issuer.start()
  }
})

describe('an issuer that rotates its keys', () => {
  test('without an overlap: the new key is refused for 30 s after a fetch, then found; the old one is gone', async () => {
    const next = await issuerKey('b')
    await known(0)
    issuer.keys = [next.jwk]
    const [early, late] = [await issuer.sign(next), await issuer.sign(key)]
    const refused = await present(early)
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_request'])
    assert.deepEqual([logged, issuer.requests], [['refused: key_unknown'], []])
    await grow(31)
    assert.equal((await present(early)).status, 200, 'refused, and not spent')
    assert.deepEqual(await knownKids(), ['b'])
    assert.equal((await present(late)).status, 400)
    assert.deepEqual([logged, await receiptOf(late)], [['refused: key_unknown'], undefined])
  })

  test('and removes a key: it serves until the set is 10 min old, and never after', async () => {
    const removed = await issuerKey('removed')
    issuer.keys = [key.jwk, removed.jwk]
    await known(500)
    issuer.keys = [key.jwk]
    assert.equal((await present(await issuer.sign(removed))).status, 200)
    assert.deepEqual(issuer.requests, [])
    await grow(601)
    const subject_token = await issuer.sign(removed)
    assert.equal((await present(subject_token)).status, 400)
    assert.deepEqual([logged, await receiptOf(subject_token)], [['refused: key_unknown'], undefined])
    issuer.stop()
    try {
      await grow(601)
      const last = await issuer.sign(removed)
      assert.equal((await present(last)).status, 503, 'it may be back, and nobody can tell')
      assert.equal(logged.at(-1), 'unavailable: issuer_keys: farm: the last fetch failed')
      assert.equal(await receiptOf(last), undefined)
    } finally {
      await issuer.start()
    }
  })

  test('and gives a kid new material: the old key serves until the set is 10 min old, then the new one alone', async () => {
    const other = await issuerKey('a')
    await known(500)
    issuer.keys = [other.jwk]
    const [early, late] = [await issuer.sign(other), await issuer.sign(key)]
    assert.equal((await present(early)).status, 400)
    assert.deepEqual([logged, await receiptOf(early), issuer.requests], [['refused: signature_invalid'], undefined, []])
    await grow(601)
    const handler = await sandbox()
    assert.equal((await present(early, handler)).status, 200)
    assert.equal((await present(late, handler)).status, 400)
    assert.deepEqual([logged, await receiptOf(late)], [['refused: signature_invalid'], undefined])
  })
})

test('fifty sandboxes that start cold at once make one fetch', async () => {
  const sandboxes = await Promise.all(Array.from({ length: 50 }, sandbox))
  const tokens = await Promise.all(Array.from({ length: 50 }, () => issuer.sign(key)))
  // Nobody finds a set before all have looked and some have looked again.
  const looked = Promise.withResolvers<void>()
  let looks = 0
  world.fault = (operation) => {
    if (operation === 'GetItem' && ++looks === 60) looked.resolve()
    return 'none'
  }
  issuer.answers.discovery = async (_, response) => {
    await looked.promise
    response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys` }))
  }
  const answers = await Promise.all(sandboxes.map((handler, i) => present(tokens[i]!, handler)))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  assert.deepEqual(issuer.requests, ['/.well-known/openid-configuration', '/keys'])
  assert.deepEqual(logged, [])
  for (const subject_token of tokens) assert.equal(await receiptOf(subject_token), 'recorded')
})
