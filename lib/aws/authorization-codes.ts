import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { AuthorizationCode, AuthorizationCodes } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { stringAt, stringsAt, type Item } from './attributes.ts'
import { areStrings, authenticationAt } from './authentication-text.ts'
import { jsonAt, numberAt, required, rowsAt, textAt } from './rows.ts'

/** At `code#<key>`: the code of which the key is the hash is in no row, and no row changes. */
export function dynamodbAuthorizationCodes(client: DynamoDBClient, table: string): AuthorizationCodes {
  const rows = rowsAt('code#', client, table)
  return {
    async record({ key, authentication, target, claims, scopes, acr_values, at, ...code }, signal) {
      const { sub } = authentication
      const texts = { authentication: JSON.stringify(authentication), asked: JSON.stringify({ target, claims }) }
      await rows.put(key, { ...code, sub, ...texts, scopes, acr_values, created_at: at }, undefined, signal)
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
        scopes: required(stringsAt(item, 'scopes'), 'scopes'),
        ...askedAt(item),
        acr_values: required(stringsAt(item, 'acr_values'), 'acr_values'),
        authentication: authenticationAt(item),
        at: numberAt(item, 'created_at'),
        expires_at: numberAt(item, 'expires_at'),
      }
    },
  }
}

function optional<Name extends 'code_challenge' | 'nonce'>(item: Item, name: Name): Partial<Record<Name, string>> {
  // An attribute of another type is no absent one: without its challenge a code would be anybody's.
  if (item[name] === undefined) return {}
  return { [name]: required(stringAt(item, name), name) } as Record<Name, string>
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
