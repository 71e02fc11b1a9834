import type { Clock, Log, LogoutNotices, Session, Sessions } from '../ports.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import { named, type Configuration } from '../trust/configuration.ts'

/** What ending sessions takes. */
export interface EndingContext {
  policy: { configuration: Pick<Configuration, 'clients'> }
  ports: {
    now: Clock
    log: Log
    sessions: Pick<Sessions, 'close' | 'end'>
    notices: LogoutNotices
  }
  decision_id: string
  signal: AbortSignal
}

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.5: from now on it goes on for nobody, its clients are on their way to be told,
 * then it is no more. Whatever fails leaves it to be ended again, by the same notices: a client that hears of it twice has nothing
 * to do the second time. The clients that it had, and how many of them are told. Throws UnavailableError.
 */
export async function endSession(
  { key }: Pick<Session, 'key'>,
  because: string,
  { policy, ports, decision_id, signal }: EndingContext,
): Promise<{ clients: readonly string[]; told: number }> {
  const closed = await ports.sessions.close(key, signal)
  if (closed === undefined) return { clients: [], told: 0 }
  const { clients, authentication } = closed
  const { sub, sid, issuer_name } = authentication
  const at = ports.now()
  const notices = clients
    .filter((client_id) => mayWantToKnow(client_id, policy.configuration))
    .map((client_id) => ({ id: noticeId(key, client_id), client_id, sub, sid, at }))
  await ports.notices.send(notices, signal)
  await ports.sessions.end(key, signal)
  ports.log.info('logged out', { decision_id, because, issuer: issuer_name, sub, sid, told: notices.length })
  return { clients, told: notices.length }
}

/** The same however often it is ended. */
function noticeId(session_key: string, client_id: string): string {
  return hashOfSecret(JSON.stringify([session_key, client_id])).slice(0, 22)
}

/** What is not in broker.yaml was registered: who delivers the notice looks for it. */
function mayWantToKnow(client_id: string, { clients }: Pick<Configuration, 'clients'>): boolean {
  const client = named(clients, client_id)
  return client === undefined || client.login?.backchannel_logout_uri !== undefined
}
