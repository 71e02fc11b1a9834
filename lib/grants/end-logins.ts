import type { FamilyBook, LogoutNotices, SessionBook } from '../ports.ts'
import { endSession } from './end-session.ts'
import type { RevocationContext } from './manage-revocations.ts'
import { revokeFamily } from './refresh-family.ts'

/** Where people log in: what they keep, and how clients are told. */
export interface LoginPorts {
  sessions: SessionBook
  families: FamilyBook
  notices: LogoutNotices
}

/** How many ended; `told`: how many clients are told of it. `next`: where there are more. */
export interface EndedLogins {
  sessions: number
  families: number
  told: number
  next?: string
}

/** Sessions come first, and then refresh tokens, from here. */
const FAMILIES = 'family#'

/**
 * A page of a person's sessions and refresh tokens that a revocation on record refuses already: they are no more, also if it
 * is undone, and clients are told that their sessions have ended. May be repeated. Throws UnavailableError.
 */
export async function endLogins(
  sub: string,
  not_before: number,
  after: string | undefined,
  logins: LoginPorts,
  { configuration, ports, by, decision_id, signal }: RevocationContext,
): Promise<EndedLogins> {
  const now = ports.now()
  const context = { policy: { configuration }, ports: { ...ports, ...logins }, decision_id, signal }
  const because = 'the person was revoked'
  if (after?.startsWith(FAMILIES)) {
    const { families, next } = await logins.families.list(sub, now, after === FAMILIES ? undefined : after, signal)
    const meant = families.filter(({ at, revoked_at }) => revoked_at === undefined && at <= not_before)
    for (const { id } of meant) await revokeFamily(id, { reason: because, by }, context)
    return { sessions: 0, families: meant.length, told: 0, ...(next === undefined ? {} : { next }) }
  }
  const { sessions, next } = await logins.sessions.list(sub, now, after, signal)
  const meant = sessions.filter(({ at }) => at <= not_before)
  let told = 0
  for (const session of meant) told += (await endSession(session, because, context)).told
  return { sessions: meant.length, families: 0, told, next: next ?? FAMILIES }
}
