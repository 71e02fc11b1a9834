import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'token-broker-explain-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const config = `version: 1
issuer: https://broker.test
signing: { algorithms: [RS256] }
issuers:
  ci: { issuer: https://ci.test, require: { tenant: "7" } }
targets:
  api: { audience: https://api.test, scopes: [read, write] }
  other: { audience: https://other.test }
rules:
  deploys:
    issuer: ci
    match: { ref: refs/heads/main, event: [push, schedule] }
    grant: [{ target: api, scopes: [read] }]
  careful:
    issuer: ci
    match: { ref: refs/heads/main }
    when: claims.actor != "bot"
    grant: [{ target: other }]
  trial:
    issuer: ci
    mode: shadow
    match: { ref: { glob: "refs/tags/*" } }
    grant: [{ target: other }]
`
const file = write('broker.yaml', config)
const now = Math.floor(Date.now() / 1000)
const claims = {
  iss: 'https://ci.test',
  sub: 'job-7',
  aud: 'https://broker.test',
  exp: now + 300,
  iat: now,
  tenant: '7',
  ref: 'refs/heads/main',
  event: 'push',
  actor: 'bot',
}

/** The claims on standard input, with changes. */
function explained(changes: Record<string, unknown> = {}, ...more: string[]) {
  const stdin = JSON.stringify({ ...claims, ...changes })
  return runCommand(['explain', '--config', file, '--claims', '-', ...more], { stdin })
}

test('a granted token: each rule, each condition, and what is granted', async () => {
  const { code, stdout, stderr } = await explained({}, '--target', 'api')
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(
    stdout,
    `issuer ci, subject ci:job-7; the signature is not verified here
require
  ✓ tenant  "7"
rule careful does not match
  ✓ ref  "refs/heads/main"
  x when is not true (false): claims.actor != "bot"
rule deploys matches
  ✓ event  "push"
  ✓ ref    "refs/heads/main"
rule trial (shadow) does not match
  x ref  "refs/heads/main", not like "refs/tags/*"
granted: target api, scope read, by deploys
`,
  )
})

test('a refused token: all that would have to differ, not only the first of it', async () => {
  const { code, stdout } = await explained({ ref: 'refs/heads/next', event: undefined }, '--target', 'api')
  assert.equal(code, 1)
  assert.match(
    stdout,
    /rule deploys does not match\n {2}x event {2}absent, not one of \["push","schedule"\]\n {2}x ref {4}"refs\/heads\/next", not "refs\/heads\/main"\n/,
  )
  assert.match(stdout, /\nrefused: no_rule_matches\n/)
})

describe('what is wrong before, or beside, the rules', () => {
  for (const [what, changes, more, expected] of [
    [
      'an expired token',
      { exp: now - 300, iat: now - 600 },
      [],
      /x the token: .*"token_expired".*refused: token_expired\n$/s,
    ],
    ['another audience', { aud: 'https://elsewhere.test' }, [], /"audience_mismatch".*refused: audience_mismatch\n$/s],
    ['no exp', { exp: undefined }, [], /"claim_malformed","claim":"exp"/],
    [
      'another tenant',
      { tenant: '8' },
      [],
      /require\n {2}x tenant {2}"8", not "7"\nrefused: issuer_requirement_failed/,
    ],
    ['a target that is not granted', {}, ['--target', 'other'], /refused: target_not_granted \(target other\)\n/],
    [
      'a scope that is not granted',
      {},
      ['--target', 'api', '--scope', 'write'],
      /refused: scope_not_granted \(target api, /,
    ],
  ] as [string, Record<string, unknown>, string[], RegExp][])
    test(`${what}: exit 1`, async () => {
      const { code, stdout, stderr } = await explained(changes, ...more)
      assert.deepEqual([code, stderr], [1, ''])
      assert.match(stdout, expected)
    })
})

const signature = Buffer.from('a signature that nobody verifies').toString('base64url')

function tokenOf(header: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.${signature}`
}

test('a token is read like its claims, and not printed', async () => {
  const token = tokenOf({ alg: 'RS256', typ: 'JWT' })
  const [byToken, byClaims] = await Promise.all([
    runCommand(['explain', '--config', file, '--token', '-', '--target', 'api'], { stdin: `${token}\n` }),
    explained({}, '--target', 'api'),
  ])
  assert.deepEqual(byToken, byClaims)
  assert.ok(!byToken.stdout.includes(signature))
})

test('of two issuers with one iss only a token’s kid says which, so claims alone are not enough', async () => {
  const key = (kid: string) => {
    const { n, e } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
    return JSON.stringify({ kty: 'RSA', kid, n, e })
  }
  const shared = (name: string) =>
    `  ${name}: { issuer: https://ci.test, shares_issuer: true, jwks: { keys: [${key(`${name}-key`)}] } }\n`
  const twins = config
    .replace(/ {2}ci: .*\n/, shared('berlin') + shared('paris'))
    .replaceAll('issuer: ci', 'issuer: paris')
  const shares = /^berlin and paris have one issuer URL, and a token's kid says whose it is: /
  const ask = async (form: string, stdin: string) => {
    const { code, stdout, stderr } = await runCommand(
      ['explain', '--config', write('twins.yaml', twins), form, '-', '--target', 'api'],
      { stdin },
    )
    return { code, stdout, stderr }
  }
  const byClaims = await ask('--claims', JSON.stringify(claims))
  assert.deepEqual([byClaims.code, byClaims.stdout], [1, ''])
  assert.match(byClaims.stderr, shares)
  assert.match(byClaims.stderr, /: give one that has it, with --token\n$/)
  const byToken = await ask('--token', tokenOf({ alg: 'RS256', kid: 'paris-key' }))
  assert.match(byToken.stdout, /^issuer paris, subject paris:job-7; [^]*\ngranted: target api/)
  const byNone = await ask('--token', tokenOf({ alg: 'RS256', kid: 'x' }))
  assert.match(byNone.stderr, shares)
  assert.match(byNone.stderr, /: this one is none of theirs\n$/)
})

test('a JWT-SVID is of its trust domain, also without iss', async () => {
  const acme = '  acme: { preset: spiffe, issuer: spiffe://acme.example, jwks: { uri: https://spire.test/bundle } }'
  const spiffe = write(
    'spiffe.yaml',
    `${config.replace('issuers:', `issuers:\n${acme}`)}  web:
    issuer: acme
    match: { sub: spiffe://acme.example/web }
    grant: [{ target: other }]
`,
  )
  const ask = (sub: string) =>
    runCommand(['explain', '--config', spiffe, '--claims', '-'], {
      stdin: JSON.stringify({ sub, aud: ['https://broker.test'], exp: now + 300 }),
    })
  assert.equal(
    (await ask('spiffe://acme.example/web')).stdout,
    `issuer acme, subject acme:spiffe://acme.example/web; the signature is not verified here
rule web matches
  ✓ sub  "spiffe://acme.example/web"
granted: target other, by web
`,
  )
  assert.match((await ask('spiffe://acme.example/web/')).stdout, /x the token: .*not the SPIFFE ID of a workload/)
  assert.equal(
    (await ask('spiffe://other.example/web')).stderr,
    `no issuer of this broker.yaml has the token's iss: none, nor the trust domain of its sub: "spiffe://other.example"\n`,
  )
})

test('as JSON it is the same', async () => {
  const { code, stdout } = await explained({}, '--target', 'api', '--json')
  assert.equal(code, 0)
  const { rules, ...rest } = JSON.parse(stdout) as { rules: Record<string, unknown>[] }
  assert.deepEqual(rest, {
    issuer: 'ci',
    subject: 'ci:job-7',
    require: [{ key: 'tenant', met: true, actual: '"7"', wanted: '"7"' }],
    outcome: 'granted: target api, scope read, by deploys',
    granted: true,
  })
  assert.deepEqual(rules[1], {
    rule: 'deploys',
    mode: 'enforce',
    matched: true,
    conditions: [
      { key: 'event', met: true, actual: '"push"', wanted: 'one of ["push","schedule"]' },
      { key: 'ref', met: true, actual: '"refs/heads/main"', wanted: '"refs/heads/main"' },
    ],
  })
})

test('where broker.yaml says issuer: auto, --broker is the audience', async () => {
  const auto = write('auto.yaml', config.replace('issuer: https://broker.test', 'issuer: auto'))
  const ask = (...more: string[]) =>
    runCommand(['explain', '--config', auto, '--claims', '-', '--target', 'api', ...more], {
      stdin: JSON.stringify(claims),
    })
  assert.match((await ask()).stderr, /^broker\.yaml says issuer: auto: give the URL that it has with --broker\n/)
  assert.equal((await ask('--broker', 'https://broker.test')).code, 0)
  assert.match((await ask('--broker', 'https://another.test')).stdout, /audience_mismatch/)
})

test('nothing in a token steers the terminal or starts a line', async () => {
  const { stdout } = await explained({ ref: '\u001b[2J\n::error::x\u202e' }, '--target', 'api')
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202e]|^::/m)
})

