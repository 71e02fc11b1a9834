import { toProcessDocument, type AwsCredentials } from '../protocol/aws-credentials.ts'
import type { Form } from '../protocol/form.ts'
import { parseTokenExchangeRequest } from '../protocol/token-exchange-request.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { ACCESS_TOKEN_TYPE, AWS_CREDENTIALS_TYPE } from '../protocol/urns.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import { decideRequest, verifySubject } from './decide-request.ts'
import type { GrantContext } from './index.ts'
import { issueAccessToken } from './issue-access-token.ts'
import { issueAwsCredentials } from './issue-aws-credentials.ts'

/** RFC 8693: trade a subject_token from a trusted issuer for a token of ours, or for credentials of a role. */
export async function tokenExchange(
  form: Form,
  client: RequestClient | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  const request = parseTokenExchangeRequest(form)
  const subject = await verifySubject(request, context)
  const { granted, trace } = decideRequest(request, subject, client, context)
  if ('audience' in granted) {
    const response = await issueAccessToken({ granted, trace }, subject, client, context)
    return { ...response, issued_token_type: ACCESS_TOKEN_TYPE }
  }
  const credentials = await issueAwsCredentials({ granted, trace }, subject, client, context)
  return credentialsResponse(credentials, context.ports.now())
}

/** RFC 8693 section 2.2.1: what is issued stands in access_token, whatever it is. */
function credentialsResponse(credentials: AwsCredentials, now: number): TokenResponse {
  return {
    access_token: JSON.stringify(toProcessDocument(credentials)),
    issued_token_type: AWS_CREDENTIALS_TYPE,
    token_type: 'N_A',
    expires_in: credentials.expires_at - now,
  }
}
