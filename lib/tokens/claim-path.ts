import type { JsonObject } from '../protocol/strict-json.ts'

/** The member names from the claim set down to a value; one name is a top-level claim. */
export type ClaimPath = readonly string[]

/** The value at a path, or undefined. Own members only; arrays are not entered, so a path means one place. */
export function claimAt(claims: JsonObject, path: ClaimPath): unknown {
  let value: unknown = claims
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined
    value = (value as JsonObject)[name]
  }
  return value
}
