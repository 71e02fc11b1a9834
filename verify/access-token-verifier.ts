import { brokerKeys, type BrokerKeys } from './broker-keys.ts'
import type { AccessTokenClaims } from './claims.ts'
import { introspection } from './introspection.ts'
import { parseOptions, type AccessTokenOptions, type AccessTokenVerifierOptions } from './options.ts'
import { verifierOf, type AccessTokenVerifier } from './verifier.ts'

const now = () => Date.now()

/**
 * A verifier of the broker's access tokens, with keys of its own: make one when the program starts, and keep it.
 *
 *     const verify = accessTokenVerifier({ issuer: 'https://broker.acme.dev', audience: 'https://deploy.acme.dev' })
 *     const { sub } = await verify(bearerToken(request.headers.authorization), { scope: 'deploy:write' })
 *
 * Asks nobody until the first token comes, and nobody but the issuer's origin. Throws TypeError for options that cannot be.
 */
export function accessTokenVerifier({
  introspection: asked,
  ...options
}: AccessTokenVerifierOptions): AccessTokenVerifier {
  const expected = parseOptions(options, 'accessTokenVerifier')
  return verifierOf(expected, brokerKeys(expected.issuer, now), now, asked && introspection(asked, now))
}

/** Keys of the issuers asked for last, for all calls of `verifyAccessToken`. */
const keysByIssuer = new Map<string, BrokerKeys>()
const MAX_ISSUERS = 16

/**
 * RFC 9068 section 4: verifies one access token by the broker's published keys, which all calls for one issuer share.
 * Throws InvalidTokenError, InsufficientScopeError, VerifierUnavailableError; TypeError for options that cannot be.
 */
export async function verifyAccessToken(token: string, options: AccessTokenOptions): Promise<AccessTokenClaims> {
  const expected = parseOptions(options, 'verifyAccessToken')
  return verifierOf(expected, keysOf(expected.issuer), now)(token)
}

function keysOf(issuer: string): BrokerKeys {
  const keys = keysByIssuer.get(issuer) ?? brokerKeys(issuer, now)
  keysByIssuer.delete(issuer)
  const [oldest] = keysByIssuer.keys()
  if (keysByIssuer.size >= MAX_ISSUERS && oldest !== undefined) keysByIssuer.delete(oldest)
  keysByIssuer.set(issuer, keys)
  return keys
}
