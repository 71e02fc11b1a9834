import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Examined } from '../../../cli/doctor/check.ts'
import { testCertificate } from '../../http/test-certificate.ts'
import { serve } from '../../http/test-server.ts'
import { noJob } from '../job-environment.ts'
import { runCommand, type RunOptions } from '../run-command.ts'
import { tamperedBroker } from './tampered-broker.ts'

const box = tamperedBroker()
const folder = mkdtempSync(join(tmpdir(), 'token-broker-doctor-'))
after(() => rmSync(folder, { recursive: true }))

const doctor = (args: readonly string[], { env, ...options }: RunOptions = {}) =>
  runCommand(['doctor', ...args], { env: { ...noJob, ...env }, ...options })

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

test('issuers and broker in turn: aligned lines, in the order of the file, and no colour where no terminal is', async () => {
  const { code, stdout, stderr } = await doctor(['--config', '-', '--url', box.url, '--local'], { stdin: box.config })
  assert.deepEqual([code, stderr], [0, ''])
  const steady = stdout
    .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
    .replaceAll(/"[\w-]{43}"/g, '"KID"')
    .replaceAll(/ [0-2] s from/g, ' 0 s from')
  assert.equal(
    steady,
    `issuer github, http://HOST
  ✓ discovery       http://HOST/.well-known/openid-configuration names this issuer
  ✓ keys            1 key for RS256: "KID"
  ✓ clock           0 s from this machine's
  ✓ algorithms      it signs with RS256
issuer cluster, http://HOST/cluster
  ✓ discovery       http://HOST/cluster/.well-known/openid-configuration names this issuer
  ✓ keys            1 key for RS256, ES256: "KID"
  ✓ clock           0 s from this machine's
  ✓ algorithms      it signs with RS256
issuer acme-partner, http://HOST
  ✓ discovery       http://HOST/.well-known/openid-configuration names this issuer
  ✓ keys            1 key for RS256: "partner"
  ✓ clock           0 s from this machine's
  ✓ algorithms      it signs with RS256
  ✓ login           it has an authorization and a token endpoint, and the code flow
  ✓ authentication  it takes private_key_jwt
  ✓ proof           signed by ES256 or RS256, which it takes
  ✓ PKCE            it takes S256
  ✓ iss             its answers say whose they are (RFC 9207)
  ✓ scopes          it has openid, profile, email, or does not say
broker http://HOST
  ✓ healthz         it is ready
  ✓ headers         strict-transport-security, x-content-type-options, referrer-policy
  ✓ clock           0 s from this machine's
  - certificate     http on loopback has none
  ✓ discovery       it names this issuer, and endpoints of its own
  ✓ metadata        RFC 8414’s document says the same
  ✓ keys            2 keys: ES256 "KID", RS256 "KID"
  ✓ caching         keys are kept 300 s
  ✓ deployment      issuer, algorithms and number of keys are as in broker.yaml
  ✓ stranger        a token of an issuer that nobody trusts is refused
  ✓ unsigned        a token that nobody signed (alg: none) is refused
  ✓ introspection   /introspect asks a client who it is
  ✓ revocation      /revoke asks a client who it is
  - exchange        no token was found to trade: give one with --token, or run it in a job that has one
no check failed, 2 not tried
`,
  )
})

for (const [where, run] of [
  ['a file', (token: string) => doctor([...exchange(), '--token', write('token', `${token}\n`)])],
  ['standard input', (token: string) => doctor([...exchange(), '--token', '-'], { stdin: token })],
  ['the job itself', (token: string) => doctor(exchange(), { env: { TOKEN_BROKER_ID_TOKEN: token } })],
] as [string, (token: string) => ReturnType<typeof doctor>][])
  test(`a token from ${where} is traded, and neither it nor what was issued is printed`, async () => {
    box.seen.length = 0
    const token = await box.jobToken()
    const { code, stdout, stderr } = await run(token)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /✓ exchange +an access token for \d+ s, scope deploy:write\n.*✓ token .*\n.*✓ hand-back /)
    const issued = box.seen.find(({ path, status }) => path === '/token' && status === 200)?.body
    for (const part of [token, (issued as { access_token: string }).access_token].flatMap((text) => text.split('.')))
      assert.ok(!stdout.includes(part))
  })

function exchange(): string[] {
  return ['--url', box.url, '--target', 'deploy-api']
}

test('a token that is refused: exit 1, and the token is not printed', async () => {
  const token = await box.jobToken({ repository_id: '1' })
  const { code, stdout, stderr } = await doctor([...exchange(), '--token', '-', '--json'], { stdin: token })
  assert.deepEqual([code, stderr], [1, ''])
  const { ok, examined } = JSON.parse(stdout) as { ok: boolean; examined: Examined[] }
  assert.equal(ok, false)
  const { remedy, seen, ...rest } = examined[0]?.checks.at(-1) ?? {}
  assert.deepEqual(rest, { check: 'exchange', outcome: 'failed' })
  assert.match(`${seen} ${remedy}`, /invalid_request.*explain/)
  for (const part of token.split('.')) assert.ok(!stdout.includes(part))
})

