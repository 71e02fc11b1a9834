import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { secretAges } from '../deadlines.ts'
import { lastKnown } from '../last-known.ts'
import type { Clock, Log, Secrets } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { errorName } from './unavailable.ts'

export interface AwsSecretsOptions {
  now: Clock
  log?: Pick<Log, 'warn'>
}

/** What Secrets Manager answers when the secret is not ours to have: then what was read of it before serves no more. */
const denials: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'ResourceNotFoundException',
  'InvalidRequestException',
  'InvalidParameterException',
  'DecryptionFailure',
])

/**
 * Client secrets in Secrets Manager, by their ARNs: the text itself, or a JSON object's `client_secret`. Read when first asked
 * for and then every 5 min; one that was read serves for an hour while Secrets Manager is out of reach.
 */
export function awsSecrets(client: SecretsManagerClient, { now, log }: AwsSecretsOptions): Secrets {
  const known = lastKnown<string>({
    ages: secretAges,
    now,
    onStale: (secret, age, { message }) => log?.warn('stale_secret_used', { secret, age, detail: message }),
  })

  async function read(name: string, signal: AbortSignal): Promise<string> {
    const denied = (detail: string) => {
      known.forget(name)
      return new UnavailableError('secrets', `${name}: ${detail}`)
    }
    const command = new GetSecretValueCommand({ SecretId: name })
    const { SecretString } = await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
      const reason = errorName(error)
      throw denials.has(reason) ? denied(reason) : new UnavailableError('secrets', `${name}: ${reason}`)
    })
    const secret = clientSecretIn(SecretString ?? '')
    // RFC 6749 appendix A.2. A line break at its end is the usual mistake.
    if (secret === undefined || !/^[\x20-\x7e]+$/.test(secret)) throw denied('it holds no client secret')
    return secret
  }

  return {
    find: (name, signal) => known.find(name, () => read(name, signal)),

    async renew(name, refused, signal) {
      const secret = await known.renew(name, () => read(name, signal))
      return secret === refused ? undefined : secret
    },
  }
}

function clientSecretIn(text: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return text
  }
  // Digits alone are JSON too.
  if (typeof value !== 'object' || value === null) return text
  const { client_secret } = value as { client_secret?: unknown }
  return typeof client_secret === 'string' ? client_secret : undefined
}
