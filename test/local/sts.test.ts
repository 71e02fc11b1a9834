import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetWebIdentityTokenCommand,
  STSClient,
  type AssumeRoleCommandInput,
} from '@aws-sdk/client-sts'
import { startSts, type StsStandin } from '../../local/sts.ts'

let standin: StsStandin
let client: STSClient

function clientAs(accessKeyId: string): STSClient {
  const credentials = { accessKeyId, secretAccessKey: 'local' }
  return new STSClient({ endpoint: standin.url, region: 'eu-west-1', credentials, maxAttempts: 1 })
}

before(async () => {
  standin = await startSts()
  client = clientAs('AKIALOCAL')
})
after(async () => {
  client.destroy()
  await standin.close()
})

const role: AssumeRoleCommandInput = {
  RoleArn: 'arn:aws:iam::123456789012:role/ci/deployer',
  RoleSessionName: 'web-deploys.abc',
}

test('AssumeRole answers unique credentials, and keeps all that it was asked', async () => {
  const asked: AssumeRoleCommandInput = {
    ...role,
    DurationSeconds: 900,
    SourceIdentity: 'github.abc',
    ExternalId: 'broker',
    Policy: JSON.stringify({ Version: '2012-10-17', Statement: [] }),
    PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }],
    Tags: [
      { Key: 'repository', Value: 'acme/web & <more> "é"'.replace(/[&<>"]/g, '') },
      { Key: 'empty', Value: '' },
    ],
    TransitiveTagKeys: ['repository'],
  }
  const before = Date.now()
  const [one, two] = [await client.send(new AssumeRoleCommand(asked)), await client.send(new AssumeRoleCommand(asked))]
  assert.match(one.Credentials?.AccessKeyId ?? '', /^ASIA[0-9A-F]{16}$/)
  assert.notEqual(one.Credentials?.SecretAccessKey, two.Credentials?.SecretAccessKey)
  const seconds = (one.Credentials!.Expiration!.getTime() - before) / 1000
  assert.ok(seconds > 890 && seconds <= 901, String(seconds))
  assert.equal(one.AssumedRoleUser?.Arn, 'arn:aws:sts::123456789012:assumed-role/deployer/web-deploys.abc')
  assert.equal(one.SourceIdentity, 'github.abc')
  const session = clientAs(one.Credentials?.AccessKeyId ?? '')
  const { Arn, Account } = await session.send(new GetCallerIdentityCommand({}))
  assert.deepEqual([Arn, Account], [one.AssumedRoleUser?.Arn, '123456789012'])
  session.destroy()
  assert.deepEqual(standin.assumed.at(-1), { ...asked, PolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] })
})

for (const [title, changes, name] of [
  ['a role that is none', { RoleArn: 'arn:aws:iam::1:role/x' }, 'ValidationError'],
  ['a session name with a slash', { RoleSessionName: 'a/b' }, 'ValidationError'],
  ['a session name of 65 characters', { RoleSessionName: 'a'.repeat(65) }, 'ValidationError'],
  ['a source identity that begins with aws:', { SourceIdentity: 'aws:me' }, 'ValidationError'],
  ['899 seconds', { DurationSeconds: 899 }, 'ValidationError'],
  ['more than an hour, which no role gets that assumes a role', { DurationSeconds: 3_601 }, 'ValidationError'],
  ['a tag value of 257 characters', { Tags: [{ Key: 'a', Value: 'x'.repeat(257) }] }, 'ValidationError'],
  ['a tag value with a character that STS refuses', { Tags: [{ Key: 'a', Value: 'a;b' }] }, 'ValidationError'],
  ['a tag value that begins with aws:', { Tags: [{ Key: 'a', Value: 'AWS:x' }] }, 'ValidationError'],
  ['a tag of AWS’s own', { Tags: [{ Key: 'AWS:x', Value: '' }] }, 'ValidationError'],
  [
    'keys that differ in case only',
    {
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'A', Value: '2' },
      ],
    },
    'ValidationError',
  ],
  ['51 tags', { Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: '' })) }, 'ValidationError'],
  ['a transitive tag that is not there', { TransitiveTagKeys: ['x'] }, 'ValidationError'],
  ['a policy that is no JSON', { Policy: '{' }, 'MalformedPolicyDocumentException'],
  [
    'a policy over 2,048 characters',
    { Policy: JSON.stringify({ Statement: [], x: 'x'.repeat(2_048) }) },
    'ValidationError',
  ],
  [
    'a policy and tags that are too much together',
    {
      Policy: JSON.stringify({ Statement: [], x: 'x'.repeat(1_900) }),
      Tags: Array.from({ length: 10 }, (_, i) => ({ Key: `key-${i}`, Value: 'x'.repeat(256) })),
    },
    'PackedPolicyTooLargeException',
  ],
] as const satisfies readonly (readonly [string, Partial<AssumeRoleCommandInput>, string])[]) {
  test(`AssumeRole refuses ${title}`, async () => {
    const asked = { ...role, ...(changes as Partial<AssumeRoleCommandInput>) }
    const counted = standin.assumed.length
    await assert.rejects(client.send(new AssumeRoleCommand(asked)), { name })
    assert.equal(standin.assumed.length, counted)
  })
}

