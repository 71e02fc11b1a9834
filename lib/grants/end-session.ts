import type { Clock, Log, LogoutNotices, Session, Sessions } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { named, type Configuration } from '../trust/configuration.ts'

/** What ending sessions takes. */
export interface EndingContext {
  policy: { configuration: Pick<Configuration, 'clients'> }
  ports: {
    now: Clock
    log: Log
    sessions: Pick<Sessions, 'find' | 'end'>
    notices: LogoutNotices
    random(bytes: number): string
  }
  decision_id: string
  signal: AbortSignal
}

/** How often more clients may come to a session while it is ended. */
const MAX_TRIES = 4

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.5: its clients are on their way to be told, then it is no more. Whatever
 * fails leaves it to be ended again: a client that hears of it twice has nothing to do the second time. The clients that it had,
 * and how many of them are told. Throws UnavailableError.
 */
export async function endSession(
  { key, authentication, clients: known }: Session,
  because: string,
  { policy, ports, decision_id, signal }: EndingContext,
): Promise<{ clients: readonly string[]; told: number }> {
  const { sub, sid, issuer_name } = authentication
  const at = ports.now()
  let clients = known
  const told = new Set<string>()
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const untold = clients.filter((each) => !told.has(each) && mayWantToKnow(each, policy.configuration))
    await ports.notices.send(
      untold.map((client_id) => ({ id: ports.random(16), client_id, sub, sid, at })),
      signal,
    )
    for (const each of untold) told.add(each)
    if ((await ports.sessions.end({ key, clients }, signal)) !== 'changed') {
      ports.log.info('logged out', { decision_id, because, issuer: issuer_name, sub, sid, told: told.size })
      return { clients, told: told.size }
    }
    clients = (await ports.sessions.find(key, at, signal))?.clients ?? clients
  }
  throw new UnavailableError('dynamodb', 'a session could not be ended')
}

/** What is not in broker.yaml was registered: who delivers the notice looks for it. */
function mayWantToKnow(client_id: string, { clients }: Pick<Configuration, 'clients'>): boolean {
  const client = named(clients, client_id)
  return client === undefined || client.login?.backchannel_logout_uri !== undefined
}
