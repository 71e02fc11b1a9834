import { setImmediate } from 'node:timers/promises'
import { cachedKeySets } from '../../lib/http/key-sets.ts'
import type { FetchedKeySet, KeySetItem, KeySetItems, KeySets, KeySource } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import type { KeySet } from '../../lib/protocol/key-set.ts'

export const signal = AbortSignal.timeout(60_000)
export const github: KeySource = { name: 'github', issuer: 'https://issuer.example', jwks: { discovery: true } }

export function keySet(...kids: string[]): KeySet {
  return { keys: kids.map((kid) => ({ kid, algorithms: ['ES256'], jwk: { kty: 'EC', kid } })) }
}

export function kids({ keys }: KeySet): (string | undefined)[] {
  return keys.map(({ kid }) => kid)
}

/** One issuer, one table and any number of sandboxes, in time that stands still unless a test or a pause moves it. */
export class World {
  time = 1_800_000_000
  fetches = 0
  /** Calls of the table. */
  finds = 0
  claims = 0
  warnings: string[] = []
  metrics: string[] = []
  etags: (string | undefined)[] = []
  /** The issuer's answer. */
  answer: () => Promise<FetchedKeySet> = async () => ({ notModified: false, keys: keySet('a'), etag: undefined })
  tableFails: '' | 'find' | 'claimFetch' | 'store' = ''
  readonly rows = new Map<string, { item: KeySetItem | undefined; attempted_at: number | undefined }>()

  serves(...kids: string[]): void {
    this.answer = async () => ({ notModified: false, keys: keySet(...kids), etag: undefined })
  }

  fails(): void {
    this.answer = async () => {
      throw new UnavailableError('issuer_keys', 'github: key set: answered 500')
    }
  }

  /** A clock of its own may run `ahead`. */
  sandbox({ ahead = 0, pause }: { ahead?: number; pause?: (signal: AbortSignal) => Promise<void> } = {}): KeySets {
    return cachedKeySets({
      fetcher: {
        fetch: async (_, etag) => {
          this.fetches++
          this.etags.push(etag)
          return this.answer()
        },
      },
      items: this.items(),
      now: () => this.time + ahead,
      log: { warn: (message) => this.warnings.push(message) },
      metric: (name) => this.metrics.push(name),
      pause: pause ?? (async () => setImmediate()),
    })
  }

  items(): KeySetItems {
    const row = (name: string) => this.rows.get(name) ?? { item: undefined, attempted_at: undefined }
    const asked = async (operation: typeof this.tableFails) => {
      await setImmediate()
      if (this.tableFails === operation) throw new UnavailableError('dynamodb', 'ThrottlingException')
    }
    return {
      find: async (name) => {
        this.finds++
        await asked('find')
        return row(name)
      },
      claimFetch: async (name, now) => {
        this.claims++
        await asked('claimFetch')
        const { item, attempted_at } = row(name)
        if (attempted_at !== undefined && attempted_at > now - 30 && attempted_at <= now + 60) return false
        this.rows.set(name, { item, attempted_at: now })
        return true
      },
      store: async (name, item) => {
        await asked('store')
        const { item: before, attempted_at } = row(name)
        if (before === undefined || before.fetched_at <= item.fetched_at) this.rows.set(name, { item, attempted_at })
      },
    }
  }
}
