import type { AuthorizationRefusal } from './authorization-refusals.ts'
import type { LogoutRefusal } from './logout-refusals.ts'
import type { RegistrationRefusal } from './registration-refusals.ts'
import { httpFaces, invalidRequest } from './http-faces.ts'

/**
 * Every way a request can be turned down: what the operator reads in the log, and, in `wire`, the one public face
 * that the caller sees. Many reasons share a phrase on purpose: a caller who may not know why cannot probe. No fact is
 * the value of a parameter: any of them may hold a secret that was put in the wrong place.
 */
export type Refusal =
  // The request itself.
  | { reason: 'method_not_allowed'; method: string; allow: string }
  | { reason: 'not_found' }
  | { reason: 'unsupported_media_type'; content_type: 'absent' | 'json' | 'multipart' | 'other' }
  | { reason: 'request_too_large'; bytes: number }
  | { reason: 'form_malformed'; detail: string }
  | { reason: 'parameter_repeated'; parameter: string }
  | { reason: 'parameter_missing'; parameter: string }
  | { reason: 'authorization_missing' }
  | { reason: 'parameter_unsupported'; parameter: string; detail: string }
  /** Of the operators' endpoint. */
  | { reason: 'json_expected' }
  | { reason: 'operator_unknown' }
  // The client.
  | { reason: 'client_unknown' }
  | { reason: 'client_authentication_failed'; detail: string; basic: boolean }
  | { reason: 'client_methods_several' }
  /** `failed`: which condition of a federated client, in words. */
  | { reason: 'client_assertion_refused'; client_id: string; cause: Refusal; failed?: string | undefined }
  | { reason: 'token_of_another_client'; client_id: string }
  | { reason: 'grant_type_unsupported' }
  | { reason: 'grant_type_not_allowed'; client_id: string }
  // The subject token.
  | { reason: 'token_malformed'; detail: string }
  | { reason: 'token_type_mismatch'; typ: string }
  | { reason: 'issuer_unknown'; iss: string }
  | { reason: 'algorithm_not_allowed'; alg: string }
  | { reason: 'key_unknown'; kid: string }
  | { reason: 'signature_invalid' }
  | { reason: 'claim_malformed'; claim: string; detail: string }
  | { reason: 'audience_mismatch'; aud: string }
  | { reason: 'token_expired'; exp: number }
  | { reason: 'token_not_yet_valid'; claim: 'nbf' | 'iat'; value: number }
  | { reason: 'token_lifetime_too_long'; lifetime: number; max_token_lifetime: number }
  | { reason: 'subject_claim_missing'; claim: string }
  | { reason: 'issuer_requirement_failed'; claim: string }
  | { reason: 'event_forbidden'; claim: string; value: string }
  | { reason: 'no_rule_matches' }
  | { reason: 'issuance_blocked'; dimension: string; value: string }
  /** The same, where a client asked for itself. */
  | { reason: 'client_issuance_blocked'; dimension: string; value: string }
  | { reason: 'client_has_no_rule'; client_id: string }
  | { reason: 'subject_token_replayed' }
  | { reason: 'subject_token_works_once'; issuer: string }
  // What was asked for.
  /** `named`: the targets that were named; `unknown`: how many of the values name none. */
  | { reason: 'target_unknown'; named: string[]; unknown: number }
  | { reason: 'target_not_granted'; target: string }
  | { reason: 'target_not_named'; granted: string[] }
  | { reason: 'ambiguous_rules'; target: string; rules: string[] }
  | { reason: 'expression_failed'; target: string; rule: string; expression: string; detail: string }
  | { reason: 'token_type_not_issued'; target: string }
  | { reason: 'session_tag_refused'; target: string; rule: string; tag: string; detail: string }
  /** What STS answered: its error's name, the action that a policy does not allow, and what is too large or wrong. */
  | {
      reason: 'role_not_assumed'
      target: string
      role: string
      error: string
      action: string | undefined
      detail?: string
    }
  /** To be revoked: AWS credentials. */
  | { reason: 'token_type_unsupported' }
  /** `excess`: scopes of the target that were not granted; `unknown`: how many values are no scopes of it. */
  | { reason: 'scope_not_granted'; target: string; excess: string[]; unknown: number }
  // The code of a grant.
  | { reason: 'code_unknown' }
  | { reason: 'code_of_another_client'; client_id: string }
  | { reason: 'code_mismatch'; parameter: 'redirect_uri' | 'code_verifier' }
  | { reason: 'code_replayed'; revoked: string | undefined }
  /** What the person was granted when they logged in is no more. */
  | { reason: 'login_withdrawn'; client_id: string; cause: Refusal }
  // The refresh token, of a grant or to be revoked.
  | { reason: 'refresh_token_unknown' }
  | { reason: 'refresh_token_of_another_client'; client_id: string }
  | { reason: 'refresh_token_revoked'; family: string }
  /** `family`: what was revoked for it. */
  | { reason: 'refresh_token_reused'; family: string; client_id: string }
  // The access token at /userinfo.
  | { reason: 'bearer_token_missing' }
  | { reason: 'bearer_token_invalid' }
  | { reason: 'bearer_scope_missing' }
  | AuthorizationRefusal
  | LogoutRefusal
  | RegistrationRefusal

