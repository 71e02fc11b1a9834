import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, describe, test } from 'node:test'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms'
import { checkAws, type Account } from '../../../cli/doctor/aws.ts'
import type { Check } from '../../../cli/doctor/check.ts'
import { compile } from '../../../lib/config/compile.ts'
import { startKms } from '../../../local/kms.ts'
import { close, listen } from '../../../local/loopback.ts'
import type { Standin } from '../../../local/standin.ts'
import { startSts, type StsStandin } from '../../../local/sts.ts'
import { noJob } from '../job-environment.ts'
import { runCommand } from '../run-command.ts'

type Members = Record<string, unknown>

/** What DynamoDB, Lambda and Service Quotas answer on the wire, each by the operation's name: changed by tests. */
const good: Readonly<Record<string, Members>> = {
  DescribeTable: {
    Table: {
      TableStatus: 'ACTIVE',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [{ IndexName: 'by_id', IndexStatus: 'ACTIVE' }],
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      DeletionProtectionEnabled: true,
    },
  },
  DescribeTimeToLive: { TimeToLiveDescription: { AttributeName: 'expires_at', TimeToLiveStatus: 'ENABLED' } },
  DescribeContinuousBackups: {
    ContinuousBackupsDescription: {
      ContinuousBackupsStatus: 'ENABLED',
      PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'ENABLED' },
    },
  },
  '/2016-08-19/account-settings/': { AccountLimit: { ConcurrentExecutions: 1_000 } },
  ListServiceQuotas: { Quotas: [], NextToken: 'more' },
  'ListServiceQuotas more': {
    Quotas: [
      { QuotaName: 'Cryptographic operations (RSA) request rate', Value: 1_000 },
      { QuotaName: 'Cryptographic operations (ECC) request rate', Value: 1_000 },
    ],
  },
}

let answers: Record<string, Members | number> = {}
const authorizations: string[] = []
let server: Server
let sts: StsStandin
let kms: Standin
let client: KMSClient
const arns: string[] = []

async function operationOf({ headers, url = '' }: IncomingMessage, body: string): Promise<string> {
  const operation = String(headers['x-amz-target'] ?? url).replace(/^.*\./, '')
  const { NextToken } = body.startsWith('{') ? (JSON.parse(body) as { NextToken?: string }) : {}
  return NextToken === undefined ? operation : `${operation} ${NextToken}`
}

before(async () => {
  server = createServer((request, response) => {
    void (async () => {
      const operation = await operationOf(request, await text(request))
      authorizations.push(request.headers.authorization ?? '')
      const answer = answers[operation] ?? good[operation]
      const denied = { __type: 'com.amazonaws.x#AccessDeniedException', Message: 'secret' }
      response
        .writeHead(typeof answer === 'object' ? 200 : (answer ?? 500), { 'content-type': 'application/x-amz-json-1.0' })
        .end(JSON.stringify(typeof answer === 'object' ? answer : denied))
    })()
  })
  sts = await startSts()
  kms = await startKms()
  Object.assign(process.env, noJob, {
    AWS_ACCESS_KEY_ID: 'ASIALOCAL',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    AWS_REGION: 'eu-west-1',
    AWS_ENDPOINT_URL: await listen(server, 0),
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_ENDPOINT_URL_KMS: kms.url,
  })
  client = new KMSClient({})
  for (const [alg, KeySpec] of [
    ['ES256', 'ECC_NIST_P256'],
    ['RS256', 'RSA_2048'],
  ] as const) {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', KeySpec }))
    arns.push(KeyMetadata?.Arn ?? '')
    await client.send(
      new CreateAliasCommand({ AliasName: `alias/token-broker/${alg}/1`, TargetKeyId: KeyMetadata?.Arn ?? '' }),
    )
  }
})
after(async () => {
  await Promise.all([close(server), sts.close(), kms.close()])
})
afterEach(() => {
  answers = {}
  authorizations.length = 0
})

const yaml = (signing = '') => `version: 1
issuer: https://broker.test
${signing}
issuers: { ci: { issuer: https://ci.test } }
targets: { api: { audience: https://api.test } }
rules: { r: { issuer: ci, match: { job: "3" }, grant: [{ target: api }] } }
`
const configuration = compile(yaml(), 'broker.yaml', { now: 0 }).configuration

function examine(changes: Partial<Account> = {}): Promise<Check[]> {
  return checkAws({ stack: 'token-broker', table: 'receipts', configuration, published: [], ...changes })
}

const outcomes = (checks: readonly Check[]) => checks.map(({ check, outcome }) => `${check} ${outcome}`)

test('an account in which all is well', async () => {
  const checks = await examine()
  assert.deepEqual(outcomes(checks), [
    'identity ok',
    'concurrency ok',
    'signatures ok',
    'signatures ok',
    'table ok',
    'ES256/1 ok',
    'RS256/1 ok',
  ])
  assert.match(checks[0]?.seen ?? '', /^arn:aws:iam::000000000000:user\/local, eu-west-1$/)
  assert.doesNotMatch(JSON.stringify(checks), /wJalr/)
  for (const service of ['lambda', 'servicequotas', 'dynamodb'])
    assert.ok(
      authorizations.some((text) => text.includes(`/eu-west-1/${service}/aws4_request`)),
      service,
    )
})

const table = (members: Members) => ({
  DescribeTable: { Table: { ...(good.DescribeTable?.Table as Members), ...members } },
})

