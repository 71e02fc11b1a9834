import { lookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { deadlines } from '../deadlines.ts'
import { isLoopbackAddress, isPublicAddress } from './public-address.ts'

const MAX_BODY_BYTES = 256 * 1024
const localHosts = ['127.0.0.1', '[::1]', 'localhost']

export interface Address {
  address: string
  family: number
}

/** What holds for every request. */
export interface Guards {
  signal: AbortSignal
  /** Also this machine: by its literal names over http, by any name over https. */
  local?: boolean | undefined
  /** Every address of a host name. The rest is for tests: which addresses may be connected to, and whose certificates count. */
  resolve?: ((hostname: string) => Promise<Address[]>) | undefined
  permits?: ((address: string) => boolean) | undefined
  ca?: string | undefined
}

export interface GuardedFetchOptions extends Guards {
  /** Sent as If-None-Match (RFC 9110 section 13.1.2). Only then may the answer be 304. */
  etag?: string | undefined
}

export type Fetched = { status: 200; body: Uint8Array; headers: IncomingHttpHeaders } | { status: 304 }

export interface GuardedRequest {
  method: 'GET' | 'POST'
  /** By their names in lower case. */
  headers: Record<string, string>
  body?: string | undefined
}

export interface Answered {
  status: number
  headers: IncomingHttpHeaders
  body: Uint8Array
}

/** Why nothing was fetched: facts, never text of the answer. */
export class FetchError extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'FetchError'
  }
}

/**
 * GET of an https URL on the public internet, and nothing else: the connection goes to an address that was checked, no
 * redirect is followed, 2 s and 256 KiB at most, 200 or 304 only. Throws FetchError.
 */
export async function guardedFetch(url: string, options: GuardedFetchOptions): Promise<Fetched> {
  const { etag } = options
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(deadlines.issuerFetch)])
  const headers: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag }
  return guarded(url, { method: 'GET', headers }, { ...options, signal }, async (response) => {
    const { statusCode, headers } = response
    if (statusCode === 304 && etag !== undefined) return { status: 304 }
    if (statusCode !== 200) throw new FetchError(`answered ${statusCode}`)
    return { status: 200, body: await bodyOf(response), headers }
  })
}

/**
 * The same of another request, until `signal` ends it. Whatever the answer's status is, it is an answer: a redirect too, which
 * is not followed. Throws FetchError.
 */
export async function guardedRequest(url: string, request: GuardedRequest, guards: Guards): Promise<Answered> {
  return guarded(url, request, guards, async (response) => {
    const { statusCode = 0, headers } = response
    return { status: statusCode, headers, body: await bodyOf(response) }
  })
}

/** The same, of whose answer the status is all that is read. */
export async function guardedStatus(url: string, request: GuardedRequest, guards: Guards): Promise<number> {
  return guarded(url, request, guards, async ({ statusCode = 0 }) => statusCode)
}

async function guarded<T>(
  url: string,
  request: GuardedRequest,
  guards: Guards,
  read: (response: IncomingMessage) => Promise<T>,
): Promise<T> {
  const { signal } = guards
  try {
    signal.throwIfAborted()
    const target = parseTarget(url, guards.local === true)
    const addresses = await checkedAddresses(target, guards)
    return await send(target, addresses, request, guards, read)
  } catch (error) {
    if (error instanceof FetchError) throw error
    if (signal.aborted) throw new FetchError('no answer in time')
    throw new FetchError(error instanceof Error && 'code' in error ? String(error.code) : 'the connection failed')
  }
}

/** An https URL, or one of this machine in local runs. Throws FetchError. */
export function parseTarget(text: string, local: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) throw new FetchError('not a URL')
  if (url.username !== '' || url.password !== '') throw new FetchError('credentials in the URL')
  if (url.protocol === 'https:' || (local && isLocal(url))) return url
  throw new FetchError('not an https URL')
}

function isLocal(url: URL): boolean {
  return url.protocol === 'http:' && localHosts.includes(url.hostname)
}

/** All addresses must pass: a name that also points inside is not a name to connect to. */
async function checkedAddresses(url: URL, guards: Guards): Promise<Address[]> {
  const permits = permitted(url, guards)
  // The URL parser has already spelt 0x7f.1, 2130706433 and full-width digits as 127.0.0.1.
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const family = isIP(hostname)
  const resolve = guards.resolve ?? ((name: string) => lookup(name, { all: true }))
  const addresses =
    family === 0 ? await untilAborted(resolve(hostname), guards.signal) : [{ address: hostname, family }]
  if (addresses.length === 0) throw new FetchError('the host has no address')
  if (!addresses.every(({ address }) => permits(address)))
    throw new FetchError('the host has an address that may not be connected to')
  return addresses
}

/** In local runs also what has TLS on this machine: a proxy, or a suite that tests us. */
function permitted(url: URL, { local, permits = isPublicAddress }: Guards): (address: string) => boolean {
  if (isLocal(url)) return isLoopbackAddress
  return local ? (address) => permits(address) || isLoopbackAddress(address) : permits
}

async function send<T>(
  url: URL,
  addresses: Address[],
  { method, headers, body }: GuardedRequest,
  { signal, ca }: Guards,
  read: (response: IncomingMessage) => Promise<T>,
): Promise<T> {
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    // Our own connection: a shared agent could hold one that was never checked, or send us through a proxy.
    agent: false,
    lookup: answering(addresses),
    signal,
    headers: {
      accept: 'application/json',
      ...headers,
      'accept-encoding': 'identity',
      'user-agent': 'token-broker',
    },
    // Said explicitly: NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  })
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve)
      request.on('error', reject)
      request.on('close', () => reject(new FetchError('the connection was closed')))
      request.end(body)
    })
    response.on('error', () => {})
    return await read(response)
  } finally {
    request.destroy()
  }
}

async function bodyOf(response: IncomingMessage): Promise<Uint8Array> {
  const encoding = response.headers['content-encoding']?.toLowerCase()
  if (encoding !== undefined && encoding !== 'identity')
    throw new FetchError('the answer is encoded, which was not asked for')
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new FetchError(`the answer is longer than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What Node asks when it connects: it gets what was checked, and no second resolution can differ. */
function answering(addresses: Address[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses
    if (all) callback(null, addresses)
    else callback(null, first?.address ?? '', first?.family)
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    }),
  ])
}
