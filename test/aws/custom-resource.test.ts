import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { inspect } from 'node:util'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { customResource } from '../../lib/aws/custom-resource.ts'
import { deadlines } from '../../lib/deadlines.ts'
import { close, listen } from '../../local/loopback.ts'

type Event = CloudFormationCustomResourceEvent
type Find = Parameters<typeof customResource>[0]['find']

interface Answer {
  Status: string
  Reason?: string
  PhysicalResourceId: string
  Data?: Record<string, string>
}

const secret = 'do-not-tell'
const StackId = 'arn:aws:cloudformation:eu-west-1:123456789012:stack/broker/0aa1b2c0-1234-11f1-9d7e-0a1b2c3d4e5f'
const LogicalResourceId = 'SigningKeysPublicKeys3F2A1B0C'
const RequestId = '8a1f9a2e-5f1e-4f0c-b1a5-5b0b6f6b2f11'
/** As many attempts as are deployed, and less patience. */
const limits = { work: 20, answer: { ...deadlines.customResource.answer, response: 250, pause: 1 } }

let server: Server
let origin: string
/** What CloudFormation's bucket was sent, and what it does with each from now on; 200 when nothing is said. */
let puts: { method: string; path: string; headers: IncomingHttpHeaders; body: string }[] = []
let receptions: (number | 'cut' | 'cut after the status' | 'nothing')[] = []
let logged: { level: string; message: string; fields: Record<string, unknown> }[] = []

before(async () => {
  server = createServer(async (request, response) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
    puts.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body })
    const reception = receptions.shift() ?? 200
    if (reception === 'cut') request.socket.destroy()
    else if (reception === 'cut after the status') {
      response.writeHead(200, { 'content-length': 100 }).write('x', () => request.socket.destroy())
    } else if (reception !== 'nothing') response.writeHead(reception).end()
  })
  origin = await listen(server, 0)
})
beforeEach(() => {
  puts = []
  receptions = []
  logged = []
})
afterEach(() => {
  assert.ok(!inspect([logged, puts.map(({ body }) => body)], { depth: 9 }).includes(secret))
})
after(() => close(server))

function event(RequestType: Event['RequestType'], rest: object = {}): Event {
  return {
    RequestType,
    ServiceToken: 'arn:aws:lambda:eu-west-1:123456789012:function:f',
    ResponseURL: `${origin}/bucket/arn%3Aaws%3Acloudformation?X-Amz-Expires=7200&X-Amz-Signature=${secret}`,
    StackId,
    RequestId,
    LogicalResourceId,
    ResourceType: 'Custom::Test',
    ResourceProperties: { Asked: 'x' },
    ...(RequestType !== 'Create' && { PhysicalResourceId: 'as-before' }),
    ...rest,
  } as unknown as Event
}

function handle(asked: Event, find: Find = () => Promise.resolve({ Found: 'y' })): Promise<void> {
  const note = (level: string) => (message: string, fields: Record<string, unknown>) => {
    logged.push({ level, message, fields })
  }
  const log = { info: note('info'), warn: note('warn'), error: note('error') }
  return customResource({ find, whenTooLarge: 'ask for less', log }, limits)(asked)
}

async function answerTo(asked: Event, find?: Find): Promise<Answer> {
  await handle(asked, find)
  return JSON.parse(puts.at(-1)!.body) as Answer
}

