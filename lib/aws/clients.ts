import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms'
import { SecretsManagerClient, type SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs'
import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts'
import { deadlines } from '../deadlines.ts'

/** Region, credentials and endpoint (AWS_ENDPOINT_URL_…) come from the environment; `config` is for tests. */
export function dynamodbClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ ...limits(deadlines.aws), ...config })
}

export function kmsClient(config: KMSClientConfig = {}): KMSClient {
  return new KMSClient({ ...limits(deadlines.aws), ...config })
}

export function secretsManagerClient(config: SecretsManagerClientConfig = {}): SecretsManagerClient {
  return new SecretsManagerClient({ ...limits(deadlines.aws), ...config })
}

export function sqsClient(config: SQSClientConfig = {}): SQSClient {
  return new SQSClient({ ...limits(deadlines.aws), ...config })
}

/** At the region's own endpoint, which is the SDK's default. */
export function stsClient(config: STSClientConfig = {}): STSClient {
  return new STSClient({ ...limits(deadlines.sts), ...config })
}

/**
 * Connections are kept alive, which is the handler's default. No `socketTimeout`: it would close idle ones too. A body that
 * stalls after its headers is ended by the request's own AbortSignal.
 */
function limits({ connect, response, attempts }: { connect: number; response: number; attempts: number }) {
  return {
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: connect,
      requestTimeout: response,
      // Without it the SDK only warns.
      throwOnRequestTimeout: true,
    },
  }
}
