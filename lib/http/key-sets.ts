import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { keySetAges } from '../deadlines.ts'
import type { Clock, KeySetFetcher, KeySetItem, KeySetItems, KeySets, KeySource, Log } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import type { KeySet } from '../protocol/key-set.ts'
import { singleFlight } from './single-flight.ts'

export interface CachedKeySetsOptions {
  fetcher: KeySetFetcher
  items: KeySetItems
  now: Clock
  log?: Pick<Log, 'warn'>
  metric?: (name: 'stale_keys_served', issuer: string) => void
  /** Between two looks at what another sandbox is fetching; a test waits for nothing. */
  pause?: (signal: AbortSignal) => Promise<void>
}

/** What one look at the table, and at the issuer if it was our turn, came to. */
interface Outcome {
  known: KeySetItem | undefined
  /** The issuer itself answered within the last 30 s: a kid that is not in `known` does not exist. */
  current?: boolean
  /** Nothing more can be done now, for any kid. Otherwise only what was asked for was found. */
  final?: boolean
  /** Why the issuer's own answer is missing, when the last fetch is known to have failed. */
  failure?: string
}

/** A fetch and its store take less; a claim without a set after this many seconds has failed, or its sandbox died. */
const FETCH_SECONDS = 5
/** A clock further ahead than this is broken: what it wrote is not believed. */
const MAX_SKEW_SECONDS = 60
/** About 2.5 s with the pauses between. */
const MAX_LOOKS = 12
/** More than anybody configures. */
const MOST_REMEMBERED = 4_096

/** Issuers' keys in two levels: this sandbox's memory, and a row that all sandboxes share, so that one of them fetches for all. */
export function cachedKeySets({ fetcher, items, now, log, metric, pause = jittered }: CachedKeySetsOptions): KeySets {
  // One entry an issuer and place: a client that registered itself may move its keys, and those of the old place are no more.
  const memory = new Map<string, KeySetItem>()
  const flight = singleFlight<Outcome>()
  /** When our own last fetch that failed was claimed: no use to wait for that one. */
  const failed = new Map<string, number>()

  /** Only forward in time. */
  function remember(source: KeySource, item: KeySetItem | undefined): KeySetItem | undefined {
    const id = placeOf(source)
    const known = memory.get(id)
    if (item === undefined || (known !== undefined && known.fetched_at > item.fetched_at)) return known
    memory.set(id, item)
    // Clients that register themselves come and go: whose keys were remembered first is asked again.
    for (const [oldest] of memory) if (memory.size > MOST_REMEMBERED) memory.delete(oldest)
    return item
  }

  async function look(
    source: KeySource,
    signal: AbortSignal,
  ): Promise<{ known: KeySetItem | undefined; attempted_at: number | undefined }> {
    const { item, attempted_at } = await items.find(source.name, signal)
    const believed =
      item !== undefined && item.fetched_at <= now() + MAX_SKEW_SECONDS ? fromItem(item, source) : undefined
    return { known: remember(source, believed), attempted_at }
  }

  async function refresh(source: KeySource, kid: string | undefined, signal: AbortSignal): Promise<Outcome> {
    const { known, attempted_at } = await look(source, signal)
    const at = now()
    if (known && isYounger(known, keySetAges.memory, at) && holds(known.keys, kid)) return { known }
    if (known && isYounger(known, keySetAges.refetch, at)) return { known, current: true, final: true }
    const recent =
      attempted_at !== undefined && Math.abs(at - attempted_at) < keySetAges.refetch ? attempted_at : undefined
    if (recent === undefined && (await items.claimFetch(source.name, at, signal)))
      return fetchFor(source, known, at, signal)
    const over = recent !== undefined && (hasFailed(recent, at) || failed.get(source.name) === recent)
    const failure = over ? 'the last fetch failed' : undefined
    if (known && isYounger(known, keySetAges.stale, at) && holds(known.keys, kid))
      return { known, ...(failure ? { failure } : {}) }
    if (failure) return { known, failure, final: true }
    return awaitOther(source, recent ?? at, signal)
  }

  /** It is our turn: nobody else fetches for the next 30 s. */
  async function fetchFor(
    source: KeySource,
    known: KeySetItem | undefined,
    at: number,
    signal: AbortSignal,
  ): Promise<Outcome> {
    let item: KeySetItem
    try {
      const fetched = await fetcher.fetch(source, known?.etag, signal)
      if (!fetched.notModified) item = { keys: fetched.keys, etag: fetched.etag, fetched_at: at }
      else if (known) item = { ...known, fetched_at: at }
      else throw new UnavailableError('issuer_keys', `${source.name}: not modified, but nothing is known`)
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      failed.set(source.name, at)
      log?.warn('key_set_fetch_failed', { issuer: source.name, detail: error.message })
      return { known, failure: 'the last fetch failed', final: true }
    }
    remember(source, item)
    try {
      await items.store(source.name, toItem(item, source), signal)
    } catch (error) {
      // What the issuer said is in hand; the others do without it for 30 s.
      if (!(error instanceof UnavailableError)) throw error
      log?.warn('key_set_not_stored', { issuer: source.name, detail: error.message })
    }
    return { known: item, current: true, final: true }
  }

  /** Another sandbox is fetching: it has stored what it got, or it has failed, within a few seconds. */
  async function awaitOther(source: KeySource, claimed_at: number, signal: AbortSignal): Promise<Outcome> {
    for (let looks = 0; looks < MAX_LOOKS && !hasFailed(claimed_at, now()); looks++) {
      await pause(signal)
      const { known, attempted_at } = await look(source, signal)
      // A set carries the time of the claim it was fetched under, so these two come from one clock.
      if (known && attempted_at !== undefined && known.fetched_at >= attempted_at)
        return { known, current: true, final: true }
    }
    return { known: memory.get(placeOf(source)), final: true }
  }

  return {
    async find(source, kid, signal) {
      if ('keys' in source.jwks) return source.jwks.keys
      for (;;) {
        const remembered = memory.get(placeOf(source))
        if (remembered && answers(remembered, kid, now())) return remembered.keys
        const { known, current, final, failure } = await flight(
          placeOf(source),
          (stop) => refresh(source, kid, stop),
          signal,
        ).catch((error) => {
          if (!signal.aborted || error instanceof UnavailableError) throw error
          throw new UnavailableError('issuer_keys', `${source.name}: no answer in time`)
        })
        if (known && current) return known.keys
        if (known && isYounger(known, keySetAges.stale, now()) && holds(known.keys, kid)) {
          if (failure) reportStale(source, known)
          return known.keys
        }
        if (final)
          throw new UnavailableError('issuer_keys', `${source.name}: ${failure ?? 'no fetch has finished yet'}`)
        // We shared a flight that stopped at the kid it was after; ours needs one of its own.
      }
    },
  }

  function reportStale({ name }: KeySource, { fetched_at }: KeySetItem): void {
    log?.warn('stale_keys_served', { issuer: name, age: now() - fetched_at })
    metric?.('stale_keys_served', name)
  }
}

