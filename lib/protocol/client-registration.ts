import { subjectTokenAlgorithms, type SigningAlgorithm, type SubjectTokenAlgorithm } from './algorithms.ts'
import { RefusedError } from './errors.ts'
import { MAX_FORM_BYTES } from './form.ts'
import { hasPrivateMembers, toVerificationKey, type VerificationKey } from './key-set.ts'
import { registrationMethods, type RegistrationMethod } from './registered-client.ts'
import { areStrings, parseJsonObject, type JsonObject } from './strict-json.ts'

/**
 * What a client says of itself (RFC 7591 section 2, OpenID Connect Dynamic Client Registration 1.0 section 2, the logout
 * specifications), each of its type, with the defaults that those give. Whether it may be so, broker.yaml says.
 */
export interface ClientMetadata {
  redirect_uris: readonly string[]
  response_types: readonly ['code']
  grant_types: readonly string[]
  application_type: 'web' | 'native'
  token_endpoint_auth_method: RegistrationMethod
  token_endpoint_auth_signing_alg?: SubjectTokenAlgorithm
  /** Only what verifies signatures. */
  jwks?: { keys: readonly VerificationKey['jwk'][] }
  jwks_uri?: string
  /** Absent: all that it may have. */
  scope?: string
  client_name?: string
  contacts?: readonly string[]
  client_uri?: string
  logo_uri?: string
  policy_uri?: string
  tos_uri?: string
  initiate_login_uri?: string
  subject_type: 'public'
  id_token_signed_response_alg: SigningAlgorithm
  userinfo_signed_response_alg?: SigningAlgorithm
  post_logout_redirect_uris?: readonly string[]
  backchannel_logout_uri?: string
  backchannel_logout_session_required?: boolean
  frontchannel_logout_uri?: string
  frontchannel_logout_session_required?: boolean
  software_id?: string
  software_version?: string
}

/** The body of a request. Throws RefusedError. */
export function parseRegistrationRequest(body: string): JsonObject {
  const bytes = Buffer.byteLength(body)
  if (bytes > MAX_FORM_BYTES) throw new RefusedError({ reason: 'request_too_large', bytes })
  try {
    return parseJsonObject(body)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw refused('the body', `it cannot be read as one JSON object: ${error.message}`)
  }
}

/**
 * Members that are not known are ignored (RFC 7591 section 2), those with a language tag among them. What we know and do not
 * do is refused, so that nobody relies on it. Throws RefusedError.
 */
export function parseClientMetadata(request: JsonObject): ClientMetadata {
  refuseUnsupported(request)
  const { jwks, ...members } = known(request)
  if (members.jwks_uri !== undefined && jwks !== undefined)
    throw refused('jwks', 'give jwks or jwks_uri, not both (RFC 7591 section 2)')
  const all: ClientMetadata = {
    redirect_uris: members.redirect_uris ?? [],
    response_types: ['code'],
    // RFC 7591 section 2, OpenID Connect Dynamic Client Registration 1.0 section 2: what each is that is left out.
    grant_types: members.grant_types ?? ['authorization_code'],
    application_type: members.application_type ?? 'web',
    token_endpoint_auth_method: members.token_endpoint_auth_method ?? 'client_secret_basic',
    subject_type: 'public',
    id_token_signed_response_alg: members.id_token_signed_response_alg ?? 'RS256',
  }
  return present({ ...all, ...present(members), ...(jwks === undefined ? {} : { jwks }) })
}

type Given = { [Member in keyof ClientMetadata]?: ClientMetadata[Member] | undefined }

function known(request: JsonObject): Given {
  const text = (member: string, pattern = line, most = 128) => textAt(request, member, pattern, most)
  const url = (member: string) => text(member, uri, MOST_URI)
  const one = <T extends string>(member: string, values: readonly T[]) => oneOf(request, member, values)
  const uris = (member: string) => listAt(request, member, uri, MOST_URI)
  const [response_types] = [listAt(request, 'response_types', line, 128)]
  if (response_types !== undefined && response_types.join() !== 'code')
    throw refused('response_types', 'it must be a list of code alone')
  const redirect_uris = uris('redirect_uris')
  if (redirect_uris === undefined)
    throw new RefusedError({
      reason: 'redirect_uri_refused',
      member: 'redirect_uris',
      detail: 'say where people come back to',
    })
  one('subject_type', ['public'])
  return {
    redirect_uris,
    grant_types: listAt(request, 'grant_types', line, 128),
    application_type: one('application_type', ['web', 'native']),
    token_endpoint_auth_method: one('token_endpoint_auth_method', registrationMethods),
    token_endpoint_auth_signing_alg: one('token_endpoint_auth_signing_alg', subjectTokenAlgorithms),
    jwks: keysAt(request),
    jwks_uri: url('jwks_uri'),
    scope: text('scope', scopes, 256),
    client_name: text('client_name', line, 64),
    contacts: listAt(request, 'contacts', line, 254),
    client_uri: url('client_uri'),
    logo_uri: url('logo_uri'),
    policy_uri: url('policy_uri'),
    tos_uri: url('tos_uri'),
    initiate_login_uri: url('initiate_login_uri'),
    id_token_signed_response_alg: one('id_token_signed_response_alg', ['ES256', 'RS256']),
    userinfo_signed_response_alg: one('userinfo_signed_response_alg', ['ES256', 'RS256']),
    post_logout_redirect_uris: uris('post_logout_redirect_uris'),
    backchannel_logout_uri: url('backchannel_logout_uri'),
    backchannel_logout_session_required: booleanAt(request, 'backchannel_logout_session_required'),
    frontchannel_logout_uri: url('frontchannel_logout_uri'),
    frontchannel_logout_session_required: booleanAt(request, 'frontchannel_logout_session_required'),
    software_id: text('software_id'),
    software_version: text('software_version'),
  }
}

