import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { FamilyBook, RefreshFamilies, RefreshFamily } from '../ports.ts'
import type { Item } from './attributes.ts'
import { listedAs, listRows } from './listed-rows.ts'
import { loginGrantAt, toLoginGrantFields } from './login-grant-item.ts'
import { numberAt, rowsAt, textAt } from './rows.ts'

const PREFIX = 'family#'

/** At `family#<id>`: no token is in a row, but the newest, encrypted. What changes says `rotate` and `revoke`, a write each. */
export function dynamodbRefreshFamilies(client: DynamoDBClient, table: string): RefreshFamilies & FamilyBook {
  const rows = rowsAt(PREFIX, client, table)
  return {
    async record({ id, holder, current, rotation, revoked_at, at, ends_at, expires_at, ...grant }, signal) {
      const row = {
        holder,
        current_hash: current,
        previous_hash: rotation?.previous,
        successor: rotation?.successor,
        rotated_at: rotation?.at,
        revoked_at,
        created_at: at,
        ends_at,
        expires_at,
        decision_id: listedAs('families', grant.authentication.sub),
      }
      await rows.record(id, { ...toLoginGrantFields(grant), ...row }, signal)
    },

    async find(id, now, signal) {
      const item = await rows.find(id, now, signal)
      return item && toFamily(item, id)
    },

    async list(sub, now, after, signal) {
      const { items, ...more } = await listRows(client, table, listedAs('families', sub), now, after, signal)
      return { families: items.map((item) => toFamily(item, textAt(item, 'pk').slice(PREFIX.length))), ...more }
    },

    rotate(id, { presented, current, successor, at, expires_at }, signal) {
      const fields = { current_hash: current, previous_hash: presented, successor, rotated_at: at, expires_at }
      const condition = {
        expression: 'current_hash = :previous_hash AND attribute_not_exists(revoked_at) AND expires_at > :rotated_at',
      }
      return rows.set(id, fields, condition, signal)
    },

    async revoke(id, at, signal) {
      const condition = { expression: 'attribute_exists(pk) AND attribute_not_exists(revoked_at)' }
      await rows.set(id, { revoked_at: at }, condition, signal)
    },
  }
}

function toFamily(item: Item, id: string): RefreshFamily {
  return {
    id,
    ...loginGrantAt(item),
    holder: textAt(item, 'holder'),
    current: textAt(item, 'current_hash'),
    ...rotationAt(item),
    // An attribute of another type is no absent one.
    ...(item.revoked_at === undefined ? {} : { revoked_at: numberAt(item, 'revoked_at') }),
    at: numberAt(item, 'created_at'),
    ends_at: numberAt(item, 'ends_at'),
    expires_at: numberAt(item, 'expires_at'),
  }
}

function rotationAt(item: Item): Pick<RefreshFamily, 'rotation'> {
  if (item.rotated_at === undefined) return {}
  return {
    rotation: {
      previous: textAt(item, 'previous_hash'),
      successor: textAt(item, 'successor'),
      at: numberAt(item, 'rotated_at'),
    },
  }
}