const signature = {
  authorization: `AWS4-HMAC-SHA256 Credential=AKIALOCAL/20261125/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
  'x-amz-date': '20261125T120000Z',
}

for (const [title, headers, code] of [
  ['no signature', {}, 'MissingAuthenticationToken'],
  ['a signature that is none', { ...signature, authorization: 'Bearer x' }, 'IncompleteSignature'],
  [
    'a signature for another service',
    { ...signature, authorization: signature.authorization.replace('/sts/', '/kms/') },
    'IncompleteSignature',
  ],
  ['a date that is not that of the scope', { ...signature, 'x-amz-date': '20261126T120000Z' }, 'IncompleteSignature'],
  ['no date', { authorization: signature.authorization }, 'IncompleteSignature'],
  [
    'a signature of 2020',
    { authorization: signature.authorization.replace('20261125', '20200101'), 'x-amz-date': '20200101T120000Z' },
    'SignatureDoesNotMatch',
  ],
] as const) {
  test(`${title} is refused`, async () => {
    const body = new URLSearchParams({ Action: 'GetCallerIdentity', Version: '2011-06-15' })
    const response = await fetch(standin.url, { method: 'POST', headers, body })
    assert.match(await response.text(), new RegExp(`<Code>${code}</Code>`))
    assert.ok(response.status >= 400)
  })
}

test('a trust policy that lets nobody in, or asks for an ExternalId', async () => {
  const denied = 'arn:aws:iam::123456789012:role/denied'
  const external = 'arn:aws:iam::123456789012:role/external'
  standin.denied.add(denied)
  standin.externalIds.set(external, 'broker')
  await assert.rejects(client.send(new AssumeRoleCommand({ ...role, RoleArn: denied })), { name: 'AccessDenied' })
  for (const ExternalId of [undefined, 'other']) {
    const asked = { ...role, RoleArn: external, ...(ExternalId ? { ExternalId } : {}) }
    await assert.rejects(client.send(new AssumeRoleCommand(asked)), { name: 'AccessDenied' })
  }
  await client.send(new AssumeRoleCommand({ ...role, RoleArn: external, ExternalId: 'broker' }))
})

test('GetCallerIdentity and GetWebIdentityToken answer', async () => {
  const { Account, Arn } = await client.send(new GetCallerIdentityCommand({}))
  assert.deepEqual([Account, Arn], ['000000000000', 'arn:aws:iam::000000000000:user/local'])
  const asked = { Audience: ['https://broker.test'], SigningAlgorithm: 'RS256', DurationSeconds: 300 }
  const { WebIdentityToken } = await client.send(new GetWebIdentityTokenCommand(asked))
  const claims = JSON.parse(Buffer.from(WebIdentityToken!.split('.')[1]!, 'base64url').toString()) as Record<
    string,
    number | string
  >
  assert.equal(claims.aud, 'https://broker.test')
  assert.equal(Number(claims.exp) - Number(claims.iat), 300)
})
