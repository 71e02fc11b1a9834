import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb'
import { ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms'
import { dynamodbClient, kmsClient } from '../../lib/aws/clients.ts'
import { parseSigningKeys } from '../../lib/protocol/signing-keys.ts'
import { startBroker, type LocalBroker } from '../../local/broker.ts'
import { startDynamodb } from '../../local/dynamodb.ts'
import { startKms } from '../../local/kms.ts'
import { startSts } from '../../local/sts.ts'
import { AwsError, type Standin } from '../../local/standin.ts'
import { verifyInAws } from '../../tools/verify-aws/throwaway-deployment.ts'

// The whole of `npm run verify:aws` but for what runs cdk: that is a stand-in here, which serves the same broker.yaml on loopback.
const stackName = 'token-broker-verify-test'
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>
let kms: Standin
let directory: string
let broker: LocalBroker | undefined
let said: string[]
let commands: string[][]

before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT'
  process.env.AWS_REGION = 'eu-west-1'
  process.env.AWS_ACCESS_KEY_ID = 'local'
  process.env.AWS_SECRET_ACCESS_KEY = 'local'
  dynamodb = await startDynamodb()
  kms = await startKms()
  process.env.AWS_ENDPOINT_URL_DYNAMODB = dynamodb.url
  process.env.AWS_ENDPOINT_URL_KMS = kms.url
  directory = mkdtempSync(join(tmpdir(), 'token-broker-test-'))
})
afterEach(async () => {
  kms.faults.length = 0
  await broker?.close()
  broker = undefined
})
after(async () => {
  rmSync(directory, { recursive: true })
  await Promise.all([dynamodb.close(), kms.close()])
})

async function deploy(args: readonly string[]): Promise<void> {
  const config = args.find((arg) => arg.startsWith('broker:config='))?.slice('broker:config='.length) ?? ''
  broker = await startBroker({ config: { text: readFileSync(config, 'utf8'), file: config }, port: 0 })
  const outputs = {
    BrokerIssuer: broker.url,
    BrokerTokenEndpoint: `${broker.url}/token`,
    BrokerJwks: `${broker.url}/jwks`,
    BrokerOpenidConfiguration: `${broker.url}/.well-known/openid-configuration`,
    BrokerAuthorizationServerMetadata: `${broker.url}/.well-known/oauth-authorization-server`,
    BrokerHealthz: `${broker.url}/healthz`,
    BrokerTableName: process.env.BROKER_TABLE,
    BrokerSigningKeyArns: signingKeyArns().join(','),
  }
  writeFileSync(args[args.indexOf('--outputs-file') + 1] ?? '', JSON.stringify({ [stackName]: outputs }))
}

async function destroy(): Promise<void> {
  await dynamodbClient().send(new DeleteTableCommand({ TableName: process.env.BROKER_TABLE }))
  for (const KeyId of signingKeyArns())
    await kmsClient().send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
}

const signingKeyArns = () => parseSigningKeys(process.env.BROKER_SIGNING_KEYS ?? '').map(({ arn }) => arn)

async function verify(
  cdk: { deploy?: typeof deploy; destroy?: typeof destroy } = {},
  signal = new AbortController().signal,
): Promise<void> {
  said = []
  commands = []
  // The keys of the run before are pending deletion.
  await kms.close()
  kms = await startKms()
  process.env.AWS_ENDPOINT_URL_KMS = kms.url
  await verifyInAws({
    cdk: async (args) => {
      commands.push([...args])
      await (args[0] === 'deploy' ? (cdk.deploy ?? deploy)(args) : (cdk.destroy ?? destroy)())
    },
    dynamodb: dynamodbClient(),
    kms: kmsClient(),
    stackName,
    directory,
    say: (line) => said.push(line),
    signal,
  })
}
const steps = () => commands.map(([step]) => step)

test('a deployment that does as it should passes every check, and is removed', async () => {
  await verify()
  assert.deepEqual(steps(), ['deploy', 'destroy'])
  assert.equal(said.filter((line) => line.startsWith('✓')).length, 12, said.join('\n'))
  assert.match(said.at(-1) ?? '', /nothing is left behind/)
})