/**
 * RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1, RFC 7009 section 2.2.1, RFC 8693 section 2.2.2, RFC 8707 section
 * 2, RFC 7591 section 3.2.2, OpenID Connect Core section 3.1.2.6, OpenID Connect Unmet Authentication Requirements 1.0.
 */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unsupported_token_type'
  | 'access_denied'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'unsupported_response_type'
  | 'login_required'
  | 'consent_required'
  | 'interaction_required'
  | 'account_selection_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'registration_not_supported'
  | 'invalid_redirect_uri'
  | 'invalid_client_metadata'
  | 'unapproved_software_statement'
  | 'unmet_authentication_requirements'
  | 'temporarily_unavailable'
  | 'server_error'

/** What a caller sees of a refusal. */
export type Face<Code extends OAuthErrorCode = OAuthErrorCode> = readonly [status: number, code: Code, phrase: string]

const missing = invalidRequest('a required parameter is missing')
const unsupported = invalidRequest('a parameter has a value that is not supported')
const subject = invalidRequest('the subject token was not accepted')
const target = [400, 'invalid_target', 'no token can be issued for this target'] as const
// RFC 6749 section 5.2
const grant = [400, 'invalid_grant', 'the code or refresh token was not accepted'] as const
const client = [401, 'invalid_client', 'the client could not be authenticated'] as const

export const wire = {
  ...httpFaces,
  unsupported_media_type: invalidRequest('the body must be application/x-www-form-urlencoded', 415),
  json_expected: invalidRequest('the body must be application/json', 415),
  operator_unknown: [403, 'access_denied', 'IAM has not let this caller in'],
  request_too_large: invalidRequest('the request is too large', 413),
  form_malformed: invalidRequest('the request could not be read'),
  parameter_repeated: invalidRequest('a parameter was given more than once'),
  parameter_missing: missing,
  authorization_missing: missing,
  parameter_unsupported: unsupported,
  client_unknown: client,
  client_authentication_failed: client,
  client_assertion_refused: client,
  // RFC 6749 section 5.2
  client_methods_several: invalidRequest('a client authenticates by one method'),
  // RFC 7009 section 2.1
  token_of_another_client: [400, 'invalid_grant', 'the token was issued to another client'],
  grant_type_unsupported: [400, 'unsupported_grant_type', 'this grant type is not supported'],
  grant_type_not_allowed: [400, 'unauthorized_client', 'this client may not use this grant type'],
  // RFC 8693 section 2.2.2: an unacceptable subject_token is invalid_request, not invalid_grant.
  token_malformed: subject,
  token_type_mismatch: subject,
  issuer_unknown: subject,
  algorithm_not_allowed: subject,
  key_unknown: subject,
  signature_invalid: subject,
  claim_malformed: subject,
  audience_mismatch: subject,
  token_expired: subject,
  token_not_yet_valid: subject,
  token_lifetime_too_long: subject,
  subject_claim_missing: subject,
  issuer_requirement_failed: subject,
  event_forbidden: subject,
  no_rule_matches: subject,
  issuance_blocked: subject,
  subject_token_replayed: subject,
  subject_token_works_once: invalidRequest('these tokens work once: use `token-broker credential-process`'),
  client_issuance_blocked: target,
  client_has_no_rule: target,
  target_unknown: target,
  target_not_granted: target,
  target_not_named: target,
  ambiguous_rules: target,
  expression_failed: target,
  token_type_not_issued: unsupported,
  session_tag_refused: target,
  role_not_assumed: target,
  token_type_unsupported: [
    400,
    'unsupported_token_type',
    'AWS credentials cannot be revoked here: see docs/aws-credentials.md',
  ],
  scope_not_granted: [400, 'invalid_scope', 'the scope is wider than what is granted'],
  code_unknown: grant,
  code_of_another_client: grant,
  code_mismatch: grant,
  code_replayed: grant,
  login_withdrawn: grant,
  refresh_token_unknown: grant,
  refresh_token_of_another_client: grant,
  refresh_token_revoked: grant,
  refresh_token_reused: grant,
  // RFC 6750 section 3.1
  bearer_token_missing: [401, 'invalid_token', 'an access token is needed here'],
  bearer_token_invalid: [401, 'invalid_token', 'the access token was not accepted'],
  bearer_scope_missing: [403, 'insufficient_scope', 'the access token has not the scope openid'],
} as const satisfies Record<
  Exclude<Refusal['reason'], (AuthorizationRefusal | LogoutRefusal | RegistrationRefusal)['reason']>,
  Face
>
