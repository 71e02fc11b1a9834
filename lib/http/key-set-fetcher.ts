import { deadlines } from '../deadlines.ts'
import type { KeySetFetcher, KeySource } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { keyUseOf, parseKeySet } from '../protocol/key-set.ts'
import { parseJsonObject } from '../protocol/strict-json.ts'
import { fetchDiscovery } from './discovery.ts'
import { FetchError, guardedFetch, type Guards } from './guarded-fetch.ts'

export type KeySetFetcherOptions = Omit<Guards, 'signal'>

/** Fetches from the issuer itself: OpenID Connect Discovery 1.0 section 4, then the key set, both within 2 s. */
export function httpKeySetFetcher(options: KeySetFetcherOptions = {}): KeySetFetcher {
  return {
    async fetch(source, etag, signal) {
      if ('keys' in source.jwks) return { notModified: false, keys: source.jwks.keys, etag: undefined }
      const guarded = { ...options, signal: AbortSignal.any([signal, AbortSignal.timeout(deadlines.issuerFetch)]) }
      const uri = 'uri' in source.jwks ? source.jwks.uri : await discover(source, guarded)
      return about(source, 'key set', async () => {
        const fetched = await guardedFetch(uri, { ...guarded, etag: entityTag(etag, uri) })
        if (fetched.status === 304) return { notModified: true }
        return {
          notModified: false,
          keys: parseKeySet(parseJsonObject(fetched.body), keyUseOf(source.issuer)),
          etag: validator(fetched.headers.etag, uri),
        }
      })
    },
  }
}

async function discover(source: KeySource, options: Guards): Promise<string> {
  return about(source, 'discovery', async () => {
    const { jwks_uri } = await fetchDiscovery(source.issuer, options)
    if (typeof jwks_uri !== 'string') throw new FetchError('the document has no jwks_uri')
    return jwks_uri
  })
}

/**
 * An entity tag says something about one URL only (RFC 9110 section 8.8.3), and discovery may name another one tomorrow:
 * what we hand out to be kept is `<tag> <url>`.
 */
function validator(etag: string | undefined, uri: string): string | undefined {
  return etag !== undefined && /^(W\/)?"[\x21\x23-\x7e]{0,256}"$/.test(etag) ? `${etag} ${uri}` : undefined
}

function entityTag(kept: string | undefined, uri: string): string | undefined {
  const etag = kept?.slice(0, Math.max(0, kept.indexOf(' ')))
  return kept !== undefined && kept === validator(etag, uri) ? etag : undefined
}

/** The messages of FetchError and of our parsers quote nothing of what was fetched. */
async function about<T>(source: KeySource, document: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof FetchError) && !(error instanceof SyntaxError)) throw error
    throw new UnavailableError('issuer_keys', `${source.name}: ${document}: ${error.message}`)
  }
}
