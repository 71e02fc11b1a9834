import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { AuthorizationCodes } from '../ports.ts'
import type { Item } from './attributes.ts'
import { loginGrantAt, toLoginGrantFields } from './login-grant-item.ts'
import { numberAt, rowsAt, textAt } from './rows.ts'

/** At `code#<key>`: the code of which the key is the hash is in no row, and no row changes. */
export function dynamodbAuthorizationCodes(client: DynamoDBClient, table: string): AuthorizationCodes {
  const rows = rowsAt('code#', client, table)
  return {
    async record({ key, redirect_uri, code_challenge, nonce, at, expires_at, ...grant }, signal) {
      const row = { redirect_uri, code_challenge, nonce, created_at: at, expires_at }
      await rows.record(key, { ...toLoginGrantFields(grant), ...row }, signal)
    },

    async find(key, now, signal) {
      const item = await rows.find(key, now, signal)
      if (item === undefined) return undefined
      return {
        key,
        ...loginGrantAt(item),
        redirect_uri: textAt(item, 'redirect_uri'),
        ...optional(item, 'code_challenge'),
        ...optional(item, 'nonce'),
        at: numberAt(item, 'created_at'),
        expires_at: numberAt(item, 'expires_at'),
      }
    },
  }
}

function optional<Name extends 'code_challenge' | 'nonce'>(item: Item, name: Name): Partial<Record<Name, string>> {
  // An attribute of another type is no absent one: without its challenge a code would be anybody's.
  return item[name] === undefined ? {} : ({ [name]: textAt(item, name) } as Record<Name, string>)
}
