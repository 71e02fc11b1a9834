import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { dynamodbClient } from '../../lib/aws/clients.ts'
import { dynamodbConsents } from '../../lib/aws/consents.ts'
import type { Consent, ConsentBook } from '../../lib/ports.ts'
import { startBroker, type LocalBroker } from '../../local/broker.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { adminServer, asOperator, operator } from './admin-server.ts'
import type { Ran } from './run-command.ts'

const signal = AbortSignal.timeout(60_000)
const at = 1_790_000_000
const expires_at = 4_000_000_000
const environment = { ...process.env }

let broker: LocalBroker
let book: ConsentBook

before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT'
  // By whose credentials the broker's IAM lets in.
  Object.assign(process.env, operator)
  broker = await startBroker({ config: quickstartConfig('http://127.0.0.1:9'), port: 0 })
  book = dynamodbConsents(dynamodbClient(), process.env.BROKER_TABLE ?? '')
})
after(async () => {
  await broker.close()
  process.env = environment
})

async function recorded(changes: Partial<Consent>): Promise<Consent> {
  const one = { client_id: 'web-app', sub: 'acme:ana', scopes: ['openid', 'email'], at, expires_at, ...changes }
  await book.record(one, signal)
  return one
}

const consents = (args: readonly string[], env?: Record<string, string>): Promise<Ran> =>
  asOperator(['consents', ...args, '--broker', broker.url], env)

