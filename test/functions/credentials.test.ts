import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { compile } from '../../lib/config/compile.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { AwsError, type Fault } from '../../local/standin.ts'
import { startSts, type StsStandin } from '../../local/sts.ts'
import { broker, captureLog, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'
import { exchangeEvent } from './token-event.ts'

let world: FaultyWorld
let sts: StsStandin
let issuer: ExampleIssuer
let token: LambdaFunction
const log = captureLog()

before(async () => {
  issuer = await startExampleIssuer()
  sts = await startSts()
  process.env.AWS_ENDPOINT_URL_STS = sts.url
  const { text, file } = quickstartConfig(issuer.url)
  const { configuration } = compile(text, file, { local: true, issuer: broker, now: now() })
  world = await openFaultyWorld(configuration)
  token = await loadFunction('token', configuration)
})
afterEach(() => {
  world.mend()
  sts.faults.length = 0
  sts.denied.clear()
  sts.calls.clear()
  log.length = 0
})
after(() => Promise.all([world.close(), sts.close(), issuer.close()]))

const jobToken = (changes = {}) => issuer.sign({ aud: broker, ...changes })
const podToken = (changes = {}) => issuer.signForPod({ aud: [broker], ...changes })

interface Answer {
  status: number
  body: Record<string, string>
  headers: Record<string, unknown>
}

async function call(event: APIGatewayProxyEventV2): Promise<Answer> {
  const { statusCode, body, headers } = await token(event, { awsRequestId: 'r' } as Context)
  return { status: Number(statusCode), body: JSON.parse(body ?? '') as Record<string, string>, headers: { ...headers } }
}

const exchange = (subject_token: string, audience = 'web-deployer') => call(exchangeEvent(subject_token, { audience }))

function fetchCredentials(authorization: string, target = 'report-reader'): Promise<Answer> {
  const path = `/credentials/${target}`
  return call({
    rawPath: path,
    headers: { authorization },
    requestContext: { http: { method: 'GET', path } },
  } as unknown as APIGatewayProxyEventV2)
}

test('what STS is asked is the rule’s tags and policy, word for word', async () => {
  const { status, body } = await exchange(await jobToken())
  assert.deepEqual([status, body.token_type], [200, 'N_A'])
  const { RoleSessionName, Policy, ...asked } = sts.assumed.at(-1)!
  assert.match(RoleSessionName, /^web-deploys\.[\w-]{22}$/)
  assert.deepEqual(JSON.parse(Policy!), {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:PutObject', 's3:DeleteObject'],
        Resource: 'arn:aws:s3:::acme-sites/${aws:PrincipalTag/repository}/*',
      },
    ],
  })
  assert.deepEqual(asked, {
    RoleArn: 'arn:aws:iam::123456789012:role/web-deployer',
    SourceIdentity: 'github.dVYx0_YF4TcEmCv1ulVfm61t_AJiSnPZEAQKdk2qhQE',
    DurationSeconds: 3_600,
    ExternalId: 'broker-acme',
    PolicyArns: [],
    Tags: [
      { Key: 'repository', Value: 'acme/web' },
      { Key: 'environment', Value: 'production' },
    ],
    TransitiveTagKeys: ['repository'],
  })
})

test('a warm exchange for a role makes three AWS calls: put, batch get, assume', async () => {
  await exchange(await jobToken())
  world.mend()
  sts.calls.clear()
  await exchange(await jobToken())
  assert.deepEqual(world.operations().toSorted(), ['BatchGetItem', 'PutItem'])
  assert.deepEqual([...sts.calls], [['AssumeRole', 1]])
})

test('the receipt leads to CloudTrail, and to no key of ours', async () => {
  const jti = 'job-with-a-receipt'
  const { headers } = await exchange(await jobToken({ jti }))
  const row = await world.row(`receipt#github#jti:${jti}`)
  assert.deepEqual(
    [row?.role?.S, row?.session_name?.S, row?.source_identity?.S, row?.kid],
    [
      'arn:aws:iam::123456789012:role/web-deployer',
      `web-deploys.${String(headers['x-decision-id'])}`,
      sts.assumed.at(-1)?.SourceIdentity,
      undefined,
    ],
  )
})

describe('hostile claims never change what STS is asked', () => {
  const character = 'its value has a character that AWS does not take in a tag'
  for (const [environment, detail] of [
    ['a"b', character],
    ["a'--", character],
    ['a*', character],
    ['${aws:PrincipalTag/admin}', character],
    ['a\nb', character],
    ['\u202eproduction', character],
    ['x'.repeat(257), 'its value is longer than 256 characters'],
  ] as const)
    test(JSON.stringify(environment).slice(0, 40), async () => {
      const subject_token = await jobToken({ environment })
      const { status, body } = await exchange(subject_token)
      assert.deepEqual([status, body.error, log], [400, 'invalid_target', [`refused: ${detail}`]])
      assert.equal(sts.calls.size, 0)
      // Nothing was spent.
      assert.equal((await exchange(subject_token, 'deploy-api')).status, 200)
    })

  test('a subject in any script is one identity of STS’s alphabet', async () => {
    const pod = {
      namespace: 'reports',
      serviceaccount: { name: 'x', uid: '3f0c8a52-6f0c-4c5b-9b1e-2d7f3c1a9e55' },
      pod: { name: 'πod-1' },
    }
    assert.equal((await fetchCredentials(await podToken({ 'kubernetes.io': pod }))).status, 200)
    const { SourceIdentity, Tags } = sts.assumed.at(-1)!
    assert.match(SourceIdentity!, /^cluster\.[\w-]{43}$/)
    assert.deepEqual(Tags, [{ Key: 'pod', Value: 'πod-1' }])
  })
})

