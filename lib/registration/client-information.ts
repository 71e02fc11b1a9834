import type { RegisteredClient } from '../protocol/registered-client.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { endOf } from '../trust/registered-client.ts'
import type { RegistrationContext } from './context.ts'

/**
 * RFC 7591 section 3.2.1, RFC 7592 section 3: all that is registered. `token`: the registration access token, which is kept
 * nowhere. `client_secret`: where it is a new one, which is told once and never again.
 */
export function clientInformation(
  client: RegisteredClient,
  token: string,
  client_secret: string | undefined,
  { ourIssuer, configuration }: RegistrationContext['policy'],
): JsonObject {
  const { client_id, at, metadata } = client
  const end = configuration.registration === undefined ? client.expires_at : endOf(client, configuration.registration)
  return {
    client_id,
    client_id_issued_at: at,
    ...(client_secret === undefined ? {} : { client_secret }),
    // Never 0, for a secret is none once its client is gone.
    ...(client.client_secret === undefined ? {} : { client_secret_expires_at: end }),
    registration_access_token: token,
    registration_client_uri: `${ourIssuer}/register/${client_id}`,
    ...metadata,
  }
}
