import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
  randomUUID,
  type KeyObject,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { p256 } from '@noble/curves/nist.js'
import { AwsError, startStandin, type Protocol, type Standin } from './standin.ts'

type KeySpec = 'ECC_NIST_P256' | 'RSA_2048'

/** A key as it is kept: what DescribeKey tells, and the key itself as PKCS #8 PEM. */
interface KmsKey {
  id: string
  spec: KeySpec
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
  created: number
  pem: string
}

interface State {
  keys: KmsKey[]
  aliases: Record<string, string>
}

const signingAlgorithms: Record<KeySpec, string> = {
  ECC_NIST_P256: 'ECDSA_SHA_256',
  RSA_2048: 'RSASSA_PKCS1_V1_5_SHA_256',
}
const arnPrefix = 'arn:aws:kms:eu-west-1:000000000000'
const MAX_RAW_BYTES = 4_096

/** DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1), which goes before the digest. */
const sha256Prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')

/**
 * AWS KMS's asymmetric signing keys on loopback, by its JSON 1.1 protocol, with real keys and KMS's own errors.
 * With a `dataDirectory` the keys outlive the process.
 */
export async function startKms({
  port,
  dataDirectory,
}: { port?: number; dataDirectory?: string } = {}): Promise<Standin> {
  const file = dataDirectory === undefined ? undefined : join(dataDirectory, 'kms.json')
  const state: State =
    file && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : { keys: [], aliases: {} }

  function save(): void {
    if (file === undefined || dataDirectory === undefined) return
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  function findKey(input: Input): KmsKey {
    const name = text(input, 'KeyId')
    const alias = name.replace(/^arn:aws:kms:[^:]*:\d*:(?=alias\/)/, '')
    const id = alias.startsWith('alias/') ? state.aliases[alias] : name.replace(/^arn:aws:kms:[^:]*:\d*:key\//, '')
    const key = state.keys.find((key) => key.id === id)
    if (key === undefined)
      throw new AwsError(
        'NotFoundException',
        alias.startsWith('alias/')
          ? `Alias ${arnPrefix}:${alias} is not found.`
          : `Key '${arnPrefix}:key/${id}' does not exist`,
      )
    return key
  }

  function usableKey(input: Input): KmsKey {
    const key = findKey(input)
    if (key.state === 'Disabled') throw new AwsError('DisabledException', `${arnOf(key)} is disabled.`)
    if (key.state === 'PendingDeletion')
      throw new AwsError('KMSInvalidStateException', `${arnOf(key)} is pending deletion.`)
    return key
  }

  const operations: Record<string, (input: Input) => Record<string, unknown>> = {
    CreateKey(input) {
      const spec = (input.KeySpec ?? 'SYMMETRIC_DEFAULT') as string
      if (spec !== 'ECC_NIST_P256' && spec !== 'RSA_2048')
        throw new AwsError('UnsupportedOperationException', `KeySpec ${spec} is not supported here.`)
      if (input.KeyUsage !== 'SIGN_VERIFY')
        throw new AwsError(
          'ValidationException',
          'The operation failed because the KeyUsage value is missing or does not fit the KeySpec.',
        )
      const key: KmsKey = {
        id: randomUUID(),
        spec,
        state: 'Enabled',
        created: Date.now() / 1000,
        pem: newPrivateKey(spec),
      }
      state.keys.push(key)
      save()
      return { KeyMetadata: metadataOf(key) }
    },
    DescribeKey: (input) => ({ KeyMetadata: metadataOf(findKey(input)) }),
    GetPublicKey(input) {
      const key = usableKey(input)
      const der = createPublicKey(createPrivateKey(key.pem)).export({ format: 'der', type: 'spki' })
      return { KeyId: arnOf(key), PublicKey: der.toString('base64'), ...usageOf(key), CustomerMasterKeySpec: key.spec }
    },
    Sign(input) {
      const key = usableKey(input)
      const SigningAlgorithm = fittingAlgorithm(key, input)
      const Signature = sign(key, digestOf(input)).toString('base64')
      return { KeyId: arnOf(key), Signature, SigningAlgorithm }
    },
    Verify(input) {
      const key = usableKey(input)
      const SigningAlgorithm = fittingAlgorithm(key, input)
      if (!verifies(key, digestOf(input), Buffer.from(text(input, 'Signature'), 'base64')))
        throw new AwsError('KMSInvalidSignatureException', '')
      return { KeyId: arnOf(key), SignatureValid: true, SigningAlgorithm }
    },
    CreateAlias(input) {
      const alias = text(input, 'AliasName')
      if (!/^alias\/[A-Za-z0-9/_-]{1,250}$/.test(alias) || alias.startsWith('alias/aws/'))
        throw new AwsError('InvalidAliasNameException', 'Alias must start with the prefix "alias/".')
      if (state.aliases[alias] !== undefined)
        throw new AwsError('AlreadyExistsException', `An alias with the name ${arnPrefix}:${alias} already exists`)
      state.aliases[alias] = findKey({ KeyId: text(input, 'TargetKeyId') }).id
      save()
      return {}
    },
    ListAliases: () => ({
      Aliases: Object.entries(state.aliases).map(([AliasName, TargetKeyId]) => ({
        AliasName,
        AliasArn: `${arnPrefix}:${AliasName}`,
        TargetKeyId,
      })),
      Truncated: false,
    }),
    DisableKey: (input) => change(findKey(input), 'Disabled'),
    EnableKey: (input) => change(findKey(input), 'Enabled'),
    ScheduleKeyDeletion(input) {
      const days = Number(input.PendingWindowInDays ?? 30)
      if (days < 7 || days > 30)
        throw new AwsError('ValidationException', 'PendingWindowInDays must be between 7 and 30.')
      const key = findKey(input)
      change(key, 'PendingDeletion')
      return {
        KeyId: arnOf(key),
        KeyState: 'PendingDeletion',
        PendingWindowInDays: days,
        DeletionDate: Date.now() / 1000 + days * 86_400,
      }
    },
  }

  function change(key: KmsKey, to: KmsKey['state']): Record<string, unknown> {
    if (key.state === 'PendingDeletion')
      throw new AwsError('KMSInvalidStateException', `${arnOf(key)} is pending deletion.`)
    key.state = to
    save()
    return {}
  }

  const protocol: Protocol = {
    operationOf: (headers) => String(headers['x-amz-target'] ?? '').replace(/^TrentService\./, ''),
    answer({ operation, body }) {
      const handler = Object.hasOwn(operations, operation) ? operations[operation] : undefined
      if (handler === undefined) throw new AwsError('UnknownOperationException', '')
      return json(200, handler(parse(body)))
    },
    error: ({ code, message, status }) => json(status, { __type: code, message }),
  }
  return startStandin(protocol, port)
}

type Input = Record<string, unknown>

function parse(body: Buffer): Input {
  try {
    return JSON.parse(body.toString('utf8')) as Input
  } catch {
    throw new AwsError('SerializationException', '')
  }
}

function json(status: number, value: unknown): { status: number; contentType: string; body: string } {
  return { status, contentType: 'application/x-amz-json-1.1', body: JSON.stringify(value) }
}

function text(input: Input, name: string): string {
  const value = input[name]
  if (typeof value !== 'string' || value === '')
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    )
  return value
}

function newPrivateKey(spec: KeySpec): string {
  const { privateKey } =
    spec === 'RSA_2048'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}

function arnOf({ id }: KmsKey): string {
  return `${arnPrefix}:key/${id}`
}

function usageOf({ spec }: KmsKey): Record<string, unknown> {
  return { KeySpec: spec, KeyUsage: 'SIGN_VERIFY', SigningAlgorithms: [signingAlgorithms[spec]] }
}

function metadataOf(key: KmsKey): Record<string, unknown> {
  const about = {
    AWSAccountId: '000000000000',
    KeyId: key.id,
    Arn: arnOf(key),
    CreationDate: key.created,
    Description: '',
  }
  return {
    ...about,
    ...usageOf(key),
    Enabled: key.state === 'Enabled',
    KeyState: key.state,
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    MultiRegion: false,
  }
}

function fittingAlgorithm({ spec, ...key }: KmsKey, input: Input): string {
  const algorithm = text(input, 'SigningAlgorithm')
  if (algorithm !== signingAlgorithms[spec]) {
    throw new AwsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${spec} of ${arnOf({ spec, ...key })}.`,
    )
  }
  return algorithm
}

function digestOf(input: Input): Buffer {
  const message = Buffer.from(text(input, 'Message'), 'base64')
  const type = input.MessageType ?? 'RAW'
  if (type === 'DIGEST') {
    if (message.length !== 32) throw new AwsError('ValidationException', 'Digest is invalid length for algorithm.')
    return message
  }
  if (type !== 'RAW')
    throw new AwsError('ValidationException', `MessageType ${JSON.stringify(type)} is not one of [RAW, DIGEST]`)
  if (message.length > MAX_RAW_BYTES)
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length less than or equal to ${MAX_RAW_BYTES}`,
    )
  return createHash('sha256').update(message).digest()
}

/** node:crypto signs no digest that it has not made itself. */
function sign(key: KmsKey, digest: Buffer): Buffer {
  const privateKey = createPrivateKey(key.pem)
  if (key.spec === 'RSA_2048') {
    return privateEncrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_PADDING },
      Buffer.concat([sha256Prefix, digest]),
    )
  }
  const scalar = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url')
  // KMS does not lower s, and so must whatever reads it be ready for either.
  return Buffer.from(p256.sign(digest, scalar, { prehash: false, lowS: false, format: 'der' }))
}

function verifies(key: KmsKey, digest: Buffer, signature: Buffer): boolean {
  const publicKey: KeyObject = createPublicKey(createPrivateKey(key.pem))
  if (key.spec === 'RSA_2048') {
    // The one valid signature over a digest: PKCS #1 v1.5 is deterministic.
    return sign(key, digest).equals(signature)
  }
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  try {
    return p256.verify(signature, digest, point, { prehash: false, lowS: false, format: 'der' })
  } catch {
    return false
  }
}
