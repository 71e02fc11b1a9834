import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { dynamodbClient } from '../../lib/aws/clients.ts'
import { operator } from './admin-server.ts'
import { config, recordedWorld } from './recorded-world.ts'

const world = await recordedWorld()
const granted = await world.exchange({}, { client_id: 'deploy-cli' })
const session = await world.exchange({}, { audience: 'web-deployer' })
const watch = await world.watch()
const refused = await world.exchange({ ref: 'refs/heads/next' })
const expired = await world.exchange({ exp: 1 })
const lost = await world.exchangeOfPod({})
assert.deepEqual(
  [granted, session, watch, refused, expired, lost].map(({ status }) => status),
  [200, 200, 200, 400, 400, 200],
)
const log = world.write('broker.log', world.log())
const table = ['--table', 'receipts']
const explain = ({ decision_id }: { decision_id: string }, ...more: string[]) =>
  world.explain([`--decision=${decision_id}`, ...more])

test('what was granted: who, what, when, by which rules, and by which policy', async () => {
  const { code, stdout, stderr } = await explain(granted, ...table, '--config', world.deployed)
  assert.deepEqual([code, stderr], [0, ''])
  const [receipt = '', now] = stdout.split(`by ${world.deployed}, now\n`)
  const lines = receipt.replaceAll(/\d{4}-[\d-]+T[\d:]+Z/g, 'TIME').replace(/key {6}[\w-]{43},/, 'key      KID,')
  assert.equal(
    lines.replaceAll(/[\w-]{43}/g, 'HASH'),
    `decision ${granted.decision_id}
  issued   TIME
  subject  github:repo:1234567/987654, by ${world.issuer.url}
  client   deploy-cli
  target   deploy-api
  scopes   deploy:write
  key      KID, the token ended or ends TIME
  rules    web-deploys
  shadow   web-reads
  policy   HASH, which is ${world.deployed}
  claims   repository_owner_id "1234567"
           repository_id "987654"
           event_name "push"
           ref "refs/heads/main"
           sha "6f1c2f1d0c7e4a0f9b5d3e2a1c4b5d6e7f809a1b"
           repository "acme/web"
           environment "production"
`.replace(/[\w-]{40}(?=")/, (sha) => sha),
  )
  assert.equal(
    now,
    `rule triage does not match
  x event_name     "push", not "issues"
  ✓ repository_id  "987654"
rule web-deploys matches
  ✓ event_name     "push"
  ✓ ref            "refs/heads/main"
  ✓ repository_id  "987654"
rule web-reads (shadow) matches
  ✓ repository_id  "987654"
granted: target deploy-api, scope deploy:write, by web-deploys
`,
  )
})

test('by another file: what fails now, what the receipt cannot tell, and that another file decided', async () => {
  const changed = (name: string, from: string, to: string) =>
    world.write(name, config(world.issuer.url).replace(from, to))
  const narrower = changed('narrower.yaml', 'refs/heads/main', 'refs/heads/release')
  const { code, stdout } = await explain(granted, ...table, '--config', narrower)
  assert.equal(code, 0)
  assert.match(
    stdout,
    /\n {2}policy {3}[\w-]{43}, and .*narrower\.yaml is [\w-]{43}: another file, or compiled by another version, decided\n/,
  )
  assert.match(stdout, /\n {2}x ref {12}"refs\/heads\/main", not "refs\/heads\/release"\n/)
  assert.match(stdout, /\nrefused: no_rule_matches\n$/)
  const asking = changed('asking.yaml', 'event_name: push }', 'event_name: push, actor_id: "1" }')
  const untold = await explain(granted, ...table, '--config', asking)
  assert.match(
    untold.stdout,
    /\nrule web-deploys cannot be told\n {2}\? actor_id {7}not in the receipt; it must be "1"\n {2}✓ /,
  )
  assert.match(untold.stdout, /\ncannot be told: the receipt does not have actor_id\n$/)
})

test('a session of a role: what CloudTrail calls it', async () => {
  const { stdout } = await explain(session, ...table)
  assert.match(
    stdout,
    /\n {2}role {5}arn:aws:iam::123456789012:role\/web-deployer, session web-deploys\.[\w-]{22}, source identity github\.[\w-]{43}, until /,
  )
  assert.doesNotMatch(stdout, /\nrule |, now\n/)
})

test('a client for itself has no claims, and its rule is told', async () => {
  const { stdout } = await explain(watch, ...table, '--config', world.deployed)
  assert.match(stdout, /\n {2}subject {2}watcher\n {2}client {3}the same\n/)
  assert.match(stdout, /, now\ngranted: target deploy-api, scope deploy:read, by watch\n$/)
})

test('what was recorded and not handed out', async () => {
  const client = dynamodbClient({
    endpoint: world.dynamodb,
    region: operator.AWS_REGION,
    credentials: { accessKeyId: operator.AWS_ACCESS_KEY_ID, secretAccessKey: operator.AWS_SECRET_ACCESS_KEY },
  })
  await client.send(
    new UpdateItemCommand({
      TableName: 'receipts',
      Key: { pk: { S: `receipt#cluster#id:${lost.decision_id}` } },
      UpdateExpression: 'SET #state = :released',
      ConditionExpression: 'decision_id = :id',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':released': { S: 'released' }, ':id': { S: lost.decision_id } },
    }),
  )
  client.destroy()
  const { stdout } = await explain(lost, ...table)
  assert.match(stdout, /\n {2}issued {3}nothing: \S+Z it was recorded, and what followed failed\n/)
})

describe('a refusal is told by the log', () => {
  const expected = new RegExp(
    [
      `^decision ${refused.decision_id}, in the log`,
      String.raw`decided \S+: subject github:repo:1234567/987654, client the same`,
      '  refused: no_rule_matches',
      '  rule triage does not match: event_name is "push", not "issues"',
      '  rule web-deploys does not match: ref is "refs/heads/next", not "refs/heads/main"',
      String.raw`  rule web-reads \(shadow\) matches`,
      String.raw`refused \S+: no_rule_matches`,
      '  the caller was told: 400 invalid_request, the subject token was not accepted',
      '$',
    ].join('\n'),
  )
  const lines = world
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  const events = lines.map((message, index) => ({
    eventId: `e${index}`,
    timestamp: 1_800_000_000_000,
    message: `${message}\n`,
  }))
  for (const [what, text] of [
    ['as the local server writes it', world.log()],
    [
      'as aws logs tail prints it',
      lines.map((line) => `2026-11-25T09:00:00.123000+00:00 2026/11/25/[$LATEST]0a1b2c ${line}\n`).join(''),
    ],
    [
      'as aws logs filter-log-events --output text prints it',
      lines
        .map((line) => `EVENTS\t3650\t1800000000000\t2026/11/25/[$LATEST]0a1b2c\t${line}\n\t1800000000000\n`)
        .join('') + 'SEARCHEDLOGSTREAMS\t2026/11/25/[$LATEST]0a1b2c\tTrue\n',
    ],
    ['as aws logs filter-log-events prints it in JSON', JSON.stringify({ events }, null, 4)],
    ['as one line of JSON', JSON.stringify({ events })],
    ['as Logs Insights exports it', JSON.stringify(lines.map((line) => ({ '@message': JSON.parse(line) as object })))],
    ['with what is none of ours between', `START RequestId\r\n{"decision_id":\n${lines.join('\r\n')}`],
  ] as const)
    test(what, async () => {
      const file = world.write('shape.log', text)
      const { code, stdout, stderr } = await explain(refused, '--log', file)
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, expected)
    })

  test('before verification there is a reason and no trace', async () => {
    const { stdout } = await explain(expired, '--log', log)
    assert.match(
      stdout,
      /^decision \S+, in the log\nrefused \S+: token_expired \(exp 1\)\n {2}the caller was told: 400 /,
    )
  })

  test('of a grant it has the trace, and the table has the rest', async () => {
    const { stdout } = await explain(granted, '--log', log)
    assert.match(
      stdout,
      /: subject github:repo:1234567\/987654, client deploy-cli\n {2}granted: target deploy-api, scope deploy:write, by web-deploys\n/,
    )
    assert.match(stdout, /\nwhat was granted has a receipt: see it with --table\n$/)
  })

  test('as JSON: the receipt and the log, as they are', async () => {
    const { stdout } = await explain(granted, ...table, '--log', log, '--config', world.deployed, '--json')
    const told = JSON.parse(stdout) as Record<string, unknown> & {
      receipt: { target: string }
      log: { message: string }[]
    }
    assert.deepEqual(Object.keys(told), ['decision_id', 'receipt', 'now', 'log'])
    assert.deepEqual([told.receipt.target, told.log[0]?.message], ['deploy-api', 'decided'])
  })
})

