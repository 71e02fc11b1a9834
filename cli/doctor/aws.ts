import { createPublicKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { errorName } from '../../lib/aws/unavailable.ts'
import { keyGenerations, type KeyGeneration } from '../../lib/config/key-generations.ts'
import type { VerificationKey } from '../../lib/protocol/key-set.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { checkQuotas } from './aws-quotas.ts'
import { failed, notTried, ok, warning, type Check } from './check.ts'

export interface Account {
  /** The stack's name: its signing keys' aliases begin with it. */
  stack: string
  table: string | undefined
  configuration: Configuration | undefined
  /** What the broker's /jwks has; empty where that was not asked. */
  published: readonly VerificationKey[]
}

/** Only here: a command that asks nothing of AWS should not wait for its SDK. */
async function openAws() {
  const [dynamodb, kms, sts] = await Promise.all([
    import('@aws-sdk/client-dynamodb'),
    import('@aws-sdk/client-kms'),
    import('@aws-sdk/client-sts'),
  ])
  const patience = {
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  }
  return {
    dynamodb: { ...dynamodb, client: new dynamodb.DynamoDBClient(patience) },
    kms: { ...kms, client: new kms.KMSClient(patience) },
    sts: { ...sts, client: new sts.STSClient(patience) },
  }
}

type Aws = Awaited<ReturnType<typeof openAws>>

/** What the AWS credentials that the SDK finds here let us see of a broker's account. Changes nothing. */
export async function checkAws({ stack, table, configuration, published }: Account): Promise<Check[]> {
  const aws = await openAws()
  let region: string
  let identity: Check
  try {
    region = await aws.sts.client.config.region()
    const { Arn } = await aws.sts.client.send(new aws.sts.GetCallerIdentityCommand())
    identity = ok('identity', `${Arn}, ${region}`)
  } catch (error) {
    const remedy = 'set AWS_PROFILE and AWS_REGION, and see who you are with `aws sts get-caller-identity`'
    return [
      failed('identity', `AWS does not know who asks (${errorName(error)})`, remedy),
      notTried('the rest', 'nobody may ask'),
    ]
  }
  return [
    identity,
    ...(await checkQuotas(region, configuration?.signing.algorithms ?? ['ES256', 'RS256'])),
    ...(table === undefined
      ? [notTried('table', 'name it with --table: BrokerTableName of the stack')]
      : await checkTable(aws.dynamodb, table)),
    ...(configuration === undefined
      ? [notTried('signing keys', 'broker.yaml names them: give it with --config')]
      : await checkSigningKeys(aws.kms, stack, configuration, published)),
  ]
}

/** As the stack makes it: docs/storage.md. */
async function checkTable({ client, ...sdk }: Aws['dynamodb'], TableName: string): Promise<Check[]> {
  return orDenied('table', async () => {
    const [{ Table }, { TimeToLiveDescription }, backups] = await Promise.all([
      client.send(new sdk.DescribeTableCommand({ TableName })),
      client.send(new sdk.DescribeTimeToLiveCommand({ TableName })),
      client.send(new sdk.DescribeContinuousBackupsCommand({ TableName })),
    ])
    const { ContinuousBackupsDescription: { PointInTimeRecoveryDescription: recovery } = {} } = backups
    const wrong = [
      ...(Table?.TableStatus === 'ACTIVE' ? [] : [`it is ${Table?.TableStatus}`]),
      ...(Table?.KeySchema?.map(({ AttributeName }) => AttributeName).join() === 'pk' ? [] : ['its key is not pk']),
      ...(Table?.GlobalSecondaryIndexes?.some(
        ({ IndexName, IndexStatus }) => IndexName === 'by_id' && IndexStatus === 'ACTIVE',
      )
        ? []
        : ['its index by_id is not there']),
      ...(Table?.BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST' ? [] : ['its throughput is provisioned']),
      ...(TimeToLiveDescription?.AttributeName === 'expires_at' && TimeToLiveDescription.TimeToLiveStatus === 'ENABLED'
        ? []
        : ['it forgets nothing by expires_at']),
    ]
    const unprotected = [
      ...(Table?.DeletionProtectionEnabled === true ? [] : ['deletion protection']),
      ...(recovery?.PointInTimeRecoveryStatus === 'ENABLED' ? [] : ['point-in-time recovery']),
    ]
    if (wrong.length > 0)
      return [failed('table', wrong.join(', '), 'nothing but the stack should change it: deploy again')]
    if (unprotected.length > 0)
      return [
        warning(
          'table',
          `it is without ${unprotected.join(' and ')}`,
          'only a trial is so: deploy without broker:ephemeral',
        ),
      ]
    return [ok('table', 'key, index, time to live, recovery and deletion protection are as deployed')]
  })
}

async function checkSigningKeys(
  kms: Aws['kms'],
  stack: string,
  { signing }: Configuration,
  published: readonly VerificationKey[],
): Promise<Check[]> {
  const checks = await Promise.all(keyGenerations(signing).map((key) => checkSigningKey(kms, stack, key, published)))
  return checks.flat()
}

async function checkSigningKey(
  { client, ...sdk }: Aws['kms'],
  stack: string,
  { alg, generation, state }: KeyGeneration,
  published: readonly VerificationKey[],
): Promise<Check[]> {
  const check = `${alg}/${generation}`
  const alias = `alias/${stack}/${alg}/${generation}`
  return orDenied(check, async () => {
    const { KeyMetadata } = await client.send(new sdk.DescribeKeyCommand({ KeyId: alias }))
    const { Arn: arn = '', KeyState } = KeyMetadata ?? {}
    if (KeyState !== 'Enabled')
      return [
        failed(check, `${arn} is ${KeyState}`, 'tokens cannot be signed by it: enable it, or cancel its deletion'),
      ]
    const { PublicKey = [] } = await client.send(new sdk.GetPublicKeyCommand({ KeyId: arn }))
    const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
    const kid = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }))
    if (published.length > 0 && !published.some((key) => key.kid === kid))
      return [failed(check, `${arn} is not at /jwks`, 'its tokens cannot be verified: deploy again')]
    return [ok(check, `${arn}, ${state}${published.length === 0 ? '' : ', is at /jwks'}`)]
  })
}

/** What may not be read is not known, and no failure. The SDK's own text stays behind. */
async function orDenied(check: string, work: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await work()
  } catch (error) {
    const name = errorName(error)
    if (/NotFound/.test(name))
      return [failed(check, `there is none (${name})`, 'see that name, account and region are right')]
    return [notTried(check, `it could not be read (${name})`)]
  }
}
