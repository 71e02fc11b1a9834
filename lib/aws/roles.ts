import { AssumeRoleCommand, type AssumeRoleCommandInput, type STSClient } from '@aws-sdk/client-sts'
import type { Clock, Roles, RoleSession } from '../ports.ts'
import type { AwsCredentials } from '../protocol/aws-credentials.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { errorName, toUnavailable } from './unavailable.ts'

/** What STS answers when this session cannot be had, now or later: a policy or a setting must change first. */
const refusals: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'PackedPolicyTooLarge',
  'PackedPolicyTooLargeException',
  'MalformedPolicyDocument',
  'MalformedPolicyDocumentException',
  'RegionDisabledException',
  'InvalidParameterValue',
  'ValidationError',
  'ValidationException',
])

/** Assumes roles at the regional endpoint of STS. `open` gives the client of a region, the function's own when absent. */
export function stsRoles(
  open: (region: string | undefined) => STSClient,
  now: Clock = () => Math.floor(Date.now() / 1000),
): Roles {
  const clients = new Map<string | undefined, STSClient>()

  function clientOf(region: string | undefined): STSClient {
    const client = clients.get(region) ?? open(region)
    clients.set(region, client)
    return client
  }

  return {
    async assume(session, signal) {
      try {
        const { Credentials, AssumedRoleUser } = await clientOf(session.region).send(
          new AssumeRoleCommand(toInput(session)),
          { abortSignal: signal },
        )
        if (!AssumedRoleUser?.Arn?.endsWith(arnEndOf(session)))
          throw new UnavailableError('sts', 'another session was opened')
        const credentials = toCredentials(Credentials)
        if (credentials.expires_at <= now()) throw new UnavailableError('sts', 'a session that has ended')
        return credentials
      } catch (error) {
        const name = errorName(error)
        if (!refusals.has(name)) throw toUnavailable('sts', error)
        const detail = detailIn(error)
        throw new RefusedError({
          reason: 'role_not_assumed',
          target: session.target,
          role: session.role,
          error: name,
          action: actionIn(error),
          ...(detail === undefined ? {} : { detail }),
        })
      }
    },
  }
}

/** Of the session of `arn:aws:iam::<account>:role/<path>/<name>`, which names no path. */
function arnEndOf({ role, session_name }: RoleSession): string {
  const [, account, name] = /:(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(role) ?? []
  return `:${account}:assumed-role/${name}/${session_name}`
}

function toInput(session: RoleSession): AssumeRoleCommandInput {
  const { external_id, policy, managed_policies, transitive_tags } = session
  const tags = Object.entries(session.tags).map(([Key, Value]) => ({ Key, Value }))
  return {
    RoleArn: session.role,
    RoleSessionName: session.session_name,
    SourceIdentity: session.source_identity,
    DurationSeconds: session.lifetime,
    ...(external_id === undefined ? {} : { ExternalId: external_id }),
    ...(policy === undefined ? {} : { Policy: JSON.stringify(policy) }),
    ...(managed_policies.length > 0 ? { PolicyArns: managed_policies.map((arn) => ({ arn })) } : {}),
    ...(tags.length > 0 ? { Tags: tags } : {}),
    ...(transitive_tags.length > 0 ? { TransitiveTagKeys: [...transitive_tags] } : {}),
  }
}

interface Answered {
  AccessKeyId?: string | undefined
  SecretAccessKey?: string | undefined
  SessionToken?: string | undefined
  Expiration?: Date | undefined
}

function toCredentials({ AccessKeyId, SecretAccessKey, SessionToken, Expiration }: Answered = {}): AwsCredentials {
  const expires_at = Math.floor((Expiration?.getTime() ?? Number.NaN) / 1000)
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Number.isSafeInteger(expires_at))
    throw new UnavailableError('sts', 'an answer without credentials')
  return { AccessKeyId, SecretAccessKey, SessionToken, expires_at }
}

/** `sts:TagSession`, of "... is not authorized to perform: sts:TagSession on resource: ..."; the rest names principals. */
function actionIn(error: unknown): string | undefined {
  return error instanceof Error
    ? /not authorized to perform: (sts:[A-Za-z]{1,32})\b/.exec(error.message)?.[1]
    : undefined
}

/** `120%`, of "Packed policy consumes 120% of …"; the parameter's name, of "Value … at 'policy' failed …". Values are left out. */
function detailIn(error: unknown): string | undefined {
  const { name, message } = error as Error
  if (name.startsWith('PackedPolicyTooLarge')) return /consumes (\d{1,9}%)/.exec(message)?.[1]
  if (name.startsWith('Validation')) return /at '([\w.]{1,64})'/.exec(message)?.[1]
  return undefined
}
