import type { SigningAlgorithm } from '../lib/protocol/algorithms.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import type { VerificationKey } from '../lib/protocol/key-set.ts'
import type { JsonObject } from '../lib/protocol/strict-json.ts'
import { parseCompactJws, type CompactJws } from '../lib/tokens/compact-jws.ts'
import { isSignedBy } from '../lib/tokens/signature.ts'
import { signingAlgorithms, type BrokerKeys } from './broker-keys.ts'
import { checkClaims, type AccessTokenClaims } from './claims.ts'
import { InsufficientScopeError, InvalidTokenError } from './errors.ts'
import type { Introspected } from './introspection.ts'
import { parseNeeded, type Expected } from './options.ts'

/**
 * Believes a token or throws InvalidTokenError, InsufficientScopeError or VerifierUnavailableError. `scope` is needed
 * besides what the verifier needs for every token: scopes in a list or separated by spaces.
 */
export type AccessTokenVerifier = (
  token: string,
  needed?: { scope?: string | readonly string[] | undefined },
) => Promise<AccessTokenClaims>

/** What costs nothing comes first, so that a token which could not pass makes nobody look for a key. `now` in milliseconds. */
export function verifierOf(
  expected: Expected,
  keys: BrokerKeys,
  now: () => number,
  introspect?: (about: Introspected) => Promise<void>,
): AccessTokenVerifier {
  return async (token, needed) => {
    const scopes = [...new Set([...expected.scopes, ...parseNeeded(needed)])]
    const { header, payload } = parseToken(token)
    const { alg, kid } = checkHeader(header)
    const claims = checkClaims(payload, expected, Math.floor(now() / 1000))
    const found = await keys.find(kid)
    if (found === undefined) throw new InvalidTokenError('the access token names a key that the broker has not')
    await verifySignature(token, alg, found.key)
    checkScopes(claims, scopes)
    await introspect?.({ token, exp: claims.exp, endpoint: found.introspection_endpoint })
    return claims
  }
}

function parseToken(token: unknown): CompactJws {
  if (typeof token !== 'string') throw new InvalidTokenError('the access token is not text')
  try {
    return parseCompactJws(token)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    throw new InvalidTokenError('the access token is not a JWS in compact form')
  }
}

/** The header chooses nothing but the key: jwk, jku, x5u and x5c are never read. */
function checkHeader({ typ, alg, kid, crit }: JsonObject): { alg: SigningAlgorithm; kid: string } {
  // RFC 9068 section 4. RFC 7515 section 4.1.9: compared without case, "application/" may be left out.
  if (typeof typ !== 'string' || !/^(?:application\/)?at\+jwt$/i.test(typ))
    throw new InvalidTokenError('the token is no access token')
  // RFC 7515 section 4.1.11: an extension that is not understood must be refused, and we understand none.
  if (crit !== undefined) throw new InvalidTokenError('the access token needs an extension')
  const allowed = signingAlgorithms.find((each) => each === alg)
  if (allowed === undefined) throw new InvalidTokenError('the access token has an algorithm that the broker has not')
  if (typeof kid !== 'string') throw new InvalidTokenError('the access token names no key')
  return { alg: allowed, kid }
}

async function verifySignature(
  token: string,
  alg: SigningAlgorithm,
  { jwk, algorithms }: VerificationKey,
): Promise<void> {
  if (!algorithms.includes(alg)) throw new InvalidTokenError('the algorithm of the access token is not that of its key')
  if (!(await isSignedBy(token, jwk, alg)))
    throw new InvalidTokenError('the signature of the access token does not hold')
}

function checkScopes({ scope }: AccessTokenClaims, needed: readonly string[]): void {
  const granted = scope?.split(' ') ?? []
  if (!needed.every((each) => granted.includes(each))) throw new InsufficientScopeError(needed)
}
