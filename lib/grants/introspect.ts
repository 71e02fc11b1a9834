import type { ActiveKey, Ports, Revocation, RevocationKey } from '../ports.ts'
import { authenticationFailed } from '../protocol/client-authentication.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { requiredParameter, type Form } from '../protocol/form.ts'
import { INTROSPECTION_JWT, type IntrospectionMediaType } from '../protocol/introspection.ts'
import type { SigningKey } from '../protocol/signing-keys.ts'
import type { AuthenticatedClient } from '../tokens/request-client.ts'
import { signingInput, toCompactJws } from '../tokens/signed-jwt.ts'
import { verifyOwnToken, type OwnToken } from '../tokens/verify-own-token.ts'
import type { Policy } from '../trust/policy.ts'
import { asClient } from './authenticate-client.ts'
import { clientRevocationKeys, revocationKeysOf, tokenKeys } from './revocation-keys.ts'

/** One question about a token, and what may be used to answer it. */
export interface IntrospectionContext {
  policy: Policy
  ports: Pick<Ports, 'now' | 'log' | 'keySets' | 'receipts' | 'registered' | 'revocations' | 'signer'>
  /** All that we publish. */
  keys: readonly SigningKey[]
  decision_id: string
  signal: AbortSignal
}

/** RFC 7662 section 2.2: nothing is said of a token that is not active, or not the caller's business. */
type Introspection = { active: false } | { active: true; token_type: 'Bearer'; [claim: string]: unknown }

/** A token and what broker.yaml calls its audience today. */
interface SeenToken {
  token: OwnToken
  target: string
}

/**
 * RFC 7662: whether a token of ours is active, told to an authenticated client that may look up tokens for the target it is
 * for. Returns the answer's text in the media type asked for. Throws RefusedError and UnavailableError.
 */
export async function introspect(
  form: Form,
  authorization: string | undefined,
  media_type: IntrospectionMediaType,
  context: IntrospectionContext,
): Promise<string> {
  const token = requiredParameter(form, 'token')
  return asClient(form, authorization, context, async (client) => {
    // RFC 7662 section 2.1: so that nobody can try out tokens.
    if (!client?.authenticated)
      throw authenticationFailed('who looks a token up must authenticate', authorization !== undefined)
    const seen = await find(token, client, context)
    const { ports, signal } = context
    const signer = media_type === INTROSPECTION_JWT ? ports.signer.activeKey('RS256') : undefined
    const ofSigner: RevocationKey[] = signer === undefined ? [] : [{ dimension: 'kid', value: signer.kid }]
    const ofCaller = clientRevocationKeys(client.client_id, client.workload?.sub)
    const ofToken = seen === undefined ? [] : tokenRevocationKeys(seen)
    // Also where there is nothing to see: a token of no concern and one that never was make the same calls.
    const revocations = await ports.revocations.find([...ofCaller, ...ofSigner, ...ofToken], signal)
    const now = ports.now()
    // A caller that was shut out is told as little as one with a wrong secret.
    const block = among(ofCaller, revocations).find(({ blocked_until }) => blocked_until > now)
    if (block) throw authenticationFailed(`revoked by ${block.dimension} ${block.value}`, authorization !== undefined)
    if (among(ofSigner, revocations).some(({ blocked_until }) => blocked_until > now))
      throw new UnavailableError('kms', 'the key that signs answers was revoked')
    const introspection = answerOf(seen, among(ofToken, revocations))
    return signer === undefined ? JSON.stringify(introspection) : sign(introspection, signer, client, context)
  })
}

/**
 * The token, if it is one of ours and the caller's business. What its client was must still be a client. Those that registered
 * themselves have no tokens for targets, which are all that is looked up here.
 */
async function find(
  text: string,
  { client_id }: AuthenticatedClient,
  { policy, ports, keys }: IntrospectionContext,
): Promise<SeenToken | undefined> {
  const token = await verifyOwnToken(text, { keys, ourIssuer: policy.ourIssuer, now: ports.now() })
  if (token === undefined) return undefined
  const { clients } = policy.configuration
  const target = policy.targets.get(token.claims.aud)
  if (target === undefined || !clients[client_id]?.introspect.includes(target)) return undefined
  const known = token.claims.client_id.includes(':') || Object.hasOwn(clients, token.claims.client_id)
  return known ? { token, target } : undefined
}

/** Everything that takes this token back: what it was issued on, itself, and what it was exchanged from. */
function tokenRevocationKeys({ token: { kid, claims }, target }: SeenToken): RevocationKey[] {
  return [
    ...revocationKeysOf({ ...claims, kid }),
    // What it is called today, which is all that an operator knows.
    ...(target === claims.target ? [] : [{ dimension: 'target' as const, value: target }]),
    ...tokenKeys(claims),
  ]
}

function among(keys: readonly RevocationKey[], revocations: readonly Revocation[]): Revocation[] {
  return revocations.filter(({ dimension, value }) =>
    keys.some((key) => key.dimension === dimension && key.value === value),
  )
}

function answerOf(seen: SeenToken | undefined, revocations: readonly Revocation[]): Introspection {
  if (seen === undefined) return { active: false }
  const { claims } = seen.token
  if (revocations.some(({ not_before }) => not_before >= claims.iat)) return { active: false }
  return { ...claims, active: true, token_type: 'Bearer' }
}

/** RFC 9701 section 5: without `sub` and `exp` of its own, so that it cannot be taken for a token. Section 6: RS256. */
async function sign(
  token_introspection: Introspection,
  key: ActiveKey,
  { client_id }: AuthenticatedClient,
  { policy, ports, signal }: IntrospectionContext,
): Promise<string> {
  const claims = { iss: policy.ourIssuer, aud: client_id, iat: ports.now(), token_introspection }
  const input = signingInput(key, 'token-introspection+jwt', claims)
  return toCompactJws(input, await ports.signer.sign(key, Buffer.from(input), signal))
}
