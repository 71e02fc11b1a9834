import type { SigningAlgorithm } from '../lib/protocol/algorithms.ts'
import { parseKeySet, type VerificationKey } from '../lib/protocol/key-set.ts'
import type { JsonObject } from '../lib/protocol/strict-json.ts'
import { VerifierUnavailableError } from './errors.ts'
import { fetchJson, NoAnswer, within } from './fetch-json.ts'

/** What the broker signs with (RFC 7518 section 3.1). */
export const signingAlgorithms: readonly SigningAlgorithm[] = ['ES256', 'RS256']

export interface FoundKey {
  key: VerificationKey
  /** Where the broker answers RFC 7662; undefined when its discovery names none. */
  introspection_endpoint: string | undefined
}

/** The keys of one broker. */
export interface BrokerKeys {
  /** The key of that `kid`, or undefined when the broker has none. Throws VerifierUnavailableError when that cannot be known. */
  find(kid: string): Promise<FoundKey | undefined>
}

interface Known {
  keys: readonly VerificationKey[]
  introspection_endpoint: string | undefined
  fetched_at: number
}

// All in milliseconds.
/** Both documents together. */
const FETCH_TIME = 2_000
/** So long nobody is asked; whatever the answer's Cache-Control says. */
const FRESH = 10 * 60_000
/** So long they serve while the broker does not answer: what `stale-if-error` of its /jwks says. */
const STALE = 24 * 60 * 60_000
/** Between two attempts, for whatever reason, while keys are known. */
const REFETCH = 30_000
/** And while none are. */
const RETRY = 1_000
/** A clock that was put back further than this starts over. */
const MAX_SKEW = 60_000

/**
 * Keys in memory, fetched by one request for all who wait. A fetch that fails, or answers what is no set of usable keys,
 * changes nothing; after one that succeeds, a key that is absent from it is no key any more. `now` in milliseconds since 1970.
 */
export function brokerKeys(issuer: string, now: () => number): BrokerKeys {
  let known: Known | undefined
  let attempt: { at: number; failure: string | undefined } | undefined
  let flight: Promise<void> | undefined

  const isYounger = (at: number | undefined, age: number) =>
    at !== undefined && now() - at < age && now() - at >= -MAX_SKEW
  const isDue = () => !isYounger(attempt?.at, isYounger(known?.fetched_at, STALE) ? REFETCH : RETRY)
  const keyOf = (kid: string) => known?.keys.find((key) => key.kid === kid)

  async function refetch(): Promise<void> {
    const at = now()
    try {
      known = { ...(await fetchKeys(issuer)), fetched_at: at }
      attempt = { at, failure: undefined }
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      attempt = { at, failure: error.message }
    }
  }

  return {
    async find(kid) {
      const current = isYounger(known?.fetched_at, FRESH) && keyOf(kid) !== undefined
      if (!current && (flight !== undefined || isDue()))
        await (flight ??= refetch().finally(() => (flight = undefined)))
      if (known !== undefined && isYounger(known.fetched_at, STALE)) {
        const key = keyOf(kid)
        if (key !== undefined) return { key, introspection_endpoint: known.introspection_endpoint }
        if (attempt?.failure === undefined) return undefined
      }
      throw new VerifierUnavailableError(`the keys of the broker cannot be had: ${attempt?.failure}`)
    },
  }
}

/** OpenID Connect Discovery 1.0 section 4, then the key set. Throws NoAnswer. */
async function fetchKeys(issuer: string): Promise<Omit<Known, 'fetched_at'>> {
  return within(FETCH_TIME, async (signal) => {
    const { jwks_uri, introspection_endpoint } = await about('discovery', async () => {
      const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
      return endpointsOf(await fetchJson(url, signal), issuer)
    })
    const keys = await about('key set', async () => usableKeys(await fetchJson(jwks_uri, signal)))
    return { keys, introspection_endpoint }
  })
}

function endpointsOf(document: JsonObject, issuer: string): { jwks_uri: string; introspection_endpoint?: string } {
  // Section 4.3: it MUST be the same, and exactly.
  if (document.issuer !== issuer) throw new NoAnswer('the document names another issuer')
  const { jwks_uri, introspection_endpoint } = document
  if (!isAtIssuer(jwks_uri, issuer)) throw new NoAnswer('the document has no jwks_uri of its own origin')
  return { jwks_uri, ...(isAtIssuer(introspection_endpoint, issuer) ? { introspection_endpoint } : {}) }
}

/** Of the issuer's own origin, so as https as that is: who can change the document must not send us elsewhere. */
function isAtIssuer(uri: unknown, issuer: string): uri is string {
  if (typeof uri !== 'string' || !URL.canParse(uri)) return false
  const { origin, username, password } = new URL(uri)
  return origin === new URL(issuer).origin && username + password === ''
}

function usableKeys(document: JsonObject): readonly VerificationKey[] {
  const keys = parseKeySet(document).keys.filter(
    ({ kid, algorithms }) => kid !== undefined && signingAlgorithms.some((alg) => algorithms.includes(alg)),
  )
  if (keys.length === 0) throw new NoAnswer('no key that the broker could sign with')
  return keys
}

/** The messages of NoAnswer and of our parsers quote nothing of what was fetched. */
async function about<T>(document: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof NoAnswer) && !(error instanceof SyntaxError)) throw error
    throw new NoAnswer(`${document}: ${error.message}`, error instanceof NoAnswer && error.unreachable)
  }
}