test('an issuer that fails: exit 1, with the remedy in its line', async () => {
  const config = box.config.replace(`issuer: ${box.issuer.url}/cluster`, `issuer: ${box.issuer.url}/nothing`)
  const { code, stdout } = await doctor(['--config', '-', '--local'], { stdin: config })
  assert.equal(code, 1)
  assert.match(
    stdout,
    /\nissuer cluster, .*\n {2}x discovery .*: answered 404; see that the URL is right, and ask whoever runs the issuer\n {2}- keys .*\nissuer acme-partner, .*\n(?: {2}✓ .*\n){10}1 of 16 checks failed, 1 not tried\n$/,
  )
})

test('issuers are asked side by side, and told in the order of the file', async (t) => {
  let asked = 0
  let most = 0
  const listener: RequestListener = async (_, response) => {
    most = Math.max(most, ++asked)
    await setTimeout(200)
    asked--
    response.writeHead(404).end()
  }
  const names = Array.from({ length: 12 }, (_, index) => `ci-${index}`)
  const port = await serve(t, listener)
  const config = `version: 1
issuer: https://broker.test
issuers:
${names.map((name) => `  ${name}: { issuer: "http://127.0.0.1:${port}/${name}" }`).join('\n')}
targets: { api: { audience: https://api.test } }
rules: { r: { issuer: ci-1, match: { job: "3" }, grant: [{ target: api }] } }
`
  const { stdout } = await doctor(['--config', '-', '--local', '--json'], { stdin: config })
  const { examined } = JSON.parse(stdout) as { examined: Examined[] }
  assert.deepEqual(
    examined.map(({ about }) => about.split(/[ ,]/)[1]),
    names,
  )
  assert.equal(most, 4)
})

test('a client whose keys are fetched is asked for them too', async (t) => {
  const port = await serve(t, (_, response) => response.end('{"keys":[]}'))
  const config = box.config.replace(
    '\nclients:\n',
    `\nclients:\n  batch: { auth: { private_key_jwt: { jwks: { uri: "http://127.0.0.1:${port}/k" } } } }\n`,
  )
  const { stdout } = await doctor(['--config', '-', '--local'], { stdin: config })
  assert.match(stdout, /\nclient batch, http:\/\/127\.0\.0\.1:\d+\/k\n {2}x keys +the key set is empty; /)
})

describe('the certificate', () => {
  const day = 86_400_000
  for (const [what, days, expected] of [
    ['that lasts', 90, { check: 'certificate', outcome: 'ok', seen: 'it ends in 90 days' }],
    [
      'that was not renewed',
      10,
      {
        check: 'certificate',
        outcome: 'warning',
        seen: 'it ends in 10 days',
        remedy: 'see in ACM why it was not renewed',
      },
    ],
  ] as const)
    test(what, async (t) => {
      const until = new Date(Date.now() + days * day).toISOString().slice(0, 10).replaceAll('-', '')
      const tls = testCertificate('localhost', until)
      const port = await serve(t, (_, response) => response.writeHead(404).end(), tls)
      const { stdout } = await doctor(['--url', `https://localhost:${port}`, '--json'], {
        env: { NODE_EXTRA_CA_CERTS: write('ca.pem', tls.cert) },
      })
      const { examined } = JSON.parse(stdout) as { examined: Examined[] }
      assert.deepEqual(
        examined[0]?.checks.find(({ check }) => check === 'certificate'),
        expected,
      )
    })

  test('that nobody trusts: nothing else is asked', async (t) => {
    const port = await serve(t, (_, response) => response.end(), testCertificate('localhost'))
    const { code, stdout } = await doctor(['--url', `https://localhost:${port}`])
    assert.equal(code, 1)
    assert.match(stdout, /x healthz .*\(DEPTH_ZERO_SELF_SIGNED_CERT\).*\n {2}- the rest /)
  })
})

test('nothing that an issuer says starts a line or steers the terminal', async (t) => {
  const port = await serve(t, (_, response) => response.end(JSON.stringify({ issuer: '\u001b[2J\n::error::x\u202e' })))
  const config = box.config.replaceAll(box.issuer.url, `http://127.0.0.1:${port}`)
  const { stdout } = await doctor(['--config', '-', '--local'], { stdin: config })
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202e]|^::/m)
})

test('a broker.yaml that does not hold: exit 1, with its findings', async () => {
  const { code, stdout, stderr } = await doctor(['--config', '-'], { stdin: 'version: 1\nisuer: x\n' })
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /unknown-key/)
})

test('a token file that is not there: exit 1, and nothing is asked', async () => {
  const { code, stdout, stderr } = await doctor([...exchange(), '--token', join(folder, 'nothing')])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, / does not exist\n$/)
})

for (const [what, args, message] of [
  ['neither', [], /^give --config, to ask the issuers, or --url/],
  ['a token for nobody', ['--config', 'x', '--token', 'y'], /^--token and --target are for a broker/],
  ['a target for nobody', ['--config', 'x', '--target', 'y'], /^--token and --target are for a broker/],
  ['a table for nobody', ['--config', 'x', '--table', 'y'], /^--stack and --table are for AWS/],
  ['standard input twice', ['--config', '-', '--url', 'https://b.test', '--token', '-'], /^standard input can be one/],
  ['http', ['--url', 'http://b.test'], /must be https/],
  ['a path', ['--url', 'https://b.test/token'], /has a path/],
  ['a word', ['x', '--url', 'https://b.test'], /^doctor takes options only/],
] as [string, string[], RegExp][])
  test(`${what}: wrong usage, exit 2`, async () => {
    const { code, stdout, stderr } = await doctor(args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
  })
