import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { after, afterEach, before, beforeEach, mock, test } from 'node:test'
import { inspect } from 'node:util'
import {
  CreateKeyCommand,
  DisableKeyCommand,
  ScheduleKeyDeletionCommand,
  type KMSClient,
  type KeySpec,
} from '@aws-sdk/client-kms'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { kmsClient } from '../../lib/aws/clients.ts'
import { findSigningKey, type WantedKey } from '../../lib/aws/signing-keys.ts'
import { parseSigningKeys } from '../../lib/protocol/signing-keys.ts'
import { startKms } from '../../local/kms.ts'
import { close, listen } from '../../local/loopback.ts'
import { AwsError, type Standin } from '../../local/standin.ts'

type Handler = (event: CloudFormationCustomResourceEvent) => Promise<void>

interface Answer {
  Status: string
  Reason?: string
  PhysicalResourceId: string
  StackId: string
  RequestId: string
  LogicalResourceId: string
  Data?: { Keys: string }
}

const secret = 'do-not-tell'
const ServiceToken = 'arn:aws:lambda:eu-west-1:123456789012:function:signing-keys'
const StackId = 'arn:aws:cloudformation:eu-west-1:123456789012:stack/broker/0aa1b2c0-1234-11f1-9d7e-0a1b2c3d4e5f'
const LogicalResourceId = 'SigningKeysPublicKeys3F2A1B0C'
const unknownArn = 'arn:aws:kms:eu-west-1:000000000000:key/5d7c5a2e-0000-4000-8000-000000000000'

let kms: Standin
let client: KMSClient
let server: Server
let origin: string
let handler: Handler
let ec: string
let rsa: string
/** What CloudFormation's bucket was sent, and what it does with each from now on; 200 when nothing is said. */
let puts: { method: string; path: string; headers: IncomingHttpHeaders; body: string }[] = []
let receptions: number[] = []
let written = ''

async function newKey(KeySpec: KeySpec): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', KeySpec }))
  return KeyMetadata!.Arn!
}

before(async () => {
  kms = await startKms()
  process.env.AWS_REGION = 'eu-west-1'
  process.env.AWS_ENDPOINT_URL_KMS = kms.url
  process.env.AWS_ACCESS_KEY_ID = 'local'
  process.env.AWS_SECRET_ACCESS_KEY = 'local'
  client = kmsClient()
  ec = await newKey('ECC_NIST_P256')
  rsa = await newKey('RSA_2048')
  server = createServer(async (request, response) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
    puts.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body })
    response.writeHead(receptions.shift() ?? 200).end()
  })
  origin = await listen(server, 0)
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...chunk: unknown[]) => boolean
    mock.method(stream, 'write', (...chunk: unknown[]) => {
      const text = String(chunk[0])
      if (!text.startsWith('{')) return write(...chunk)
      written += text
      return true
    })
  }
  ;({ handler } = await import('../../functions/signing-keys.ts'))
})
beforeEach(() => {
  puts = []
  receptions = []
  written = ''
  kms.faults.length = 0
})
afterEach(() => {
  for (const text of [written, ...puts.map(({ body }) => body)]) assert.ok(!text.includes(secret), text)
})
after(async () => {
  mock.restoreAll()
  client.destroy()
  await Promise.all([kms.close(), close(server)])
})

/** As CloudFormation sends it: every scalar a string. */
function event(RequestType: 'Create' | 'Update' | 'Delete', Keys: unknown, rest: object = {}) {
  return {
    RequestType,
    ServiceToken,
    ResponseURL: `${origin}/bucket/arn%3Aaws%3Acloudformation?X-Amz-Expires=7200&X-Amz-Signature=${secret}`,
    StackId,
    RequestId: '8a1f9a2e-5f1e-4f0c-b1a5-5b0b6f6b2f11',
    LogicalResourceId,
    ResourceType: 'Custom::SigningKeys',
    ResourceProperties: { ServiceToken, ServiceTimeout: '60', Keys },
    ...(RequestType !== 'Create' && { PhysicalResourceId: `${LogicalResourceId}@${StackId}` }),
    ...rest,
  } as unknown as CloudFormationCustomResourceEvent
}

const create = (...Keys: unknown[]) => event('Create', Keys)
const active = (arn: string, alg: WantedKey['alg'] = 'ES256'): WantedKey => ({ alg, state: 'active', arn })
const pending = (arn: string): WantedKey => ({ alg: 'ES256', state: 'pending', arn })

/** The answer, which has all that CloudFormation asks of one, whatever it says. */
async function answerTo(asked: CloudFormationCustomResourceEvent, by: Handler = handler): Promise<Answer> {
  await by(asked)
  const { method, path, headers, body } = puts.at(-1)!
  const { pathname, search } = new URL(asked.ResponseURL)
  assert.deepEqual([method, path], ['PUT', `${pathname}${search}`])
  assert.equal(headers['content-type'], '')
  assert.equal(headers['content-length'], String(Buffer.byteLength(body)))
  assert.ok(Buffer.byteLength(body) <= 4_096)
  const answer = JSON.parse(body) as Answer
  const { RequestId } = asked
  assert.deepEqual(
    [answer.StackId, answer.RequestId, answer.LogicalResourceId],
    [StackId, RequestId, LogicalResourceId],
  )
  assert.match(answer.PhysicalResourceId, /./)
  return answer
}

