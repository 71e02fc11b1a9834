import { RefusedByBroker, TokenBrokerError } from './errors.ts'
import { refreshMargin } from './refresh-margin.ts'

/** AWS SDK for JavaScript v3: AwsCredentialIdentity, of credentials that end. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
}

/** AWS SDK for JavaScript v3: AwsCredentialIdentityProvider. */
export type AwsCredentialProvider = (properties?: { forceRefresh?: boolean }) => Promise<AwsCredentials>

/** In milliseconds. */
const pauseAfterFailure = 15_000

/**
 * Keeps what `obtain` gives. As long as it lasts it is given at once, and from 5 minutes before its end (a third of its
 * time, if that is less) another is obtained meanwhile, by one call for all who ask. What is held serves to its end when
 * that fails, and never longer. `forceRefresh` waits for another, and throws the broker's refusal. Throws what `obtain`
 * throws. `now` in milliseconds since 1970.
 */
export function credentialProvider(obtain: () => Promise<AwsCredentials>, now: () => number): AwsCredentialProvider {
  let held: AwsCredentials | undefined
  let refreshAt = 0
  let flight: Promise<void> | undefined

  async function obtainAndHold(): Promise<void> {
    try {
      held = await obtain()
      const end = held.expiration.getTime()
      refreshAt = end - 1000 * refreshMargin((end - now()) / 1000)
    } catch (error) {
      refreshAt = now() + pauseAfterFailure
      throw error
    }
  }

  const refresh = () => (flight ??= obtainAndHold().finally(() => (flight = undefined)))
  const isGood = (credentials: AwsCredentials | undefined) =>
    credentials !== undefined && credentials.expiration.getTime() > now()

  return async (properties) => {
    const forced = properties?.forceRefresh === true
    if (forced || !isGood(held)) {
      try {
        await keepingAlive(refresh())
      } catch (error) {
        if (!isGood(held) || (forced && error instanceof RefusedByBroker)) throw error
      }
    } else if (now() >= refreshAt) refresh().catch(() => {})
    if (held === undefined || !isGood(held))
      throw new TokenBrokerError('the credentials had ended when they came: look at the clock of this machine')
    // A copy: who gets it may change it, as the SDK does.
    return { ...held, expiration: new Date(held.expiration) }
  }
}

/** Nothing else does, while a refresh that began unattended pauses between two attempts. */
async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 60_000)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