const ids = { StackId, RequestId, LogicalResourceId }
for (const [RequestType, PhysicalResourceId, Data] of [
  ['Create', `${LogicalResourceId}@${StackId}`, { Found: 'y' }],
  ['Update', 'as-before', { Found: 'y' }],
  ['Delete', 'as-before', undefined],
] as const) {
  test(`${RequestType} is put once, as CloudFormation reads it and the presigned URL allows it`, async () => {
    await handle(event(RequestType))
    const [{ body, ...sent }, ...rest] = puts as [(typeof puts)[0]]
    assert.deepEqual(rest, [])
    const answer = { Status: 'SUCCESS', PhysicalResourceId, ...ids, ...(Data && { Data }) }
    assert.deepEqual(JSON.parse(body), answer)
    assert.deepEqual(
      [sent.method, sent.path, sent.headers['content-type'], sent.headers['content-length']],
      [
        'PUT',
        `/bucket/arn%3Aaws%3Acloudformation?X-Amz-Expires=7200&X-Amz-Signature=${secret}`,
        '',
        String(Buffer.byteLength(body)),
      ],
    )
    const fields = { RequestType, LogicalResourceId, outcome: 'SUCCESS' }
    assert.deepEqual(logged, [{ level: 'info', message: 'answered', fields }])
  })
}

test('what is looked for are the properties, and the ResponseURL stays here', async () => {
  const asked: unknown[] = []
  await handle(event('Update'), async (properties) => {
    asked.push(properties)
    return {}
  })
  assert.deepEqual(asked, [{ Asked: 'x' }])
})

test('Delete looks for nothing', async () => {
  assert.equal((await answerTo(event('Delete'), () => assert.fail('it was asked'))).Status, 'SUCCESS')
})

test('who looks for too long is told to stop, in time to answer', async () => {
  const find: Find = (_, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const { Status, Reason } = await answerTo(event('Create'), find)
  assert.deepEqual([Status, Reason], ['FAILED', 'The operation was aborted due to timeout'])
})

for (const [title, thrown, expected] of [
  ['an error', new TypeError('keys is not iterable'), 'keys is not iterable'],
  ['an error that says nothing', new RangeError(), 'RangeError'],
  ['something that is no error', null, 'unknown'],
  ['an error that says too much', new Error('"'.repeat(5_000)), '"'.repeat(1_000)],
  ['an error that is not ASCII', new Error('\u{1F511} ~\u007f\n'), '?? ~??'],
] as const) {
  test(`${title} is answered FAILED, and logged with its reason`, async () => {
    const asked = event('Update', { PhysicalResourceId: 'x'.repeat(1_024) })
    const { Status, Reason, Data, PhysicalResourceId } = await answerTo(asked, () => Promise.reject(thrown))
    assert.deepEqual([Status, Reason, Data], ['FAILED', expected, undefined])
    assert.equal(PhysicalResourceId, 'x'.repeat(1_024))
    assert.ok(Buffer.byteLength(puts[0]!.body) <= 4_096)
    const fields = { RequestType: 'Update', LogicalResourceId, outcome: 'FAILED', reason: expected }
    assert.deepEqual(logged, [{ level: 'error', message: 'answered', fields }])
  })
}

test('an answer of 4096 bytes is sent; of one more, how many and what to do', async () => {
  const found = (length: number) => () => Promise.resolve({ Found: 'x'.repeat(length) })
  await handle(event('Create'), found(0))
  const room = 4_096 - puts[0]!.body.length
  const { Status, Data } = await answerTo(event('Create'), found(room))
  assert.deepEqual([Status, Data?.Found?.length, puts[1]!.body.length], ['SUCCESS', room, 4_096])
  const answer = await answerTo(event('Create'), found(room + 1))
  const Reason = 'the answer takes 4097 bytes, and CloudFormation reads 4096: ask for less'
  assert.deepEqual([answer.Status, answer.Reason, answer.Data], ['FAILED', Reason, undefined])
})

test('bytes are counted, not characters', async () => {
  const { Reason } = await answerTo(event('Create'), () => Promise.resolve({ Found: 'é'.repeat(2_048) }))
  assert.match(String(Reason), /^the answer takes 4\d\d\d bytes/)
})

for (const [title, reception, attempts] of [
  ['answers 204', [204], 1],
  ['answers 299', [299], 1],
  ['answers 500 once', [500], 2],
  ['answers 503 twice', [503, 503], 3],
  ['cuts the connection once', ['cut'], 2],
  ['does not answer in time, once', ['nothing'], 2],
  ['cuts the connection after its status', ['cut after the status'], 1],
] as const) {
  test(`CloudFormation ${title}: it is told again, the same, until it has heard`, async () => {
    receptions = [...reception]
    assert.equal((await answerTo(event('Create'))).Status, 'SUCCESS')
    assert.deepEqual(
      puts.map(({ body }) => body),
      Array.from({ length: attempts }, () => puts[0]!.body),
    )
  })
}

for (const [title, reception, attempts, expected] of [
  ['keeps failing', [500, 500, 500], 3, 500],
  ['keeps cutting the connection', ['cut', 'cut', 'cut'], 3, 'ECONNRESET'],
  ['keeps still', ['nothing', 'nothing', 'nothing'], 3, 'AbortError'],
  ['says that the URL is not good, or no more', [403], 1, 403],
  ['sends us elsewhere', [300], 1, 300],
  ['refuses in a way of its own', [499], 1, 499],
] as const) {
  test(`CloudFormation ${title}: thrown, so that Lambda asks again, and logged`, async () => {
    receptions = [...reception]
    const detail = `CloudFormation did not take the answer: ${expected}`
    await assert.rejects(handle(event('Create')), (error) => {
      assert.equal((error as Error).message, detail)
      assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(secret))
      return true
    })
    assert.equal(puts.length, attempts)
    const fields = { RequestType: 'Create', LogicalResourceId, outcome: 'SUCCESS', detail }
    assert.deepEqual(logged, [{ level: 'error', message: 'unanswered', fields }])
  })
}