async function reasonOf(asked: CloudFormationCustomResourceEvent, by?: Handler): Promise<string> {
  const { Status, Reason, Data } = await answerTo(asked, by)
  assert.deepEqual([Status, Data], ['FAILED', undefined])
  assert.ok(Reason !== undefined && Reason.length <= 1_000)
  return Reason
}

const logged = () =>
  written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('Create answers with every key, in the order asked for, as the functions read them', async () => {
  const wanted = [active(ec), active(rsa, 'RS256'), pending(await newKey('ECC_NIST_P256'))]
  const { Status, Data, PhysicalResourceId } = await answerTo(create(...wanted))
  assert.equal(Status, 'SUCCESS')
  assert.deepEqual(
    parseSigningKeys(Data!.Keys),
    await Promise.all(wanted.map(async (key) => findSigningKey(client, key))),
  )
  assert.equal(PhysicalResourceId, `${LogicalResourceId}@${StackId}`)
  assert.equal(puts.length, 1)
})

for (const [title, PhysicalResourceId] of [
  ['that we made', `${LogicalResourceId}@${StackId}`],
  ['of another making', 'broker-SigningKeys-1ABCDEFGHIJKL'],
] as const) {
  test(`an Update, and the rollback of it, keep the PhysicalResourceId ${title}`, async () => {
    const next = await newKey('ECC_NIST_P256')
    const before = { ServiceToken, Keys: [active(ec)] }
    const after = { ServiceToken, Keys: [active(ec), pending(next)] }
    for (const [ResourceProperties, OldResourceProperties, arns] of [
      [after, before, [ec, next]],
      [before, after, [ec]],
    ] as const) {
      const answer = await answerTo(
        event('Update', [], { PhysicalResourceId, ResourceProperties, OldResourceProperties }),
      )
      assert.deepEqual([answer.Status, answer.PhysicalResourceId], ['SUCCESS', PhysicalResourceId])
      assert.deepEqual(
        parseSigningKeys(answer.Data!.Keys).map(({ arn }) => arn),
        arns,
      )
    }
  })
}

test('a failed Update keeps the PhysicalResourceId', async () => {
  const { Status, PhysicalResourceId } = await answerTo(event('Update', [], { PhysicalResourceId: 'as-before' }))
  assert.deepEqual([Status, PhysicalResourceId], ['FAILED', 'as-before'])
})

for (const [title, asked] of [
  ['of our resource', () => event('Delete', [active(ec)])],
  ['after a failed Create', () => event('Delete', [active(unknownArn)], { PhysicalResourceId: 'broker-Keys-1ABCDEF' })],
  ['with properties that were never right', () => event('Delete', 'x')],
  ['without properties', () => event('Delete', [], { ResourceProperties: undefined })],
] as const) {
  test(`Delete ${title} succeeds, and asks KMS for nothing`, async () => {
    const calls = [...kms.calls]
    const { Status, PhysicalResourceId, Data } = await answerTo(asked())
    const expected = (asked() as { PhysicalResourceId?: string }).PhysicalResourceId
    assert.deepEqual([Status, PhysicalResourceId, Data], ['SUCCESS', expected, undefined])
    assert.deepEqual([...kms.calls], calls)
  })
}

for (const [title, Keys, expected] of [
  ['no Keys', undefined, /^Keys is not a list/],
  ['a key that is null', [null], /^Keys\[0\]\.alg /],
  ['an alias', [active('arn:aws:kms:eu-west-1:000000000000:alias/a')], /^Keys\[0\]\.arn is not that of a KMS key/],
] as const) {
  test(`${title}: FAILED, and KMS is not asked`, async () => {
    const calls = [...kms.calls]
    assert.match(await reasonOf(event('Create', Keys)), expected)
    assert.deepEqual([...kms.calls], calls)
  })
}

test('no properties at all: FAILED', async () => {
  await reasonOf(event('Create', [], { ResourceProperties: undefined }))
})

test('a key whose spec does not fit its alg: FAILED, with the key, its spec and the one it needs', async () => {
  const reason = await reasonOf(create(active(ec, 'RS256')))
  assert.ok(reason.startsWith(`${ec}: its spec is ECC_NIST_P256, and RS256 needs RSA_2048`), reason)
})

test('what the functions would refuse to start with: FAILED', async () => {
  assert.match(await reasonOf(create(active(ec), active(await newKey('ECC_NIST_P256')))), /two are active for ES256/)
  assert.match(await reasonOf(create(active(ec), pending(ec))), /two have the kid/)
})

