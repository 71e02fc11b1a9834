import type {
  Account,
  Accounts,
  AuthorizationCode,
  AuthorizationCodes,
  Consent,
  Consents,
  FamilyBook,
  LogoutNotice,
  LogoutNotices,
  PendingLogin,
  PendingLogins,
  RefreshFamilies,
  RefreshFamily,
  RegisteredClient,
  RegistrationBook,
  Session,
  SessionBook,
  UpstreamSessions,
} from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'

export interface MemoryStores {
  logins: PendingLogins
  sessions: SessionBook
  upstreamSessions: UpstreamSessions
  notices: LogoutNotices
  codes: AuthorizationCodes
  families: RefreshFamilies & FamilyBook
  consents: Consents
  accounts: Accounts
  registered: RegistrationBook
  /** What is in them, by key. */
  rows: {
    logins: Map<string, PendingLogin>
    sessions: Map<string, Session>
    upstreamSessions: Map<string, { sub: string; expires_at: number }>
    /** In the order in which they were sent. */
    notices: LogoutNotice[]
    codes: Map<string, AuthorizationCode>
    families: Map<string, RefreshFamily>
    consents: Map<string, Consent>
    accounts: Map<string, Account>
    registered: Map<string, RegisteredClient>
  }
}

/** All that a login keeps, in memory; held to the contracts of the table's: see memory-stores.test.ts. */
export function memoryStores(): MemoryStores {
  const rows: MemoryStores['rows'] = {
    logins: new Map(),
    sessions: new Map(),
    upstreamSessions: new Map(),
    notices: [],
    codes: new Map(),
    families: new Map(),
    consents: new Map(),
    accounts: new Map(),
    registered: new Map(),
  }
  const put = <T>(map: Map<string, T>, key: string, row: T) => Promise.resolve(void map.set(key, structuredClone(row)))
  const record = <T extends { at: number; expires_at: number }>(map: Map<string, T>, key: string, row: T) => {
    const taken = (map.get(key)?.expires_at ?? 0) > row.at
    return taken ? Promise.reject(new UnavailableError('dynamodb', 'another row is there')) : put(map, key, row)
  }
  const live = <T extends { expires_at: number }>(map: Map<string, T>, key: string, now: number) => {
    const row = map.get(key)
    return Promise.resolve(row !== undefined && row.expires_at > now ? structuredClone(row) : undefined)
  }
  return {
    rows,
    logins: {
      record: (login) => record(rows.logins, login.id, login),
      find: (id, now) => live(rows.logins, id, now),
      async consume(id, now) {
        return (await live(rows.logins, id, now)) !== undefined && rows.logins.delete(id)
      },
    },
    sessions: {
      record: (session) => record(rows.sessions, session.key, session),
      async find(key, now) {
        const session = await live(rows.sessions, key, now)
        return session !== undefined && session.authentication.expires_at > now ? session : undefined
      },
      touch(key, seen) {
        const session = rows.sessions.get(key)
        const counts = session !== undefined && session.expires_at > seen.seen_at && session.seen_at < seen.seen_at
        return counts ? put(rows.sessions, key, { ...session, ...seen }) : Promise.resolve()
      },
      enter(key, client_id, now) {
        const session = rows.sessions.get(key)
        if (session === undefined || session.ending || session.expires_at <= now) return Promise.resolve(false)
        rows.sessions.set(key, { ...session, clients: [...new Set([...session.clients, client_id])] })
        return Promise.resolve(true)
      },
      close(key) {
        const session = rows.sessions.get(key)
        if (session !== undefined) rows.sessions.set(key, { ...session, ending: true })
        return Promise.resolve(structuredClone(rows.sessions.get(key)))
      },
      end: (key) => Promise.resolve(void rows.sessions.delete(key)),
      replace({ key, clients }) {
        const session = rows.sessions.get(key)
        if (session === undefined || session.ending) return Promise.resolve('gone')
        if (session.clients.length !== clients.length) return Promise.resolve('changed')
        rows.sessions.delete(key)
        return Promise.resolve('replaced')
      },
      list(sub, now) {
        const all = [...rows.sessions.values()].filter(({ authentication }) => authentication.sub === sub)
        const sessions = all.filter((each) => Math.min(each.expires_at, each.authentication.expires_at) > now)
        return Promise.resolve({ sessions: structuredClone(sessions) })
      },
    },
    upstreamSessions: {
      record: ({ issuer_name, sid, sub, expires_at }) =>
        put(rows.upstreamSessions, JSON.stringify([issuer_name, sid]), { sub, expires_at }),
      find: async ({ issuer_name, sid }, now) =>
        (await live(rows.upstreamSessions, JSON.stringify([issuer_name, sid]), now))?.sub,
    },
    notices: { send: (notices) => Promise.resolve(void rows.notices.push(...notices)) },
    codes: {
      record: (code) => record(rows.codes, code.key, code),
      find: (key, now) => live(rows.codes, key, now),
    },
    families: {
      list(sub, now) {
        const all = [...rows.families.values()].filter(({ authentication }) => authentication.sub === sub)
        return Promise.resolve({ families: structuredClone(all.filter(({ expires_at }) => expires_at > now)) })
      },
      record: (family) => record(rows.families, family.id, family),
      find: (id, now) => live(rows.families, id, now),
      async rotate(id, { presented, current, successor, at, expires_at }) {
        const family = rows.families.get(id)
        if (family?.current !== presented || family.revoked_at !== undefined || family.expires_at <= at) return false
        await put(rows.families, id, {
          ...family,
          current,
          rotation: { previous: presented, successor, at },
          expires_at,
        })
        return true
      },
      async revoke(id, at) {
        const family = rows.families.get(id)
        if (family !== undefined) await put(rows.families, id, { ...family, revoked_at: family.revoked_at ?? at })
      },
    },
    consents: {
      record: (consent) => put(rows.consents, `${consent.client_id}#${consent.sub}`, consent),
      find: ({ client_id, sub }, now) => live(rows.consents, `${client_id}#${sub}`, now),
    },
    accounts: {
      record(account) {
        const older = (rows.accounts.get(account.sub)?.at ?? 0) <= account.at
        return older ? put(rows.accounts, account.sub, account) : Promise.resolve()
      },
      find: (sub, now) => live(rows.accounts, sub, now),
    },
    registered: {
      find: (client_id, now) => live(rows.registered, client_id, now),
      async register(client, limit) {
        const alive = [...rows.registered.values()].filter(
          ({ registered_by, expires_at }) => registered_by === client.registered_by && expires_at > client.at,
        )
        if (alive.length >= limit) return false
        await record(rows.registered, client.client_id, client)
        return true
      },
      async replace(client, now) {
        if ((await live(rows.registered, client.client_id, now)) === undefined) return false
        await put(rows.registered, client.client_id, client)
        return true
      },
      delete: ({ client_id }) => Promise.resolve(rows.registered.delete(client_id) || true),
    },
  }
}
