import { parseJsonObject as parseStrictJsonObject } from '../lib/protocol/strict-json.ts'
import { TemporaryError, TokenBrokerError } from './errors.ts'
import { claimsOf, payloadBytes } from './token-claims.ts'

/** Where the tokens of one subject come from. */
export interface SubjectTokenSource {
  /** As messages call it: `GitHub Actions`, `the file …`. */
  name: string
  /** Each `token()` is one that nobody has traded yet. */
  fresh: boolean
  /**
   * Differs between any two subjects. There may be a secret in it: for hashing only. Undefined for a token that does not say
   * for certain who it is of. Throws as `token` does.
   */
  identity(): Promise<string | undefined>
  /** A JWT; `left` is how many milliseconds there are for it. Throws TokenBrokerError, and TemporaryError. */
  token(left: number): Promise<string>
}

/** What the broker takes at most. */
export const MAX_TOKEN_BYTES = 16 * 1024

/** Who a token is of changes with each of its other claims, not with these: Kubernetes renews its tokens. */
const ofTheTokenAlone = ['iat', 'nbf', 'exp', 'jti']

/** A source that has its tokens lying ready somewhere, to be read. */
export function readySource(name: string, read: (left: number) => string | Promise<string>): SubjectTokenSource {
  const readToken = async (left: number) => parseSubjectToken(await within(left, read(left), name), name)
  let known: string | undefined
  return {
    name,
    fresh: false,
    async identity() {
      known = await readToken(30_000)
      return identityOf(known)
    },
    async token(left) {
      const token = known ?? (await readToken(left))
      known = undefined
      return token
    },
  }
}

/** Who shares one wait for a token would wait for ever with a source that never answers. */
async function within<T>(left: number, work: T | Promise<T>, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<never>((_, reject) => {
    // It keeps no program alive: who is waited for does.
    timer = setTimeout(() => reject(noTokenWithin(left, name)), left).unref()
  })
  try {
    return await Promise.race([work, patience])
  } finally {
    clearTimeout(timer)
  }
}

export function noTokenWithin(left: number, name: string): TemporaryError {
  return new TemporaryError(`${name} gave no token within ${Math.ceil(left / 1000)} s`)
}

/** Two subjects that JSON.parse makes one, by a claim that is there twice or a number that it rounds, have none. */
function identityOf(token: string): string | undefined {
  try {
    const claims = parseStrictJsonObject(payloadBytes(token))
    return JSON.stringify(Object.entries(claims).filter(([claim]) => !ofTheTokenAlone.includes(claim)))
  } catch {
    return undefined
  }
}

/** A compact JWS with a JSON object in it (RFC 7515 section 3.1), without the white space around it. Throws TokenBrokerError. */
export function parseSubjectToken(text: unknown, name: string): string {
  const token = typeof text === 'string' ? text.trim() : ''
  if (token === '') throw new TokenBrokerError(`${name} is empty, or not there`)
  if (token.length > MAX_TOKEN_BYTES) throw new TokenBrokerError(`${name} holds no token: it is larger than 16 KiB`)
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) || claimsOf(token) === undefined)
    throw new TokenBrokerError(`${name} holds no JWT, which is what the broker takes`)
  return token
}