describe('what STS refuses, or cannot answer, leaves the token unspent', () => {
  for (const [title, fault, status, error, line] of [
    [
      'AccessDenied',
      { error: new AwsError('AccessDenied', 'is not authorized to perform: sts:TagSession on resource: x', 403) },
      400,
      'invalid_target',
      'refused: role_not_assumed',
    ],
    [
      'PackedPolicyTooLarge',
      { error: new AwsError('PackedPolicyTooLarge', 'Packed policy consumes 120% of allotted space') },
      400,
      'invalid_target',
      'refused: 120%',
    ],
    [
      'throttled',
      { error: new AwsError('Throttling', 'Rate exceeded'), times: 2 },
      503,
      'temporarily_unavailable',
      'unavailable: sts: Throttling',
    ],
    ['down', { drop: 'before', times: 2 }, 503, 'temporarily_unavailable', 'unavailable: sts: TimeoutError'],
    ['its answer lost', { drop: 'after', times: 2 }, 503, 'temporarily_unavailable', 'unavailable: sts: TimeoutError'],
    [
      'no such answer',
      { error: new AwsError('<html>', 'x', 500), times: 2 },
      503,
      'temporarily_unavailable',
      'unavailable: sts: <html>',
    ],
  ] as const satisfies readonly (readonly [string, Partial<Fault>, number, string, string])[])
    test(title, async () => {
      sts.faults.push({ operation: 'AssumeRole', ...fault })
      const jti = `job-${title.replaceAll(' ', '-')}`
      const subject_token = await jobToken({ jti })
      const refused = await exchange(subject_token)
      assert.deepEqual([refused.status, refused.body.error, log], [status, error, [line]])
      assert.equal((await world.row(`receipt#github#jti:${jti}`))?.state?.S, 'released')
      assert.equal((await exchange(subject_token)).status, 200)
      assert.equal((await exchange(subject_token)).body.error, 'invalid_request')
    })
})

test('nothing is asked of STS while a revocation stands, whichever way they come', async () => {
  const values = {
    not_before: { N: '0' },
    blocked_until: { N: String(now() + 600) },
    expires_at: { N: String(now() + 900) },
  }
  for (const target of ['web-deployer', 'report-reader'])
    await world.client.send(
      new PutItemCommand({ TableName: 'token-broker', Item: { pk: { S: `revocation#target#${target}` }, ...values } }),
    )
  assert.equal((await exchange(await jobToken())).status, 400)
  assert.equal((await fetchCredentials(await podToken())).status, 400)
  assert.equal(sts.calls.size, 0)
  for (const target of ['web-deployer', 'report-reader'])
    await world.client.send(
      new PutItemCommand({
        TableName: 'token-broker',
        Item: { pk: { S: `revocation#target#${target}` }, ...values, blocked_until: { N: '0' } },
      }),
    )
  assert.equal((await exchange(await jobToken())).status, 200)
})

describe('the container protocol', () => {
  test('answers the four members that SDKs read, again for the same token', async () => {
    const subject_token = await podToken()
    for (const authorization of [subject_token, `Bearer ${subject_token}`]) {
      const { status, body, headers } = await fetchCredentials(authorization)
      assert.equal(status, 200)
      assert.deepEqual(Object.keys(body), ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'])
      assert.match(body.Expiration ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      assert.equal(headers['cache-control'], 'no-store')
    }
  })

  test('an unknown target and one that is not granted are told apart by the decision’s id alone', async () => {
    const subject_token = await podToken()
    const answers = await Promise.all(
      ['web-deployer', 'nobody-knows', 'deploy-api'].map((target) => fetchCredentials(subject_token, target)),
    )
    const texts = answers.map(({ status, body, headers }) =>
      JSON.stringify([status, body]).replaceAll(String(headers['x-decision-id']), '<id>'),
    )
    assert.equal(new Set(texts).size, 1, texts.join('\n'))
  })

  test('errors have the status of /token, and the names that SDKs read', async () => {
    sts.faults.push({ operation: 'AssumeRole', times: 2, error: new AwsError('Throttling', 'Rate exceeded') })
    const { status, body, headers } = await fetchCredentials(await podToken())
    assert.equal(status, 503)
    assert.match(String(headers['retry-after']), /^[1-5]$/)
    assert.equal(body.code, 'temporarily_unavailable')
    assert.deepEqual([body.Code, body.Message], [body.code, body.message])
    assert.ok(body.message?.includes(String(headers['x-decision-id'])))
  })

  test('a CI job’s token, which works once, is sent elsewhere', async () => {
    const { status, body } = await fetchCredentials(await jobToken(), 'web-deployer')
    assert.equal(status, 400)
    assert.match(body.message ?? '', /token-broker credential-process/)
  })
})
