import type { Clock, Log, LogoutNotices, Session, Sessions } from '../ports.ts'
import { named, type Configuration } from '../trust/configuration.ts'

/** What ending sessions takes. */
export interface EndingContext {
  policy: { configuration: Pick<Configuration, 'clients'> }
  ports: {
    now: Clock
    log: Log
    sessions: Pick<Sessions, 'end'>
    notices: LogoutNotices
    random(bytes: number): string
  }
  decision_id: string
  signal: AbortSignal
}

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.5: its clients are on their way to be told, then it is no more. Whatever
 * fails leaves it to be ended again: a client that hears of it twice has nothing to do the second time. How many are told.
 * Throws UnavailableError.
 */
export async function endSession(
  { key, authentication, clients }: Session,
  because: string,
  { policy, ports, decision_id, signal }: EndingContext,
): Promise<number> {
  const { sub, sid, issuer_name } = authentication
  const at = ports.now()
  const notices = clients
    .filter((client_id) => mayWantToKnow(client_id, policy.configuration))
    .map((client_id) => ({ id: ports.random(16), client_id, sub, sid, at }))
  await ports.notices.send(notices, signal)
  await ports.sessions.end(key, signal)
  ports.log.info('logged out', { decision_id, because, issuer: issuer_name, sub, sid, told: notices.length })
  return notices.length
}

/** What is not in broker.yaml was registered: who delivers the notice looks for it. */
function mayWantToKnow(client_id: string, { clients }: Pick<Configuration, 'clients'>): boolean {
  const client = named(clients, client_id)
  return client === undefined || client.login?.backchannel_logout_uri !== undefined
}
