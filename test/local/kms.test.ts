import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListAliasesCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  VerifyCommand,
  type KeySpec,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms'
import { startKms } from '../../local/kms.ts'
import { AwsError, type Standin } from '../../local/standin.ts'

const message = Buffer.from('signed by AWS’s own client')
const digest = createHash('sha256').update(message).digest()
let standin: Standin
let client: KMSClient

function clientOf({ url }: Standin): KMSClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  return new KMSClient({ endpoint: url, region: 'eu-west-1', credentials, maxAttempts: 1 })
}

before(async () => {
  standin = await startKms()
  client = clientOf(standin)
})
after(async () => {
  client.destroy()
  await standin.close()
})

async function newKey(KeySpec: KeySpec): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', KeySpec }))
  return KeyMetadata!.Arn!
}

const kinds = [
  ['ECC_NIST_P256', 'ECDSA_SHA_256'],
  ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256'],
] as const satisfies readonly (readonly [KeySpec, SigningAlgorithmSpec])[]

for (const [spec, SigningAlgorithm] of kinds) {
  test(`${spec}: what Sign answers verifies by its public key, from a digest and from the message`, async () => {
    const KeyId = await newKey(spec)
    const { PublicKey, KeySpec, SigningAlgorithms } = await client.send(new GetPublicKeyCommand({ KeyId }))
    assert.deepEqual([KeySpec, SigningAlgorithms], [spec, [SigningAlgorithm]])
    const key = createPublicKey({ key: Buffer.from(PublicKey!), format: 'der', type: 'spki' })
    for (const [MessageType, Message] of [
      ['DIGEST', digest],
      ['RAW', message],
    ] as const) {
      const { Signature } = await client.send(new SignCommand({ KeyId, Message, MessageType, SigningAlgorithm }))
      assert.ok(verify('sha256', message, key, Signature!), MessageType)
      const check = { KeyId, Message, MessageType, SigningAlgorithm, Signature: Signature! }
      assert.equal((await client.send(new VerifyCommand(check))).SignatureValid, true)
      const forged = { ...check, Message: createHash('sha256').update(Message).digest() }
      await assert.rejects(client.send(new VerifyCommand(forged)), { name: 'KMSInvalidSignatureException' })
    }
  })

  test(`${spec}: an algorithm of the other kind, a digest of another size, a long message`, async () => {
    const KeyId = await newKey(spec)
    const other = kinds.find(([kind]) => kind !== spec)![1]
    const signing = { KeyId, Message: digest, MessageType: 'DIGEST' as const, SigningAlgorithm }
    await assert.rejects(client.send(new SignCommand({ ...signing, SigningAlgorithm: other })), {
      name: 'InvalidKeyUsageException',
    })
    await assert.rejects(client.send(new SignCommand({ ...signing, Message: digest.subarray(1) })), {
      name: 'ValidationException',
    })
    const long = { ...signing, MessageType: 'RAW' as const, Message: Buffer.alloc(4_097) }
    await assert.rejects(client.send(new SignCommand(long)), { name: 'ValidationException' })
  })
}

test('a disabled key signs nothing until it is enabled, a key to be deleted never', async () => {
  const KeyId = await newKey('ECC_NIST_P256')
  const signing = new SignCommand({
    KeyId,
    Message: digest,
    MessageType: 'DIGEST',
    SigningAlgorithm: 'ECDSA_SHA_256',
  })
  await client.send(new DisableKeyCommand({ KeyId }))
  await assert.rejects(client.send(signing), { name: 'DisabledException' })
  await client.send(new EnableKeyCommand({ KeyId }))
  await client.send(signing)
  await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
  await assert.rejects(client.send(signing), { name: 'KMSInvalidStateException' })
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }))
  assert.deepEqual([KeyMetadata?.KeyState, KeyMetadata?.Enabled], ['PendingDeletion', false])
})

test('keys go by id, ARN and alias; what is not there is NotFoundException', async () => {
  const arn = await newKey('ECC_NIST_P256')
  await client.send(new CreateAliasCommand({ AliasName: 'alias/test/one', TargetKeyId: arn }))
  for (const KeyId of [arn, arn.split('/')[1]!, 'alias/test/one', arn.replace(/:key\/.*/, ':alias/test/one')]) {
    assert.equal((await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Arn, arn)
  }
  const twice = new CreateAliasCommand({ AliasName: 'alias/test/one', TargetKeyId: arn })
  await assert.rejects(client.send(twice), { name: 'AlreadyExistsException' })
  const { Aliases } = await client.send(new ListAliasesCommand({}))
  assert.ok(Aliases?.some(({ AliasName }) => AliasName === 'alias/test/one'))
  for (const KeyId of ['alias/none', '00000000-0000-0000-0000-000000000000', '__proto__']) {
    await assert.rejects(client.send(new DescribeKeyCommand({ KeyId })), { name: 'NotFoundException' }, KeyId)
  }
})

test('a data directory keeps keys and aliases', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'token-broker-kms-'))
  try {
    const publicKeys: string[] = []
    for (const run of [1, 2]) {
      const kept = await startKms({ dataDirectory })
      const keptClient = clientOf(kept)
      if (run === 1) {
        const { KeyMetadata } = await keptClient.send(
          new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P256' }),
        )
        await keptClient.send(new CreateAliasCommand({ AliasName: 'alias/kept', TargetKeyId: KeyMetadata!.KeyId! }))
      }
      const { PublicKey } = await keptClient.send(new GetPublicKeyCommand({ KeyId: 'alias/kept' }))
      publicKeys.push(Buffer.from(PublicKey!).toString('hex'))
      keptClient.destroy()
      await kept.close()
    }
    assert.equal(publicKeys[0], publicKeys[1])
  } finally {
    rmSync(dataDirectory, { recursive: true })
  }
})

test('faults hit the operation they name, as often as they say, and calls are counted', async () => {
  const KeyId = await newKey('ECC_NIST_P256')
  const signing = new SignCommand({
    KeyId,
    Message: digest,
    MessageType: 'DIGEST',
    SigningAlgorithm: 'ECDSA_SHA_256',
  })
  const counted = standin.calls.get('Sign') ?? 0
  standin.faults.push({ operation: 'Sign', times: 2, error: new AwsError('ThrottlingException', 'Rate exceeded') })
  standin.faults.push({ operation: 'Sign', drop: 'before' })
  await client.send(new DescribeKeyCommand({ KeyId }))
  for (let i = 0; i < 2; i++) await assert.rejects(client.send(signing), { name: 'ThrottlingException' })
  await assert.rejects(client.send(signing), { code: 'ECONNRESET' })
  await client.send(signing)
  assert.equal(standin.calls.get('Sign'), counted + 4)
})
