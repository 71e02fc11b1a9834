import { invalidRequest } from './http-faces.ts'
import { logoutFaces } from './logout-refusals.ts'
import type { RegistrationRefusal } from './registration-refusals.ts'
import { wire, type Face, type Refusal } from './refusals.ts'

/** Why an authorization request, or the login that it began, comes to nothing. */
export type AuthorizationRefusal =
  // Before the redirect URI can be trusted: a page, never a redirect.
  | { reason: 'redirect_uri_unknown'; client_id: string }
  | { reason: 'client_without_login'; client_id: string }
  // The request.
  | { reason: 'response_type_unsupported' }
  | { reason: 'request_object_unsupported' }
  | { reason: 'request_uri_unsupported' }
  | { reason: 'registration_unsupported' }
  | { reason: 'code_challenge_missing'; client_id: string }
  | { reason: 'identity_scope_missing'; client_id: string }
  | { reason: 'id_token_hint_refused' }
  // With prompt=none.
  | { reason: 'login_needed' }
  | { reason: 'selection_needed' }
  | { reason: 'consent_needed' }
  // The login.
  | { reason: 'login_unknown' }
  | { reason: 'browser_mismatch' }
  | { reason: 'callback_of_another_issuer'; issuer: string }
  | { reason: 'issuer_not_offered'; client_id: string; issuer: string }
  | { reason: 'consent_denied'; client_id: string }
  /** `error`: the issuer's own code, of those that RFC 6749 section 4.1.2.1 and OpenID Connect know, else `other`. */
  | { reason: 'upstream_refused'; issuer: string; error: string }
  | { reason: 'upstream_answer_refused'; issuer: string; detail: string; cause?: Refusal }
  | { reason: 'another_person'; issuer: string }
  | { reason: 'login_too_old'; issuer: string }
  | { reason: 'acr_unmet'; issuer: string; acr_values: string[] }

const login = [400, 'invalid_request', 'this login cannot be continued: start again from the application'] as const
const denied = [403, 'access_denied', 'the login was not accepted'] as const

/** As `wire`, for what happens at /authorize and after. */
export const authorizationFaces = {
  redirect_uri_unknown: invalidRequest('the redirect_uri is not one of this client'),
  client_without_login: [400, 'unauthorized_client', 'people do not log in to this client here'],
  // RFC 6749 section 4.1.2.1
  response_type_unsupported: [400, 'unsupported_response_type', 'the response_type must be code'],
  // OpenID Connect Core section 3.1.2.6
  request_object_unsupported: [400, 'request_not_supported', 'request objects are not supported'],
  request_uri_unsupported: [400, 'request_uri_not_supported', 'request_uri is not supported'],
  registration_unsupported: [400, 'registration_not_supported', 'registration is not supported'],
  code_challenge_missing: invalidRequest('a code_challenge with code_challenge_method S256 is required'),
  identity_scope_missing: [400, 'invalid_scope', 'the scope names nothing that this client may have'],
  id_token_hint_refused: invalidRequest('the id_token_hint is none of our ID tokens'),
  login_needed: [400, 'login_required', 'the person must log in'],
  selection_needed: [400, 'account_selection_required', 'the person must choose where to log in'],
  consent_needed: [400, 'consent_required', 'the person must consent'],
  login_unknown: login,
  browser_mismatch: login,
  callback_of_another_issuer: login,
  issuer_not_offered: denied,
  consent_denied: [403, 'access_denied', 'the person did not consent'],
  upstream_refused: denied,
  upstream_answer_refused: denied,
  another_person: [400, 'login_required', 'another person has logged in'],
  login_too_old: [400, 'login_required', 'the identity provider does not say that the person has just logged in'],
  acr_unmet: [400, 'unmet_authentication_requirements', 'the login is not as strong as was asked for'],
} as const satisfies Record<AuthorizationRefusal['reason'], Face>

/** At /authorize and after. What is said there of a subject token is here about a person. */
export const loginFaces: Readonly<Record<Exclude<Refusal['reason'], RegistrationRefusal['reason']>, Face>> = {
  ...wire,
  ...authorizationFaces,
  ...logoutFaces,
  issuer_requirement_failed: denied,
  event_forbidden: denied,
  no_rule_matches: denied,
  issuance_blocked: denied,
}
