import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test, type TestContext } from 'node:test'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { RefusedByBroker, fromTokenBroker, type TokenBrokerOptions } from '../../client/from-token-broker.ts'
import { serve } from '../http/test-server.ts'
import { accessToken, awsCredentials, brokerServer, decision, keys, refusal, type Scripted } from './broker-server.ts'
import { subjectJwt } from './subject-jwt.ts'

const folder = mkdtempSync(join(tmpdir(), 'token-broker-aws-'))
after(() => rmSync(folder, { recursive: true }))

// Where these tests run may be a job itself.
beforeEach(() => {
  for (const name of Object.keys(process.env))
    if (/^(?:ACTIONS_|GITHUB_|GITLAB_|CIRCLE|TOKEN_BROKER_|AWS_)/.test(name)) delete process.env[name]
})

const one = subjectJwt({ sub: 'one' })

/** What a client of AWS shows of its credentials. */
interface Signed {
  key: string | undefined
  token: string | string[] | undefined
}

/** A DynamoDB at the network's edge: takes every signature, and remembers whose it was. */
async function dynamodbServer(t: TestContext) {
  const signed: Signed[] = []
  const port = await serve(t, ({ headers }, response) => {
    signed.push({
      key: /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1],
      token: headers['x-amz-security-token'],
    })
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{"TableNames":[]}')
  })
  return { url: `http://127.0.0.1:${port}`, signed }
}

/** Lets that many seconds pass for who asks what time it is, and for nobody who sleeps. */
function secondsOf(t: TestContext): (seconds: number) => void {
  const start = Date.now()
  let passed = 0
  t.mock.timers.enable({ apis: ['Date'], now: start })
  return (seconds) => t.mock.timers.setTime(start + 1000 * (passed += seconds))
}

/** `clients` of the SDK over one provider. */
async function setUp(
  t: TestContext,
  script: readonly Scripted[],
  { clients = 1, ...options }: Partial<TokenBrokerOptions> & { clients?: number } = {},
) {
  const broker = await brokerServer(t, script)
  const { url: endpoint, signed } = await dynamodbServer(t)
  const credentials = fromTokenBroker({ broker: broker.url, target: 'web-deployer', token: () => one, ...options })
  const all = Array.from({ length: clients }, () => new DynamoDBClient({ endpoint, region: 'eu-west-1', credentials }))
  t.after(() => all.forEach((client) => client.destroy()))
  const send = async (index = 0) => all[index % clients]?.send(new ListTablesCommand())
  return { broker, signed, send }
}

test('a client of the AWS SDK signs with what the broker issued for the token', async (t) => {
  const { broker, signed, send } = await setUp(t, [awsCredentials()])
  await send()
  await send()
  const ours = { key: keys.AccessKeyId, token: keys.SessionToken }
  assert.deepEqual(signed, [ours, ours])
  assert.deepEqual(
    broker.asked.map((form) => [form.get('audience'), form.get('subject_token'), form.has('scope')]),
    [['web-deployer', one, false]],
  )
})

test('credentials are replaced before they end', async (t) => {
  const pass = secondsOf(t)
  const { broker, signed, send } = await setUp(t, [
    awsCredentials(600, { AccessKeyId: 'ASIAFIRST' }),
    awsCredentials(3600, { AccessKeyId: 'ASIASECOND' }),
  ])
  await send()
  pass(500)
  // What is held is good for 100 s more: nobody waits for the others.
  await send()
  assert.deepEqual(
    signed.map(({ key }) => key),
    ['ASIAFIRST', 'ASIAFIRST'],
  )
  for (let i = 0; i < 100 && signed.at(-1)?.key === 'ASIAFIRST'; i++) await send()
  assert.deepEqual([signed.at(-1)?.key, broker.asked.length], ['ASIASECOND', 2])
})

test('50 requests of two clients at once make one exchange', async (t) => {
  const { broker, signed, send } = await setUp(t, [awsCredentials()], { clients: 2 })
  await Promise.all(Array.from({ length: 50 }, (_, index) => send(index)))
  assert.deepEqual([broker.asked.length, signed.length], [1, 50])
})

test('credentials that have ended sign nothing', async (t) => {
  const { signed, send } = await setUp(t, [awsCredentials(-1)])
  await assert.rejects(send(), /answered what had ended: look at the clock of this machine$/)
  assert.deepEqual(signed, [])
})

test('while the broker refuses or is away, those that still last sign on', async (t) => {
  const pass = secondsOf(t)
  const { broker, signed, send } = await setUp(t, [awsCredentials(250), refusal()])
  await send()
  pass(200)
  await send()
  for (let i = 0; i < 100 && broker.asked.length === 1; i++) await send()
  await send()
  assert.deepEqual([new Set(signed.map(({ key }) => key)), broker.asked.length], [new Set([keys.AccessKeyId]), 2])
  pass(51)
  await assert.rejects(send(), RefusedByBroker)
})