const MOST_URI = 512
const MOST_IN_LIST = 10

/** One line that nothing hides in or reverses. */
const line = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u
const uri = /^[\x21-\x7e]+$/
/** RFC 6749 section 3.3 */
const scopes = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/

/** What would be done by others, and is not here. */
const unsupported: readonly (readonly [member: string, detail: string, harmless?: (value: unknown) => boolean])[] = [
  ['sector_identifier_uri', 'subjects are public, and nothing is fetched'],
  ['default_max_age', 'say max_age in each request instead'],
  ['default_acr_values', 'say acr_values in each request instead'],
  ['require_auth_time', 'not every issuer says when people logged in', isFalse],
  ['request_uris', 'request_uri is not supported', (value) => Array.isArray(value) && value.length === 0],
  ...['request_object_signing_alg', 'request_object_encryption_alg', 'request_object_encryption_enc'].map(
    (member) => [member, 'request objects are not supported'] as const,
  ),
  ['require_signed_request_object', 'request objects are not supported', isFalse],
  ...['id_token', 'userinfo', 'authorization', 'introspection'].flatMap((of) =>
    ['alg', 'enc'].map((part) => [`${of}_encrypted_response_${part}`, 'nothing is encrypted'] as const),
  ),
  ['authorization_signed_response_alg', 'answers of /authorize are not signed'],
  ['require_pushed_authorization_requests', 'there are no pushed authorization requests', isFalse],
  ['dpop_bound_access_tokens', 'access tokens are not bound to keys', isFalse],
  ['tls_client_certificate_bound_access_tokens', 'access tokens are not bound to keys', isFalse],
]

function isFalse(value: unknown): boolean {
  return value === false
}

function refuseUnsupported(request: JsonObject): void {
  // RFC 7591 section 3.2.2
  if (at(request, 'software_statement') !== undefined) throw new RefusedError({ reason: 'software_statement_refused' })
  for (const [member, detail, harmless] of unsupported) {
    const value = at(request, member)
    if (value !== undefined && harmless?.(value) !== true) throw refused(member, `${detail}: leave it out`)
  }
}

/** RFC 7592 section 2.2: null is the same as nothing. */
function at(request: JsonObject, member: string): unknown {
  return Object.hasOwn(request, member) ? (request[member] ?? undefined) : undefined
}

function textAt(request: JsonObject, member: string, pattern: RegExp, most: number): string | undefined {
  const value = at(request, member)
  if (value === undefined || isText(value, pattern, most)) return value
  throw refused(member, `it must be text of 1 to ${most} characters, ${wordsFor(pattern)}`)
}

function isText(value: unknown, pattern: RegExp, most: number): value is string {
  return typeof value === 'string' && value.length <= most && pattern.test(value) && value.trim() === value
}

function wordsFor(pattern: RegExp): string {
  if (pattern === uri) return 'as a URI has them'
  return pattern === scopes ? 'scopes with one space between them' : 'on one line, and all of them visible'
}

function listAt(request: JsonObject, member: string, pattern: RegExp, most: number): readonly string[] | undefined {
  const value = at(request, member)
  if (value === undefined) return undefined
  if (!areStrings(value) || value.length === 0 || value.length > MOST_IN_LIST || new Set(value).size < value.length)
    throw refused(member, `it must be a list of 1 to ${MOST_IN_LIST} different texts`)
  if (value.every((each) => isText(each, pattern, most))) return value
  throw refused(member, `each must be text of 1 to ${most} characters, ${wordsFor(pattern)}`)
}

function booleanAt(request: JsonObject, member: string): boolean | undefined {
  const value = at(request, member)
  if (value === undefined || typeof value === 'boolean') return value
  throw refused(member, 'it must be true or false')
}

function oneOf<T extends string>(request: JsonObject, member: string, values: readonly T[]): T | undefined {
  const value = at(request, member)
  const found = values.find((each) => each === value)
  if (value === undefined || found !== undefined) return found
  throw refused(member, `it must be ${values.join(', ')}`)
}

/** RFC 7591 section 2: public keys alone, of which those are kept that verify signatures. */
function keysAt(request: JsonObject): ClientMetadata['jwks'] {
  const value = at(request, 'jwks')
  if (value === undefined) return undefined
  const keys =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? at(value as JsonObject, 'keys') : []
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_IN_LIST)
    throw refused('jwks', `it must be a JWK Set of 1 to ${MOST_IN_LIST} keys`)
  if (keys.some(hasPrivateMembers))
    throw refused('jwks', 'it holds a private key or a secret, which nobody else may ever see: make another')
  const usable = keys.flatMap((key) => toVerificationKey(key)?.jwk ?? [])
  if (usable.length === 0)
    throw refused(
      'jwks',
      'it has no key for signatures: RSA of 2048 bits or more, EC P-256, P-384 or P-521, or Ed25519',
    )
  return { keys: usable }
}

function refused(member: string, detail: string): RefusedError {
  return new RefusedError({ reason: 'client_metadata_refused', member, detail })
}

/** Without what is undefined, which JSON has not. */
function present<T extends object>(members: T): { [Member in keyof T]: Exclude<T[Member], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never
}
