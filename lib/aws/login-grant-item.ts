import type { LoginGrant } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { areStrings, type JsonObject } from '../protocol/strict-json.ts'
import type { Item } from './attributes.ts'
import { authenticationAt, toAuthenticationFields } from './authentication-item.ts'
import { jsonAt, textAt, textsAt } from './rows.ts'

/** What a login granted, in a row. */
export function toLoginGrantFields({ client_id, scopes, target, claims, acr_values, authentication }: LoginGrant) {
  const asked = JSON.stringify({ target, claims })
  return { client_id, scopes, asked, acr_values, ...toAuthenticationFields(authentication) }
}

/** Looked at again when it is read. Throws UnavailableError. */
export function loginGrantAt(item: Item): LoginGrant {
  return {
    client_id: textAt(item, 'client_id'),
    scopes: textsAt(item, 'scopes'),
    ...askedAt(item),
    acr_values: textsAt(item, 'acr_values'),
    authentication: authenticationAt(item),
  }
}

function askedAt(item: Item): Pick<LoginGrant, 'target' | 'claims'> {
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
