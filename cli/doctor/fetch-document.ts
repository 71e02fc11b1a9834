import { deadlines } from '../../lib/deadlines.ts'
import { FetchError, guardedFetch } from '../../lib/http/guarded-fetch.ts'
import { parseJsonObject, type JsonObject } from '../../lib/protocol/strict-json.ts'
import { failed, type Check } from './check.ts'
import { clockOffset } from './clock.ts'

export interface Fetched {
  document: JsonObject
  /** Seconds that its clock is ahead of ours. */
  offset: number | undefined
}

/** One of an issuer's documents. Throws FetchError, and SyntaxError for what is no JSON object; neither quotes it. */
export type FetchDocument = (url: string) => Promise<Fetched>

/** As the broker fetches, from here: all documents of one issuer have the time that they have in a request. */
export function documentFetcher(local: boolean): FetchDocument {
  const signal = AbortSignal.timeout(deadlines.issuerFetch)
  return async (url) => {
    const asked_at = Date.now()
    const fetched = await guardedFetch(url, { signal, local })
    if (fetched.status !== 200) throw new FetchError(`answered ${fetched.status}`)
    const { date, age } = fetched.headers
    return { document: parseJsonObject(fetched.body), offset: clockOffset({ date, age }, asked_at, Date.now()) }
  }
}

/** Of an error of FetchDocument. Throws any other. */
export function whyNotFetched(error: unknown): string {
  if (error instanceof FetchError || error instanceof SyntaxError) return error.message
  throw error
}

export function notFetched(check: string, url: string, error: unknown): Check {
  const why = whyNotFetched(error)
  const remedy = remedies.find(([pattern]) => pattern.test(why))?.[1] ?? 'see what `curl -sS` has from there'
  return failed(check, `${url}: ${why}`, remedy)
}

const uploads = 'give its keys with jwks: { keys: [...] }'

const remedies: readonly [RegExp, string][] = [
  [/may not be connected to$/, `it is inside a network, where the broker does not come: ${uploads}`],
  [
    /^ENOTFOUND$|^the host has no address$/,
    `the public internet does not know this host: see that it is spelt right, and if it is inside a network, ${uploads}`,
  ],
  [
    /^no answer in time$/,
    'the broker waits 2 s for both documents: ask again, and if it stays so, whoever runs the issuer',
  ],
  [/^answered 3/, 'the broker follows no redirect: write the URL that it leads to, if that is the issuer'],
  [/^answered /, 'see that the URL is right, and ask whoever runs the issuer'],
  [/^not (?:valid|a) JSON|^not valid UTF-8/, 'something else answers there: see that the URL is right'],
  [
    /^not an https URL$/,
    'the broker fetches by https alone: write that URL, or with jwks: { uri: … } where else its keys are',
  ],
  [
    /CERT|ALTNAME|SELF_SIGNED|SSL|TLS/,
    'its certificate is none that the public internet trusts: renew it, or upload the keys',
  ],
]
