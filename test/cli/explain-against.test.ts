import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { config, recordedWorld } from './recorded-world.ts'

const world = await recordedWorld()

for (const [what, { status }] of Object.entries({
  first: await world.exchange(),
  second: await world.exchange({}, { client_id: 'deploy-cli' }),
  role: await world.exchange({}, { audience: 'web-deployer' }),
  issues: await world.exchange({ event_name: 'issues' }, { audience: 'billing-api' }),
  pod: await world.exchangeOfPod({ namespace: 'reports' }),
  watch: await world.watch(),
}))
  assert.equal(status, 200, what)

let count = 0
/** The deployed file against itself with changes. */
async function against(changes: (text: string) => string, ...more: string[]) {
  const text = config(world.issuer.url)
  const changed = changes(text)
  const file = world.write(`against-${++count}.yaml`, changed)
  return world.explain(['--config', world.deployed, '--against', file, '--table', 'receipts', ...more])
}

/** One thing replaced, which is there. */
const replacing = (from: string, to: string) => (text: string) => {
  assert.ok(text.includes(from), from)
  return text.replace(from, to)
}

test('the same file flips nothing: exit 0', async () => {
  const { code, stdout, stderr } = await against((text) => `# the same\n${text}`)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^6 receipts: 6 as before \(\d+ rows read\)\n$/)
})

describe('each kind of flip: exit 1', () => {
  const web = String.raw`github:repo:1234567/987654, target deploy-api, by web-deploys`
  for (const [what, change, expected] of [
    [
      'a condition that fails now',
      replacing('ref: refs/heads/main', 'ref: refs/heads/release'),
      `would be refused\n  2 × ${web}\n      no_rule_matches; rule web-deploys does not match: ref is "refs/heads/main", not "refs/heads/release"\n      newest: decision`,
    ],
    [
      'a condition on a claim that only another rule named',
      replacing('event_name: push }', 'event_name: push, environment: staging }'),
      'rule web-deploys does not match: environment is "production", not "staging"',
    ],
    [
      'a rule that is gone',
      replacing('  web-deploys:', '  other-deploys:'),
      `would be granted otherwise\n  2 × ${web}\n      by other-deploys\n`,
    ],
    [
      'a rule that is in shadow',
      replacing('match: { repository_id: "987654", ref', 'mode: shadow\n    match: { repository_id: "987654", ref'),
      'no_rule_matches; rule web-deploys is in shadow',
    ],
    [
      'a rule that has expired',
      replacing(
        'match: { repository_id: "987654", ref',
        'expires: 2020-01-01\n    match: { repository_id: "987654", ref',
      ),
      'rule web-deploys does not match: the rule expired at 2020-01-02T00:00:00.000Z',
    ],
    [
      'a rule that no longer grants the target',
      replacing('target: deploy-api, scopes: [deploy:write], claims: { commit: claims.sha }', 'target: billing-api'),
      'target_not_granted (target deploy-api)',
    ],
    [
      'another tenant',
      replacing('"1234567"', '"7654321"'),
      "issuer_requirement_failed (claim repository_owner_id); the issuer's require fails at repository_owner_id",
    ],
    [
      'an issuer that is not trusted any more',
      (text: string) => text.replace(`${world.issuer.url}\n`, 'http://127.0.0.1:9\n'),
      'issuer_unknown (iss http://127.0.0.1',
    ],
    [
      'an event that is not named any more',
      replacing(', event_name: issues', ''),
      'target billing-api, by triage\n      event_forbidden (claim event_name, value issues)',
    ],
    [
      'more scopes',
      replacing('scopes: [deploy:write]', 'scopes: [deploy:read, deploy:write]'),
      'by web-deploys, with the scopes deploy:read too',
    ],
    [
      'fewer scopes',
      replacing('scopes: [deploy:write]', 'scopes: [deploy:read]'),
      'by web-deploys, without the scopes deploy:write, with the scopes deploy:read too',
    ],
    ['another lifetime', replacing('lifetime: 15m', 'lifetime: 5m'), 'by web-deploys, with another lifetime'],
    ['another claim', replacing('commit: claims.sha', 'revision: claims.sha'), 'by web-deploys, with another claims'],
    [
      'another tag of a session',
      replacing('{ repository: claims.repository }', '{ name: claims.repository }'),
      'target web-deployer, by web-deploys\n      by web-deploys, with another tags',
    ],
    [
      'another name of the issuer, so another sub',
      (text: string) => text.replace('  github:', '  hub:').replaceAll('issuer: github', 'issuer: hub'),
      'by web-deploys, with another sub',
    ],
    [
      'a shadow rule that is enforced',
      replacing('mode: shadow', 'mode: enforce'),
      'by web-deploys, web-reads, with the scopes deploy:read too',
    ],
    [
      'two rules that differ',
      (text: string) =>
        text
          .replace('mode: shadow', 'mode: enforce')
          .replace('deploy:read], claims: { commit:', 'deploy:read], claims: { sha:'),
      'ambiguous_rules (target deploy-api, rules ["web-deploys","web-reads"])',
    ],
    ['a client that is gone', replacing('  deploy-cli: { type: public }\n', ''), `1 × ${web}\n      client_unknown`],
    [
      'a client that gets nothing for itself',
      replacing('scopes: [deploy:read] }]\nclients', 'scopes: [deploy:write] }]\nclients'),
      '1 × watcher, target deploy-api, by watch\n      by watch, without the scopes deploy:read, with the scopes deploy:write too',
    ],
    [
      'a claim deep inside',
      replacing('namespace: reports', 'namespace: other'),
      '1 × cluster:serviceaccount:a-1, target billing-api, by nightly\n      no_rule_matches; rule nightly does not match: namespace is "reports", not "other"',
    ],
    [
      'a claim that no receipt has',
      replacing('event_name: push }', 'event_name: push, actor_id: "1" }'),
      `cannot be told\n  2 × ${web}\n      cannot be told: the receipt does not have actor_id\n`,
    ],
    [
      'an expression that reads all claims',
      replacing('event_name: push }', 'event_name: push }\n    when: size(claims) > 3'),
      'cannot be told: the receipt does not have all claims',
    ],
    [
      'a claim to add that no receipt has',
      replacing('commit: claims.sha', 'run: claims.run_id'),
      'cannot be told: the receipt does not have run_id',
    ],
    [
      'what tokens must be like',
      replacing('preset: kubernetes', 'max_token_lifetime: 10m, preset: kubernetes'),
      '\nno receipt tells what comes of\n  issuer cluster: another max_token_lifetime\n',
    ],
    [
      'how a client proves itself',
      replacing('namespace: watch', 'namespace: watchers'),
      '  client watcher: another auth\n',
    ],
    [
      'what its issuer asks of it',
      replacing('preset: kubernetes,', 'preset: kubernetes, require: { namespace: jobs },'),
      '  client watcher: another issuer ',
    ],
  ] as [string, (text: string) => string, string][])
    test(what, async () => {
      const { code, stdout, stderr } = await against(change)
      assert.deepEqual([code, stderr], [1, ''])
      assert.ok(`\n${stdout}`.includes(expected), `${expected}\nis not in\n${stdout}`)
    })
})