test('what is on no record: where else to look, with the command to run', async () => {
  const { code, stdout, stderr } = await explain(refused, ...table)
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, new RegExp(`^decision ${refused.decision_id} is not in the table receipts in eu-west-1\\.\n`))
  assert.match(stderr, /\n {2}aws logs filter-log-events --log-group-name LOG_GROUP /)
  assert.ok(stderr.includes(`--filter-pattern '{ $.decision_id = "${refused.decision_id}" }'`))
  const other = { decision_id: 'A'.repeat(22) }
  const both = await explain(other, ...table, '--log', log)
  assert.match(
    both.stderr,
    /^decision A{22} is not in the table receipts in eu-west-1, nor in the log that was given\.\n/,
  )
})

describe('what cannot be read: exit 1, in one line', () => {
  for (const [what, args, env, message] of [
    [
      'no such table',
      ['--table', 'elsewhere'],
      {},
      /^there is no table elsewhere in eu-west-1, for these credentials: /,
    ],
    ['no such log', ['--log', '/nonexistent'], {}, /^\/nonexistent does not exist\n$/],
    ['no region', table, { AWS_REGION: '' }, /^no AWS region is set: /],
    ['no credentials', table, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }, /^no AWS credentials were found: /],
    [
      'nobody who listens',
      table,
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
      /^the table receipts in eu-west-1 could not be read: ECONNREFUSED\n$/,
    ],
  ] as [string, string[], Record<string, string>, RegExp][])
    test(what, async () => {
      const { code, stdout, stderr } = await world.explain([`--decision=${refused.decision_id}`, ...args], env)
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, message)
      assert.doesNotMatch(stderr, /\n\s+at /)
    })
})

for (const [what, args, message] of [
  ['an id that is none', ['--decision', 'eyJhbGciOi', ...table], /^--decision is a decision id: /],
  ['nowhere to look', ['--decision', 'A'.repeat(22)], /^say where it is on record: /],
  [
    'standard input twice',
    ['--decision', 'A'.repeat(22), '--log', '-', '--config', '-'],
    /^standard input can be one of them only/,
  ],
  [
    'an option of another way',
    ['--decision', 'A'.repeat(22), ...table, '--target', 'x'],
    /^--target does not go with --decision/,
  ],
  [
    'a table for claims',
    ['--config', 'x', '--claims', 'y', ...table],
    /^--table goes with --decision, --against or --shadow/,
  ],
] as [string, string[], RegExp][])
  test(`${what}: wrong usage, exit 2`, async () => {
    const { code, stdout, stderr } = await world.explain(args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
  })
