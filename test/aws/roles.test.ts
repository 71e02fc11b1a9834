import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts'
import { stsClient } from '../../lib/aws/clients.ts'
import { stsRoles } from '../../lib/aws/roles.ts'
import type { Roles, RoleSession } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { AwsError } from '../../local/standin.ts'
import { startSts, type StsStandin } from '../../local/sts.ts'
import { refusal } from '../protocol/refused.ts'

const signal = new AbortController().signal
const nothing = 'an answer without credentials'

const least: RoleSession = {
  target: 'deployer',
  role: 'arn:aws:iam::123456789012:role/deployer',
  session_name: 'web-deploys.decision',
  source_identity: 'github.hash',
  lifetime: 900,
  tags: {},
  transitive_tags: [],
  managed_policies: [],
}

let standin: StsStandin
let opened: { region: string | undefined; client: STSClient }[]
let roles: Roles

before(async () => {
  standin = await startSts()
  opened = []
  roles = stsRoles((region) => {
    const client = stsClient({
      endpoint: standin.url,
      region: region ?? 'eu-west-1',
      credentials: { accessKeyId: 'ASIALOCAL', secretAccessKey: 'local', sessionToken: 'local' },
    })
    opened.push({ region, client })
    return client
  })
})
after(async () => {
  for (const { client } of opened) client.destroy()
  await standin.close()
})
afterEach(() => {
  standin.faults.length = 0
})

test('a session without restrictions is asked for without any', async () => {
  const credentials = await roles.assume(least, signal)
  assert.match(credentials.AccessKeyId, /^ASIA/)
  assert.ok(credentials.SecretAccessKey.length > 0 && credentials.SessionToken.length > 0)
  const left = credentials.expires_at - Date.now() / 1000
  assert.ok(left > 890 && left <= 900, String(left))
  assert.deepEqual(standin.assumed.at(-1), {
    RoleArn: least.role,
    RoleSessionName: 'web-deploys.decision',
    SourceIdentity: 'github.hash',
    DurationSeconds: 900,
    ExternalId: undefined,
    Policy: undefined,
    PolicyArns: [],
    Tags: [],
    TransitiveTagKeys: [],
  })
})

test('every restriction of a session is asked for', async () => {
  const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] }
  await roles.assume(
    {
      ...least,
      lifetime: 3_600,
      external_id: 'broker-acme',
      tags: { repository: 'acme/web', ref: 'refs/heads/main' },
      transitive_tags: ['repository'],
      policy,
      managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    },
    signal,
  )
  assert.deepEqual(standin.assumed.at(-1), {
    RoleArn: least.role,
    RoleSessionName: 'web-deploys.decision',
    SourceIdentity: 'github.hash',
    DurationSeconds: 3_600,
    ExternalId: 'broker-acme',
    Policy: JSON.stringify(policy),
    PolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    Tags: [
      { Key: 'repository', Value: 'acme/web' },
      { Key: 'ref', Value: 'refs/heads/main' },
    ],
    TransitiveTagKeys: ['repository'],
  })
})

test('each region has one client', async () => {
  opened.length = 0
  for (const region of ['us-east-1', 'ap-south-2', 'us-east-1']) await roles.assume({ ...least, region }, signal)
  assert.deepEqual(
    opened.map(({ region }) => region),
    ['us-east-1', 'ap-south-2'],
  )
})

test('without an endpoint of its own a client asks its region’s STS', async () => {
  const credentials = { accessKeyId: 'ASIALOCAL', secretAccessKey: 'local' }
  const client = stsClient({
    region: 'eu-central-1',
    credentials,
    requestHandler: { handle: ({ hostname }: { hostname: string }) => Promise.reject(new Error(`asked ${hostname}`)) },
  })
  await assert.rejects(client.send(new GetCallerIdentityCommand({})), /asked sts\.eu-central-1\.amazonaws\.com/)
})

