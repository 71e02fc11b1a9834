import { TokenBrokerError } from './errors.ts'

/** AWS SDK for JavaScript v3: AwsCredentialIdentity, of credentials that end. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
}

/** AWS SDK for JavaScript v3: AwsCredentialIdentityProvider. */
export type AwsCredentialProvider = (properties?: { forceRefresh?: boolean }) => Promise<AwsCredentials>

/** In milliseconds. The SDK asks again for credentials that end within 5 minutes. */
const limits = { refreshBefore: 300_000, pauseAfterFailure: 15_000 }

/**
 * Keeps what `obtain` gives until 5 minutes before it ends; whoever asks meanwhile shares one call. When that fails, what is
 * held serves as long as it lasts, and never longer. Throws what `obtain` throws. `now` in milliseconds since 1970.
 */
export function credentialProvider(obtain: () => Promise<AwsCredentials>, now: () => number): AwsCredentialProvider {
  let held: AwsCredentials | undefined
  let refreshAt = 0
  let flight: Promise<void> | undefined

  async function refresh(): Promise<void> {
    try {
      held = await obtain()
      refreshAt = held.expiration.getTime() - limits.refreshBefore
    } catch (error) {
      if (held === undefined || isOver(held)) throw error
      refreshAt = now() + limits.pauseAfterFailure
    }
  }

  const isOver = ({ expiration }: AwsCredentials) => expiration.getTime() <= now()

  return async ({ forceRefresh = false } = {}) => {
    if (held === undefined || forceRefresh || now() >= refreshAt || isOver(held))
      await (flight ??= refresh().finally(() => (flight = undefined)))
    if (held === undefined || isOver(held))
      throw new TokenBrokerError('the credentials had ended when they came: look at the clock of this machine')
    // A copy: who gets it may change it, as the SDK does.
    return { ...held, expiration: new Date(held.expiration) }
  }
}
