import type { Scalar } from '../configuration.ts'
import {
  anyString,
  intersection as stringsOfBoth,
  isEmpty as isNoString,
  noString,
  shortest,
  stringsExcept,
  stringsLike,
  stringsUnlike,
  tagTexts,
  type StringSet,
} from './string-set.ts'

/** What one claim may be, under some conditions: by the type of its value. */
export interface ValueSet {
  /** Or null, which counts for nothing either. */
  absent: boolean
  object: boolean
  booleans: ReadonlySet<boolean>
  numbers: NumberSet
  strings: StringSet
  /** The lists that hold all of these and none of those; undefined: no list. */
  arrays: { with: ReadonlySet<Scalar>; without: ReadonlySet<Scalar> } | undefined
}

type NumberSet = { among: ReadonlySet<number> } | { except: ReadonlySet<number> }

const noNumber: NumberSet = { among: new Set() }
const anyNumber: NumberSet = { except: new Set() }
const anyBoolean: ReadonlySet<boolean> = new Set([true, false])
const anyArray = { with: new Set<Scalar>(), without: new Set<Scalar>() }

export const anything: ValueSet = {
  absent: true,
  object: true,
  booleans: anyBoolean,
  numbers: anyNumber,
  strings: anyString,
  arrays: anyArray,
}
export const nothing: ValueSet = {
  absent: false,
  object: false,
  booleans: new Set(),
  numbers: noNumber,
  strings: noString,
  arrays: undefined,
}
export const present: ValueSet = { ...anything, absent: false }
export const absent: ValueSet = { ...nothing, absent: true }
export const tagValues: ValueSet = { ...nothing, strings: tagTexts }

/** The values for which a condition holds, and those for which it fails. */
export interface Split {
  holds: ValueSet
  fails: ValueSet
}

export function among(scalars: readonly Scalar[]): Split {
  const { booleans, numbers, strings } = byType(scalars)
  return {
    holds: { ...nothing, booleans, numbers: { among: numbers }, strings: { among: strings } },
    fails: { ...anything, ...scalarsExcept(scalars) },
  }
}

export function scalarExcept(scalars: readonly Scalar[]): Split {
  const { booleans, numbers, strings } = byType(scalars)
  return {
    holds: { ...nothing, ...scalarsExcept(scalars) },
    fails: { ...anything, booleans, numbers: { among: numbers }, strings: { among: strings } },
  }
}

export function like(glob: string): Split {
  return { holds: { ...nothing, strings: stringsLike(glob) }, fails: { ...anything, strings: stringsUnlike(glob) } }
}

export function containing(scalar: Scalar): Split {
  const one = new Set([scalar])
  return {
    holds: { ...nothing, arrays: { with: one, without: new Set() } },
    fails: { ...anything, arrays: { with: new Set(), without: one } },
  }
}

/** A value of this type, but none of these. */
export function ofTypeExcept(type: 'string' | 'boolean', excluded: readonly Scalar[]): Split {
  const { booleans, strings } = byType(excluded)
  const left = scalarsExcept(excluded)
  return type === 'string'
    ? {
        holds: { ...nothing, strings: left.strings },
        fails: { ...anything, strings: { among: strings } },
      }
    : {
        holds: { ...nothing, booleans: left.booleans },
        fails: { ...anything, booleans },
      }
}

export function intersection(one: ValueSet, other: ValueSet): ValueSet {
  return {
    absent: one.absent && other.absent,
    object: one.object && other.object,
    booleans: inBoth(one.booleans, other.booleans),
    numbers: numbersOfBoth(one.numbers, other.numbers),
    strings: stringsOfBoth(one.strings, other.strings),
    arrays: arraysOfBoth(one.arrays, other.arrays),
  }
}

export function isEmpty(set: ValueSet): boolean {
  return !set.object && !hasPlain(set)
}

/** Other than an object, which has values of its own below it. */
export function hasPlain({ absent, booleans, numbers, strings, arrays }: ValueSet): boolean {
  return (
    absent ||
    booleans.size > 0 ||
    'except' in numbers ||
    numbers.among.size > 0 ||
    !isNoString(strings) ||
    arrays !== undefined
  )
}

/** The simplest value that is no object: undefined for an absent one. Only where there is one. */
export function plainValue({ absent, booleans, numbers, strings, arrays }: ValueSet): unknown {
  if (absent) return undefined
  if (!isNoString(strings)) return shortest(strings)
  const [boolean] = booleans
  if (boolean !== undefined) return boolean
  if ('except' in numbers) {
    let number = 0
    while (numbers.except.has(number)) number++
    return number
  }
  const [number] = numbers.among
  return number ?? [...(arrays?.with ?? [])]
}

/** All its values, where they can be listed. */
export function listed({ absent, object, booleans, numbers, strings, arrays }: ValueSet): Scalar[] | undefined {
  if (absent || object || arrays || !('among' in numbers) || !('among' in strings)) return undefined
  return [...booleans, ...numbers.among, ...strings.among]
}

function byType(scalars: readonly Scalar[]) {
  return {
    booleans: new Set(scalars.filter((scalar) => typeof scalar === 'boolean')),
    numbers: new Set(scalars.filter((scalar) => typeof scalar === 'number')),
    strings: new Set(scalars.filter((scalar) => typeof scalar === 'string')),
  }
}

function scalarsExcept(scalars: readonly Scalar[]): Pick<ValueSet, 'booleans' | 'numbers' | 'strings'> {
  const { booleans, numbers, strings } = byType(scalars)
  return {
    booleans: notIn(anyBoolean, booleans),
    numbers: { except: numbers },
    strings: stringsExcept(strings),
  }
}

function numbersOfBoth(one: NumberSet, other: NumberSet): NumberSet {
  if ('among' in one)
    return { among: 'among' in other ? inBoth(one.among, other.among) : notIn(one.among, other.except) }
  return 'among' in other ? numbersOfBoth(other, one) : { except: inEither(one.except, other.except) }
}

function arraysOfBoth(one: ValueSet['arrays'], other: ValueSet['arrays']): ValueSet['arrays'] {
  if (one === undefined || other === undefined) return undefined
  const both = { with: inEither(one.with, other.with), without: inEither(one.without, other.without) }
  return inBoth(both.with, both.without).size === 0 ? both : undefined
}

function inBoth<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): ReadonlySet<T> {
  return new Set([...one].filter((item) => other.has(item)))
}

function inEither<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): ReadonlySet<T> {
  return new Set([...one, ...other])
}

function notIn<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): ReadonlySet<T> {
  return new Set([...one].filter((item) => !other.has(item)))
}
