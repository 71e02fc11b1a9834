import { generateKeyPairSync, randomBytes, randomUUID, sign as signBytes } from 'node:crypto'
import { AwsError, startStandin, type Answer, type Protocol, type Standin } from './standin.ts'

export interface AssumeRoleCall {
  RoleArn: string
  RoleSessionName: string
  SourceIdentity: string | undefined
  DurationSeconds: number
  ExternalId: string | undefined
  Policy: string | undefined
  PolicyArns: string[]
  Tags: { Key: string; Value: string }[]
  TransitiveTagKeys: string[]
}

export interface StsStandin extends Standin {
  assumed: AssumeRoleCall[]
  /** Roles whose trust policy lets nobody in, or asks for an ExternalId. */
  denied: Set<string>
  externalIds: Map<string, string>
}

const account = '000000000000'
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

/**
 * AWS STS on loopback, by its query protocol: AssumeRole, GetCallerIdentity and GetWebIdentityToken, refusing what STS
 * refuses: a request without a well-formed signature (whose value it cannot know), and what is over STS's limits. Credentials
 * are unique and open nothing. IAM policies are not evaluated; `denied` and `externalIds` stand for them.
 */
export async function startSts({ port }: { port?: number; dataDirectory?: string } = {}): Promise<StsStandin> {
  const assumed: AssumeRoleCall[] = []
  const denied = new Set<string>()
  const externalIds = new Map<string, string>()
  /** By access key id: the sessions that were opened here. */
  const sessions = new Map<string, string>()
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 })

  function assumeRole(form: URLSearchParams, caller: string): string {
    const call = readAssumeRole(form)
    const chained = caller.startsWith('ASIA')
    if (chained && call.DurationSeconds > 3_600)
      throw invalid(
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
      )
    const expected = externalIds.get(call.RoleArn)
    if (denied.has(call.RoleArn) || (expected !== undefined && expected !== call.ExternalId)) {
      throw new AwsError(
        'AccessDenied',
        `User: arn:aws:iam::${account}:user/local is not authorized to perform: sts:AssumeRole on resource: ${call.RoleArn}`,
        403,
      )
    }
    assumed.push(call)
    const roleName = call.RoleArn.split('/').at(-1) ?? ''
    const roleAccount = call.RoleArn.split(':')[4] ?? account
    const Arn = `arn:aws:sts::${roleAccount}:assumed-role/${roleName}/${call.RoleSessionName}`
    const AccessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
    sessions.set(AccessKeyId, Arn)
    return element({
      Credentials: {
        AccessKeyId,
        SecretAccessKey: randomBytes(30).toString('base64'),
        SessionToken: randomBytes(96).toString('base64'),
        Expiration: new Date(Math.floor(Date.now() / 1000 + call.DurationSeconds) * 1000)
          .toISOString()
          .replace('.000', ''),
      },
      AssumedRoleUser: {
        AssumedRoleId: `AROA${'0'.repeat(16)}:${call.RoleSessionName}`,
        Arn,
      },
      ...(call.SourceIdentity === undefined ? {} : { SourceIdentity: call.SourceIdentity }),
      PackedPolicySize: String(packedSize(call)),
    })
  }

  function webIdentityToken(form: URLSearchParams): string {
    const audiences = members(form, 'Audience')
    const seconds = Number(form.get('DurationSeconds') ?? 300)
    if (audiences.length < 1 || audiences.length > 10) throw invalid('Audience must have 1 to 10 members.')
    if (!(seconds >= 60 && seconds <= 3_600)) throw invalid('DurationSeconds must be between 60 and 3600.')
    if (form.get('SigningAlgorithm') !== 'RS256') throw invalid('SigningAlgorithm must be RS256 here.')
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: `https://${account}.tokens.sts.global.api.aws`,
      sub: `arn:aws:iam::${account}:role/local`,
      aud: audiences.length === 1 ? audiences[0] : audiences,
      iat: now,
      exp: now + seconds,
      jti: randomUUID(),
      'https://sts.amazonaws.com/': { aws_account: account },
    }
    const input = [{ alg: 'RS256', typ: 'JWT', kid: 'local' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const signature = signBytes('sha256', Buffer.from(input), key.privateKey).toString('base64url')
    return element({
      WebIdentityToken: `${input}.${signature}`,
      Expiration: new Date((now + seconds) * 1000).toISOString(),
    })
  }

  const protocol: Protocol = {
    operationOf: (_, body) => new URLSearchParams(body.toString('utf8')).get('Action') ?? '',
    answer({ operation, headers, body }) {
      const form = new URLSearchParams(body.toString('utf8'))
      const caller = signedBy(headers.authorization, headers['x-amz-date'])
      if (operation === 'GetCallerIdentity') {
        const Arn = sessions.get(caller) ?? `arn:aws:iam::${account}:user/local`
        return xml(operation, element({ Arn, UserId: 'AIDALOCAL', Account: Arn.split(':')[4] ?? account }))
      }
      if (operation === 'AssumeRole') return xml(operation, assumeRole(form, caller))
      if (operation === 'GetWebIdentityToken') return xml(operation, webIdentityToken(form))
      throw new AwsError('InvalidAction', `Could not find operation ${operation} for version 2011-06-15`)
    },
    error({ code, message, status }) {
      const type = status < 500 ? 'Sender' : 'Receiver'
      const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${element({ Error: { Type: type, Code: code, Message: message }, RequestId: randomUUID() })}</ErrorResponse>`
      return { status, contentType: 'text/xml', body }
    },
  }
  return Object.assign(await startStandin(protocol, port), { assumed, denied, externalIds })
}

function readAssumeRole(form: URLSearchParams): AssumeRoleCall {
  const RoleArn = form.get('RoleArn') ?? ''
  const RoleSessionName = form.get('RoleSessionName') ?? ''
  const SourceIdentity = form.get('SourceIdentity') ?? undefined
  const DurationSeconds = Number(form.get('DurationSeconds') ?? 3_600)
  const Policy = form.get('Policy') ?? undefined
  const PolicyArns = indexes(form, 'PolicyArns').map((index) => form.get(`PolicyArns.member.${index}.arn`) ?? '')
  const Tags = indexes(form, 'Tags').map((index) => ({
    Key: form.get(`Tags.member.${index}.Key`) ?? '',
    Value: form.get(`Tags.member.${index}.Value`) ?? '',
  }))
  const TransitiveTagKeys = members(form, 'TransitiveTagKeys')
  if (!/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(RoleArn)) throw invalid(`${RoleArn} is invalid`)
  if (!/^[\w+=,.@-]{2,64}$/.test(RoleSessionName))
    throw invalid(
      "Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
    )
  if (SourceIdentity !== undefined && !/^(?!aws:)[\w+=,.@-]{2,64}$/.test(SourceIdentity))
    throw invalid("Value at 'sourceIdentity' failed to satisfy constraint")
  if (!Number.isInteger(DurationSeconds) || DurationSeconds < 900 || DurationSeconds > 43_200)
    throw invalid(
      "Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200",
    )
  if (Policy !== undefined) checkPolicy(Policy)
  if (PolicyArns.length > 10)
    throw invalid(
      "Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10",
    )
  checkTags(Tags, TransitiveTagKeys)
  const call = {
    RoleArn,
    RoleSessionName,
    SourceIdentity,
    DurationSeconds,
    ExternalId: form.get('ExternalId') ?? undefined,
    Policy,
    PolicyArns,
    Tags,
    TransitiveTagKeys,
  }
  const packed = packedSize(call)
  if (packed > 100)
    throw new AwsError(
      'PackedPolicyTooLarge',
      `Packed policy consumes ${packed}% of allotted space, please use smaller policy.`,
    )
  return call
}

/** In percent. How STS packs is not published: here as much fits as two of its largest policies, unpacked. */
function packedSize({ Policy = '', PolicyArns, Tags }: Pick<AssumeRoleCall, 'Policy' | 'PolicyArns' | 'Tags'>): number {
  const characters = [Policy, ...PolicyArns, ...Tags.flatMap(({ Key, Value }) => [Key, Value])].join('').length
  return Math.ceil((characters * 100) / 4_096)
}

/** The access key id of a request signed by Signature Version 4: its header's form, for STS, within a quarter of an hour. */
function signedBy(authorization: string | undefined, date: string | string[] | undefined): string {
  if (authorization === undefined)
    throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
  const [, caller, day] =
    /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]{4,128})\/(\d{8})\/[a-z0-9-]+\/sts\/aws4_request, SignedHeaders=[a-z0-9;-]*\bhost\b[a-z0-9;-]*, Signature=[0-9a-f]{64}$/.exec(
      authorization,
    ) ?? []
  const [, at, time] = /^(\d{8})T(\d{6})Z$/.exec(String(date)) ?? []
  if (caller === undefined || at === undefined || time === undefined || at !== day)
    throw new AwsError('IncompleteSignature', 'Authorization is not well-formed', 400)
  const signed = Date.parse(`${`${at}T${time}`.replace(/^(....)(..)(..T..)(..)(..)$/, '$1-$2-$3:$4:$5')}Z`)
  if (!(Math.abs(Date.now() - signed) <= 15 * 60_000))
    throw new AwsError('SignatureDoesNotMatch', 'Signature expired', 403)
  return caller
}

function checkPolicy(policy: string): void {
  if (policy.length > 2_048)
    throw invalid("Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048")
  try {
    const { Statement } = JSON.parse(policy) as { Statement?: unknown }
    if (typeof Statement === 'object' && Statement !== null) return
  } catch {
    // Answered below.
  }
  throw new AwsError('MalformedPolicyDocument', 'This policy contains invalid Json')
}

function checkTags(tags: AssumeRoleCall['Tags'], transitive: readonly string[]): void {
  if (tags.length > 50)
    throw invalid("Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
  for (const { Key, Value } of tags) {
    if (Key.length < 1 || Key.length > 128 || !tagText.test(Key) || /^aws:/i.test(Key))
      throw invalid("Value at 'tags.key' failed to satisfy constraint")
    if (Value.length > 256 || !tagText.test(Value)) throw invalid("Value at 'tags.value' failed to satisfy constraint")
  }
  // Keys are compared without case.
  const keys = tags.map(({ Key }) => Key.toLowerCase())
  if (new Set(keys).size !== keys.length)
    throw invalid('Duplicate tag keys found. Please note that Tag keys are case insensitive.')
  if (!transitive.every((key) => keys.includes(key.toLowerCase())))
    throw invalid('One or more of the transitive tag keys do not match the specified tags.')
}

function indexes(form: URLSearchParams, name: string): number[] {
  const found = [...form.keys()].flatMap((key) => {
    const [, list, index] = /^(\w+)\.member\.(\d+)/.exec(key) ?? []
    return list === name ? [Number(index)] : []
  })
  return [...new Set(found)].toSorted((a, b) => a - b)
}

function members(form: URLSearchParams, name: string): string[] {
  return indexes(form, name).map((index) => form.get(`${name}.member.${index}`) ?? '')
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message)
}

interface Elements {
  [name: string]: string | Elements
}

function element(members: Elements): string {
  return Object.entries(members)
    .map(([name, value]) => `<${name}>${typeof value === 'string' ? escaped(value) : element(value)}</${name}>`)
    .join('')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function xml(operation: string, result: string): Answer {
  const body = `<${operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${operation}Result>${result}</${operation}Result><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${operation}Response>`
  return { status: 200, contentType: 'text/xml', body }
}
