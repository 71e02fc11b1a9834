import type { Ports } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import { requiredParameter, type Form } from '../protocol/form.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import {
  AUTHORIZATION_CODE_GRANT,
  CLIENT_CREDENTIALS_GRANT,
  REFRESH_TOKEN_GRANT,
  TOKEN_EXCHANGE_GRANT,
} from '../protocol/urns.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import type { Policy } from '../trust/policy.ts'
import { asClient } from './authenticate-client.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import { refreshToken } from './refresh-token.ts'
import { tokenExchange } from './token-exchange.ts'

/** One request at the token endpoint, and what it may use. */
export interface GrantContext {
  policy: Policy
  ports: Ports
  /** 128 random bits, base64url: names this request in the log, the receipt, the answer, and is the `jti` of what is issued. */
  decision_id: string
  /** Aborts when the request's deadline has passed. */
  signal: AbortSignal
}

export type Grant = (form: Form, client: RequestClient | undefined, context: GrantContext) => Promise<TokenResponse>

const grants: ReadonlyMap<string, Grant> = new Map([
  [TOKEN_EXCHANGE_GRANT, tokenExchange],
  [CLIENT_CREDENTIALS_GRANT, clientCredentials],
  [AUTHORIZATION_CODE_GRANT, authorizationCode],
  [REFRESH_TOKEN_GRANT, refreshToken],
])

/** The token endpoint: client, grant type, grant. Throws RefusedError and UnavailableError. */
export async function grantToken(
  form: Form,
  authorization: string | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  const grant_type = requiredParameter(form, 'grant_type')
  return asClient(form, authorization, context, (client, known) => {
    const grant = grants.get(grant_type)
    if (grant === undefined) throw new RefusedError({ reason: 'grant_type_unsupported' })
    checkGrantAllowed(client, grant_type, known.policy)
    return grant(form, client, known)
  })
}

/** Throws RefusedError: unauthorized_client (RFC 6749 section 5.2). */
function checkGrantAllowed(client: RequestClient | undefined, grant_type: string, { configuration }: Policy): void {
  if (client === undefined) return
  const { client_id } = client
  if (!configuration.clients[client_id]?.grants.includes(grant_type))
    throw new RefusedError({ reason: 'grant_type_not_allowed', client_id })
}
