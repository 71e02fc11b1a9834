import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { fromTokenBroker, type AwsCredentialProvider } from '../../client/from-token-broker.ts'
import type { StsStandin } from '../sts.ts'
import { exchange, jobToken, podToken, verbose } from './requests.ts'
import type { RunningBroker } from './running-broker.ts'
import { expect, refused, step } from './telling.ts'

const region = 'eu-west-1'

/** A CI job, a pod and a function get credentials of AWS roles; what AWS, or a role's owner, does not take is refused. */
export async function awsStory(broker: RunningBroker, sts: StsStandin): Promise<void> {
  await asJob(broker, sts)
  await asPod(broker, sts)
  await asFunction(broker, sts)
}

async function asJob(broker: RunningBroker, sts: StsStandin): Promise<void> {
  const issued = await exchange(broker, await jobToken(broker), 'web-deployer')
  expect(issued.status === 200, `the exchange for a role answered ${issued.status}`)
  const credentials = JSON.parse(String(issued.body.access_token)) as Record<string, string>
  const asked = sts.assumed.at(-1)
  expect(asked !== undefined, 'STS was not asked')
  if (verbose) process.stdout.write(`\nAssumeRole ${JSON.stringify(asked, null, 2)}\n`)
  const tags = asked!.Tags.map(({ Key, Value }) => `${Key}=${Value}`).join(', ')
  step(
    `a job traded its token for AWS credentials of ${asked!.RoleArn}, for ${asked!.DurationSeconds} s, tagged ${tags}`,
  )
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = credentials
  const arn = await callerOf(sts, () =>
    Promise.resolve({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration: new Date(credentials.Expiration ?? ''),
    }),
  )
  expect(arn.endsWith(`/web-deploys.${issued.decisionId}`), `the session is called ${arn}`)
  step(`in CloudTrail it has the rule's name and the decision's id, and one source identity: ${asked!.SourceIdentity}`)

  const hostile = await jobToken(broker, { environment: 'production", "*' })
  await refused(
    broker,
    'a tag value that AWS does not take',
    await exchange(broker, hostile, 'web-deployer'),
    'invalid_target',
  )

  sts.denied.add(asked!.RoleArn)
  const waiting = await jobToken(broker)
  await refused(
    broker,
    'a role whose owner does not let the broker in',
    await exchange(broker, waiting, 'web-deployer'),
    'invalid_target',
  )
  sts.denied.delete(asked!.RoleArn)
  const again = await exchange(broker, waiting, 'web-deployer')
  expect(again.status === 200, `the second try answered ${again.status}`)
  step('and the same token works when the owner has: a refusal of AWS does not spend it')
}

/** No code: AWS's SDK finds the broker by two variables, and the token in the file that the kubelet renews. */
async function asPod(broker: RunningBroker, sts: StsStandin): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'token-broker-demo-'))
  const file = join(folder, 'token')
  try {
    writeFileSync(file, await podToken(broker), { mode: 0o600 })
    const program = `
      import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
      const { Arn } = await new STSClient().send(new GetCallerIdentityCommand())
      process.stdout.write(Arn)`
    const { stdout: arn } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: import.meta.dirname,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        AWS_REGION: region,
        AWS_ENDPOINT_URL_STS: sts.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${broker.url}/credentials/report-reader`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
      },
    })
    expect(/:assumed-role\/report-reader\/nightly-report\./.test(arn), `the pod is ${arn}`)
    step(`a pod has credentials without a line of code, by AWS's own SDK: ${withoutId(arn)}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function asFunction(broker: RunningBroker, sts: StsStandin): Promise<void> {
  const token = () => podToken(broker)
  const arn = await callerOf(sts, fromTokenBroker({ broker: broker.url, target: 'report-reader', token }))
  expect(/:assumed-role\/report-reader\//.test(arn), `the function is ${arn}`)
  step(`a program has them by credentials: fromTokenBroker({ broker, target }): ${withoutId(arn)}`)
}

/** Who AWS says it is whose credentials these are. */
async function callerOf(sts: StsStandin, credentials: AwsCredentialProvider): Promise<string> {
  const client = new STSClient({ endpoint: sts.url, region, credentials })
  try {
    const { Arn = '' } = await client.send(new GetCallerIdentityCommand({}))
    return Arn
  } finally {
    client.destroy()
  }
}

/** The decision's id is another each time. */
function withoutId(arn: string): string {
  return arn.replace(/\.[\w-]{22}$/, '.<decision id>')
}
