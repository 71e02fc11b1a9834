import { parseClientMetadata, parseRegistrationRequest } from '../protocol/client-registration.ts'
import { RefusedError } from '../protocol/errors.ts'
import { isRegisteredId, type RegisteredClient } from '../protocol/registered-client.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { hashOfSecret, secretFits } from '../tokens/client-secret.ts'
import { decideRegistration, hasSecret, toClient } from '../trust/registered-client.ts'
import { clientInformation } from './client-information.ts'
import type { RegistrationContext } from './context.ts'

/** RFC 7592 section 2.1. Throws RefusedError and UnavailableError. */
export async function readClient(client_id: string, token: string, context: RegistrationContext): Promise<JsonObject> {
  const client = await findOwn(client_id, token, context)
  return clientInformation(client, token, undefined, context.policy)
}

/**
 * RFC 7592 section 2.2: all that the client says of itself, anew: what is left out is no more. Its id, its end and its
 * registration access token stay. A secret is made where it needs one and has none. Throws RefusedError and UnavailableError.
 */
export async function updateClient(
  client_id: string,
  token: string,
  body: string,
  context: RegistrationContext,
): Promise<JsonObject> {
  const { policy, ports, decision_id, signal } = context
  const client = await findOwn(client_id, token, context)
  const request = parseRegistrationRequest(body)
  checkOwn(request, client)
  const asked = parseClientMetadata(request)
  const { client_secret: kept, ...others } = client
  const client_secret = hasSecret(asked) && kept === undefined ? ports.random(32) : undefined
  const hash = client_secret === undefined ? kept : hashOfSecret(client_secret)
  const made = {
    ...others,
    ...(hash === undefined || !hasSecret(asked) ? {} : { client_secret: hash }),
    changed_at: ports.now(),
  }
  const decided = decideRegistration(asked, made, policy)
  if ('refused' in decided) throw new RefusedError(decided.refused)
  const changed: RegisteredClient = { ...made, metadata: { ...decided.metadata } }
  // It was deleted meanwhile.
  if (!(await ports.registered.replace(changed, ports.now(), signal))) throw unknown()
  ports.log.info('client changed', { decision_id, client_id })
  return clientInformation(changed, token, client_secret, policy)
}

/** RFC 7592 section 2.3: with the client its codes and tokens are worth nothing. Throws RefusedError and UnavailableError. */
export async function deleteClient(client_id: string, token: string, context: RegistrationContext): Promise<void> {
  const { ports, decision_id, signal } = context
  const client = await findOwn(client_id, token, context)
  const place_freed = await ports.registered.delete(client, ports.now(), signal)
  ports.log.info('client deleted', { decision_id, client_id, place_freed })
}

/** One answer for a wrong token, another client's, and a client that is none: RFC 7592 section 2.1. */
function unknown(): RefusedError {
  return new RefusedError({ reason: 'bearer_token_invalid' })
}

async function findOwn(
  client_id: string,
  token: string,
  { policy, ports, signal }: RegistrationContext,
): Promise<RegisteredClient> {
  const kept = isRegisteredId(client_id) ? await ports.registered.find(client_id, ports.now(), signal) : undefined
  const fits = secretFits(token, kept === undefined ? [] : [kept.management])
  if (kept === undefined || !fits || toClient(kept, policy, ports.now()) === undefined) throw unknown()
  return kept
}

/** RFC 7592 section 2.2: what must be the client's own, and what a client never says. */
function checkOwn(request: JsonObject, { client_id, client_secret }: RegisteredClient): void {
  const refused = (member: string, detail: string) =>
    new RefusedError({ reason: 'client_metadata_refused', member, detail })
  if (request.client_id !== client_id) throw refused('client_id', 'it must be that of the client')
  const secret = request.client_secret ?? undefined
  const hashes = client_secret === undefined ? [] : [client_secret]
  if (secret !== undefined && !(typeof secret === 'string' && secretFits(secret, hashes)))
    throw refused('client_secret', 'it must be that of the client, which chooses none; or leave it out')
  for (const member of [
    'registration_access_token',
    'registration_client_uri',
    'client_secret_expires_at',
    'client_id_issued_at',
  ])
    if (Object.hasOwn(request, member)) throw refused(member, 'a client does not say it: leave it out')
}