describe('one thing is not as it should be', () => {
  for (const [what, changed, found, seen] of [
    [
      'ten sandboxes',
      { '/2016-08-19/account-settings/': { AccountLimit: { ConcurrentExecutions: 10 } } },
      'concurrency warning',
      /^Lambda runs 10 at once/,
    ],
    ['a Lambda that does not say', { '/2016-08-19/account-settings/': {} }, 'concurrency not_tried', /./],
    [
      'a Lambda that may not be asked',
      { '/2016-08-19/account-settings/': 403 },
      'concurrency not_tried',
      /^lambda answered 403$/,
    ],
    [
      'fewer signatures than /token lets through',
      {
        'ListServiceQuotas more': {
          Quotas: [
            ...((good['ListServiceQuotas more']?.Quotas as unknown[]) ?? []),
            { QuotaName: 'Cryptographic operations (ECC) request rate', Value: 299 },
          ],
        },
      },
      'signatures warning',
      /^KMS signs 299 times a second by ES256/,
    ],
    ['a table that is being made', table({ TableStatus: 'CREATING' }), 'table failed', /^it is CREATING$/],
    ['a table by another key', table({ KeySchema: [{ AttributeName: 'id' }] }), 'table failed', /^its key is not pk$/],
    ['a table without the index', table({ GlobalSecondaryIndexes: [] }), 'table failed', /by_id/],
    ['a table with provisioned throughput', table({ BillingModeSummary: undefined }), 'table failed', /provisioned/],
    [
      'a table that forgets nothing',
      { DescribeTimeToLive: { TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } } },
      'table failed',
      /expires_at/,
    ],
    [
      'a table that can be deleted',
      table({ DeletionProtectionEnabled: false }),
      'table warning',
      /^it is without deletion protection$/,
    ],
    [
      'a table without recovery',
      { DescribeContinuousBackups: { ContinuousBackupsDescription: {} } },
      'table warning',
      /^it is without point-in-time recovery$/,
    ],
    [
      'a table that may not be read',
      { DescribeTable: 400 },
      'table not_tried',
      /^it could not be read \(AccessDeniedException\)$/,
    ],
  ] as [string, Record<string, Members | number>, string, RegExp][])
    test(what, async () => {
      answers = changed
      const wrong = (await examine()).filter(({ outcome }) => outcome !== 'ok')
      assert.deepEqual(outcomes(wrong), [found])
      assert.match(wrong[0]?.seen ?? '', seen)
      assert.doesNotMatch(JSON.stringify(wrong), /secret/)
    })

  test('quotas that may not be read, or are not told', async () => {
    answers = { ListServiceQuotas: 400 }
    assert.match((await examine())[2]?.seen ?? '', /^servicequotas answered 400$/)
    answers = { ListServiceQuotas: { Quotas: null } }
    assert.deepEqual(outcomes(await examine()).slice(2, 4), ['signatures not_tried', 'signatures not_tried'])
  })

  test('pages without end', async () => {
    answers = { 'ListServiceQuotas more': { NextToken: 'more' } }
    assert.deepEqual(outcomes(await examine()).slice(2, 4), ['signatures not_tried', 'signatures not_tried'])
  })

  test('a signing key that is disabled', async () => {
    const [KeyId] = arns
    await client.send(new DisableKeyCommand({ KeyId }))
    try {
      const wrong = (await examine()).filter(({ outcome }) => outcome !== 'ok')
      assert.deepEqual(outcomes(wrong), ['ES256/1 failed'])
      assert.equal(wrong[0]?.seen, `${KeyId} is Disabled`)
    } finally {
      await client.send(new EnableKeyCommand({ KeyId }))
    }
  })

  test('a generation that is not deployed', async () => {
    const signing = 'signing: { algorithms: [ES256, RS256], keys: { ES256: { active: "1", published: ["2"] } } }'
    const more = compile(yaml(signing), 'broker.yaml', { now: 0 }).configuration
    const wrong = (await examine({ configuration: more })).filter(({ outcome }) => outcome !== 'ok')
    assert.deepEqual(outcomes(wrong), ['ES256/2 failed'])
    assert.match(wrong[0]?.seen ?? '', /NotFoundException/)
  })

  test('a key of KMS that is not at /jwks', async () => {
    const stranger = { kid: 'x', algorithms: ['ES256'], jwk: { kty: 'EC' } } as const
    const wrong = (await examine({ published: [stranger] })).filter(({ outcome }) => outcome !== 'ok')
    assert.deepEqual(outcomes(wrong), ['ES256/1 failed', 'RS256/1 failed'])
    assert.match(wrong[0]?.seen ?? '', /is not at \/jwks$/)
  })

  test('a stack of another name', async () => {
    assert.deepEqual(outcomes(await examine({ stack: 'other' })).slice(-2), ['ES256/1 failed', 'RS256/1 failed'])
  })
})

test('what is not named is not tried', async () => {
  const checks = await examine({ table: undefined, configuration: undefined })
  assert.deepEqual(outcomes(checks).slice(-2), ['table not_tried', 'signing keys not_tried'])
})

test('by the command: without credentials nothing else is asked, and no secret is printed', async () => {
  const nobody = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_CONFIG_FILE: '/nonexistent' }
  const env = { ...nobody, AWS_SHARED_CREDENTIALS_FILE: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true' }
  const { code, stdout, stderr } = await runCommand(['doctor', '--aws'], { env })
  assert.deepEqual([code, stderr], [1, ''])
  assert.match(
    stdout,
    /^AWS\n {2}x identity .*\(CredentialsProviderError\); set AWS_PROFILE.*\n {2}- the rest .*\n1 of 2/,
  )
})

test('by the command: the parts follow each other', async () => {
  const { code, stdout } = await runCommand(['doctor', '--aws', '--table', 'receipts'])
  assert.equal(code, 0, stdout)
  assert.match(
    stdout,
    /^AWS\n {2}✓ identity .*\n(?: {2}✓ .*\n){4} {2}- signing keys .*\nno check failed, 1 not tried\n$/,
  )
})
