import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'

/** A form posted to /token. */
export function tokenEvent(body: string, isBase64Encoded = false): APIGatewayProxyEventV2 {
  return {
    rawPath: '/token',
    rawQueryString: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    requestContext: { http: { method: 'POST', path: '/token' } },
    body: isBase64Encoded ? Buffer.from(body).toString('base64') : body,
    isBase64Encoded,
  } as unknown as APIGatewayProxyEventV2
}

/** An exchange of `subject_token`, with `more` after it. */
export function exchangeEvent(subject_token: string, more: Record<string, string> = {}): APIGatewayProxyEventV2 {
  const form = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token,
    audience: 'api',
    ...more,
  }
  // Half a surrogate pair has no encoding; URLSearchParams replaces it.
  return tokenEvent(new URLSearchParams(form).toString(), true)
}