describe('what cannot be decided: exit 1, in one line', () => {
  for (const [what, args, stdin, message] of [
    [
      'an issuer nobody trusts',
      ['--config', file, '--claims', '-'],
      '{"iss":"https://x.test"}',
      /^no issuer of this broker\.yaml has the token's iss: "https:\/\/x\.test"\n$/,
    ],
    [
      'no issuer',
      ['--config', file, '--claims', '-'],
      '{}',
      /^no issuer of this broker\.yaml has the token's iss: none\n$/,
    ],
    ['claims that are none', ['--config', file, '--claims', '-'], '[1]', /^<stdin> is no JSON object of claims: /],
    [
      'a token that is none',
      ['--config', file, '--token', '-'],
      'secret-secret-secret',
      /^<stdin> is no JWT that the broker could read\n$/,
    ],
    ['a broker.yaml that is not there', ['--config', join(folder, 'x'), '--claims', '-'], '{}', / does not exist\n$/],
    [
      'a broker.yaml that does not hold',
      ['--config', '-', '--claims', write('c.json', '{}')],
      'version: 1\nisuer: x\n',
      /unknown-key/,
    ],
  ] as [string, string[], string, RegExp][])
    test(what, async () => {
      const { code, stdout, stderr } = await runCommand(['explain', ...args], { stdin })
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, message)
      assert.doesNotMatch(stderr, /secret|\n\s+at /)
    })
})

for (const [what, args, message] of [
  ['no broker.yaml', ['--claims', '-'], /^--config is missing/],
  ['neither', ['--config', file], /^give --token, --claims or --job, one of the three/],
  ['both', ['--config', file, '--token', 'a', '--claims', 'b'], /^give --token, --claims or --job, one of the three/],
  ['standard input twice', ['--config', '-', '--claims', '-'], /^standard input can be one of them only/],
  ['a word', ['x', '--config', file, '--claims', '-'], /^explain takes options only/],
] as [string, string[], RegExp][])
  test(`${what}: wrong usage, exit 2`, async () => {
    const { code, stdout, stderr } = await runCommand(['explain', ...args], { stdin: '{}' })
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
  })
