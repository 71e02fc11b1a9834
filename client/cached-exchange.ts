import { cacheKey, type CredentialsCache } from './credentials-cache.ts'
import { RefusedByBroker } from './errors.ts'
import { exchange, type ExchangeRequest } from './exchange.ts'
import type { Issued } from './issued.ts'
import { oneAtATime } from './lock.ts'
import type { Ports } from './ports.ts'
import type { SubjectTokenSource } from './subject-token.ts'

/**
 * What the cache has for this request and subject, while it is good for some time more; else `exchange`,
 * whose errors it throws. Of processes that ask at once one exchanges: many a job's token can be traded once only.
 */
export async function cachedExchange(
  asked: ExchangeRequest,
  source: SubjectTokenSource,
  cache: CredentialsCache,
  ports: Ports,
): Promise<Issued> {
  const identity = await source.identity()
  if (identity === undefined) return exchange(asked, source, ports)
  const key = cacheKey({ ...asked, scope: asked.scope && sortedWords(asked.scope), place: source.name, identity })
  const seconds = () => Math.floor(ports.now() / 1000)
  const exchangeAndRecord = async () => {
    const issued = await exchange(asked, source, ports).catch((error: unknown) => {
      throw source.fresh ? error : afterNothingKept(error, cache)
    })
    await cache.record(key, issued, seconds())
    return issued
  }
  const lock = cache.lockFile(key)
  return (
    (await cache.find(key, seconds())) ??
    (lock === undefined
      ? exchangeAndRecord()
      : oneAtATime(lock, async () => (await cache.find(key, seconds())) ?? (await exchangeAndRecord()), ports))
  )
}

/** The token may have been traded before: what came of that would have been kept. */
function afterNothingKept(error: unknown, { problem }: CredentialsCache): unknown {
  if (problem === undefined || !(error instanceof RefusedByBroker)) return error
  return new RefusedByBroker(`${error.message}\n${problem}`, error.error, error.decision_id)
}

/** RFC 6749 section 3.3: the order of scopes does not matter. */
function sortedWords(scope: string): string {
  return [...new Set(scope.split(' '))].filter(Boolean).toSorted().join(' ')
}
