import { ClientSecretBasic, ClientSecretPost, type ClientAuth } from 'openid-client'
import type { ClientAssertions, Upstream } from '../ports.ts'
import { JWT_BEARER_ASSERTION } from '../protocol/urns.ts'
import type { UpstreamMetadata } from './upstream-metadata.ts'

// Both prove who we are only when the request is made, which an answer that is refused never comes to.

/** OpenID Connect Core section 9: by a key of ours. */
export function byKey(
  upstream: Upstream,
  { token_endpoint_auth_signing_alg_values_supported: algorithms }: UpstreamMetadata,
  assertions: ClientAssertions,
  signal: AbortSignal,
): ClientAuth {
  // oxlint-disable-next-line typescript/no-misused-promises -- it is awaited, whatever its type says.
  return async (_server, _client, body) => {
    const assertion = await assertions.issue(upstream, algorithms, signal)
    body.set('client_id', upstream.client_id)
    body.set('client_assertion_type', JWT_BEARER_ASSERTION)
    body.set('client_assertion', assertion)
  }
}

/** By a secret, in the header wherever the issuer reads that, which is also what one that lists no methods does (RFC 8414 section 2). */
export function bySecret(
  { token_endpoint_auth_methods_supported: methods }: UpstreamMetadata,
  secret: () => Promise<string>,
): ClientAuth {
  const inBody = methods?.includes('client_secret_post') === true && !methods.includes('client_secret_basic')
  const authenticate = inBody ? ClientSecretPost : ClientSecretBasic
  // oxlint-disable-next-line typescript/no-misused-promises -- it is awaited, whatever its type says.
  return async (...of) => authenticate(await secret())(...of)
}
