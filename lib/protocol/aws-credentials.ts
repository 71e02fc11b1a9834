/** Of a role's session, as STS names them. */
export interface AwsCredentials {
  AccessKeyId: string
  SecretAccessKey: string
  SessionToken: string
  /** Whole seconds since 1970. */
  expires_at: number
}

/** What a `credential_process` prints (AWS SDKs and Tools Reference Guide, Process credential provider). */
export function toProcessDocument({ expires_at, ...keys }: AwsCredentials): Record<string, unknown> {
  return { Version: 1, ...keys, Expiration: toTimestamp(expires_at) }
}

/** What a container's credential endpoint answers (the same guide, Container credential provider). */
export function toContainerDocument({
  AccessKeyId,
  SecretAccessKey,
  SessionToken,
  expires_at,
}: AwsCredentials): Record<string, unknown> {
  return { AccessKeyId, SecretAccessKey, Token: SessionToken, Expiration: toTimestamp(expires_at) }
}

/**
 * Whether somebody took these for a token: the document of either kind, an access key's id, or what STS's session tokens
 * begin with.
 */
export function areAwsCredentials(text: string): boolean {
  if (/^A(?:SIA|KIA)[A-Z2-7]{16}$/.test(text) || /^(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)/.test(text)) return true
  if (!text.startsWith('{')) return false
  try {
    const document = JSON.parse(text) as object
    return Object.hasOwn(document, 'AccessKeyId') || Object.hasOwn(document, 'SecretAccessKey')
  } catch {
    return false
  }
}

/** Without fractions, which some SDKs' parsers do not take. */
function toTimestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
