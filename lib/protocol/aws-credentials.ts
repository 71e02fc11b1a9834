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

/** Without fractions, which some SDKs' parsers do not take. */
function toTimestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