/** From memory alone. Right after a fetch an unknown kid is answered too, so that inventing kids costs an attacker's token and nothing else. */
function answers(known: KeySetItem, kid: string | undefined, at: number): boolean {
  return isYounger(known, keySetAges.refetch, at) || (isYounger(known, keySetAges.memory, at) && holds(known.keys, kid))
}

function isYounger({ fetched_at }: KeySetItem, seconds: number, at: number): boolean {
  return at - fetched_at < seconds && at - fetched_at >= -MAX_SKEW_SECONDS
}

function holds({ keys }: KeySet, kid: string | undefined): boolean {
  return kid === undefined || keys.some((key) => key.kid === kid)
}

function hasFailed(claimed_at: number, at: number): boolean {
  return at - claimed_at > FETCH_SECONDS
}

/**
 * The row is named for the issuer, and a name can be given another URL in broker.yaml: keys of the old one must not serve
 * the new one. So the stored etag begins with where the set came from, and a row from elsewhere counts as none.
 */
function toItem(item: KeySetItem, source: KeySource): KeySetItem {
  return { ...item, etag: `${originOf(source)} ${item.etag ?? ''}` }
}

function fromItem(item: KeySetItem, source: KeySource): KeySetItem | undefined {
  const origin = `${originOf(source)} `
  if (!item.etag?.startsWith(origin)) return undefined
  return { ...item, etag: item.etag.slice(origin.length) || undefined }
}

function placeOf({ name, issuer, jwks }: KeySource): string {
  return `${name} ${'uri' in jwks ? jwks.uri : issuer}`
}

function originOf({ issuer, jwks }: KeySource): string {
  return createHash('sha256')
    .update(JSON.stringify([issuer, jwks]))
    .digest('base64url')
}

/** Jittered, so that fifty sandboxes that started together do not look together. */
async function jittered(signal: AbortSignal): Promise<void> {
  await setTimeout(100 + Math.random() * 200, undefined, { signal })
}
