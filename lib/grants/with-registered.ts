import type { Ports } from '../ports.ts'
import { isRegisteredId } from '../protocol/registered-client.ts'
import { named } from '../trust/configuration.ts'
import type { Policy } from '../trust/policy.ts'
import { toClient, withClient } from '../trust/registered-client.ts'

/** What knowing a client that registered itself takes. */
export interface RegisteredContext {
  policy: Pick<Policy, 'configuration' | 'ourIssuer'>
  ports: Pick<Ports, 'now' | 'registered'>
  signal: AbortSignal
}

/**
 * The same with a policy that knows this client too, where it registered itself and is a client by today's broker.yaml. For
 * every other, and for ids that broker.yaml could name, this is the policy that it was, and nothing is asked of anybody.
 * Throws UnavailableError.
 */
export async function withRegistered<Context extends RegisteredContext>(
  client_id: string | undefined,
  context: Context,
): Promise<Context> {
  const { policy, ports, signal } = context
  const { registration, clients } = policy.configuration
  if (client_id === undefined || registration === undefined || !isRegisteredId(client_id)) return context
  if (named(clients, client_id) !== undefined) return context
  const kept = await ports.registered.find(client_id, ports.now(), signal)
  const client = kept && toClient(kept, policy, ports.now())
  return client === undefined ? context : { ...context, policy: withClient(client_id, client, policy) }
}

/** The same of several. Throws UnavailableError. */
export async function withAllRegistered<Context extends RegisteredContext>(
  client_ids: readonly string[],
  context: Context,
): Promise<Context> {
  let known = context
  for (const client_id of client_ids) known = await withRegistered(client_id, known)
  return known
}