test('a refusal reaches who called the SDK, once, with the id of the decision', async (t) => {
  const { broker, signed, send } = await setUp(t, [refusal()])
  await assert.rejects(send(), (error) => {
    assert.ok(error instanceof RefusedByBroker)
    assert.deepEqual([error.error, error.decision_id], ['invalid_target', decision])
    assert.ok(error.message.includes(decision) && !error.message.includes(one))
    return true
  })
  assert.deepEqual([broker.asked.length, signed.length], [1, 0])
})

test('a refusal is not asked for again and again: who asks within a second gets the same', async (t) => {
  secondsOf(t)
  const { broker, send } = await setUp(t, [refusal()])
  for (let i = 0; i < 20; i++) await assert.rejects(send(), RefusedByBroker)
  assert.equal(broker.asked.length, 1)
})

test('a target without a role is named', async (t) => {
  const { send } = await setUp(t, [{ body: accessToken }])
  await assert.rejects(send(), /^TokenBrokerError: the target web-deployer issues an access token, no AWS/)
})

test('a name that is as long as a target’s may be is shown whole', async (t) => {
  const target = `t${'-long'.repeat(12)}-x`
  const { send } = await setUp(t, [{ body: accessToken }], { target })
  await assert.rejects(send(), (error: Error) =>
    error.message.startsWith(`the target ${target} issues an access token`),
  )
})

test('the token comes from a file that is read for each exchange', async (t) => {
  const pass = secondsOf(t)
  const tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, one)
  const { broker, send } = await setUp(t, [awsCredentials(60), awsCredentials()], { token: undefined, tokenFile })
  await send()
  pass(61)
  const two = subjectJwt({ sub: 'two' })
  writeFileSync(tokenFile, two)
  await send()
  const tokens = broker.asked.map((form) => form.get('subject_token'))
  assert.deepEqual([tokens[0], tokens.at(-1)], [one, two])
})

test('the token is the job’s own where nothing else is said, found when it is needed', async (t) => {
  const pass = secondsOf(t)
  const { broker, send } = await setUp(t, [awsCredentials()], { token: undefined })
  process.env.GITHUB_ACTIONS = 'true'
  await assert.rejects(send(), /\n {6}id-token: write\n/)
  pass(1)
  let audience: string | null = null
  const port = await serve(t, ({ url }, response) => {
    audience = new URL(url ?? '', 'http://x').searchParams.get('audience')
    response.end(JSON.stringify({ value: one }))
  })
  process.env.ACTIONS_ID_TOKEN_REQUEST_URL = `http://127.0.0.1:${port}/?api-version=2.0`
  process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = 'of-this-job'
  await send()
  assert.deepEqual([audience, broker.asked.length], [broker.url, 1])
})

const good = { broker: 'https://broker.example', target: 'web-deployer' }
for (const [title, options, message] of [
  ['no broker', { ...good, broker: undefined }, /the broker's URL is none: write the origin/],
  ['a broker that is no URL', { ...good, broker: 'broker.example' }, /the broker's URL is none/],
  ['a broker in the clear', { ...good, broker: 'http://broker.example' }, /must be https/],
  ['a broker of another kind', { ...good, broker: 'file:///token' }, /must be https/],
  ['a host that only begins like loopback', { ...good, broker: 'http://127.0.0.1.example' }, /must be https/],
  ['a broker with a path', { ...good, broker: 'https://broker.example/token' }, /has a path/],
  ['a broker with a query', { ...good, broker: 'https://broker.example?x' }, /has a path, a query/],
  ['a broker with a password', { ...good, broker: 'https://user:hunter2@broker.example' }, /or a user in it/],
  ['nothing', undefined, /takes an object of options/],
  ['no options', null, /takes an object of options/],
  ['a URL alone', 'https://broker.example', /takes an object of options/],
  ['no target', { ...good, target: '' }, /needs target/],
  ['a target that is none', { ...good, target: ['x'] }, /needs target/],
  ['an option that is none', { ...good, role: 'x' }, /has no option role: it has broker, target, token/],
  ['a token itself', { ...good, token: one }, /takes as token a function that gives one/],
  ['a file without a name', { ...good, tokenFile: '' }, /takes as tokenFile the path of a file/],
  ['a file that is no path', { ...good, tokenFile: 7 }, /takes as tokenFile the path of a file/],
  ['two places for a token', { ...good, token: () => 'x', tokenFile: 'x' }, /token or tokenFile, not both/],
  ['an audience for a token', { ...good, token: () => 'x', audience: 'x' }, /no audience with token/],
] as [string, unknown, RegExp][]) {
  test(`${title} is an error at once`, () => {
    assert.throws(
      () => fromTokenBroker(options as TokenBrokerOptions),
      (error: Error) =>
        error.name === 'TokenBrokerError' && message.test(error.message) && !/hunter2|eyJ/.test(error.message),
    )
  })
}

for (const broker of ['https://broker.example/', 'http://127.0.0.1:8787', 'http://localhost:8787', 'http://[::1]:8787'])
  test(`${broker} can be a broker`, () => {
    assert.equal(typeof fromTokenBroker({ ...good, broker }), 'function')
  })
