import { accessTokenVerifier } from './access-token-verifier.ts'
import { bearerTokenOf, type RequestHeaders } from './bearer-token.ts'
import type { AccessTokenClaims } from './claims.ts'
import { AccessTokenError, VerifierUnavailableError } from './errors.ts'
import type { AccessTokenVerifierOptions } from './options.ts'

/** The simple response of payload format 2.0. The integration finds `context` at `event.requestContext.authorizer.lambda`. */
export type SimpleAuthorizerResponse =
  { isAuthorized: true; context: AccessTokenClaims } | { isAuthorized: false; context: Record<string, never> }

/**
 * The handler of a Lambda authorizer of an HTTP API, with payload format 2.0 and simple responses. API Gateway answers 403
 * where it says no. Throws TypeError for options that cannot be; the handler throws VerifierUnavailableError, which API
 * Gateway answers with 500.
 *
 *     export const handler = lambdaAuthorizer({ issuer, audience, scope: 'deploy:write' })
 */
export function lambdaAuthorizer(
  options: AccessTokenVerifierOptions,
): (event: RequestHeaders) => Promise<SimpleAuthorizerResponse> {
  const verify = accessTokenVerifier(options)
  return async (event) => {
    try {
      return { isAuthorized: true, context: await verify(bearerTokenOf(event)) }
    } catch (error) {
      if (!(error instanceof AccessTokenError) || error instanceof VerifierUnavailableError) throw error
      return { isAuthorized: false, context: {} }
    }
  }
}