test('both commands are told the same: a stack of its own, ephemeral, and no concurrency reserved', async () => {
  await verify()
  for (const args of commands)
    for (const given of [
      `broker:stack-name=${stackName}`,
      'broker:ephemeral=true',
      'broker:metadata-concurrency=0',
      // What cdk.json may say for a broker that is in use.
      'broker:domain=',
      'broker:certificate-arn=',
      'broker:hosted-zone-id=',
      'broker:hosted-zone-name=',
      'broker:table-key=',
    ])
      assert.ok(args.includes(given), `${given} in ${args.join(' ')}`)
})

test('a check that fails is named, also when the deployment cannot be removed', async () => {
  const broken = async (args: readonly string[]) => {
    await deploy(args)
    kms.faults.push({ operation: 'Sign', times: 2, error: new AwsError('AccessDeniedException', 'no') })
  }
  const fail = () => Promise.reject(new Error('cdk destroy ended with 1'))
  await assert.rejects(verify({ deploy: broken, destroy: fail }), /✗ a token is traded.*\n.*delete-stack/s)
  await destroy()
})

test('a deployment that fails is removed', async () => {
  const fail = () => Promise.reject(new Error('cdk deploy ended with 1'))
  await assert.rejects(verify({ deploy: fail, destroy: () => Promise.resolve() }), /cdk deploy ended with 1/)
  assert.deepEqual(steps(), ['deploy', 'destroy'])
})

test('a check that fails is named, and the deployment is removed', async () => {
  await assert.rejects(
    verify({
      async deploy(args) {
        await deploy(args)
        kms.faults.push({ operation: 'Sign', times: 2, error: new AwsError('AccessDeniedException', 'no') })
      },
    }),
    /✗ a token is traded for one that verifies.*temporarily_unavailable/s,
  )
  assert.deepEqual(steps(), ['deploy', 'destroy'])
})

test('who stops it half way has it removed', async () => {
  const stop = new AbortController()
  await assert.rejects(
    verify(
      {
        async deploy(args) {
          await deploy(args)
          stop.abort(new Error('stopped by SIGINT'))
        },
      },
      stop.signal,
    ),
    /stopped by SIGINT/,
  )
  assert.deepEqual(steps(), ['deploy', 'destroy'])
})

test('a stack that cannot be removed is named, with the command that removes it', async () => {
  await assert.rejects(
    verify({ destroy: () => Promise.reject(new Error('cdk destroy ended with 1')) }),
    /aws cloudformation delete-stack --stack-name token-broker-verify-test/,
  )
  await destroy()
})

test('what is left behind is named', async () => {
  await assert.rejects(
    verify({ destroy: () => Promise.resolve() }),
    /left behind.*table token-broker.*key arn:aws:kms/s,
  )
  await destroy()
})

for (const [title, args, environment, code, message] of [
  ['explains itself', ['--help'], {}, 0, /It costs about a cent/],
  ['refuses an option that it does not have', ['--force'], {}, 2, /--force/],
  ['asks for a region', ['--yes'], {}, 1, /no region is set: set AWS_REGION/],
  ['asks for credentials', ['--yes'], { AWS_REGION: 'eu-west-1' }, 1, /AWS does not know who you are/],
  [
    'does nothing unasked where nobody can be asked',
    [],
    { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', sts: 'yes' },
    2,
    /run it with --yes/,
  ],
] as const) {
  test(`npm run verify:aws ${title}`, async () => {
    const sts = await startSts()
    const { PATH } = process.env
    const { sts: wanted, ...variables } = environment as Record<string, string>
    const child = await run(fileURLToPath(new URL('../../tools/verify-aws.ts', import.meta.url)), args, {
      PATH,
      // No profile, and no machine to ask.
      HOME: directory,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...variables,
      ...(wanted === undefined ? {} : { AWS_ENDPOINT_URL_STS: sts.url }),
    })
    await sts.close()
    assert.equal(child.code, code, child.output)
    assert.match(child.output, message)
    assert.doesNotMatch(child.output, /\n\s+at /)
  })
}

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    )
    child.stdin?.end()
  })
}
