import { identityClaims } from './identity.ts'
import { parseJsonObject, type JsonObject } from './strict-json.ts'

/** OpenID Connect Core section 5.5, as far as we heed it. */
export interface ClaimsRequest {
  /** Identity claims by name. */
  id_token: readonly string[]
  userinfo: readonly string[]
  /** Only this person will do. */
  sub?: string
  /** Section 5.5.1.1: one of these must be reached, or may. */
  acr?: { values: readonly string[]; essential: boolean }
}

export const noClaims: ClaimsRequest = { id_token: [], userinfo: [] }

/** Throws SyntaxError, which quotes nothing of it. */
export function parseClaimsParameter(text: string): ClaimsRequest {
  const request = parseJsonObject(text)
  const id_token = membersOf(request, 'id_token')
  const userinfo = membersOf(request, 'userinfo')
  const sub = valuesOf(id_token.sub ?? userinfo.sub)
  if (sub.length > 1) throw new SyntaxError('sub has several values')
  const acr = valuesOf(id_token.acr)
  return {
    id_token: namesOf(id_token),
    userinfo: namesOf(userinfo),
    ...(sub[0] === undefined ? {} : { sub: sub[0] }),
    ...(acr.length === 0 ? {} : { acr: { values: acr, essential: id_token.acr?.essential === true } }),
  }
}

type Members = Record<string, JsonObject | null>

function membersOf(request: JsonObject, name: string): Members {
  const members = Object.hasOwn(request, name) ? request[name] : {}
  if (!isObject(members) || !Object.values(members).every((each) => each === null || isObject(each)))
    throw new SyntaxError(`${name} is not an object of claims`)
  // Of a name like __proto__ it makes a member, and inherited names are none.
  return Object.assign(Object.create(null), members) as Members
}

function namesOf(members: Members): string[] {
  return Object.keys(members).filter((name) => identityClaims.includes(name))
}

function valuesOf(claim: JsonObject | null | undefined): string[] {
  const { value, values = value === undefined ? [] : [value] } = claim ?? {}
  if (!Array.isArray(values) || !values.every((each) => typeof each === 'string'))
    throw new SyntaxError('a value is not a string')
  return values
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
