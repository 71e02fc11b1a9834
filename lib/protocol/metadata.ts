import type { SigningAlgorithm } from './algorithms.ts'
import { TOKEN_EXCHANGE_GRANT } from './urns.ts'

/** RFC 8414 section 2. Lists only what is really there. */
export function authorizationServerMetadata(issuer: string): Record<string, unknown> {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    // REQUIRED by RFC 8414; empty because there is no authorization endpoint.
    response_types_supported: [],
    grant_types_supported: [TOKEN_EXCHANGE_GRANT],
    token_endpoint_auth_methods_supported: ['none'],
  }
}

/**
 * OpenID Connect Discovery 1.0 section 3, for the verifiers that read nothing else (AWS IAM, Google WIF and most JWT
 * middlewares). `id_token_signing_alg_values_supported` is where they look for the algorithms of our keys.
 */
export function openidConfiguration(issuer: string, algorithms: readonly SigningAlgorithm[]): Record<string, unknown> {
  return {
    ...authorizationServerMetadata(issuer),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algorithms,
  }
}
