import { parseClientMetadata, parseRegistrationRequest } from '../protocol/client-registration.ts'
import { RefusedError } from '../protocol/errors.ts'
import { newRegisteredId, type RegisteredClient } from '../protocol/registered-client.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { hashOfSecret, secretFits } from '../tokens/client-secret.ts'
import { decideRegistration, hasSecret } from '../trust/registered-client.ts'
import { clientInformation } from './client-information.ts'
import type { RegistrationContext } from './context.ts'

/**
 * RFC 7591 section 3: a new client, registered by whoever holds an initial access token. `body`: JSON. Returns what is answered,
 * the only time that its secrets are told. Throws RefusedError and UnavailableError.
 */
export async function register(
  body: string,
  initial_access_token: string,
  { policy, ports, decision_id, signal }: RegistrationContext,
): Promise<JsonObject> {
  const { registration } = policy.configuration
  if (registration === undefined) throw new RefusedError({ reason: 'not_found' })
  // First: nobody else learns what may be registered here.
  if (!secretFits(initial_access_token, registration.initial_access_tokens.sha256))
    throw new RefusedError({ reason: 'bearer_token_invalid' })
  const asked = parseClientMetadata(parseRegistrationRequest(body))
  const client_secret = hasSecret(asked) ? ports.random(32) : undefined
  const token = ports.random(32)
  const at = ports.now()
  const made: Omit<RegisteredClient, 'metadata'> = {
    client_id: newRegisteredId(ports.random),
    registered_by: hashOfSecret(initial_access_token),
    management: hashOfSecret(token),
    ...(client_secret === undefined ? {} : { client_secret: hashOfSecret(client_secret) }),
    at,
    expires_at: at + registration.lifetime,
  }
  const decided = decideRegistration(asked, made, policy)
  if ('refused' in decided) throw new RefusedError(decided.refused)
  const client: RegisteredClient = { ...made, metadata: { ...decided.metadata } }
  if (!(await ports.registered.register(client, registration.limit, signal)))
    throw new RefusedError({ reason: 'registration_limit_reached', limit: registration.limit })
  ports.log.info('client registered', { decision_id, client_id: client.client_id, registered_by: client.registered_by })
  return clientInformation(client, token, client_secret, policy)
}
