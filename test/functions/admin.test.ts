import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { compile } from '../../lib/config/compile.ts'
import type { ReceiptCount, RevocationRecord } from '../../lib/ports.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import type { Fault } from '../contracts/faulty-proxy.ts'
import { broker, captureLog, exchange, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'

const userArn = 'arn:aws:sts::123456789012:assumed-role/oncall/ana'
const forGood = 253_402_300_799
const day = 86_400

let world: FaultyWorld
let issuer: ExampleIssuer
let token: LambdaFunction
let admin: LambdaFunction
let logged: string[]

before(async () => {
  logged = captureLog()
  issuer = await startExampleIssuer()
  const { text, file } = quickstartConfig(issuer.url)
  const { configuration } = compile(text, file, { local: true, issuer: broker, now: now() })
  world = await openFaultyWorld(configuration)
  token = await loadFunction('token', configuration)
  admin = await loadFunction('admin', configuration)
})
const rows = new Set<string>()
beforeEach(() => void (logged.length = 0))
afterEach(async () => {
  world.mend()
  for (const pk of rows)
    await world.client.send(new DeleteItemCommand({ TableName: 'token-broker', Key: { pk: { S: pk } } }))
  rows.clear()
})
after(() => Promise.all([world.close(), issuer.close()]))

/** Of whichever operation. */
interface Body {
  error: string
  error_description: string
  revoked: RevocationRecord
  found: RevocationRecord | null
  lifted: RevocationRecord
  records: RevocationRecord[]
  counted: ReceiptCount
}

interface Answer {
  status: number
  headers: Record<string, unknown>
  body: Body
}

function event(body: unknown, changes: Record<string, unknown> = {}): APIGatewayProxyEventV2 {
  return {
    rawPath: '/admin/revocations',
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { http: { method: 'POST', path: '/admin/revocations' }, authorizer: { iam: { userArn } } },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    isBase64Encoded: false,
    ...changes,
  } as unknown as APIGatewayProxyEventV2
}

async function ask(body: unknown, changes: Record<string, unknown> = {}): Promise<Answer> {
  const given = event(body, changes)
  const { dimension, value } = typeof body === 'object' && body !== null ? (body as Record<string, string>) : {}
  if (dimension !== undefined) rows.add(`revocation#${dimension}#${value}`)
  const { statusCode, headers = {}, body: text = '' } = await admin(given, { awsRequestId: 'r' } as Context)
  return { status: Number(statusCode), headers, body: JSON.parse(text) as Body }
}

const rule = { dimension: 'rule', value: 'web-deploys' }
const reason = 'INC-1234: a stranger changed the workflow'
const revoke = (more: object = {}) => ask({ operation: 'revoke', reason, ...rule, ...more })
/** Of what is on record now. */
async function lift(operation: 'undo' | 'start', named: object = rule): Promise<Answer> {
  const { found } = (await ask({ operation: 'find', ...named })).body
  return ask({ operation, reason: 'reviewed', ...named, id: found?.id })
}

describe('whom IAM has not let in is refused, whatever else they say', () => {
  const http = { method: 'POST', path: '/admin/revocations' }
  for (const [what, changes] of [
    ['no authorizer, as on a route without one', { requestContext: { http } }],
    ['no authorizer but null', { requestContext: { http, authorizer: null } }],
    ['an authorizer of JWTs', { requestContext: { http, authorizer: { jwt: { claims: { sub: userArn } } } } }],
    ['an authorizer of Lambda’s', { requestContext: { http, authorizer: { lambda: { userArn } } } }],
    ['IAM without a caller', { requestContext: { http, authorizer: { iam: null } } }],
    ['an empty ARN', { requestContext: { http, authorizer: { iam: { userArn: '' } } } }],
    ['an ARN that is none', { requestContext: { http, authorizer: { iam: { userArn: { arn: userArn } } } } }],
    ['an ARN one level too high', { requestContext: { http, authorizer: { userArn } } }],
    [
      'an ARN of a prototype',
      { requestContext: { http, authorizer: JSON.parse('{"__proto__":{"iam":{"userArn":"x"}}}') } },
    ],
    [
      'an ARN in a header',
      { requestContext: { http }, headers: { 'content-type': 'application/json', 'x-amzn-iam-user-arn': userArn } },
    ],
  ] as [string, Record<string, unknown>][])
    test(what, async () => {
      const { status, body } = await ask({ operation: 'revoke', reason, ...rule }, changes)
      assert.deepEqual([status, body.error], [403, 'access_denied'])
      assert.deepEqual(world.operations(), [])
      assert.deepEqual(logged, ['refused: operator_unknown'])
    })
})

test('who asked is whom IAM names, and nobody can say otherwise', async () => {
  const { status } = await revoke({ by: 'arn:aws:iam::123456789012:user/somebody-else' })
  assert.equal(status, 400)
  assert.deepEqual(world.operations(), [])
  await revoke()
  assert.equal((await world.row('revocation#rule#web-deploys'))?.by?.S, userArn)
})

describe('what it asks of AWS', () => {
  for (const [what, body, operations] of [
    ['to revoke', { operation: 'revoke', reason, ...rule }, ['GetItem', 'PutItem']],
    ['to find what is on record', { operation: 'find', ...rule }, ['GetItem']],
    ['to undo what is not revoked', { operation: 'undo', reason, ...rule, id: 'x' }, ['GetItem']],
    ['to list', { operation: 'list' }, ['Query']],
    ['to count', { operation: 'count', ...rule, segment: 0, segments: 4 }, ['Scan']],
    ['to refuse a name that is none', { operation: 'revoke', reason, dimension: 'rule', value: 'web-deploy' }, []],
    ['to refuse a request that is malformed', { operation: 'revoke', ...rule }, []],
  ] as [string, object, string[]][])
    test(`${what}: ${operations.join(', ') || 'nothing'}`, async (t) => {
      // What takes longer than the second that it began in is written twice.
      const at = Date.now()
      t.mock.method(Date, 'now', () => at)
      await ask(body)
      assert.deepEqual(world.operations(), operations)
    })
})

describe('what a revocation says', () => {
  test('of a rule: all that was issued, and nothing more is, until it is undone', async () => {
    const at = now()
    const { status, headers, body } = await revoke()
    assert.equal(status, 200)
    assert.equal(headers['cache-control'], 'no-store')
    const { revoked } = body
    assert.ok(Math.abs(revoked.at - at) <= 1)
    assert.deepEqual(revoked, {
      ...rule,
      // A sandbox whose clock is ahead by two seconds.
      not_before: revoked.at + 2,
      blocked_until: forGood,
      expires_at: forGood,
      reason,
      by: userArn,
      at: revoked.at,
      id: revoked.id,
    })
    const row = await world.row('revocation#rule#web-deploys')
    assert.deepEqual(
      [row?.not_before?.N, row?.blocked_until?.N, row?.expires_at?.N, row?.reason?.S],
      [String(revoked.not_before), String(forGood), String(forGood), reason],
    )
    assert.deepEqual(logged, [`revoked: ${reason}`])
  })

  test('for a time: issuing goes on after it, and the row is there for longer', async () => {
    const until = now() + 7_200
    const { revoked } = (await revoke({ until })).body
    assert.deepEqual([revoked.blocked_until, revoked.not_before], [until, revoked.at + 2])
    assert.ok(revoked.expires_at >= until && revoked.expires_at >= revoked.at + 2 * day)
  })

  test('for longer than receipts are kept: the row outlives the block', async () => {
    const until = now() + 3_650 * day
    assert.ok((await revoke({ until })).body.revoked.expires_at >= until)
  })

  test('by a time: what was issued until then, and issuing goes on', async () => {
    const before = now() - 3_600
    const { revoked } = (await revoke({ before })).body
    assert.deepEqual([revoked.not_before, revoked.blocked_until], [before, 0])
    assert.ok(revoked.expires_at >= revoked.at + 2 * day)
  })

  test('of a single token: there is nothing to block', async () => {
    const jti = { dimension: 'jti', value: 'VQ0mXnW0Q9u7hZk3bq0m1A' }
    const { revoked } = (await revoke(jti)).body
    assert.equal(revoked.blocked_until, 0)
    // Also of what would be exchanged from it later.
    assert.equal(revoked.not_before, revoked.at + 2 * day)
    assert.ok(revoked.expires_at >= revoked.at + 2 * day)
  })
})

describe('a name that is none', () => {
  for (const [dimension, value, known] of [
    ['rule', 'web-deploy', 'web-deploys'],
    ['issuer', 'githb', undefined],
    ['target', 'deploy-ap', 'deploy-api'],
    ['client', 'deploy-serve', 'deploy-server'],
    ['kid', 'nobody-knows', undefined],
    ['rule', '__proto__', undefined],
    ['client', 'constructor', undefined],
  ] as const)
    test(`${dimension} ${value} is refused, unless it is meant`, async () => {
      const { status, body } = await revoke({ dimension, value })
      assert.equal(status, 400)
      assert.ok(body.error_description.includes(`no ${dimension} ${JSON.stringify(value)}`), body.error_description)
      if (known !== undefined) assert.ok(body.error_description.includes(known), body.error_description)
      assert.equal(await world.row(`revocation#${dimension}#${value}`), undefined)
      assert.equal((await ask({ operation: 'count', dimension, value, segment: 0, segments: 1 })).status, 400)
      assert.equal((await revoke({ dimension, value, even_if_unknown: true })).status, 200)
      assert.notEqual(await world.row(`revocation#${dimension}#${value}`), undefined)
    })

  test('of one that is no more a revocation can be undone', async () => {
    const gone = { dimension: 'rule', value: 'removed-since' }
    await revoke({ ...gone, even_if_unknown: true })
    const { status, body } = await lift('undo', gone)
    assert.deepEqual([status, body.lifted.not_before, body.lifted.blocked_until], [200, 0, 0])
  })
})

describe('taking back', () => {
  test('undo revives and issues again, start only issues again; both say who and why', async () => {
    for (const [operation, not_before] of [
      ['undo', 0],
      ['start', now() + 2],
    ] as const) {
      await revoke()
      const { body } = await lift(operation)
      assert.ok(Math.abs(body.lifted.not_before - not_before) <= 1)
      assert.ok(body.lifted.blocked_until <= now())
      assert.deepEqual([body.lifted.lifted_by, body.lifted.lifted_reason], [userArn, 'reviewed'])
      assert.ok(body.lifted.expires_at >= now() + 2 * day - 1)
    }
  })

  test('of what is not revoked there is nothing to find, and nothing is written', async () => {
    assert.deepEqual((await ask({ operation: 'find', ...rule })).body, { found: null })
    const { status, body } = await ask({ operation: 'undo', reason, ...rule, id: 'x' })
    assert.deepEqual([status, body.error], [409, 'invalid_request'])
    assert.equal(await world.row('revocation#rule#web-deploys'), undefined)
  })

  test('of what somebody has revoked again since: 409, in words, and that one holds', async () => {
    const { id } = (await revoke()).body.revoked
    const again = (await revoke({ reason: 'another finding' })).body.revoked
    logged.length = 0
    for (const operation of ['undo', 'start']) {
      const { status, body } = await ask({ operation, reason: 'reviewed', ...rule, id })
      assert.deepEqual([status, body.error], [409, 'invalid_request'])
      assert.match(body.error_description, /^somebody has revoked or lifted this since, so nothing was changed/)
    }
    assert.deepEqual((await ask({ operation: 'find', ...rule })).body, { found: again })
    assert.deepEqual(logged, ['not undone: reviewed', 'not started: reviewed'])
  })

  test('the list says what is revoked, and what was', async () => {
    await revoke()
    const before = (await ask({ operation: 'list' })).body.records
    assert.deepEqual(
      before.map(({ value, by }) => [value, by]),
      [['web-deploys', userArn]],
    )
    await lift('undo')
    const [record] = (await ask({ operation: 'list' })).body.records
    assert.deepEqual([record?.blocked_until, record?.lifted_reason], [0, 'reviewed'])
  })
})

test('a rule is stopped at the next exchange, and started again', async () => {
  const trade = async () => exchange(token, await issuer.sign({ aud: broker }))
  assert.equal((await trade()).status, 200)
  await revoke()
  logged.length = 0
  const { status, body } = await trade()
  assert.deepEqual([status, body.error], [400, 'invalid_request'])
  assert.deepEqual(logged, ['refused: issuance_blocked'])
  const { lifted } = (await lift('undo')).body
  assert.equal(lifted.blocked_until, 0)
  assert.equal((await trade()).status, 200)
})

test('what is counted is what was issued and has not ended', async () => {
  const total = async (more: object) => {
    const { counted } = (await ask({ operation: 'count', segment: 0, segments: 1, ...more })).body
    return [counted.tokens, counted.sessions]
  }
  const [earlier = 0] = await total(rule)
  await exchange(token, await issuer.sign({ aud: broker }))
  assert.deepEqual(await total(rule), [earlier + 1, 0])
  assert.deepEqual(await total({ ...rule, before: now() - 3_600 }), [0, 0])
  assert.deepEqual(await total({ dimension: 'target', value: 'billing-api' }), [0, 0])
})

describe('what fails is 503, and may be asked again', () => {
  const throttled: Fault = { status: 400, type: 'ThrottlingException' }
  for (const [operation, body] of [
    ['GetItem', { operation: 'revoke', reason, ...rule }],
    ['PutItem', { operation: 'revoke', reason, ...rule }],
    ['GetItem', { operation: 'find', ...rule }],
    ['Query', { operation: 'list' }],
    ['Scan', { operation: 'count', ...rule, segment: 0, segments: 1 }],
  ] as [string, { operation: string }][])
    test(`${body.operation} without its ${operation}`, async () => {
      world.fault = (asked) => (asked === operation ? throttled : 'none')
      const { status, headers, body: answer } = await ask(body)
      assert.deepEqual([status, answer.error], [503, 'temporarily_unavailable'])
      assert.match(String(headers['retry-after']), /^[1-5]$/)
      world.mend()
      assert.equal((await ask(body)).status, 200)
    })

  test('a put whose answer is lost is settled by reading', async () => {
    world.fault = (asked, nth) => (asked === 'PutItem' && nth === 0 ? 'lose' : 'none')
    assert.equal((await revoke()).status, 200)
    assert.equal((await world.row('revocation#rule#web-deploys'))?.blocked_until?.N, String(forGood))
  })
})

describe('what is no request', () => {
  const good = { operation: 'list' }
  for (const [what, changes, status] of [
    ['GET', { requestContext: { http: { method: 'GET' }, authorizer: { iam: { userArn } } } }, 405],
    ['a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['no media type', { headers: {} }, 415],
    ['another path', { rawPath: '/admin' }, 404],
    ['a path below', { rawPath: '/admin/revocations/rule' }, 404],
    ['no body', { body: undefined }, 400],
    ['invalid UTF-8', { body: Buffer.from([0x7b, 0xff, 0x7d]).toString('base64'), isBase64Encoded: true }, 400],
  ] as [string, Record<string, unknown>, number][])
    test(`${what}: ${status}`, async () => {
      const { status: answered } = await ask(good, changes)
      assert.equal(answered, status)
      assert.deepEqual(world.operations(), [])
    })

  for (const [what, body] of [
    ['ten kilobytes of reason', JSON.stringify({ operation: 'revoke', ...rule, reason: 'x'.repeat(10_240) })],
    ['a megabyte of anything', JSON.stringify({ operation: 'list', after: 'x'.repeat(1_048_576) })],
    ['a member twice', '{"operation":"list","operation":"revoke"}'],
    ['a __proto__', '{"operation":"list","__proto__":{"after":"x"}}'],
    ['a byte order mark', '\ufeff{"operation":"list"}'],
    ['an array', '[{"operation":"list"}]'],
    ['a name of a prototype for an operation', '{"operation":"constructor"}'],
  ] as const)
    test(`${what} is refused, in words that an operator can act on, and costs nothing`, async () => {
      for (const isBase64Encoded of [false, true]) {
        const text = isBase64Encoded ? Buffer.from(body).toString('base64') : body
        const { status, body: answer } = await ask(text, { isBase64Encoded })
        assert.ok(status === 400 || status === 413, String(status))
        assert.equal(answer.error, 'invalid_request')
        assert.ok(answer.error_description.length > 10 && answer.error_description.length < 300)
        assert.doesNotMatch(answer.error_description, /x{50}/)
      }
      assert.deepEqual(world.operations(), [])
    })

  for (const what of [null, undefined, 'event', {}])
    test(`an event that is ${JSON.stringify(what)} is answered`, async () => {
      const { statusCode } = await admin(what as APIGatewayProxyEventV2, { awsRequestId: 'r' } as Context)
      assert.ok(Number(statusCode) >= 400)
    })
})
