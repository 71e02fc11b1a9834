import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { RefusedError } from '../protocol/errors.ts'
import { MAX_FORM_BYTES, parseForm, type Form } from '../protocol/form.ts'

const FORM = 'application/x-www-form-urlencoded'

/** What callers send by mistake; a header may hold anything, and the log only what we know. */
const familiar: ReadonlyMap<string, 'absent' | 'json' | 'multipart'> = new Map([
  ['', 'absent'],
  ['application/json', 'json'],
  ['multipart/form-data', 'multipart'],
])

/** Parameters that belong in a body: in a URL they would stand in every access log on the way. */
const bodyOnly = [
  'token',
  'subject_token',
  'actor_token',
  'client_secret',
  'client_assertion',
  'refresh_token',
  'code',
  'access_token',
  'grant_type',
]

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A header's value whatever its name's case; HTTP APIs send lower case, other invokers may not. */
export function header(event: Pick<APIGatewayProxyEventV2, 'headers'>, name: string): string | undefined {
  const value =
    event.headers?.[name] ?? Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]
  return value === undefined ? undefined : text(value)
}

export function method(event: APIGatewayProxyEventV2): string {
  return text(event?.requestContext?.http?.method)
}

export function path(event: APIGatewayProxyEventV2): string {
  return text(event?.rawPath)
}

/** Other invokers than API Gateway may send null, or anything, and for an event too. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function query(event: APIGatewayProxyEventV2): string {
  return text(event?.rawQueryString)
}

/** Throws RefusedError, 405, for a method that is not one of these: `GET, POST`. */
export function refuseOtherMethods(event: APIGatewayProxyEventV2, allow: string): void {
  const verb = method(event)
  if (!allow.split(', ').includes(verb))
    throw new RefusedError({ reason: 'method_not_allowed', method: verb.slice(0, 16), allow })
}

/** The form in a POST (RFC 6749 section 3.2). Throws RefusedError: 405, 415, 413 and invalid_request, in that order. */
export function formOf(event: APIGatewayProxyEventV2): Form {
  const body = formTextOf(event)
  const parameters = new URLSearchParams(query(event))
  if (bodyOnly.some((name) => parameters.has(name)))
    throw new RefusedError({ reason: 'form_malformed', detail: 'parameters in the query string' })
  return parseForm(body)
}

/** The same, not yet read. */
export function formTextOf(event: APIGatewayProxyEventV2): string {
  const media_type = mediaTypeOf(event, 'POST')
  if (media_type !== FORM)
    throw new RefusedError({ reason: 'unsupported_media_type', content_type: familiar.get(media_type) ?? 'other' })
  return bodyOf(event)
}

/** The JSON in a POST, or in one of the methods that are allowed, as text. Throws RefusedError: 405, 415, 413. */
export function jsonBodyOf(event: APIGatewayProxyEventV2, allow = 'POST'): string {
  if (mediaTypeOf(event, allow) !== 'application/json') throw new RefusedError({ reason: 'json_expected' })
  return bodyOf(event)
}

function mediaTypeOf(event: APIGatewayProxyEventV2, allow: string): string {
  refuseOtherMethods(event, allow)
  return header(event, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

function bodyOf(event: APIGatewayProxyEventV2): string {
  const body = text(event.body)
  if (!event.isBase64Encoded) return body
  const bytes = Math.ceil((body.length * 3) / 4)
  if (bytes > MAX_FORM_BYTES + 2) throw new RefusedError({ reason: 'request_too_large', bytes })
  try {
    return utf8.decode(Buffer.from(body, 'base64'))
  } catch {
    throw new RefusedError({ reason: 'form_malformed', detail: 'the body is not UTF-8' })
  }
}