describe('what must change before the session can be had is a refusal', () => {
  for (const [code, status, name] of [
    ['AccessDenied', 403, 'AccessDenied'],
    ['PackedPolicyTooLarge', 400, 'PackedPolicyTooLargeException'],
    ['MalformedPolicyDocument', 400, 'MalformedPolicyDocumentException'],
    ['RegionDisabledException', 403, 'RegionDisabledException'],
    ['ValidationError', 400, 'ValidationError'],
    ['InvalidParameterValue', 400, 'InvalidParameterValue'],
  ] as const) {
    test(code, async () => {
      standin.faults.push({ operation: 'AssumeRole', times: Infinity, error: new AwsError(code, 'says STS', status) })
      standin.calls.clear()
      const why = await refusal(roles.assume(least, signal))
      assert.deepEqual(why, {
        reason: 'role_not_assumed',
        target: 'deployer',
        role: least.role,
        error: name,
        action: undefined,
      })
      assert.equal(standin.calls.get('AssumeRole'), 1)
    })
  }

  test('AccessDenied names the action that a policy does not allow, and no principal', async () => {
    const message = `User: arn:aws:sts::111122223333:assumed-role/broker-token/broker is not authorized to perform: sts:TagSession on resource: ${least.role}`
    standin.faults.push({ operation: 'AssumeRole', error: new AwsError('AccessDenied', message, 403) })
    const why = await refusal(roles.assume(least, signal))
    assert.equal((why as { action?: string }).action, 'sts:TagSession')
    assert.doesNotMatch(JSON.stringify(why), /111122223333/)
  })

  for (const [code, message, detail] of [
    ['PackedPolicyTooLarge', 'Packed policy consumes 120% of allotted space, please use smaller policy.', '120%'],
    ['PackedPolicyTooLarge', 'Too large', undefined],
    [
      'ValidationError',
      "1 validation error detected: Value 'secret' at 'tags.1.member.value' failed to satisfy constraint: Member must …",
      'tags.1.member.value',
    ],
    ['ValidationError', `Value at '${'x'.repeat(65)}' failed`, undefined],
    ['ValidationError', 'secret is invalid', undefined],
    ['AccessDenied', "consumes 120% at 'policy'", undefined],
  ] as const)
    test(`${code} says ${detail ?? 'nothing more'}, of: ${message.slice(0, 40)}`, async () => {
      standin.faults.push({ operation: 'AssumeRole', error: new AwsError(code, message, 400) })
      const why = await refusal(roles.assume(least, signal))
      assert.equal((why as { detail?: string }).detail, detail)
      assert.doesNotMatch(JSON.stringify(why), /secret/)
    })

  test('a lifetime over an hour, which STS gives to no role that assumes another', async () => {
    const why = await refusal(roles.assume({ ...least, lifetime: 3_601 }, signal))
    assert.equal((why as { error?: string }).error, 'ValidationError')
  })
})

describe('what STS cannot answer now is unavailable, and asked twice at most', () => {
  for (const [title, fault, asked] of [
    ['throttled', { error: new AwsError('Throttling', 'Rate exceeded', 400) }, 2],
    ['its own failure', { error: new AwsError('InternalFailure', 'x', 500) }, 2],
    ['our own credentials expired', { error: new AwsError('ExpiredToken', 'x', 403) }, 1],
    ['our own credentials unknown', { error: new AwsError('InvalidClientTokenId', 'x', 403) }, 1],
    ['an error that nobody foresaw', { error: new AwsError('SomethingElse', 'x', 400) }, 1],
    ['a connection cut before', { drop: 'before' }, 2],
    ['a connection cut after', { drop: 'after' }, 2],
  ] as const) {
    test(title, async () => {
      standin.faults.push({ operation: 'AssumeRole', times: Infinity, ...fault })
      standin.calls.clear()
      await assert.rejects(roles.assume(least, signal), (error) => {
        assert.ok(error instanceof UnavailableError)
        assert.equal(error.dependency, 'sts')
        return true
      })
      assert.equal(standin.calls.get('AssumeRole'), asked)
    })
  }

  test('a request that was given up', async () => {
    await assert.rejects(roles.assume(least, AbortSignal.abort()), UnavailableError)
  })
})

