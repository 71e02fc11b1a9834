import type { Authentication } from '../ports.ts'
import { areStrings, type JsonObject } from '../protocol/strict-json.ts'
import type { Item } from './attributes.ts'
import { jsonAt, required } from './rows.ts'

/** An authentication in a row. `claims` may be nested as deep as we read JSON, so they are a text of their own. */
export function toAuthenticationFields({ claims, identity, ...rest }: Authentication) {
  return {
    sub: rest.sub,
    authentication: JSON.stringify(rest),
    claims: JSON.stringify(claims),
    identity: JSON.stringify(identity),
  }
}

/** Looked at again when it is read. Throws UnavailableError. */
export function authenticationAt(item: Item): Authentication {
  const value = jsonAt(item, 'authentication')
  const rest = required(isAuthentication(value) ? value : undefined, 'authentication')
  return { ...rest, claims: jsonAt(item, 'claims'), identity: jsonAt(item, 'identity') }
}

type WithoutClaims = Omit<Authentication, 'claims' | 'identity'>

function isAuthentication(value: JsonObject | WithoutClaims): value is WithoutClaims {
  const { sid, issuer_name, subject, sub, jti, hash, auth_time, acr, amr, expires_at } = value
  return (
    [sid, issuer_name, subject, sub, hash].every((each) => typeof each === 'string' && each !== '') &&
    (jti === undefined || typeof jti === 'string') &&
    (auth_time === undefined || Number.isSafeInteger(auth_time)) &&
    Number.isSafeInteger(expires_at) &&
    areStrings(acr) &&
    (amr === undefined || areStrings(amr))
  )
}