test('an answer of FAILED that is not taken is logged with both reasons', async () => {
  receptions = [403]
  await assert.rejects(
    handle(event('Create'), () => Promise.reject(new Error('no such key'))),
    /did not take/,
  )
  const detail = 'CloudFormation did not take the answer: 403'
  const fields = { RequestType: 'Create', LogicalResourceId, outcome: 'FAILED', reason: 'no such key', detail }
  assert.deepEqual(logged, [{ level: 'error', message: 'unanswered', fields }])
})

test('an https ResponseURL is never spoken to in the clear', async () => {
  const ResponseURL = `${origin.replace('http:', 'https:')}/?X-Amz-Signature=${secret}`
  await assert.rejects(handle(event('Delete', { ResponseURL })), /^Error: CloudFormation did not take the answer: E/)
  assert.deepEqual(puts, [])
})

for (const [title, ResponseURL] of [
  ['none', undefined],
  ['an empty one', ''],
  ['one that is no URL', `bucket?X-Amz-Signature=${secret}`],
  ['one that is not a text', { url: secret }],
  ['one over http', `http://bucket.test/?X-Amz-Signature=${secret}`],
  ['one over http to a host that only begins as ours', `http://127.0.0.1.bucket.test/?X-Amz-Signature=${secret}`],
  ['one of another scheme', `ftp://127.0.0.1/?X-Amz-Signature=${secret}`],
] as const) {
  test(`ResponseURL: ${title} is thrown without a word of it, and nothing is looked for`, async () => {
    const find = () => assert.fail('it was asked')
    await assert.rejects(handle(event('Create', { ResponseURL }), find), (error) => {
      assert.equal((error as Error).message, 'the event has no ResponseURL that can be answered')
      assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(secret))
      return true
    })
    assert.deepEqual([puts, logged], [[], []])
  })
}

for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
  test(`ResponseURL: over http to ${host}, which is this machine, is spoken to`, async () => {
    // Nobody listens there.
    const asked = event('Delete', { ResponseURL: `http://${host}:1/?X-Amz-Signature=${secret}` })
    await assert.rejects(handle(asked), /^Error: CloudFormation did not take the answer: E/)
  })
}

test('no event is thrown', async () => {
  await assert.rejects(handle(null as unknown as Event), /^Error: the event has no ResponseURL/)
})
