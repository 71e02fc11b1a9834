import { celEnv, isCelError, isCelList, parse, plan } from '@bufbuild/cel'
import type { JsonObject } from '../protocol/strict-json.ts'
import { claimsOf } from './cel-tree.ts'
import type { Evaluated } from './expression.ts'

/** More members and elements than any CI token has, few enough that a comprehension over them stays cheap. */
const MAX_CLAIM_NODES = 1_000

interface Program {
  evaluate: ReturnType<typeof plan>
  /** The claims at the top that it can look at. */
  names: ReadonlySet<string> | 'all'
}

/** Compiles each source on its first use and evaluates it over `claims`. A value is a JSON value. */
export function celPrograms(sources: ReadonlySet<string>): (source: string, claims: JsonObject) => Evaluated {
  const environment = celEnv()
  const programs = new Map<string, Program>()
  return (source, claims) => {
    if (!sources.has(source)) throw new Error('an expression that was not compiled')
    try {
      let program = programs.get(source)
      if (program === undefined) {
        const parsed = parse(source)
        program = { evaluate: plan(environment, parsed), names: claimsOf(parsed.expr) }
        programs.set(source, program)
      }
      const result = program.evaluate({ claims: toCelInput(claims, program.names) as never })
      if (isCelError(result)) return { failed: 'an error' }
      const value = toJson(result)
      return value === undefined ? { failed: 'neither text, number, boolean nor list' } : { value }
    } catch (error) {
      return { failed: error instanceof UnfitClaims ? error.message : 'an error' }
    }
  }
}

/** Nothing is evaluated over them: why, in words that quote nothing of a token. */
class UnfitClaims extends Error {}

/**
 * Integers become CEL ints. A null in a claim that the expression can look at makes the claims unfit: the engine takes a
 * null member for an absent one, so `!("blocked" in claims)` would admit it.
 */
function toCelInput(claims: JsonObject, names: Program['names']): Map<string, unknown> {
  let nodes = 1
  const convert = (value: unknown, claim: string): unknown => {
    if (++nodes > MAX_CLAIM_NODES) throw new UnfitClaims(`more than ${MAX_CLAIM_NODES} claim values`)
    if (value === null && names === 'all') throw new UnfitClaims('a null claim')
    if (value === null && names !== 'all' && names.has(claim)) throw new UnfitClaims(`a null in ${claim}`)
    if (Number.isSafeInteger(value)) return BigInt(value as number)
    if (Array.isArray(value)) return value.map((item) => convert(item, claim))
    if (typeof value !== 'object' || value === null) return value
    return new Map(Object.entries(value).map(([name, member]) => [name, convert(member, claim)]))
  }
  return new Map(Object.entries(claims).map(([name, value]) => [name, convert(value, name)]))
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
