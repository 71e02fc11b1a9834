import type { Authentication } from '../ports.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import type { Item } from './attributes.ts'
import { jsonAt, required } from './rows.ts'

/** An authentication in a row: as JSON text, which is looked at again when it is read. Throws UnavailableError. */
export function authenticationAt(item: Item): Authentication {
  const value = jsonAt(item, 'authentication')
  return required(isAuthentication(value) ? value : undefined, 'authentication')
}

function isAuthentication(value: JsonObject | Authentication): value is Authentication {
  const { sid, issuer_name, subject, sub, claims, jti, hash, identity, auth_time, acr, amr, expires_at } = value
  return (
    [sid, issuer_name, subject, sub, hash].every((each) => typeof each === 'string' && each !== '') &&
    [claims, identity].every((each) => typeof each === 'object' && each !== null && !Array.isArray(each)) &&
    (jti === undefined || typeof jti === 'string') &&
    (auth_time === undefined || Number.isSafeInteger(auth_time)) &&
    Number.isSafeInteger(expires_at) &&
    areStrings(acr) &&
    (amr === undefined || areStrings(amr))
  )
}

export function areStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
