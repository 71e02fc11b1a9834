import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Session, SessionBook } from '../ports.ts'
import type { Item } from './attributes.ts'
import { authenticationAt, toAuthenticationFields } from './authentication-item.ts'
import { listedAs, listRows } from './listed-rows.ts'
import { numberAt, rowsAt, textAt, textsAt } from './rows.ts'

const PREFIX = 'session#'

/** At `session#<key>`: the secret of which the key is the hash is in no row. */
export function dynamodbSessions(client: DynamoDBClient, table: string): SessionBook {
  const rows = rowsAt(PREFIX, client, table)
  const find: SessionBook['find'] = async (key, now, signal) => {
    const item = await rows.find(key, now, signal)
    return item && toSession(item, key, now)
  }
  return {
    find,

    async record({ key, authentication, login_id, clients, at, seen_at, expires_at }, signal) {
      const row = { ...toAuthenticationFields(authentication), login_id, clients, created_at: at, seen_at, expires_at }
      await rows.record(key, { ...row, decision_id: listedAs('sessions', authentication.sub) }, signal)
    },

    async list(sub, now, after, signal) {
      const { items, ...more } = await listRows(client, table, listedAs('sessions', sub), now, after, signal)
      const sessions = items.flatMap((item) => toSession(item, textAt(item, 'pk').slice(PREFIX.length), now) ?? [])
      return { sessions, ...more }
    },

    async touch(key, { seen_at, expires_at }, signal) {
      // Of a row that is gone nothing is greater: one that was ended meanwhile stays ended.
      const condition = { expression: 'expires_at > :seen_at AND seen_at < :seen_at' }
      await rows.set(key, { seen_at, expires_at }, condition, signal)
    },

    async enter(key, client_id, now, signal) {
      const condition = {
        expression: 'expires_at > :now AND attribute_not_exists(ending) AND NOT contains(clients, :client_id)',
        values: { ':now': now, ':client_id': client_id },
      }
      if (await rows.append(key, 'clients', client_id, condition, signal)) return true
      const found = await find(key, now, signal)
      return found?.ending === undefined && found?.clients.includes(client_id) === true
    },

    async close(key, signal) {
      if (!(await rows.set(key, { ending: 1 }, { expression: 'attribute_exists(pk)' }, signal))) return undefined
      const item = await rows.find(key, 0, signal)
      return item && toSession(item, key, 0)
    },

    async end(key, signal) {
      await rows.delete(key, undefined, signal)
    },

    async replace({ key, clients }, signal) {
      // None is ever taken out, so as many are the same ones.
      const condition = {
        expression:
          'attribute_exists(pk) AND attribute_not_exists(ending) AND (attribute_not_exists(clients) OR size(clients) = :count)',
        values: { ':count': clients.length },
      }
      try {
        if (await rows.delete(key, condition, signal)) return 'replaced'
      } catch (error) {
        // Sent twice by the SDK, the second time may have met what the first had done.
        if ((await find(key, 0, signal)) === undefined) return 'replaced'
        throw error
      }
      const found = await find(key, 0, signal)
      return found === undefined || found.ending ? 'gone' : 'changed'
    },
  }
}

function toSession(item: Item, key: string, now: number): Session | undefined {
  const authentication = authenticationAt(item)
  // Whatever it was touched to.
  if (authentication.expires_at <= now) return undefined
  return {
    key,
    authentication,
    login_id: textAt(item, 'login_id'),
    // Those of an older version have none.
    clients: item.clients === undefined ? [] : textsAt(item, 'clients'),
    ...(item.ending === undefined ? {} : { ending: true as const }),
    at: numberAt(item, 'created_at'),
    seen_at: numberAt(item, 'seen_at'),
    expires_at: numberAt(item, 'expires_at'),
  }
}
