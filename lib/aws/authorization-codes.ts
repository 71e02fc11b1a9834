import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { AuthorizationCode, AuthorizationCodes } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import type { Item } from './attributes.ts'
import { areStrings, authenticationAt, toAuthenticationFields } from './authentication-item.ts'
import { jsonAt, numberAt, rowsAt, textAt, textsAt } from './rows.ts'

/** At `code#<key>`: the code of which the key is the hash is in no row, and no row changes. */
export function dynamodbAuthorizationCodes(client: DynamoDBClient, table: string): AuthorizationCodes {
  const rows = rowsAt('code#', client, table)
  return {
    async record({ key, authentication, target, claims, at, ...code }, signal) {
      const asked = JSON.stringify({ target, claims })
      await rows.record(key, { ...code, ...toAuthenticationFields(authentication), asked, created_at: at }, signal)
    },

    async find(key, now, signal) {
      const item = await rows.find(key, now, signal)
      if (item === undefined) return undefined
      return {
        key,
        client_id: textAt(item, 'client_id'),
        redirect_uri: textAt(item, 'redirect_uri'),
        ...optional(item, 'code_challenge'),
        ...optional(item, 'nonce'),
        scopes: textsAt(item, 'scopes'),
        ...askedAt(item),
        acr_values: textsAt(item, 'acr_values'),
        authentication: authenticationAt(item),
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

function askedAt(item: Item): Pick<AuthorizationCode, 'target' | 'claims'> {
  const { target, claims } = jsonAt(item, 'asked')
  const { id_token, userinfo } = objectOf(claims)
  if (!areStrings(id_token) || !areStrings(userinfo)) throw broken()
  if (target === undefined) return { claims: { id_token, userinfo } }
  const { resource, scope } = objectOf(target)
  if (!areStrings(resource) || (scope !== undefined && !areStrings(scope))) throw broken()
  return { claims: { id_token, userinfo }, target: { resource, scope } }
}

const broken = () => new UnavailableError('dynamodb', 'a row with a broken asked')

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
}
