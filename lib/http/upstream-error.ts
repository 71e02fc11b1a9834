import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { FetchError } from './guarded-fetch.ts'

/** RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, and Unmet Authentication Requirements 1.0. */
const authorizationErrors: ReadonlySet<string> = new Set([
  'invalid_request',
  'unauthorized_client',
  'access_denied',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'interaction_required',
  'login_required',
  'account_selection_required',
  'consent_required',
  'invalid_request_uri',
  'invalid_request_object',
  'request_not_supported',
  'request_uri_not_supported',
  'registration_not_supported',
  'unmet_authentication_requirements',
])

/** RFC 6749 section 5.2 */
const tokenErrors: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
])

export function answerRefused(issuer: string, detail: string): RefusedError {
  return new RefusedError({ reason: 'upstream_answer_refused', issuer, detail })
}

/** That the issuer does not take us for its client. RFC 6749 section 5.2: 401 says the same, whatever its body. */
export function refusesClient(error: unknown): boolean {
  if (error instanceof ResponseBodyError) return error.status === 401 || error.error === 'invalid_client'
  return error instanceof ClientError && error.cause instanceof Response && error.cause.status === 401
}

/** What an error of openid-client is to us; any other is returned as it is. Nothing of the answer's text goes into it. */
export function toUpstreamError(issuer: string, where: 'token endpoint' | 'userinfo', error: unknown): unknown {
  if (error instanceof AuthorizationResponseError)
    return new RefusedError({ reason: 'upstream_refused', issuer, error: known(authorizationErrors, error.error) })
  // Whoever set this up has a mistake to mend, or the issuer has yet to read our new key: the person has done nothing wrong.
  if (refusesClient(error))
    return new UnavailableError('upstream', `${issuer}: ${where}: our client authentication is refused`)
  if (error instanceof ResponseBodyError) {
    if (error.error === 'unauthorized_client')
      return new UnavailableError('upstream', `${issuer}: ${where}: unauthorized_client`)
    return answerRefused(issuer, `${where}: ${known(tokenErrors, error.error)}`)
  }
  if (!(error instanceof ClientError)) return error
  const { cause } = error
  if (cause instanceof RefusedError || cause instanceof UnavailableError) return cause
  if (cause instanceof FetchError) return new UnavailableError('upstream', `${issuer}: ${where}: ${cause.message}`)
  if (cause instanceof SyntaxError) return answerRefused(issuer, `${where}: ${cause.message}`)
  if (cause instanceof Response) return answerRefused(issuer, `${where}: answered ${cause.status}`)
  // The library's own checks. Its messages name parameters and claims, and never a value.
  if (cause instanceof Error && error.code !== undefined) return answerRefused(issuer, cause.message)
  return error
}

function known(codes: ReadonlySet<string>, code: string): string {
  return codes.has(code) ? code : 'other'
}
