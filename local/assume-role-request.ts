import { AwsError } from './standin.ts'
import { indexes, invalid, members } from './query-protocol.ts'

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

const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

/** What STS refuses of a request that a role sends, as the broker's does. Throws AwsError. */
export function readAssumeRole(form: URLSearchParams): AssumeRoleCall {
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
  if (DurationSeconds > 3_600)
    throw invalid('The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.')
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
export function packedSize({
  Policy = '',
  PolicyArns,
  Tags,
}: Pick<AssumeRoleCall, 'Policy' | 'PolicyArns' | 'Tags'>): number {
  const characters = [Policy, ...PolicyArns, ...Tags.flatMap(({ Key, Value }) => [Key, Value])].join('').length
  return Math.ceil((characters * 100) / 4_096)
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
    if (Value.length > 256 || !tagText.test(Value) || /^aws:/i.test(Value))
      throw invalid("Value at 'tags.value' failed to satisfy constraint")
  }
  // Keys are compared without case.
  const keys = tags.map(({ Key }) => Key.toLowerCase())
  if (new Set(keys).size !== keys.length)
    throw invalid('Duplicate tag keys found. Please note that Tag keys are case insensitive.')
  if (!transitive.every((key) => keys.includes(key.toLowerCase())))
    throw invalid('One or more of the transitive tag keys do not match the specified tags.')
}
