import type { Accounts, ActiveKey, Ports } from '../ports.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { isIdentityScope, userinfoEndpoint } from '../protocol/identity.ts'
import type { SigningKey } from '../protocol/signing-keys.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { claimNames, only } from '../tokens/id-token.ts'
import { signingInput, toCompactJws } from '../tokens/signed-jwt.ts'
import { verifyOwnToken, type OwnClaims, type OwnToken } from '../tokens/verify-own-token.ts'
import { named, type ClientLogin } from '../trust/configuration.ts'
import type { Policy } from '../trust/policy.ts'
import { revocationKeysOf, tokenKeys } from './revocation-keys.ts'
import { withRegistered } from './with-registered.ts'

/** One question about a person, and what may be used to answer it. */
export interface UserinfoContext {
  policy: Policy
  ports: Pick<Ports, 'now' | 'registered' | 'revocations' | 'signer'> & { accounts: Accounts }
  /** All that we publish. */
  keys: readonly SigningKey[]
  signal: AbortSignal
}

/** Of a media type of its own, as far as JOSE is concerned: it is not to be taken for an ID token. */
const SIGNED_USERINFO = 'userinfo+jwt'

/**
 * OpenID Connect Core section 5.3: what the client of an access token may read of its person, as JSON text, or as a JWT where
 * the client is registered so. Throws RefusedError and UnavailableError.
 */
export async function userinfo(
  access_token: string,
  context: UserinfoContext,
): Promise<{ media_type: 'application/json' | 'application/jwt'; body: string }> {
  const { ports, signal } = context
  const { token, client } = await find(access_token, context)
  const { claims, kid } = token
  const alg = client.userinfo_signed_response_alg
  const signer = alg && ports.signer.activeKey(alg)
  const [revocations, account] = await Promise.all([
    ports.revocations.find(
      [
        ...revocationKeysOf({ ...claims, kid }),
        ...tokenKeys(claims),
        ...(signer === undefined ? [] : [{ dimension: 'kid' as const, value: signer.kid }]),
      ],
      signal,
    ),
    ports.accounts.find(claims.sub, ports.now(), signal),
  ])
  const ofSigner = (each: { dimension: string; value: string }) =>
    each.dimension === 'kid' && each.value === signer?.kid
  if (revocations.some((each) => ofSigner(each) && each.blocked_until > ports.now()))
    throw new UnavailableError('kms', 'the key that signs answers was revoked')
  const ofToken = revocations.filter((each) => !ofSigner(each) || kid === signer?.kid)
  if (ofToken.some(({ not_before }) => not_before >= claims.iat))
    throw new RefusedError({ reason: 'bearer_token_invalid' })
  // Who never logged in again is known by no more than the name.
  const answer = { ...only(account?.identity ?? {}, namesIn(claims)), sub: claims.sub }
  if (signer === undefined) return { media_type: 'application/json', body: JSON.stringify(answer) }
  return { media_type: 'application/jwt', body: await sign(answer, signer, claims, context) }
}

/** A token of ours for this endpoint and no other, of a client to which people log in. */
async function find(access_token: string, context: UserinfoContext): Promise<{ token: OwnToken; client: ClientLogin }> {
  const { ports, keys } = context
  const { ourIssuer } = context.policy
  const token = await verifyOwnToken(access_token, { keys, ourIssuer, now: ports.now() })
  const { policy } = await withRegistered(token?.claims.client_id, context)
  const client = token && named(policy.configuration.clients, token.claims.client_id)?.login
  if (token?.claims.aud !== userinfoEndpoint(ourIssuer) || client === undefined)
    throw new RefusedError({ reason: 'bearer_token_invalid' })
  if (!scopesOf(token.claims).includes('openid')) throw new RefusedError({ reason: 'bearer_scope_missing' })
  return { token, client }
}

function scopesOf({ scope }: OwnClaims): string[] {
  return scope?.split(' ') ?? []
}

function namesIn(claims: OwnClaims): ReadonlySet<string> {
  const { userinfo_claims } = claims
  const asked = Array.isArray(userinfo_claims) ? (userinfo_claims as string[]) : []
  return new Set([...claimNames(scopesOf(claims).filter(isIdentityScope)), ...asked])
}

/** OpenID Connect Core section 5.3.2 */
async function sign(
  answer: JsonObject,
  key: ActiveKey,
  { client_id }: OwnClaims,
  { policy, ports, signal }: UserinfoContext,
): Promise<string> {
  const input = signingInput(key, SIGNED_USERINFO, { ...answer, iss: policy.ourIssuer, aud: client_id })
  return toCompactJws(input, await ports.signer.sign(key, Buffer.from(input), signal))
}
