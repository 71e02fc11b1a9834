import { RefusedByBroker, TemporaryError, TokenBrokerError } from './errors.ts'
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

/**
 * In milliseconds after a failure, unless it asks for longer: `held` while there is something that lasts; `none` while there
 * is nothing, `longest` at most.
 */
const pauses = { held: 15_000, none: 1_000, longest: 30_000 }

interface Failure {
  error: unknown
  at: number
  retryAfter: number
  /** Of a refresh that began while something was held: it may be from before a pause of the machine. */
  background: boolean
}

/**
 * Keeps what `obtain` gives. As long as it lasts it is given at once, and from 5 minutes before its end (a third of its
 * time, if that is less) another is obtained meanwhile, by one call for all who ask. What is held serves to its end when
 * that fails, and never longer. While nothing is held, who asks within a second of a failure gets that failure. `forceRefresh`
 * waits for another, and throws the broker's refusal. Throws what `obtain` throws. `now` in milliseconds since 1970.
 */
export function credentialProvider(obtain: () => Promise<AwsCredentials>, now: () => number): AwsCredentialProvider {
  let held: AwsCredentials | undefined
  let refreshAt = 0
  let failure: Failure | undefined
  /** `background`: it began while something was held, and may have been asleep with the machine since. */
  let flight: { work: Promise<void>; background: boolean } | undefined

  async function obtainAndHold(background: boolean): Promise<void> {
    try {
      const obtained = await obtain()
      if (!isGood(obtained)) throw new TokenBrokerError(ended)
      held = obtained
      const end = held.expiration.getTime()
      refreshAt = end - 1000 * refreshMargin((end - now()) / 1000)
      failure = undefined
    } catch (error) {
      const retryAfter = error instanceof TemporaryError ? error.retryAfter : 0
      failure = { error, at: now(), retryAfter, background }
      refreshAt = now() + Math.max(pauses.held, retryAfter)
      throw error
    }
  }

  function refresh(): Promise<void> {
    if (flight === undefined) {
      const background = isGood(held)
      flight = { work: obtainAndHold(background).finally(() => (flight = undefined)), background }
    }
    return flight.work
  }

  /** For who waits. */
  async function refreshNow(): Promise<void> {
    if (flight?.background) {
      await flight.work.catch(() => {})
      if (isGood(held)) {
        if (failure !== undefined) throw failure.error
        return
      }
    } else if (failure !== undefined && !isGood(held) && isRecent(failure)) throw failure.error
    return refresh()
  }

  function isRecent({ at, retryAfter, background }: Failure): boolean {
    if (background) return false
    const age = now() - at
    return age >= 0 && age < Math.min(Math.max(pauses.none, retryAfter), pauses.longest)
  }

  function isGood(credentials: AwsCredentials | undefined): boolean {
    return credentials !== undefined && credentials.expiration.getTime() > now()
  }

  return async (properties) => {
    const forced = properties?.forceRefresh === true
    if (forced || !isGood(held)) {
      try {
        await keepingAlive(refreshNow())
      } catch (error) {
        if (!isGood(held) || (forced && error instanceof RefusedByBroker)) throw error
      }
    } else if (now() >= refreshAt) refresh().catch(() => {})
    if (held === undefined || !isGood(held)) throw new TokenBrokerError(ended)
    // A copy: who gets it may change it, as the SDK does.
    return { ...held, expiration: new Date(held.expiration) }
  }
}

const ended = 'the credentials had ended when they came: look at the clock of this machine'

/** Nothing else does, while a refresh that began unattended pauses between two attempts. */
async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 60_000)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
