import type { SigningAlgorithm } from './algorithms.ts'
import { prompts, responseModes } from './authorization-request.ts'
import { identityClaims, identityScopes } from './identity.ts'
import {
  AUTHORIZATION_CODE_GRANT,
  CLIENT_CREDENTIALS_GRANT,
  REFRESH_TOKEN_GRANT,
  TOKEN_EXCHANGE_GRANT,
} from './urns.ts'

/** What discovery says of logins, but for where they are. Made at synth, so that what answers /jwks is no larger for it. */
export interface LoginMetadata {
  /** Names of endpoints, each with its path. */
  endpoints: {
    /** RFC 8414 section 2 */
    server: Record<string, string>
    /** OpenID Connect Discovery 1.0 section 3, RP-Initiated Logout 1.0 section 2.1. */
    provider: Record<string, string>
  }
  /** RFC 8414 section 2 */
  server: Record<string, unknown>
  /** OpenID Connect Discovery 1.0 section 3: that, and this. */
  provider: Record<string, unknown>
}

/** `refreshes`: whether some client may refresh tokens. `registers`: whether one may register itself. */
export function loginMetadata(
  acr_values: readonly string[],
  algorithms: readonly SigningAlgorithm[],
  { refreshes, registers }: { refreshes: boolean; registers: boolean },
): LoginMetadata {
  return {
    endpoints: {
      server: {
        authorization_endpoint: '/authorize',
        // RFC 7591 section 3
        ...(registers ? { registration_endpoint: '/register' } : {}),
      },
      provider: { userinfo_endpoint: '/userinfo', end_session_endpoint: '/logout' },
    },
    server: {
      response_types_supported: ['code'],
      response_modes_supported: responseModes,
      grant_types_supported: [
        TOKEN_EXCHANGE_GRANT,
        CLIENT_CREDENTIALS_GRANT,
        AUTHORIZATION_CODE_GRANT,
        ...(refreshes ? [REFRESH_TOKEN_GRANT] : []),
      ],
      // RFC 7636 section 6.2.1
      code_challenge_methods_supported: ['S256'],
      // Ours: those of targets are for who knows them.
      scopes_supported: identityScopes.filter((scope) => refreshes || scope !== 'offline_access'),
      // RFC 9207 section 3
      authorization_response_iss_parameter_supported: true,
      ui_locales_supported: ['en'],
    },
    provider: {
      userinfo_signing_alg_values_supported: algorithms,
      claim_types_supported: ['normal'],
      claims_supported: ['sub', 'auth_time', 'acr', 'amr', ...identityClaims],
      claims_parameter_supported: true,
      ...(acr_values.length === 0 ? {} : { acr_values_supported: acr_values }),
      display_values_supported: ['page'],
      // Initiating User Registration via OpenID Connect 1.0 section 4.2
      prompt_values_supported: prompts,
      request_parameter_supported: false,
      // True is what its absence would mean.
      request_uri_parameter_supported: false,
      // Back-Channel Logout 1.0 section 2.1, Front-Channel Logout 1.0 section 3: tokens and frames name the session.
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      frontchannel_logout_supported: true,
      frontchannel_logout_session_supported: true,
    },
  }
}
