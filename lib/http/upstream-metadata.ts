import { upstreamMetadataAges } from '../deadlines.ts'
import { lastKnown } from '../last-known.ts'
import type { Clock, Log, Upstream } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { areStrings, type JsonObject } from '../protocol/strict-json.ts'
import { fetchDiscovery } from './discovery.ts'
import { FetchError, parseTarget, type Guards } from './guarded-fetch.ts'
import { singleFlight } from './single-flight.ts'

/** What we read of an upstream's own document (OpenID Connect Discovery 1.0 section 3, RFC 9207 section 3), and nothing else of it. */
export interface UpstreamMetadata {
  issuer: string
  authorization_endpoint: string
  token_endpoint: string
  userinfo_endpoint: string | undefined
  id_token_signing_alg_values_supported: string[] | undefined
  token_endpoint_auth_methods_supported: string[] | undefined
  token_endpoint_auth_signing_alg_values_supported: string[] | undefined
  authorization_response_iss_parameter_supported: boolean | undefined
}

export interface UpstreamMetadataOptions extends Omit<Guards, 'signal'> {
  now: Clock
  log?: Pick<Log, 'warn'> | undefined
}

export type FindUpstreamMetadata = (
  upstream: Pick<Upstream, 'name' | 'issuer'>,
  signal: AbortSignal,
) => Promise<UpstreamMetadata>

/** In this sandbox's memory, one entry an upstream. Throws UnavailableError when none younger than an hour can be had. */
export function upstreamMetadata({ now, log, ...guards }: UpstreamMetadataOptions): FindUpstreamMetadata {
  const flight = singleFlight<UpstreamMetadata>()
  const known = lastKnown<UpstreamMetadata>({
    ages: upstreamMetadataAges,
    now,
    onStale: (issuer, age, { message }) => log?.warn('stale_metadata_served', { issuer, age, detail: message }),
  })

  return async ({ name, issuer }, signal) => {
    const fetchOurs = (signal: AbortSignal) =>
      about(name, async () => toMetadata(await fetchDiscovery(issuer, { ...guards, signal }), guards.local === true))
    return known.find(name, async () => {
      try {
        return await flight(name, fetchOurs, signal)
      } catch (error) {
        if (!signal.aborted || error instanceof UnavailableError) throw error
        throw new UnavailableError('upstream', `${name}: discovery: no answer in time`)
      }
    })
  }
}

async function about<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof FetchError) && !(error instanceof SyntaxError)) throw error
    throw new UnavailableError('upstream', `${name}: discovery: ${error.message}`)
  }
}

function toMetadata(document: JsonObject, local: boolean): UpstreamMetadata {
  const endpoint = (name: string) => {
    const value = member(document, name, isString)
    if (value !== undefined) parseTarget(value, local)
    return value
  }
  const required = (name: string) => {
    const value = endpoint(name)
    if (value === undefined) throw new FetchError(`the document has no ${name}`)
    return value
  }
  const list = (name: string) => member(document, name, areStrings)
  return {
    issuer: document.issuer as string,
    authorization_endpoint: required('authorization_endpoint'),
    token_endpoint: required('token_endpoint'),
    userinfo_endpoint: endpoint('userinfo_endpoint'),
    id_token_signing_alg_values_supported: list('id_token_signing_alg_values_supported'),
    token_endpoint_auth_methods_supported: list('token_endpoint_auth_methods_supported'),
    token_endpoint_auth_signing_alg_values_supported: list('token_endpoint_auth_signing_alg_values_supported'),
    authorization_response_iss_parameter_supported: member(
      document,
      'authorization_response_iss_parameter_supported',
      (value) => typeof value === 'boolean',
    ),
  }
}

function member<T>(document: JsonObject, name: string, fits: (value: unknown) => value is T): T | undefined {
  const value = document[name]
  if (value === undefined || fits(value)) return value
  throw new FetchError(`the document's ${name} is malformed`)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}
