import type { Clock } from './ports.ts'
import { UnavailableError } from './protocol/errors.ts'

export interface LastKnownOptions {
  /** Seconds for which an answer serves unasked, for which it serves while no new one can be had, and between two tries then. */
  ages: { fresh: number; stale: number; retry: number }
  now: Clock
  /** An answer `age` seconds old serves because there is no newer one. */
  onStale?: (key: string, age: number, error: UnavailableError) => void
}

export interface LastKnown<T> {
  /** Throws what `ask` throws where nothing serves instead. */
  find(key: string, ask: () => Promise<T>): Promise<T>
  /** Asks now, however new the last answer is. */
  renew(key: string, ask: () => Promise<T>): Promise<T>
  forget(key: string): void
}

interface Answer<T> {
  value: T
  at: number
  /** When a newer one was last asked for in vain. */
  failed_at?: number
}

/** The last answer to each of a few questions, in memory. Only an outage (UnavailableError) makes an old one serve. */
export function lastKnown<T>({ ages, now, onStale }: LastKnownOptions): LastKnown<T> {
  const known = new Map<string, Answer<T>>()

  /** A clock that was set back makes an answer no younger. */
  function isWithin(seconds: number, since: number | undefined): boolean {
    return since !== undefined && now() - since >= 0 && now() - since < seconds
  }

  async function renew(key: string, ask: () => Promise<T>): Promise<T> {
    const at = now()
    const value = await ask()
    known.set(key, { value, at })
    return value
  }

  return {
    renew,

    async find(key, ask) {
      const before = known.get(key)
      if (before && isWithin(ages.fresh, before.at)) return before.value
      if (before && isWithin(ages.stale, before.at) && isWithin(ages.retry, before.failed_at)) return before.value
      try {
        return await renew(key, ask)
      } catch (error) {
        // Asking may have made us forget.
        const last = known.get(key)
        if (!(error instanceof UnavailableError) || last === undefined || !isWithin(ages.stale, last.at)) throw error
        known.set(key, { ...last, failed_at: now() })
        onStale?.(key, now() - last.at, error)
        return last.value
      }
    },

    forget(key) {
      known.delete(key)
    },
  }
}
