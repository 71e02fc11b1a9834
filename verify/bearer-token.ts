import { InvalidTokenError, MissingTokenError } from './errors.ts'

/** Of an event of API Gateway or a load balancer: what the token is read from. */
export interface RequestHeaders {
  headers?: Readonly<Record<string, string | undefined>> | null | undefined
  /** Payload 1.0 has each header's values here, and in `headers` the last one only. */
  multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null | undefined
}

/**
 * RFC 6750 section 2.1: the token of an Authorization header, `Bearer <token>`. Never from a form or a URL. Give all values
 * where the server tells them apart (`request.headersDistinct.authorization` of node:http). Throws MissingTokenError where
 * there is none, or another scheme; InvalidTokenError where there is more than one, or what cannot be a token.
 */
export function bearerToken(authorization: string | readonly string[] | undefined): string {
  const [value, ...others] = typeof authorization === 'string' ? [authorization] : (authorization ?? [])
  if (others.length > 0) throw new InvalidTokenError('the request has more than one Authorization header')
  // RFC 9110 section 11.1: the scheme is compared without case.
  if (value === undefined || !/^bearer(?: |$)/i.test(value)) throw new MissingTokenError()
  const [, token] = /^bearer +([\w.~+/-]+=*)$/i.exec(value) ?? []
  if (token === undefined) throw new InvalidTokenError('the Authorization header has no single bearer token')
  return token
}

/** The same, of an event whose header names may be spelt in any case. */
export function bearerTokenOf({ headers, multiValueHeaders }: RequestHeaders): string {
  const values = Object.entries(multiValueHeaders ?? headers ?? {})
    .filter(([name]) => name.toLowerCase() === 'authorization')
    .flatMap(([, value]) => value ?? [])
  return bearerToken(values)
}
