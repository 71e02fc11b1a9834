import { noClaims, parseClaimsParameter, type ClaimsRequest } from './claims-parameter.ts'
import { RefusedError } from './errors.ts'
import { parameter, requiredParameter, type Form } from './form.ts'
import { isIdentityScope, type IdentityScope } from './identity.ts'

/** It is kept while its person logs in, and stands in a URL. */
export const MAX_AUTHORIZATION_REQUEST_BYTES = 6 * 1024

export const prompts = ['none', 'login', 'consent', 'select_account'] as const
export type Prompt = (typeof prompts)[number]

export const responseModes = ['query', 'form_post'] as const
export type ResponseMode = (typeof responseModes)[number]

/** RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1, RFC 7636 section 4.3: what is asked of a login, as far as it is about form. */
export interface AuthorizationRequest {
  /** RFC 7636 section 4.2, by S256. */
  code_challenge: string | undefined
  nonce: string | undefined
  scopes: readonly IdentityScope[]
  /** What is asked for beside that. Absent: nothing but who it is. */
  target: { resource: readonly string[]; scope: readonly string[] | undefined } | undefined
  prompt: ReadonlySet<Prompt>
  /** Seconds. */
  max_age: number | undefined
  login_hint: string | undefined
  /** A domain of an issuer, or its name. */
  domain_hint: string | undefined
  id_token_hint: string | undefined
  ui_locales: string | undefined
  /** In order of preference. */
  acr_values: readonly string[]
  claims: ClaimsRequest
}

const MAX_HINT_CHARACTERS = 320

/** Throws RefusedError. None of these checks depends on our configuration. */
export function parseAuthorizationRequest(form: Form): AuthorizationRequest {
  refuseUnsupported(form)
  const claims = parseClaims(form)
  const scope = words(form, 'scope')
  const api = scope.filter((each) => !isIdentityScope(each))
  const resource = form.get('resource') ?? []
  return {
    code_challenge: parseCodeChallenge(form),
    nonce: parameter(form, 'nonce'),
    scopes: scope.filter(isIdentityScope),
    target: api.length + resource.length === 0 ? undefined : { resource, scope: api.length === 0 ? undefined : api },
    prompt: parsePrompt(form),
    max_age: parseMaxAge(form),
    login_hint: hint(form, 'login_hint'),
    domain_hint: hint(form, 'domain_hint'),
    id_token_hint: parameter(form, 'id_token_hint'),
    ui_locales: hint(form, 'ui_locales'),
    acr_values: [...new Set([...(claims.acr?.values ?? []), ...words(form, 'acr_values')])],
    claims,
  }
}

/** OpenID Connect Core section 3.1.2.6, section 7.2.1; RFC 6749 section 4.1.2.1. */
function refuseUnsupported(form: Form): void {
  if (form.has('request')) throw new RefusedError({ reason: 'request_object_unsupported' })
  if (form.has('request_uri')) throw new RefusedError({ reason: 'request_uri_unsupported' })
  if (form.has('registration')) throw new RefusedError({ reason: 'registration_unsupported' })
  if (requiredParameter(form, 'response_type') !== 'code')
    throw new RefusedError({ reason: 'response_type_unsupported' })
  const mode = parameter(form, 'response_mode')
  if (mode !== undefined && !isResponseMode(mode))
    throw unsupported('response_mode', `not ${responseModes.join(' or ')}`)
}

/** RFC 7636 section 4.3: without a method it would be plain, which protects nothing (RFC 9700 section 2.1.1). */
function parseCodeChallenge(form: Form): string | undefined {
  const challenge = parameter(form, 'code_challenge')
  const method = parameter(form, 'code_challenge_method')
  if (challenge === undefined && method === undefined) return undefined
  if (method !== 'S256') throw unsupported('code_challenge_method', 'not S256')
  if (challenge === undefined || !/^[A-Za-z0-9_-]{43}$/.test(challenge))
    throw unsupported('code_challenge', 'not the base64url of a SHA-256')
  return challenge
}

function parsePrompt(form: Form): ReadonlySet<Prompt> {
  const given = words(form, 'prompt')
  const known = given.filter((each) => prompts.some((prompt) => prompt === each)) as Prompt[]
  if (known.length < given.length) throw unsupported('prompt', `not some of ${prompts.join(' ')}`)
  if (known.includes('none') && known.length > 1) throw unsupported('prompt', 'none with another')
  return new Set(known)
}

function parseMaxAge(form: Form): number | undefined {
  const text = parameter(form, 'max_age')
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw unsupported('max_age', 'not a number of seconds')
  return Number(text)
}

function parseClaims(form: Form): ClaimsRequest {
  const text = parameter(form, 'claims')
  if (text === undefined) return noClaims
  try {
    return parseClaimsParameter(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw unsupported('claims', error.message)
  }
}

export function isResponseMode(text: string): text is ResponseMode {
  return responseModes.some((mode) => mode === text)
}

/** It is passed on, and nothing comes of it that was not there before. */
function hint(form: Form, name: string): string | undefined {
  const text = parameter(form, name)
  return text !== undefined && text.length <= MAX_HINT_CHARACTERS ? text : undefined
}

function words(form: Form, name: string): string[] {
  return [...new Set(parameter(form, name)?.split(' ').filter(Boolean))]
}

function unsupported(name: string, detail: string): RefusedError {
  return new RefusedError({ reason: 'parameter_unsupported', parameter: name, detail })
}
