import { toProcessDocument, type AwsCredentials } from '../protocol/aws-credentials.ts'
import type { Form } from '../protocol/form.ts'
import { parseTokenExchangeRequest } from '../protocol/token-exchange-request.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { AWS_CREDENTIALS_TYPE } from '../protocol/urns.ts'
import { decideExchange, verifySubject } from './decide-exchange.ts'
import type { GrantContext } from './index.ts'
import { issueAccessToken } from './issue-access-token.ts'
import { issueAwsCredentials } from './issue-aws-credentials.ts'

/** RFC 8693: trade a subject_token from a trusted issuer for a token of ours, or for credentials of a role. */
export async function tokenExchange(
  form: Form,
  client_id: string | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  const request = parseTokenExchangeRequest(form)
  const subject = await verifySubject(request, context)
  const { granted, trace } = decideExchange(request, subject, client_id, context)
  if ('audience' in granted) return issueAccessToken({ granted, trace }, subject, client_id, context)
  const credentials = await issueAwsCredentials({ granted, trace }, subject, client_id, context)
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