test('where another file decided, and asks what no receipt has, the receipts speak', async () => {
  const asking = replacing('event_name: push }', 'event_name: push, actor_id: "1" }')(config(world.issuer.url))
  const before = world.write('before.yaml', asking)
  const after = world.write('after.yaml', replacing('refs/heads/main', 'refs/heads/x')(asking))
  const { code, stdout } = await world.explain(['--config', before, '--against', after, '--table', 'receipts'])
  assert.equal(code, 1)
  assert.match(stdout, /^would be refused\n {2}2 × github:repo:1234567\/987654, target deploy-api, by web-deploys\n/)
  assert.match(
    stdout,
    /\n6 receipts: 3 as before, 3 would be refused \(\d+ rows read\); 3 by the rules and scopes of their receipts alone, /,
  )
})

test('what changes elsewhere flips nothing, whatever the receipts do not have', async () => {
  const asking = replacing('event_name: push }', 'event_name: push, actor_id: "1" }')(config(world.issuer.url))
  const before = world.write('before.yaml', asking)
  const after = world.write(
    'after.yaml',
    replacing('match: { namespace: reports }', 'owner: ops\n    match: { namespace: reports }')(asking),
  )
  const { code, stdout } = await world.explain(['--config', before, '--against', after, '--table', 'receipts'])
  assert.deepEqual([code, stdout.split(' (')[0]], [0, '6 receipts: 6 as before'])
})

test('as JSON: each group with its count and the newest decision', async () => {
  const { code, stdout } = await against(
    replacing('scopes: [deploy:write]', 'scopes: [deploy:read]'),
    '--json',
    '--since',
    '1d',
  )
  assert.equal(code, 1)
  const { groups, since, receipts, unseen, ...rest } = JSON.parse(stdout) as Record<string, unknown> & {
    groups: { newest: { decision_id: string; at: number } }[]
    since: number
  }
  const { newest, ...group } = groups[0]!
  assert.deepEqual(group, {
    kind: 'changed',
    by: ['web-deploys'],
    fewer_scopes: ['deploy:write'],
    more_scopes: ['deploy:read'],
    terms: [],
    subject: 'github:repo:1234567/987654',
    target: 'deploy-api',
    rules: ['web-deploys'],
    count: 2,
  })
  assert.match(newest.decision_id, /^[\w-]{22}$/)
  assert.ok(newest.at > since)
  assert.deepEqual([groups.length, receipts, unseen, Object.keys(rest)], [1, 6, [], ['read', 'by_receipt']])
})

for (const [what, args, message] of [
  ['no table', ['--config', 'a', '--against', 'b'], /^--table is missing: /],
  ['no file to compare with', ['--against', 'b', '--table', 't'], /^--config is missing: /],
  [
    'standard input twice',
    ['--config', '-', '--against', '-', '--table', 't'],
    /^standard input can be one of them only/,
  ],
  ['a log', ['--config', 'a', '--against', 'b', '--table', 't', '--log', 'x'], /^--log does not go with --against/],
] as [string, string[], RegExp][])
  test(`${what}: wrong usage, exit 2`, async () => {
    const { code, stdout, stderr } = await world.explain(args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
  })

test('a changed file that does not hold: every finding, exit 1', async () => {
  const { code, stdout, stderr } = await against(replacing('scopes: [deploy:write]', 'scopes: [deploy:wrote]'))
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^\S+\.yaml:\d+:\d+ error scopes-required deploy-api has no scope deploy:wrote/)
})
