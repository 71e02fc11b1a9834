import type { Ports } from '../ports.ts'
import { areAwsCredentials } from '../protocol/aws-credentials.ts'
import { authenticationFailed } from '../protocol/client-authentication.ts'
import { RefusedError } from '../protocol/errors.ts'
import { parameter, requiredParameter, type Form } from '../protocol/form.ts'
import type { SigningKey } from '../protocol/signing-keys.ts'
import { AWS_CREDENTIALS_TYPE } from '../protocol/urns.ts'
import { parseRefreshToken, type RefreshToken } from '../tokens/refresh-token.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import { verifyOwnToken, type OwnClaims } from '../tokens/verify-own-token.ts'
import { named } from '../trust/configuration.ts'
import type { Policy } from '../trust/policy.ts'
import { asClient } from './authenticate-client.ts'
import { revokeFamily } from './refresh-family.ts'
import { withRegistered } from './with-registered.ts'
import { tokenRevocation } from './token-revocation.ts'

/** One token to be revoked, and what may be used to do so. */
export interface RevokeContext {
  policy: Policy
  ports: Pick<Ports, 'now' | 'log' | 'keySets' | 'receipts' | 'register' | 'registered' | 'families'>
  /** All that we publish. */
  keys: readonly SigningKey[]
  decision_id: string
  signal: AbortSignal
}

/**
 * RFC 7009: an access token of ours is revoked, or a refresh token with all that came of the same login, durably when this
 * returns. Nothing happens to what is none of ours or has expired. Throws RefusedError and UnavailableError.
 */
export async function revokeToken(
  form: Form,
  authorization: string | undefined,
  context: RevokeContext,
): Promise<void> {
  const token = requiredParameter(form, 'token')
  const { policy, ports, keys, decision_id, signal } = context
  return asClient(form, authorization, context, async (client, known) => {
    const refresh = parseRefreshToken(token)
    if (refresh !== undefined) return revokeRefreshToken(refresh, client, context)
    const now = ports.now()
    const own = await verifyOwnToken(token, { keys, ourIssuer: policy.ourIssuer, now })
    if (own === undefined) return refuseAwsCredentials(token, parameter(form, 'token_type_hint'))
    const { claims } = own
    checkMayRevoke(client, claims, (await withRegistered(claims.client_id, known)).policy)
    const by = client?.authenticated ? client.client_id : claims.sub
    await ports.register.revoke(tokenRevocation(claims.jti, 'revoked at /revoke', by, now), signal)
    ports.log.info('revoked', { decision_id, jti: claims.jti, by })
  })
}

/**
 * RFC 7009 section 2.1. Where no client authenticated for it, holding a token is all that there is to show: of a workload
 * that is its own client, of a public client, of one that is no more.
 */
function checkMayRevoke(client: RequestClient | undefined, { client_id }: OwnClaims, { configuration }: Policy): void {
  if (named(configuration.clients, client_id)?.type !== 'confidential') return
  if (!client?.authenticated) throw authenticationFailed('the token is that of a client which must authenticate')
  if (client.client_id !== client_id) throw new RefusedError({ reason: 'token_of_another_client', client_id })
}

/** RFC 7009 section 2.1: by its client, whether or not it is the one of its family that counts. */
async function revokeRefreshToken(
  { family: id, holder }: RefreshToken,
  client: RequestClient | undefined,
  context: RevokeContext,
): Promise<void> {
  const { ports, signal } = context
  const family = await ports.families.find(id, ports.now(), signal)
  if (family?.holder !== holder || family.revoked_at !== undefined) return
  const { client_id } = family
  if (client === undefined) throw authenticationFailed('a refresh token is revoked by its client')
  if (client.client_id !== client_id) throw new RefusedError({ reason: 'token_of_another_client', client_id })
  await revokeFamily(id, { reason: 'revoked at /revoke', by: client_id }, context)
}

/** They are valid until they end, which nobody who means to revoke them should take for done. */
function refuseAwsCredentials(token: string, token_type_hint: string | undefined): void {
  if (token_type_hint === AWS_CREDENTIALS_TYPE || areAwsCredentials(token))
    throw new RefusedError({ reason: 'token_type_unsupported' })
}
