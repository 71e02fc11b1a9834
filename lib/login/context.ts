import type {
  Accounts,
  AuthorizationCodes,
  Consents,
  LogoutNotices,
  PendingLogins,
  Ports,
  RelyingParty,
  SessionBook,
  UpstreamSessions,
} from '../ports.ts'
import type { SigningKey } from '../protocol/signing-keys.ts'
import type { Policy } from '../trust/policy.ts'

/** One request on the way of a login, and what it may use. */
export interface LoginContext {
  policy: Policy
  ports: Pick<Ports, 'now' | 'log' | 'keySets' | 'registered' | 'revocations' | 'random'> & {
    logins: PendingLogins
    sessions: SessionBook
    upstreamSessions: UpstreamSessions
    codes: AuthorizationCodes
    consents: Consents
    accounts: Accounts
    relyingParty: RelyingParty
    notices: LogoutNotices
  }
  /** All that we publish. */
  keys: readonly SigningKey[]
  decision_id: string
  signal: AbortSignal
}

/** What the browser's cookies say: nothing of it is believed yet. */
export interface Cookies {
  browser: string | undefined
  session: string | undefined
}

/** In seconds: how long a person may take, and how long a client. */
export const PENDING_LIFETIME = 15 * 60
export const CODE_LIFETIME = 60
