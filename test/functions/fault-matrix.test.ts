import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { decodeJwt } from 'jose'
import { compile } from '../../lib/config/compile.ts'
import { deadlines } from '../../lib/deadlines.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import type { Fault } from '../contracts/faulty-proxy.ts'
import { broker, captureLog, exchange, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'

let world: FaultyWorld
let issuer: ExampleIssuer
let configuration: Configuration
let token: LambdaFunction
let logged: string[]
const { request } = deadlines

before(async () => {
  logged = captureLog()
  issuer = await startExampleIssuer()
  const { text, file } = quickstartConfig(issuer.url)
  configuration = compile(text, file, { local: true, issuer: broker, now: now() }).configuration
  world = await openFaultyWorld(configuration)
  token = await loadFunction('token', configuration)
  assert.equal((await exchange(token, await jobToken())).status, 200)
})
afterEach(() => {
  world.mend()
  logged.length = 0
  Object.assign(deadlines, { request })
})
after(async () => {
  await Promise.all([world.close(), issuer.close()])
})

const jobToken = () => issuer.sign({ aud: broker })

/** What the table holds of this token: `recorded` or `released`, and how many attempts were used. */
async function left(subject_token: string): Promise<string> {
  const row = await world.row(`receipt#github#jti:${decodeJwt(subject_token).jti}`)
  return row === undefined ? 'nothing' : `${row.state?.S}, attempt ${row.attempts?.N}`
}

interface Row {
  fault: (operation: string, nth: number) => Fault
  status: 200 | 503
  left: string
  logged: string[]
  /** What the same token gets when it is over. */
  retry: 200 | 400
  /** A new sandbox that finds no keys in the table. */
  cold?: boolean
  /** All that the request has, in milliseconds. */
  deadline?: number
  algorithm?: 'RS256'
}

const spent = 'a receipt could not be released: its subject token stays spent'
const at =
  (wanted: string, fails: Fault): Row['fault'] =>
  (operation) =>
    operation === wanted ? fails : 'none'
const aws = (type: string, status = 400): Fault => ({ status, type })
const signed = (signature: Uint8Array, KeyId?: string): Fault => ({
  answer: { KeyId: KeyId ?? arnOfActive(), Signature: Buffer.from(signature).toString('base64') },
})
const arnOfActive = (alg = 'ES256') =>
  (JSON.parse(process.env.BROKER_SIGNING_KEYS!) as { alg: string; arn: string }[]).find((key) => key.alg === alg)!.arn

function matrix(service: string, rows: Record<string, Row>): void {
  describe(service, () => {
    for (const [what, row] of Object.entries(rows)) {
      const over = row.retry === 200 ? 'works' : 'is a replay'
      test(`${what}: ${row.status}, ${row.left}; when it is over the same token ${over}`, async () => {
        const handler = await sandboxFor(row)
        if (row.deadline) Object.assign(deadlines, { request: row.deadline })
        const subject_token = await jobToken()
        world.fault = row.fault
        const { status, body, retryAfter } = await exchange(handler, subject_token)
        assert.deepEqual([status, await left(subject_token), logged], [row.status, row.left, row.logged])
        if (status === 503) {
          assert.equal(body.error, 'temporarily_unavailable')
          assert.match(
            body.error_description!,
            /^the service cannot answer right now, try again \(decision [\w-]{22}\)$/,
          )
          assert.ok(retryAfter >= 1 && retryAfter <= 5)
        }
        world.mend()
        Object.assign(deadlines, { request })
        // Nobody may fetch keys for 30 s after a claim.
        if (row.cold) await forgetKeys()
        const again = await exchange(handler, subject_token)
        assert.equal(again.status, row.retry)
        if (row.retry === 400) assert.match(again.body.error_description!, /^the subject token was not accepted/)
        assert.equal((await exchange(handler, subject_token)).status, 400, 'and never more than one credential')
      })
    }
  })
}

async function sandboxFor({ cold, algorithm }: Row): Promise<LambdaFunction> {
  if (cold) await forgetKeys()
  if (!cold && !algorithm) return token
  const algorithms = configuration.signing.algorithms.toSorted((one) => (one === algorithm ? -1 : 1))
  return loadFunction('token', { ...configuration, signing: { ...configuration.signing, algorithms } })
}

async function forgetKeys(): Promise<void> {
  await world.client.send(new DeleteItemCommand({ TableName: 'token-broker', Key: { pk: { S: 'keyset#github' } } }))
}

const released = 'released, attempt 1'
const recorded = 'recorded, attempt 1'

matrix('KMS', {
  'it throttles': {
    fault: at('Sign', aws('ThrottlingException')),
    status: 503,
    left: released,
    logged: ['unavailable: kms: ThrottlingException'],
    retry: 200,
  },
  'its key is disabled': {
    fault: at('Sign', aws('DisabledException')),
    status: 503,
    left: released,
    logged: ['unavailable: kms: DisabledException'],
    retry: 200,
  },
  'it fails': {
    fault: at('Sign', aws('KMSInternalException', 500)),
    status: 503,
    left: released,
    logged: ['unavailable: kms: KMSInternalException'],
    retry: 200,
  },
  'it cuts every connection': {
    fault: at('Sign', 'lose'),
    status: 503,
    left: released,
    logged: ['unavailable: kms: TimeoutError'],
    retry: 200,
  },
  'it cuts one connection': {
    fault: (operation, nth) => (operation === 'Sign' && nth === 0 ? 'lose' : 'none'),
    status: 200,
    left: recorded,
    logged: [],
    retry: 400,
  },
  'it does not answer within a second, twice': {
    fault: at('Sign', { hold: 'before it is done' }),
    status: 503,
    left: released,
    logged: ['unavailable: kms: TimeoutError'],
    retry: 200,
  },
  'its answer does not end before the deadline': {
    fault: at('Sign', 'stall'),
    deadline: 1_500,
    status: 503,
    left: released,
    logged: ['unavailable: kms: AbortError'],
    retry: 200,
  },
  'another key has signed': {
    fault: (operation) => (operation === 'Sign' ? signed(new Uint8Array(70), arnOfActive('RS256')) : 'none'),
    status: 503,
    left: released,
    logged: ['unavailable: kms: another key has signed'],
    retry: 200,
  },
  'its signature is not DER': {
    fault: (operation) => (operation === 'Sign' ? signed(new Uint8Array(70).fill(0x2a)) : 'none'),
    status: 503,
    left: released,
    logged: ['unavailable: kms: a signature that cannot be read: not the expected DER element'],
    retry: 200,
  },
  'its RSA signature is of the wrong length': {
    fault: (operation) => (operation === 'Sign' ? signed(new Uint8Array(255), arnOfActive('RS256')) : 'none'),
    algorithm: 'RS256',
    status: 503,
    left: released,
    logged: ['unavailable: kms: a signature of the wrong length'],
    retry: 200,
  },
})

matrix('the receipt’s put', {
  'it is throttled': {
    fault: at('PutItem', aws('ProvisionedThroughputExceededException')),
    status: 503,
    left: 'nothing',
    logged: ['unavailable: dynamodb: ProvisionedThroughputExceededException'],
    retry: 200,
  },
  'it is denied': {
    fault: at('PutItem', aws('AccessDeniedException')),
    status: 503,
    left: 'nothing',
    logged: ['unavailable: dynamodb: AccessDeniedException'],
    retry: 200,
  },
  'it fails': {
    fault: at('PutItem', aws('InternalServerError', 500)),
    status: 503,
    left: 'nothing',
    logged: ['unavailable: dynamodb: the outcome of a write is unknown'],
    retry: 200,
  },
  'it is not written within a second, twice': {
    fault: at('PutItem', { hold: 'before it is done' }),
    status: 503,
    left: 'nothing',
    logged: ['unavailable: dynamodb: the outcome of a write is unknown'],
    retry: 200,
  },
  'it is written, and its answer is lost': {
    fault: at('PutItem', 'lose'),
    status: 200,
    left: recorded,
    logged: [],
    retry: 400,
  },
  'it is written, and its answer does not come within a second': {
    fault: at('PutItem', { hold: 'after it was done' }),
    status: 200,
    left: recorded,
    logged: [],
    retry: 400,
  },
  'it is written, and its answer does not end before the deadline': {
    fault: at('PutItem', 'stall'),
    deadline: 1_500,
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: AbortError'],
    retry: 200,
  },
  'it is written, its answer is lost, and it cannot be read': {
    fault: (operation) =>
      operation === 'PutItem' ? 'lose' : operation === 'GetItem' ? aws('InternalServerError', 500) : 'none',
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: InternalServerError'],
    retry: 200,
  },
  'it is written, its answer is lost, and it can neither be read nor released': {
    fault: (operation) =>
      operation === 'PutItem' ? 'lose' : operation === 'BatchGetItem' ? 'none' : aws('InternalServerError', 500),
    status: 503,
    left: recorded,
    logged: [spent, 'unavailable: dynamodb: InternalServerError'],
    retry: 400,
  },
})

matrix('the batch get of revocations', {
  'it is throttled': {
    fault: at('BatchGetItem', aws('ProvisionedThroughputExceededException')),
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: ProvisionedThroughputExceededException'],
    retry: 200,
  },
  'it is denied': {
    fault: at('BatchGetItem', aws('AccessDeniedException')),
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: AccessDeniedException'],
    retry: 200,
  },
  'it fails': {
    fault: at('BatchGetItem', aws('InternalServerError', 500)),
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: InternalServerError'],
    retry: 200,
  },
  'it does not answer within a second, twice': {
    fault: at('BatchGetItem', { hold: 'before it is done' }),
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: TimeoutError'],
    retry: 200,
  },
  'its answer does not end before the deadline': {
    fault: at('BatchGetItem', 'stall'),
    deadline: 1_500,
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: AbortError'],
    retry: 200,
  },
  'it leaves keys unprocessed': {
    fault: at('BatchGetItem', {
      answer: {
        Responses: { 'token-broker': [] },
        UnprocessedKeys: { 'token-broker': { Keys: [{ pk: { S: 'revocation#all#all' } }] } },
      },
    }),
    status: 503,
    left: released,
    logged: ['unavailable: dynamodb: some revocations were not read'],
    retry: 200,
  },
})

const unsigned = (release: Fault): Row['fault'] => {
  return (operation) =>
    operation === 'Sign' ? aws('DisabledException') : operation === 'UpdateItem' ? release : 'none'
}

matrix('the release, after KMS has failed', {
  'it fails': {
    fault: unsigned(aws('InternalServerError', 500)),
    status: 503,
    left: recorded,
    logged: [spent, 'unavailable: kms: DisabledException'],
    retry: 400,
  },
  'it is not written in its 250 ms': {
    fault: unsigned({ hold: 'before it is done' }),
    status: 503,
    left: recorded,
    logged: [spent, 'unavailable: kms: DisabledException'],
    retry: 400,
  },
  'it is written, and its answer does not come': {
    fault: unsigned({ hold: 'after it was done' }),
    status: 503,
    left: released,
    logged: [spent, 'unavailable: kms: DisabledException'],
    retry: 200,
  },
  'it is written, and its answer is lost once': {
    fault: (operation, nth) => unsigned(nth === 0 ? 'lose' : 'none')(operation, nth),
    status: 503,
    left: released,
    logged: ['unavailable: kms: DisabledException'],
    retry: 200,
  },
})

matrix('the row of the issuer’s keys, in a cold sandbox', {
  'its read is throttled': {
    fault: at('GetItem', aws('ProvisionedThroughputExceededException')),
    cold: true,
    status: 503,
    left: 'nothing',
    logged: ['unavailable: dynamodb: ProvisionedThroughputExceededException'],
    retry: 200,
  },
  'its read does not answer within a second, twice': {
    fault: at('GetItem', { hold: 'before it is done' }),
    cold: true,
    status: 503,
    left: 'nothing',
    logged: ['unavailable: dynamodb: TimeoutError'],
    retry: 200,
  },
  'the claim of a fetch fails': {
    fault: at('UpdateItem', aws('InternalServerError', 500)),
    cold: true,
    status: 503,
    left: 'nothing',
    logged: ['unavailable: dynamodb: InternalServerError'],
    retry: 200,
  },
  'the set cannot be stored': {
    fault: (operation, nth) => (operation === 'UpdateItem' && nth > 0 ? aws('InternalServerError', 500) : 'none'),
    cold: true,
    status: 200,
    left: recorded,
    logged: ['key_set_not_stored: dynamodb: InternalServerError'],
    retry: 400,
  },
})

for (const [what, state, attempts] of [
  ['of a token that was spent', 'recorded', '1'],
  ['of a token that had no attempt left', 'released', '3'],
] as const) {
  test(`a receipt ${what}, past its TTL and still there: one put replaces it, and counts anew`, async () => {
    const subject_token = await jobToken()
    const stale = {
      pk: { S: `receipt#github#jti:${decodeJwt(subject_token).jti}` },
      write_id: { S: 'w' },
      state: { S: state },
      attempts: { N: attempts },
      expires_at: { N: String(now() - 1) },
    }
    await world.client.send(new PutItemCommand({ TableName: 'token-broker', Item: stale }))
    world.mend()
    assert.equal((await exchange(token, subject_token)).status, 200)
    assert.deepEqual(world.operations().toSorted(), ['BatchGetItem', 'PutItem', 'Sign'])
    assert.equal(await left(subject_token), recorded)
    assert.equal((await exchange(token, subject_token)).status, 400)
  })
}

test('a token that failed three times for our reasons is spent', async () => {
  const subject_token = await jobToken()
  world.fault = at('Sign', aws('DisabledException'))
  for (const attempt of [1, 2, 3]) {
    assert.equal((await exchange(token, subject_token)).status, 503)
    assert.equal(await left(subject_token), `released, attempt ${attempt}`)
  }
  world.mend()
  logged.length = 0
  const { status, body } = await exchange(token, subject_token)
  assert.deepEqual([status, body.error], [400, 'invalid_request'])
  assert.deepEqual([await left(subject_token), logged], ['released, attempt 3', ['refused: subject_token_replayed']])
})

test('a row in the place of a receipt that is none: 503, and it stays', async () => {
  const subject_token = await jobToken()
  const Item = {
    pk: { S: `receipt#github#jti:${decodeJwt(subject_token).jti}` },
    expires_at: { N: String(now() + 60) },
  }
  await world.client.send(new PutItemCommand({ TableName: 'token-broker', Item }))
  assert.equal((await exchange(token, subject_token)).status, 503)
  assert.deepEqual(logged, ['unavailable: dynamodb: a receipt is malformed'])
  assert.deepEqual(await world.row(Item.pk.S), Item)
})
