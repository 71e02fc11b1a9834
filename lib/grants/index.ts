import type { Ports } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import { parameter, type Form } from '../protocol/form.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { TOKEN_EXCHANGE_GRANT } from '../protocol/urns.ts'
import type { Policy } from '../trust/policy.ts'
import { checkGrantAllowed, findClient } from './client.ts'
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

export type Grant = (form: Form, client_id: string | undefined, context: GrantContext) => Promise<TokenResponse>

const grants: ReadonlyMap<string, Grant> = new Map([[TOKEN_EXCHANGE_GRANT, tokenExchange]])

/** The token endpoint: client, grant type, grant. Throws RefusedError and UnavailableError. */
export async function grantToken(
  form: Form,
  authorization: string | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  const { configuration } = context.policy
  const grant_type = parameter(form, 'grant_type')
  if (grant_type === undefined) throw new RefusedError({ reason: 'parameter_missing', parameter: 'grant_type' })
  const client_id = findClient(form, authorization, configuration)
  const grant = grants.get(grant_type)
  if (grant === undefined) throw new RefusedError({ reason: 'grant_type_unsupported' })
  checkGrantAllowed(client_id, grant_type, configuration)
  return grant(form, client_id, context)
}
