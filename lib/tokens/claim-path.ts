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

/** As broker.yaml and receipts write it: a claim at the top by its name, any other by its JSON Pointer (RFC 6901). */
export function toName(path: ClaimPath): string {
  const name = path[0] as string
  if (path.length === 1 && !name.startsWith('/')) return name
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** What `toName` was given. */
export function toPath(name: string): ClaimPath {
  if (!name.startsWith('/')) return [name]
  return name
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** A claim set in which `claimAt` finds each of these values of one token: what is inside another of them is there once. */
export function toClaims(values: readonly (readonly [path: ClaimPath, value: unknown])[]): JsonObject {
  const inside = new Map<string, [ClaimPath, unknown][]>()
  const whole = new Map<string, unknown>()
  for (const [[name, ...rest], value] of values) {
    if (name === undefined) continue
    if (rest.length === 0) whole.set(name, value)
    else inside.set(name, [...(inside.get(name) ?? []), [rest, value]])
  }
  // Of a name like __proto__ too it makes a member.
  return Object.fromEntries([...[...inside].map(([name, parts]) => [name, toClaims(parts)] as const), ...whole])
}