test('what a person let clients have is listed, in order, as text and as JSON', async () => {
  const web = await recorded({})
  const app = await recorded({ client_id: 'app', scopes: ['openid'] })
  const { code, stdout, stderr } = await consents(['list', '--subject', 'acme:ana'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(stdout.split('\n'), [
    'acme:ana to app: openid, since 2026-09-21T14:13:20Z until 2096-10-02T07:06:40Z',
    'acme:ana to web-app: openid email, since 2026-09-21T14:13:20Z until 2096-10-02T07:06:40Z',
    '',
  ])
  const json = await consents(['list', '--subject', 'acme:ana', '--json'])
  assert.deepEqual(JSON.parse(json.stdout), { consents: [app, web] })
})

test('of a client, of both, and all', async () => {
  const one = await recorded({ client_id: 'listed', sub: 'acme:bo' })
  const other = await recorded({ client_id: 'listed', sub: 'acme:cy' })
  const listed = async (...args: string[]) =>
    (JSON.parse((await consents(['list', '--json', ...args])).stdout) as { consents: Consent[] }).consents
  assert.deepEqual(await listed('--client', 'listed'), [one, other])
  assert.deepEqual(await listed('--client', 'listed', '--subject', 'acme:cy'), [other])
  const all = (await listed()).filter(({ client_id }) => client_id === 'listed')
  assert.deepEqual(all, [one, other])
  assert.equal((await consents(['list', '--client', 'nobodys'])).stdout, 'no consent is on record\n')
})

test('what is withdrawn is gone, and it says what is not reached, and what would reach it', async () => {
  const one = await recorded({ sub: 'acme:o\'neil "x"' })
  const args = ['withdraw', '--client', one.client_id, '--subject', one.sub]
  const { code, stdout, stderr } = await consents(args)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^acme:o'neil "x" to web-app: withdrawn\. They are asked again at the next login\n/)
  assert.match(
    stdout,
    /access tokens that were issued before: for \/userinfo at most 15 min, for a target its lifetime\n/,
  )
  assert.ok(
    stdout.includes(String.raw`token-broker revoke --subject 'acme:o'\''neil "x"' --before 0s --reason "..."`),
    stdout,
  )
  assert.equal(await book.find(one, at, signal), undefined)
  const again = await consents(args)
  assert.deepEqual([again.code, again.stdout], [1, ''])
  assert.match(again.stderr, /no consent of .* to web-app is on record: nothing was withdrawn/)
  const json = await consents([...args, '--json'])
  assert.deepEqual([json.code, json.stdout], [1, '{"withdrawn":false}\n'])
})

test('withdrawn as JSON', async () => {
  const { sub } = await recorded({ sub: 'acme:dan' })
  const { code, stdout, stderr } = await consents(['withdraw', '--client', 'web-app', '--subject', sub, '--json'])
  assert.deepEqual([code, stdout, stderr], [0, '{"withdrawn":true}\n', ''])
})

test('whom IAM does not let in is told what they need', async () => {
  const { sub } = await recorded({ sub: 'acme:eve' })
  const { code, stderr } = await consents(['withdraw', '--client', 'web-app', '--subject', sub], {
    ...operator,
    AWS_ACCESS_KEY_ID: 'AKIASOMEBODY',
  })
  assert.equal(code, 1)
  assert.match(stderr, /execute-api:Invoke on arn:aws:execute-api:.+\/\$default\/POST\/admin\/consents/)
  assert.match(stderr, /BrokerAdminConsentsRouteArn/)
  assert.notEqual(await book.find({ client_id: 'web-app', sub }, at, signal), undefined)
})

test('what the broker does not take as a name, it says', async () => {
  const { code, stderr } = await consents(['list', '--subject', 'ana'])
  assert.deepEqual(
    [code, stderr],
    [1, 'a subject is <issuer name>:<subject>, as tokens, receipts and logs have it in sub\n'],
  )
})

test('pages are read until there is none, also where one is empty', async (t) => {
  const [one, other] = ['acme:a', 'acme:b'].map((sub) => ({ client_id: 'web-app', sub, scopes: [], at, expires_at }))
  const pages = [
    { body: { consents: [other], next: 'receipt#1' } },
    { body: { consents: [], next: 'receipt#2' } },
    { body: { consents: [one] } },
  ]
  const { url, asked } = await adminServer(t, pages, '/admin/consents')
  const { code, stdout } = await asOperator(['consents', 'list', '--client', 'web-app', '--json', '--broker', url])
  assert.deepEqual([code, JSON.parse(stdout)], [0, { consents: [one, other] }])
  const list = { operation: 'list', client_id: 'web-app' }
  assert.deepEqual(asked, [list, { ...list, after: 'receipt#1' }, { ...list, after: 'receipt#2' }])
})

test('nothing of an answer can move the cursor', async (t) => {
  const odd = { client_id: 'web-app', sub: 'acme:\u001b[2J', scopes: ['a\nb'], at, expires_at }
  const { url } = await adminServer(t, [{ body: { consents: [odd] } }], '/admin/consents')
  const { stdout } = await asOperator(['consents', 'list', '--broker', url])
  assert.ok(!stdout.includes('\u001b'))
  assert.equal(stdout.split('\n').length, 2)
})

describe('wrong usage asks nobody', () => {
  for (const [what, args, says] of [
    ['no word', [], /list or withdraw/],
    ['another word', ['revoke'], /list or withdraw/],
    ['a client without a person', ['withdraw', '--client', 'web-app'], /say both/],
    ['a person without a client', ['withdraw', '--subject', 'acme:ana'], /say both/],
    ['an empty client', ['list', '--client', ''], /--client is empty/],
    ['an empty subject', ['withdraw', '--client', 'web-app', '--subject', ''], /--subject is empty/],
    ['a word too many', ['list', 'acme:ana'], /options only/],
    ['an option that is none', ['list', '--all'], /--all/],
  ] as [string, string[], RegExp][])
    test(what, async () => {
      const { code, stdout, stderr } = await consents(args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, says)
      assert.match(stderr, /Exit codes/)
    })
})

test('--help says what a withdrawal does not reach, with the command that does', async () => {
  const { code, stdout } = await asOperator(['consents', '--help'])
  assert.equal(code, 0)
  assert.match(stdout, /at most 15 min/)
  assert.match(stdout, /token-broker revoke --subject SUB --before 0s --reason TEXT/)
  assert.match(stdout, /^Example: token-broker consents withdraw /m)
})
