import { accessTokenVerifier } from './access-token-verifier.ts'
import { bearerTokenOf, type RequestHeaders } from './bearer-token.ts'
import type { AccessTokenClaims } from './claims.ts'
import { AccessTokenError } from './errors.ts'
import type { AccessTokenVerifierOptions } from './options.ts'

/** What an HTTP function answers: API Gateway and load balancers take it. */
export interface HttpResponse {
  statusCode: number
  headers: Record<string, string>
  body: string
}

/** A middleware of middy 5 or newer, for functions behind API Gateway (payload 1.0 or 2.0), a function URL or a load balancer. */
export interface AccessTokenMiddleware {
  before(request: { event: RequestHeaders & { accessToken: AccessTokenClaims } }): Promise<HttpResponse | undefined>
}

/**
 * Lets a request reach the handler only with a good access token, whose claims are then at `event.accessToken`. Answers
 * 401, 403 or 503 itself otherwise, and no later middleware runs. Throws TypeError for options that cannot be.
 *
 *     export const handler = middy()
 *       .use(requireAccessToken({ issuer, audience, scope: 'deploy:write' }))
 *       .handler(async ({ accessToken }) => …)
 */
export function requireAccessToken(options: AccessTokenVerifierOptions): AccessTokenMiddleware {
  const verify = accessTokenVerifier(options)
  return {
    async before({ event }) {
      try {
        event.accessToken = await verify(bearerTokenOf(event))
        return undefined
      } catch (error) {
        if (error instanceof AccessTokenError) return toResponse(error)
        throw error
      }
    },
  }
}

function toResponse({ status, code, headers, message }: AccessTokenError): HttpResponse {
  return {
    statusCode: status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ error: code, error_description: message }),
  }
}
