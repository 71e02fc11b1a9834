import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  NotFoundException,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { dynamodbClient, kmsClient, sqsClient } from '../lib/aws/clients.ts'
import { findSigningKey } from '../lib/aws/signing-keys.ts'
import { keyGenerations } from '../lib/config/key-generations.ts'
import type { SigningAlgorithm } from '../lib/protocol/algorithms.ts'
import type { SigningKey } from '../lib/protocol/signing-keys.ts'
import { hasLogins, type Configuration } from '../lib/trust/configuration.ts'
import { createTable, startDynamodb } from './dynamodb.ts'
import { startKms } from './kms.ts'
import { startSqs } from './sqs.ts'
import { startSts } from './sts.ts'

export interface World {
  close(): Promise<void>
}

const table = 'token-broker'
const queue = 'token-broker-logout'

/** Of the queue, in seconds: a client that was not told is told again soon, and given up while one looks on. */
const VISIBILITY_TIMEOUT = 1
const MAX_RECEIVE_COUNT = 5

/**
 * Everything a deployment has, on loopback: DynamoDB, KMS, STS and, for logins, SQS stand-ins where `AWS_ENDPOINT_URL` or a service's own
 * variable names none, the table, the signing keys. Tells the functions about it as a deployment does: in process.env.
 * With a `dataDirectory` keys and receipts outlive the process.
 */
export async function startWorld(configuration: Configuration, dataDirectory?: string): Promise<World> {
  process.env.AWS_REGION ??= 'eu-west-1'
  const opened: { variable: string; standin: { close(): Promise<void> } }[] = []
  for (const [service, start] of [
    ['DYNAMODB', startDynamodb],
    ['KMS', startKms],
    ['STS', startSts],
    ...(hasLogins(configuration) ? ([['SQS', startSqs]] as const) : []),
  ] as const) {
    const variable = `AWS_ENDPOINT_URL_${service}`
    if (process.env[variable] ?? process.env.AWS_ENDPOINT_URL) continue
    const standin = await start(dataDirectory === undefined ? {} : { dataDirectory })
    opened.push({ variable, standin })
    process.env[variable] = standin.url
  }
  // Stand-ins take any credentials; real endpoints have their own in the environment.
  if (opened.length > 0) {
    process.env.AWS_ACCESS_KEY_ID ??= 'ASIALOCAL'
    process.env.AWS_SECRET_ACCESS_KEY ??= 'local'
  }
  process.env.BROKER_TABLE ??= table
  await createTable(dynamodbClient(), process.env.BROKER_TABLE)
  process.env.BROKER_SIGNING_KEYS = JSON.stringify(await signingKeys(kmsClient(), configuration))
  if (hasLogins(configuration)) process.env.BROKER_LOGOUT_QUEUE = await logoutQueue(sqsClient())
  return {
    async close() {
      // Whoever starts another world in this process would otherwise ask where nobody is.
      for (const { variable } of opened) delete process.env[variable]
      await Promise.all(opened.map(({ standin }) => standin.close()))
    },
  }
}

/** One KMS key for each algorithm and generation, as the deployment's construct makes them. */
async function signingKeys(client: KMSClient, { signing }: Configuration): Promise<SigningKey[]> {
  return Promise.all(
    keyGenerations(signing).map(async ({ alg, generation, state }) => {
      const alias = `alias/token-broker/${alg}/${generation}`
      const arn = (await findKey(client, alias)) ?? (await createKey(client, alg, alias))
      return findSigningKey(client, { arn, alg, state })
    }),
  )
}

async function findKey(client: KMSClient, alias: string): Promise<string | undefined> {
  try {
    return (await client.send(new DescribeKeyCommand({ KeyId: alias }))).KeyMetadata?.Arn
  } catch (error) {
    if (error instanceof NotFoundException) return undefined
    throw error
  }
}

async function createKey(client: KMSClient, alg: SigningAlgorithm, alias: string): Promise<string> {
  const { KeyMetadata } = await client.send(
    new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', KeySpec: alg === 'ES256' ? 'ECC_NIST_P256' : 'RSA_2048' }),
  )
  if (KeyMetadata?.Arn === undefined) throw new Error('KMS answered no ARN for a new key')
  await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata.Arn }))
  return KeyMetadata.Arn
}

/** The queue of logout notices, and that of its dead letters. Its URL. */
async function logoutQueue(client: SQSClient): Promise<string> {
  const deadLetters = await createQueue(client, `${queue}-dead-letters`, {})
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLetters, AttributeNames: ['QueueArn'] }),
  )
  return createQueue(client, queue, {
    VisibilityTimeout: String(VISIBILITY_TIMEOUT),
    RedrivePolicy: JSON.stringify({
      deadLetterTargetArn: Attributes?.QueueArn,
      maxReceiveCount: MAX_RECEIVE_COUNT,
    }),
  })
}

async function createQueue(client: SQSClient, QueueName: string, Attributes: Record<string, string>): Promise<string> {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName, Attributes }))
  if (QueueUrl === undefined) throw new Error('SQS answered no URL for a queue')
  return QueueUrl
}
