/** Why a request is not let in. The message holds nothing of the token: it may be shown, and logged. */
export class AccessTokenError extends Error {
  /** The HTTP status to answer with. */
  readonly status: 401 | 403 | 503
  /** RFC 6750 section 3.1. Undefined where no token came: then no error is named. */
  readonly code: 'invalid_token' | 'insufficient_scope' | 'temporarily_unavailable' | undefined
  /** The headers to answer with, their names in lower case: `www-authenticate` (RFC 6750 section 3), or `retry-after`. */
  readonly headers: Readonly<Record<string, string>>

  protected constructor(
    message: string,
    { status, code, headers }: Pick<AccessTokenError, 'status' | 'code' | 'headers'>,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** The request has no bearer token at all: 401, and by RFC 6750 section 3.1 no error code. */
export class MissingTokenError extends AccessTokenError {
  constructor() {
    super('the request has no bearer token', { status: 401, code: undefined, headers: challenge({}) })
    this.name = 'MissingTokenError'
  }
}

/** The token is malformed, expired, revoked, forged, or for somebody else: 401 `invalid_token`. */
export class InvalidTokenError extends AccessTokenError {
  constructor(message: string) {
    const code = 'invalid_token'
    super(message, { status: 401, code, headers: challenge({ error: code, error_description: message }) })
    this.name = 'InvalidTokenError'
  }
}

/** The token is good, but not for this: 403 `insufficient_scope`. */
export class InsufficientScopeError extends AccessTokenError {
  /** All that is needed here, as WWW-Authenticate says it. */
  readonly scope: string

  constructor(scopes: readonly string[]) {
    const code = 'insufficient_scope'
    const message = 'the access token lacks a scope that is needed here'
    const scope = scopes.join(' ')
    super(message, { status: 403, code, headers: challenge({ error: code, error_description: message, scope }) })
    this.name = 'InsufficientScopeError'
    this.scope = scope
  }
}

/** Whether the token is good cannot be known now: 503. Nothing is said against the token. */
export class VerifierUnavailableError extends AccessTokenError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { status: 503, code: 'temporarily_unavailable', headers: { 'retry-after': '5' } }, options)
    this.name = 'VerifierUnavailableError'
  }
}

/**
 * RFC 6750 section 3. It wants one parameter at least, so the realm is always there. Our messages, and scopes that were
 * checked, hold nothing that a quoted string would have to escape.
 */
function challenge(parameters: Record<string, string>): Record<string, string> {
  const all = Object.entries({ realm: 'token-broker', ...parameters }).map(([name, value]) => `${name}="${value}"`)
  return { 'www-authenticate': `Bearer ${all.join(', ')}` }
}
