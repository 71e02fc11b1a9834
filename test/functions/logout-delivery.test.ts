import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { Context, SQSEvent } from 'aws-lambda'
import { compile } from '../../lib/config/compile.ts'
import { loadQueueFunction, type QueueFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import type { Fault } from '../contracts/faulty-proxy.ts'
import { openClientApp, type ClientApp } from '../local/client-app.ts'
import { broker, captureLog, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'

let world: FaultyWorld
let app: ClientApp
let delivery: QueueFunction
let lines: string[]

before(async () => {
  lines = captureLog()
  app = await openClientApp()
  const { text, file } = quickstartConfig('http://127.0.0.1:9')
  const told = text.replace('http://127.0.0.1:8790/backchannel-logout', `${app.url}/bc`)
  const { configuration } = compile(told, file, { local: true, issuer: broker, now: now() })
  world = await openFaultyWorld(configuration)
  delivery = await loadQueueFunction('logout-delivery', configuration)
})
beforeEach(() => {
  world.mend()
  lines.length = 0
})
after(async () => {
  await world.close()
  await app.close()
})

/** Which messages are to come again, of one for each of these notices. */
async function work(...notices: object[]): Promise<string[]> {
  const about = { schema: 1, client_id: 'partner-app', sub: 'acme-partner:e-1041', sid: 's1', at: now() }
  const Records = notices.map((notice, index) => ({
    messageId: `message-${index}`,
    body: JSON.stringify({ ...about, id: String(index).padStart(22, '0'), ...notice }),
  }))
  const { batchItemFailures } = await delivery({ Records } as SQSEvent, { awsRequestId: 'r' } as Context)
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
}

test('one signature a notice, no row of the table, and no message comes again', async () => {
  assert.deepEqual(await work({}, {}), [])
  assert.deepEqual(world.operations(), ['Sign', 'Sign'])
  assert.deepEqual(lines, ['logout delivered', 'logout delivered'])
  for (let i = 0; i < 2; i++) await app.next()
})

test('a batch of none is done', async () => {
  assert.deepEqual(await work(), [])
})

for (const [what, fault, line] of [
  ['its key is disabled', { status: 400, type: 'DisabledException' }, 'unavailable: kms: DisabledException'],
  ['KMS fails', { status: 500, type: 'KMSInternalException' }, 'unavailable: kms: KMSInternalException'],
  ['KMS hangs up', 'lose', 'unavailable: kms: TimeoutError'],
] as [string, Fault, string][])
  test(`where ${what} the notice comes again, and its client is not asked`, async () => {
    world.fault = () => fault
    assert.deepEqual(await work({}), ['message-0'])
    assert.deepEqual(lines, [line])
    assert.ok(app.idle())
  })

test('where KMS signs one and not the other, the one is told', async () => {
  world.fault = (_, nth) => (nth === 0 ? 'none' : { status: 400, type: 'DisabledException' })
  assert.equal((await work({}, {})).length, 1)
  await app.next()
  assert.ok(app.idle())
})

test('who a message is about, and what was wrong with it, does not meet in the log', async () => {
  assert.deepEqual(await work({ at: 'C4n4ry' }, { C4n4ry: 1 }, { client_id: 'gone' }), ['message-0', 'message-1'])
  assert.deepEqual(
    lines.toSorted((a, b) => a.localeCompare(b)),
    [
      'logout message malformed: a message with a member that is not known',
      'logout message malformed: the time is malformed',
      'logout not delivered: no such client, or it is told of no logouts',
    ],
  )
})
