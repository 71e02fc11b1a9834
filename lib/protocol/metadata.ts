import { subjectTokenAlgorithms, type SigningAlgorithm } from './algorithms.ts'
import type { LoginMetadata } from './login-metadata.ts'
import { CLIENT_CREDENTIALS_GRANT, TOKEN_EXCHANGE_GRANT } from './urns.ts'

const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const

/** RFC 8414 section 2. Lists only what is really there. `logins`: absent where nobody logs in. */
export function authorizationServerMetadata(issuer: string, logins?: LoginMetadata): Record<string, unknown> {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    // REQUIRED by RFC 8414; empty where there is no authorization endpoint.
    response_types_supported: [],
    grant_types_supported: [TOKEN_EXCHANGE_GRANT, CLIENT_CREDENTIALS_GRANT],
    // A workload that presents its own token needs no client.
    ...authenticationAt('token', true),
    introspection_endpoint: `${issuer}/introspect`,
    ...authenticationAt('introspection', false),
    // RFC 9701 section 7
    introspection_signing_alg_values_supported: ['RS256'],
    revocation_endpoint: `${issuer}/revoke`,
    ...authenticationAt('revocation', true),
    ...(logins && { ...at(issuer, logins.endpoints.server), ...logins.server }),
  }
}

function at(issuer: string, paths: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, issuer + path]))
}

/** `none`: where there is something to do for who only presents a token. */
function authenticationAt(endpoint: string, none: boolean): Record<string, unknown> {
  return {
    [`${endpoint}_endpoint_auth_methods_supported`]: none ? ['none', ...authMethods] : authMethods,
    [`${endpoint}_endpoint_auth_signing_alg_values_supported`]: subjectTokenAlgorithms,
  }
}

/**
 * OpenID Connect Discovery 1.0 section 3, for the verifiers that read nothing else (AWS IAM, Google WIF and most JWT
 * middlewares). `id_token_signing_alg_values_supported` is where they look for the algorithms of our keys.
 */
export function openidConfiguration(
  issuer: string,
  algorithms: readonly SigningAlgorithm[],
  logins?: LoginMetadata,
): Record<string, unknown> {
  return {
    ...authorizationServerMetadata(issuer, logins),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algorithms,
    ...(logins && { ...at(issuer, logins.endpoints.provider), ...logins.provider }),
  }
}