for (const code of ['NotFoundException', 'AccessDeniedException']) {
  test(`a key that is new, ${code} at first: found`, async () => {
    kms.faults.push({ operation: 'GetPublicKey', times: 2, error: new AwsError(code, '') })
    assert.equal((await answerTo(create(active(ec)))).Status, 'SUCCESS')
  })
}

test('keys that are disabled or pending deletion: FAILED, with each and how to have it back', async () => {
  const [disabled, pendingDeletion] = [await newKey('ECC_NIST_P256'), await newKey('ECC_NIST_P256')]
  await client.send(new DisableKeyCommand({ KeyId: disabled }))
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: pendingDeletion }))
  const reason = await reasonOf(create(active(disabled), pending(pendingDeletion)))
  assert.ok(reason.includes(`${disabled}: it is disabled: run aws kms enable-key --key-id ${disabled}`), reason)
  assert.ok(reason.includes(`aws kms cancel-key-deletion --key-id ${pendingDeletion}`), reason)
})

for (const [title, fault, name] of [
  ['fails', { error: new AwsError('KMSInternalException', secret, 500) }, 'KMSInternalException'],
  ['throttles', { error: new AwsError('ThrottlingException', secret) }, 'ThrottlingException'],
  // The SDK's word for it.
  ['cuts the connection', { drop: 'before' }, 'TimeoutError'],
  ['does not answer in time', { delay: 1_500 }, 'TimeoutError'],
] as const) {
  test(`KMS ${title}: FAILED, with the key and what failed`, async () => {
    kms.faults.push({ operation: 'GetPublicKey', times: 2, ...fault })
    const reason = await reasonOf(create(active(ec)))
    assert.ok(reason.startsWith(`${ec}: KMS did not answer`) && reason.endsWith(`(${name})`), reason)
  })
}

test('more keys than the environment of a function holds: FAILED, with how many bytes and what to do', async () => {
  const keys = await Promise.all(Array.from({ length: 13 }, async () => pending(await newKey('ECC_NIST_P256'))))
  const reason = await reasonOf(create(...keys))
  const [, bytes] =
    /^the signing keys take (\d+) bytes, and 3500 fit .*: publish fewer generations$/.exec(reason) ??
    assert.fail(reason)
  assert.ok(Number(bytes) > 3_500)
})

test('an answer that CloudFormation would not read: FAILED, with how many bytes and what to do', async () => {
  const keys = await Promise.all(Array.from({ length: 9 }, async () => pending(await newKey('ECC_NIST_P256'))))
  const reason = await reasonOf(event('Update', keys, { PhysicalResourceId: 'x'.repeat(1_024) }))
  assert.match(reason, /^the answer takes \d+ bytes, and CloudFormation reads 4096: publish fewer generations$/)
})

test('CloudFormation fails twice: it is told again, the same, until it has heard', async () => {
  receptions = [500, 503]
  assert.equal((await answerTo(create(active(ec)))).Status, 'SUCCESS')
  assert.equal(puts.length, 3)
  assert.equal(new Set(puts.map(({ body }) => body)).size, 1)
})

for (const [title, reception, expected] of [
  ['keeps failing', [500, 500, 500], 500],
  ['says that the URL is not good, or no more', [403], 403],
] as const) {
  test(`CloudFormation ${title}: thrown, so that Lambda asks again, and logged`, async () => {
    receptions = [...reception]
    await assert.rejects(handler(create(active(ec))), (error) => {
      assert.equal((error as Error).message, `CloudFormation did not take the answer: ${expected}`)
      assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(secret))
      return true
    })
    assert.equal(puts.length, reception.length)
    assert.deepEqual(
      logged().map(({ message, level, outcome }) => [message, level, outcome]),
      [['unanswered', 'ERROR', 'SUCCESS']],
    )
  })
}

test('no ResponseURL that can be answered: thrown, and KMS is not asked', async () => {
  const calls = [...kms.calls]
  const ResponseURL = `http://bucket.test/?X-Amz-Signature=${secret}`
  await assert.rejects(handler(event('Create', [active(ec)], { ResponseURL })), /no ResponseURL/)
  assert.deepEqual([[...kms.calls], puts], [calls, []])
})

test('each request is one line of the log: what was asked, of what, and how it went', async () => {
  await handler(create(active(ec)))
  const Reason = await reasonOf(create())
  await handler(event('Delete', []))
  assert.deepEqual(
    logged().map(({ message, level, RequestType, LogicalResourceId, outcome, reason }) => [
      [message, level, RequestType, LogicalResourceId, outcome],
      reason,
    ]),
    [
      [['answered', 'INFO', 'Create', LogicalResourceId, 'SUCCESS'], undefined],
      [['answered', 'ERROR', 'Create', LogicalResourceId, 'FAILED'], Reason],
      [['answered', 'INFO', 'Delete', LogicalResourceId, 'SUCCESS'], undefined],
    ],
  )
})
