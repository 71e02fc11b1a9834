import { cacheKey, type CredentialsCache } from './credentials-cache.ts'
import { exchange, type ExchangeRequest } from './exchange.ts'
import type { Issued } from './issued.ts'
import { oneAtATime } from './lock.ts'
import type { Ports } from './ports.ts'
import type { SubjectTokenSource } from './subject-token.ts'

/** In seconds: what is closer to its end than this is no more use to who has work to do with it. */
export const REFRESH_BEFORE = 300

/**
 * What the cache has for this broker, target, scope and subject, while it is good for 5 minutes more; else `exchange`, whose
 * errors it throws. Of processes that ask at once one exchanges: many a job's token can be traded once only.
 */
export async function cachedExchange(
  asked: ExchangeRequest,
  source: SubjectTokenSource,
  cache: CredentialsCache,
  ports: Ports,
): Promise<Issued> {
  const { broker, target, scope } = asked
  const key = cacheKey([broker, target, scope, source.name, await source.identity()])
  const seconds = () => Math.floor(ports.now() / 1000)
  const findGood = async () => {
    const found = await cache.find(key, seconds())
    return found !== undefined && found.expires_at - seconds() > REFRESH_BEFORE ? found : undefined
  }
  const exchangeAndRecord = async () => {
    const issued = await exchange(asked, source, ports)
    await cache.record(key, issued, seconds())
    return issued
  }
  const lock = cache.lockFile(key)
  return (
    (await findGood()) ??
    (lock === undefined
      ? exchangeAndRecord()
      : oneAtATime(lock, async () => (await findGood()) ?? (await exchangeAndRecord()), ports))
  )
}
