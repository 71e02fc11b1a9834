import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { STSClient } from '@aws-sdk/client-sts'
import {
  accessToken,
  awsCredentials,
  brokerServer,
  keys,
  refusal,
  timestamp,
  type Scripted,
} from '../client/broker-server.ts'
import { subjectJwt } from '../client/subject-jwt.ts'
import { noJob } from './job-environment.ts'
import { runCommand } from './run-command.ts'

const parent = mkdtempSync(join(tmpdir(), 'token-broker-process-'))
after(() => rmSync(parent, { recursive: true }))
let folders = 0

const token = subjectJwt()
const command = 'credential-process'
const entry = fileURLToPath(new URL('../../cli/token-broker.ts', import.meta.url))
const job = () => ({ ...noJob, XDG_CACHE_HOME: join(parent, String(folders++)), TOKEN_BROKER_ID_TOKEN: token })
const run = (args: readonly string[], env: Record<string, string> = {}) =>
  runCommand([command, ...args], { env: { ...job(), ...env } })

for (const GITHUB_ACTIONS of ['', 'true']) {
  test(`it prints the document and nothing else${GITHUB_ACTIONS && ', in a job of GitHub too'}`, async (t) => {
    const Expiration = timestamp(Date.now() + 1_800_000)
    const { url } = await brokerServer(t, [awsCredentials(3600, { Expiration, Extra: 'never printed' })])
    const ran = await run(['--broker', url, '--target', 'web-deployer'], { GITHUB_ACTIONS })
    const document = { Version: 1, ...keys, Expiration }
    assert.deepEqual(ran, { code: 0, stdout: `${JSON.stringify(document)}\n`, stderr: '' })
  })
}

for (const [title, answer, message] of [
  ['a refusal', refusal(), /^the broker at \S+ refused: invalid_target: .*\(decision \S+\)\n/],
  ['a target without a role', { body: accessToken }, /^this target issues an access token, no AWS credentials/],
  ['no answer of a broker', { body: '<html>' }, /^the broker at \S+ answered no token/],
] as [string, Scripted, RegExp][]) {
  test(`${title}: exit 1, all of it on standard error, without a secret`, async (t) => {
    const { url } = await brokerServer(t, [answer])
    const { code, stdout, stderr } = await run(['--broker', url, '--target', 'x'])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /eyJ|\n\s+at /)
  })
}

for (const [title, args, message] of [
  ['no broker', ['--target', 'x'], /^--broker is missing/],
  ['no target', ['--broker', 'https://broker.example'], /^--target is missing/],
  ['an argument', ['x'], /^credential-process takes options only\n/],
  ['what is for exchange', ['--output', 'json'], /^unknown option --output/],
] as const) {
  test(`${title}: exit 2, with the usage`, async () => {
    const { code, stdout, stderr } = await run(args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, /\nExit codes: /)
  })
}

/** The AWS SDK in a process of its own job, whose profile has our command. Returns what it resolves credentials to. */
async function resolveWithSdk(t: TestContext, url: string) {
  const config = join(parent, `config-${folders}`)
  writeFileSync(
    config,
    `[profile web-deployer]\ncredential_process = ${process.execPath} ${entry} ${command} --broker ${url} --target x\n`,
  )
  const before = { ...process.env }
  Object.assign(process.env, job(), { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: config })
  t.after(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
  })
  const client = new STSClient({ region: 'eu-west-1', profile: 'web-deployer' })
  t.after(() => client.destroy())
  return client.config.credentials()
}

test('the AWS SDK takes it from the credential_process of a profile', async (t) => {
  const Expiration = timestamp(Date.now() + 1_800_000)
  const { url } = await brokerServer(t, [awsCredentials(3600, { Expiration })])
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await resolveWithSdk(t, url)
  assert.deepEqual(
    [accessKeyId, secretAccessKey, sessionToken, expiration],
    [keys.AccessKeyId, keys.SecretAccessKey, keys.SessionToken, new Date(Expiration)],
  )
})
