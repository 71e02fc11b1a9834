import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { config, recordedWorld } from './recorded-world.ts'

const world = await recordedWorld()
for (const [changes, fields, status] of [
  [{}, {}, 200],
  [{}, {}, 200],
  [{ environment: 'staging' }, {}, 200],
  [{ ref: 'refs/heads/next' }, {}, 400],
  [{ ref: 'refs/heads/next', environment: 'staging' }, {}, 400],
] as const)
  assert.equal((await world.exchange(changes, fields)).status, status)
assert.equal((await world.exchangeOfPod({})).status, 200)
const log = world.write('broker.log', world.log())
const shadow = (file: string, ...more: string[]) => world.explain(['--shadow', '--config', file, ...more])

test('over what is on record: how often each would have granted, and what flips', async () => {
  const { code, stdout, stderr } = await shadow(world.deployed, '--table', 'receipts', '--log', log)
  assert.deepEqual([code, stderr], [1, ''])
  assert.match(
    stdout,
    new RegExp(
      [
        '^rule web-reads: would have granted in 2 receipts, matches 2 now; would have granted in 1 refusal',
        'with the shadow rules enforced',
        'would be granted otherwise',
        '  2 × github:repo:1234567/987654, target deploy-api, by web-deploys',
        '      by web-deploys, web-reads, with the scopes deploy:read too',
        String.raw`      newest: decision [\w-]{22}, \S+Z`,
        String.raw`4 receipts: 2 as before, 2 would be granted otherwise \(\d+ rows read\)`,
        '$',
      ].join('\n'),
    ),
  )
})

test('a shadow rule on a claim that no receipt has', async () => {
  const file = world.write('asking.yaml', config(world.issuer.url).replace('claims.environment ==', 'claims.actor =='))
  const { code, stdout } = await shadow(file, '--table', 'receipts')
  assert.equal(code, 1)
  assert.match(stdout, /^rule web-reads: would have granted in 2 receipts, matches 0 now; cannot be told of 3\n/)
  assert.match(stdout, /\ncannot be told\n {2}3 × .*\n {6}cannot be told: the receipt does not have actor\n/)
})

test('a shadow rule that the file has no more is told of, and flips nothing', async () => {
  const file = world.write(
    'without.yaml',
    config(world.issuer.url).replace('web-reads', 'web-looks').replace('987654" }\n    when', '1" }\n    when'),
  )
  const { code, stdout } = await shadow(file, '--table', 'receipts')
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^rule web-looks: would have granted in 0 receipts, matches 0 now\nrule web-reads, which is no shadow rule of the file: would have granted in 2 receipts, matches 0 now\n/,
  )
})

test('by the log alone: the refusals', async () => {
  const { code, stdout } = await shadow(world.deployed, '--log', log)
  assert.deepEqual([code, stdout], [1, 'rule web-reads: would have granted in 1 refusal\n'])
})

test('what is older than --since is left out', async () => {
  // The last exchange may have been in this second.
  await setTimeout(1_100)
  const { code, stdout } = await shadow(world.deployed, '--table', 'receipts', '--since', '0s', '--json')
  const { receipts, read } = JSON.parse(stdout) as { receipts: number; read: number }
  assert.deepEqual([code, receipts], [0, 0])
  assert.ok(read >= 4)
  const { stderr, code: wrong } = await shadow(world.deployed, '--table', 'receipts', '--since', 'yesterday')
  assert.equal(wrong, 2)
  assert.match(stderr, /^--since is how long ago: 30m, 2h, 7d\n/)
})

for (const [what, changes, args, expected] of [
  ['more scopes', {}, [], 'it would be changed: by web-deploys, web-reads, with the scopes deploy:read too'],
  [
    'a grant where there is none',
    { ref: 'refs/heads/next' },
    [],
    'it would be granted: target deploy-api, scope deploy:read, by web-reads',
  ],
  ['the same', { environment: 'staging' }, [], 'the same'],
] as const)
  test(`a token: ${what}`, async () => {
    const now = Math.floor(Date.now() / 1000)
    const token = await world.issuer.sign({ aud: world.url, exp: now + 60, ...changes })
    const file = world.write('token', token)
    const { stdout } = await shadow(world.deployed, '--token', file, '--target', 'deploy-api', ...args)
    assert.ok(stdout.includes(`\nwith the shadow rules enforced: ${expected}\n`), stdout)
  })

test('a token: two rules that would be ambiguous', async () => {
  const text = config(world.issuer.url).replace('deploy:read], claims: { commit:', 'deploy:read], claims: { sha:')
  const token = world.write('token', await world.issuer.sign({ aud: world.url }))
  const { stdout } = await shadow(world.write('two.yaml', text), '--token', token, '--target', 'deploy-api')
  assert.match(
    stdout,
    /\nwith the shadow rules enforced: it would be refused: ambiguous_rules \(target deploy-api, rules \["web-deploys","web-reads"\]\)\n/,
  )
})