describe('an answer that is not the one asked for opens nothing', () => {
  const whole = {
    Credentials: {
      AccessKeyId: 'ASIAX',
      SecretAccessKey: 'secret',
      SessionToken: 'token',
      Expiration: new Date('2026-11-25T18:00:00.900Z'),
    },
    AssumedRoleUser: { Arn: 'arn:aws:sts::123456789012:assumed-role/deployer/web-deploys.decision' },
  }
  const answering = (answer: unknown) =>
    stsRoles(
      () => ({ send: () => Promise.resolve(answer) }) as unknown as STSClient,
      () => Date.parse('2026-11-25T17:45:00Z') / 1000,
    )
  const unavailable = (detail: string) => new UnavailableError('sts', detail)

  test('whole: its end is cut to the second', async () => {
    assert.deepEqual(await answering(whole).assume(least, signal), {
      AccessKeyId: 'ASIAX',
      SecretAccessKey: 'secret',
      SessionToken: 'token',
      expires_at: Date.parse('2026-11-25T18:00:00Z') / 1000,
    })
  })

  const ending = (at: string) => ({ ...whole, Credentials: { ...whole.Credentials, Expiration: new Date(at) } })

  test('one that ends in a second is taken: clocks differ', async () => {
    const { expires_at } = await answering(ending('2026-11-25T17:45:01Z')).assume(least, signal)
    assert.equal(expires_at, Date.parse('2026-11-25T17:45:01Z') / 1000)
  })

  test('a role with a path has a session without one', async () => {
    const session = { ...least, role: 'arn:aws:iam::123456789012:role/ci/prod/deployer' }
    assert.equal((await answering(whole).assume(session, signal)).AccessKeyId, 'ASIAX')
  })

  for (const [title, answer, detail] of [
    [
      'of another session',
      { ...whole, AssumedRoleUser: { Arn: `${whole.AssumedRoleUser.Arn}x` } },
      'another session was opened',
    ],
    [
      'of another role',
      { ...whole, AssumedRoleUser: { Arn: 'arn:aws:sts::123456789012:assumed-role/other/web-deploys.decision' } },
      'another session was opened',
    ],
    [
      'of another account',
      { ...whole, AssumedRoleUser: { Arn: 'arn:aws:sts::999999999999:assumed-role/deployer/web-deploys.decision' } },
      'another session was opened',
    ],
    ['that has ended', ending('2026-11-25T17:45:00Z'), 'a session that has ended'],
    ['of a session without a name', { ...whole, AssumedRoleUser: {} }, 'another session was opened'],
    ['of no session', { Credentials: whole.Credentials }, 'another session was opened'],
    ['without credentials', { AssumedRoleUser: whole.AssumedRoleUser }, nothing],
    ['without a key id', { ...whole, Credentials: { ...whole.Credentials, AccessKeyId: '' } }, nothing],
    ['without a secret', { ...whole, Credentials: { ...whole.Credentials, SecretAccessKey: undefined } }, nothing],
    ['without a session token', { ...whole, Credentials: { ...whole.Credentials, SessionToken: undefined } }, nothing],
    ['without an end', { ...whole, Credentials: { ...whole.Credentials, Expiration: undefined } }, nothing],
    [
      'with an end that is none',
      { ...whole, Credentials: { ...whole.Credentials, Expiration: new Date('x') } },
      nothing,
    ],
  ] as const) {
    test(title, async () => {
      await assert.rejects(answering(answer).assume(least, signal), unavailable(detail))
    })
  }
})

test('what is not asked for is not in the request, not even empty', async () => {
  const inputs: object[] = []
  const send = ({ input }: { input: object }) => {
    inputs.push(input)
    return Promise.reject(sdkError('Throttling'))
  }
  await assert.rejects(stsRoles(() => ({ send }) as unknown as STSClient).assume(least, signal), UnavailableError)
  assert.deepEqual(inputs, [
    {
      RoleArn: least.role,
      RoleSessionName: 'web-deploys.decision',
      SourceIdentity: 'github.hash',
      DurationSeconds: 900,
    },
  ])
})

describe('the names that the SDK, or another version of it, gives to a refusal', () => {
  for (const name of [
    'AccessDeniedException',
    'PackedPolicyTooLarge',
    'MalformedPolicyDocument',
    'ValidationException',
  ])
    test(name, async () => {
      const client = { send: () => Promise.reject(sdkError(name)) } as unknown as STSClient
      const why = await refusal(stsRoles(() => client).assume(least, signal))
      assert.equal((why as { error?: string }).error, name)
    })
})

function sdkError(name: string): Error {
  return Object.assign(new Error('x'), { name })
}
