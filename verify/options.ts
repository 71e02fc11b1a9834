export interface AccessTokenOptions {
  /** The broker's issuer, exactly as its tokens spell it: `https://broker.acme.dev`. Http on loopback only. */
  issuer: string
  /** What the tokens must be for: the `audience` of a target, which is the only `aud` of its tokens. */
  audience: string
  /** Scopes that are all needed, in a list or separated by spaces. Default: none. */
  scope?: string | readonly string[] | undefined
  /** Seconds that this clock and the broker's may differ, 0 to 60: how long a token is taken after its `exp`, too. Default: 5. */
  clockTolerance?: number | undefined
}

export interface AccessTokenVerifierOptions extends AccessTokenOptions {
  /** Ask the broker about each token, so that a revoked one is refused before it ends. Default: no. */
  introspection?: IntrospectionOptions | undefined
}

/** Who asks: a confidential client of the broker, by its secret or by an assertion. */
export type IntrospectionOptions = IntrospectionBehaviour &
  (
    | { clientId: string; clientSecret: string; assertion?: undefined }
    | {
        clientId: string
        /** A JWT that is this client's proof (RFC 7523 section 2.2); called for each question, since one may work only once. */
        assertion: () => string | Promise<string>
        clientSecret?: undefined
      }
  )

interface IntrospectionBehaviour {
  /** How long the answer that a token is active holds, 0 to 300: as long as that, a revocation goes unnoticed. Default: 0. */
  cacheSeconds?: number | undefined
  /** What to do when no answer can be had: `refuse` (503), or believe the token as without introspection. Default: `refuse`. */
  whenUnreachable?: 'refuse' | 'offline' | undefined
}

/** What was asked for, checked and complete. */
export interface Expected {
  issuer: string
  audience: string
  scopes: readonly string[]
  clockTolerance: number
}

const known = {
  verifyAccessToken: ['issuer', 'audience', 'scope', 'clockTolerance'],
  accessTokenVerifier: ['issuer', 'audience', 'scope', 'clockTolerance', 'introspection'],
  verify: ['scope'],
  introspection: ['clientId', 'clientSecret', 'assertion', 'cacheSeconds', 'whenUnreachable'],
} as const satisfies Record<string, readonly string[]>

/** Throws TypeError for options that cannot be: a mistake to find when the program starts. */
export function parseOptions(options: AccessTokenOptions, of: keyof typeof known): Expected {
  refuseUnknown(options, of)
  const { issuer, audience, scope, clockTolerance = 5 } = options
  checkIssuer(issuer)
  if (typeof audience !== 'string' || audience === '')
    throw new TypeError('audience must be the audience of a target, such as https://deploy.acme.dev')
  if (!(clockTolerance >= 0 && clockTolerance <= 60)) throw new TypeError('clockTolerance must be 0 to 60 seconds')
  return { issuer, audience, scopes: parseScopes(scope), clockTolerance }
}

/** What is needed of one token besides. Throws TypeError. */
export function parseNeeded(needed: Pick<AccessTokenOptions, 'scope'> = {}): readonly string[] {
  refuseUnknown(needed, 'verify')
  return parseScopes(needed.scope)
}

/** RFC 6749 section 3.3. */
function parseScopes(scope: string | readonly string[] | undefined): readonly string[] {
  const scopes: unknown[] = typeof scope === 'string' ? scope.split(' ') : [...(scope ?? [])]
  if (!scopes.every((each): each is string => typeof each === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(each)))
    throw new TypeError('scope must be scopes, in a list or each after one space')
  return scopes
}

/** Throws TypeError. */
export function checkIntrospection(options: IntrospectionOptions): void {
  refuseUnknown(options, 'introspection')
  const { clientId, clientSecret, assertion, cacheSeconds = 0, whenUnreachable = 'refuse' } = options
  if (typeof clientId !== 'string' || clientId === '') throw new TypeError('introspection needs clientId')
  const ways = [typeof clientSecret === 'string' && clientSecret !== '', typeof assertion === 'function']
  if (ways.filter(Boolean).length !== 1)
    throw new TypeError('introspection needs either clientSecret, a string, or assertion, a function')
  if (!(cacheSeconds >= 0 && cacheSeconds <= 300)) throw new TypeError('cacheSeconds must be 0 to 300')
  if (whenUnreachable !== 'refuse' && whenUnreachable !== 'offline')
    throw new TypeError('whenUnreachable must be refuse or offline')
}

function refuseUnknown(options: object, of: keyof typeof known): void {
  const names: readonly string[] = known[of]
  if (Object.keys(options).some((name) => !names.includes(name)))
    throw new TypeError(`${of} has an option that is none: it has ${names.join(', ')}`)
}

function checkIssuer(issuer: string): void {
  if (typeof issuer !== 'string' || !URL.canParse(issuer))
    throw new TypeError('issuer must be the URL of the broker, such as https://broker.acme.dev')
  const { protocol, hostname, username, password, search, hash } = new URL(issuer)
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback))
    throw new TypeError('issuer must be https, and may be http on loopback only')
  if (username + password + search + hash !== '') throw new TypeError('issuer has a user, a query or a fragment in it')
}
