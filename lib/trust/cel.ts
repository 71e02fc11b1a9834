import { celEnv, isCelError, isCelList, parse, plan } from '@bufbuild/cel'
import type { JsonObject } from '../protocol/strict-json.ts'

/** More members and elements than any CI token has, few enough that a comprehension over them stays cheap. */
const MAX_CLAIM_NODES = 1_000

type Program = ReturnType<typeof plan>

/**
 * Compiles each source on its first use and evaluates it over `claims`. The answer is undefined for every error,
 * and it is a JSON value otherwise.
 */
export function celPrograms(sources: ReadonlySet<string>): (source: string, claims: JsonObject) => unknown {
  const environment = celEnv()
  const programs = new Map<string, Program>()
  return (source, claims) => {
    if (!sources.has(source)) throw new Error('an expression that was not compiled')
    let program = programs.get(source)
    if (program === undefined) programs.set(source, (program = plan(environment, parse(source))))
    try {
      const result = program({ claims: toCelInput(claims, source) as never })
      return isCelError(result) ? undefined : toJson(result)
    } catch {
      return undefined
    }
  }
}

/**
 * Integers become CEL ints. Throws, and so refuses, when there is too much to evaluate, or when a member that the source
 * names is null: the engine takes a null member for an absent one, so `!('blocked' in claims)` would admit it.
 */
function toCelInput(claims: JsonObject, source: string): unknown {
  let nodes = 0
  const convert = (value: unknown): unknown => {
    if (++nodes > MAX_CLAIM_NODES) throw new RangeError('too many claims')
    if (Number.isSafeInteger(value)) return BigInt(value as number)
    if (Array.isArray(value)) return value.map(convert)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => {
        if (member === null && source.includes(name)) throw new RangeError('a null claim')
        return [name, convert(member)]
      }),
    )
  }
  return convert(claims)
}

/** Scalars and lists of them; a map, a timestamp or bytes have no one form in a claim. */
function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : undefined
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (!isCelList(value)) return undefined
  const items = [...value].map(toJson)
  return items.includes(undefined) ? undefined : items
}
