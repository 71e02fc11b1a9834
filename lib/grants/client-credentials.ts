import { authenticationFailed } from '../protocol/client-authentication.ts'
import type { Form } from '../protocol/form.ts'
import { parseTargetRequest } from '../protocol/token-exchange-request.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import { decideRequest } from './decide-request.ts'
import type { GrantContext } from './index.ts'
import { issueAccessToken } from './issue-access-token.ts'

/** RFC 6749 section 4.4: a client that has proved itself gets a token for itself. */
export async function clientCredentials(
  form: Form,
  client: RequestClient | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  if (!client?.authenticated) throw authenticationFailed('client_credentials are for clients that authenticate')
  const request = { ...parseTargetRequest(form), wanted: 'token' as const }
  const { granted, trace } = decideRequest(request, client, client, context)
  if (!('audience' in granted)) throw new Error('a token was wanted, and a session was granted')
  return issueAccessToken({ granted, trace }, client, client, context)
}
