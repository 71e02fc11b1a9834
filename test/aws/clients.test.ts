import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import { GetPublicKeyCommand } from '@aws-sdk/client-kms'
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { dynamodbClient, kmsClient, secretsManagerClient, sqsClient } from '../../lib/aws/clients.ts'

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
type Config = Parameters<typeof dynamodbClient>[0] &
  Parameters<typeof kmsClient>[0] &
  Parameters<typeof secretsManagerClient>[0] &
  Parameters<typeof sqsClient>[0]

describe('a service that never answers is given up after two attempts of a second', { concurrency: true }, () => {
  for (const [name, ask] of [
    [
      'KMS',
      async (config: Config, options: { abortSignal: AbortSignal }) =>
        kmsClient(config).send(new GetPublicKeyCommand({ KeyId: 'k' }), options),
    ],
    [
      'DynamoDB',
      async (config: Config, options: { abortSignal: AbortSignal }) =>
        dynamodbClient(config).send(new GetItemCommand({ TableName: 't', Key: { pk: { S: 'x' } } }), options),
    ],
    [
      'Secrets Manager',
      async (config: Config, options: { abortSignal: AbortSignal }) =>
        secretsManagerClient(config).send(new GetSecretValueCommand({ SecretId: 's' }), options),
    ],
    [
      'SQS',
      async (config: Config, options: { abortSignal: AbortSignal }) =>
        sqsClient(config).send(
          new SendMessageCommand({ QueueUrl: 'https://sqs.example/1/q', MessageBody: 'x' }),
          options,
        ),
    ],
  ] as const) {
    test(name, async () => {
      let requests = 0
      const server = createServer(() => void requests++)
      await once(server.listen(0, '127.0.0.1'), 'listening')
      try {
        const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        // Long after the two attempts.
        const options = { abortSignal: AbortSignal.timeout(5_000) }
        await assert.rejects(ask({ endpoint, region: 'eu-west-1', credentials }, options), { name: 'TimeoutError' })
        assert.equal(requests, 2)
      } finally {
        server.close()
        server.closeAllConnections()
      }
    })
  }
})
