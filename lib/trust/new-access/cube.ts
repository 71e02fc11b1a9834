import type { JsonObject } from '../../protocol/strict-json.ts'
import type { ClaimPath } from '../../tokens/claim-path.ts'
import { sizeOf as sizeOfStrings } from './string-set.ts'
import { Undecided } from './undecided.ts'
import { anything, hasPlain, intersection, isEmpty, plainValue, type Split, type ValueSet } from './value-set.ts'

/** Requests that meet some conditions: what each claim may be, and from when until when. Never empty. Seconds since 1970. */
export interface Cube {
  from: number
  until: number
  values: ReadonlyMap<string, Constraint>
}

/** What is asked of one dimension: a claim by its path, or something else that has a name alone. */
export interface Constraint {
  path: ClaimPath | undefined
  set: ValueSet
}

export type Asked = { dimension: string } & Constraint

/** A condition, and what it is to fail it. */
export type Test = { until: number } | ({ dimension: string; path: ClaimPath | undefined } & Split)

export function claimDimension(path: ClaimPath): string {
  return JSON.stringify(path)
}

export function everything(now: number): Cube {
  return { from: now, until: Infinity, values: new Map() }
}

/** Undefined when nothing is left. */
export function where(cube: Cube, test: Test): Cube | undefined {
  if ('until' in test) return within(cube, cube.from, Math.min(cube.until, test.until))
  return narrow(cube, { ...test, set: test.holds })
}

export function whereNot(cube: Cube, test: Test): Cube | undefined {
  if ('until' in test) return within(cube, Math.max(cube.from, test.until), cube.until)
  return narrow(cube, { ...test, set: test.fails })
}

export function whereAll(cube: Cube, tests: readonly Test[]): Cube | undefined {
  return step(cube, tests, where)
}

export function narrowAll(cube: Cube, asked: readonly Asked[]): Cube | undefined {
  return step(cube, asked, narrow)
}

/** One after the other, as long as something is left. */
function step<T>(cube: Cube, all: readonly T[], narrowed: (cube: Cube, each: T) => Cube | undefined): Cube | undefined {
  let rest: Cube | undefined = cube
  for (const each of all) {
    rest = narrowed(rest, each)
    if (rest === undefined) return undefined
  }
  return rest
}

function within(cube: Cube, from: number, until: number): Cube | undefined {
  return from < until ? { ...cube, from, until } : undefined
}

export function narrow(cube: Cube, { dimension, path, set }: Asked): Cube | undefined {
  const known = cube.values.get(dimension)
  const both = known === undefined ? set : intersection(known.set, set)
  if (isEmpty(both)) return undefined
  const values = new Map(cube.values).set(dimension, { path, set: both })
  const related = path === undefined ? [] : ofClaim(path[0] as string, values)
  return related.length > 1 && !isPossible(related, 1) ? undefined : { ...cube, values }
}

/** So much is looked at before we give up: a second for one question, some for all of them. */
export class Budget {
  #all = 40_000_000
  #one = 0

  /** The next question. One that is too hard leaves something for the others. */
  begin(): void {
    this.#one = 5_000_000
  }

  spend(count: number): void {
    this.#all -= count
    this.#one -= count
    if (this.#all < 0 || this.#one < 0) throw new Undecided()
  }
}

/**
 * Hands `visit` the parts of a cube that fail each of these conjunctions, until it returns true; false when it never does.
 * Throws Undecided.
 */
export function outside(
  cube: Cube,
  conjunctions: readonly (readonly Test[])[],
  visit: (rest: Cube) => boolean,
  budget: Budget,
): boolean {
  budget.spend(1)
  if (isWithinOne(cube, conjunctions, budget)) return false
  let rest = cube
  const others: { tests: readonly Test[]; open: readonly Test[] }[] = []
  for (const tests of conjunctions) {
    budget.spend(sizeOf(rest))
    if (whereAll(rest, tests) === undefined) continue
    const open = tests.filter((test) => whereNot(rest, test) !== undefined)
    if (open.length > 1) {
      others.push({ tests, open })
      continue
    }
    // All the rest holds already: what fails it fails this one.
    const left = open.length === 0 ? undefined : whereNot(rest, open[0] as Test)
    if (left === undefined) return false
    rest = left
  }
  const [first, ...more] = others.toSorted((a, b) => a.open.length - b.open.length)
  if (first === undefined) return visit(rest)
  const remaining = more.map(({ tests }) => tests)
  let inside = rest
  for (const test of first.open) {
    const missed = whereNot(inside, test)
    if (missed && outside(missed, remaining, visit, budget)) return true
    const met = where(inside, test)
    if (met === undefined) return false
    inside = met
  }
  return false
}

/** Whether some one of them holds for all of it. Throws Undecided. */
export function isWithinOne(cube: Cube, conjunctions: readonly (readonly Test[])[], budget: Budget): boolean {
  return conjunctions.some((tests) => {
    budget.spend(1 + cube.values.size)
    return tests.every((test) => whereNot(cube, test) === undefined)
  })
}

/** What it costs to narrow it. */
function sizeOf({ values }: Cube): number {
  let size = 1
  for (const { set } of values.values()) size += 1 + sizeOfStrings(set.strings)
  return size
}

/** Claims that a token in this cube may have: the simplest that we know. */
export function claimsOf(cube: Cube): JsonObject {
  const values = [...cube.values.values()]
  const names = [...new Set(values.flatMap(({ path }) => (path === undefined ? [] : [path[0] as string])))]
  return objectOf(names.map((name) => [name, valueOf(ofClaim(name, cube.values), 1)]))
}

type Placed = readonly [ClaimPath, ValueSet]

/** All that is asked at and below a claim at the top: paths may lead into one another. */
function ofClaim(name: string, values: Cube['values']): Placed[] {
  const placed: Placed[] = []
  for (const { path, set } of values.values()) if (path !== undefined && path[0] === name) placed.push([path, set])
  return placed
}

/** Only an object has something below it, and an object is nothing else. */
function isPossible(placed: readonly Placed[], depth: number): boolean {
  const { own, below } = split(placed, depth)
  if (hasPlain(own) && below.every(([, set]) => set.absent)) return true
  return own.object && byName(below, depth).every(([, group]) => isPossible(group, depth + 1))
}

function valueOf(placed: readonly Placed[], depth: number): unknown {
  const { own, below } = split(placed, depth)
  if (hasPlain(own) && below.every(([, set]) => set.absent)) return plainValue(own)
  return objectOf(byName(below, depth).map(([name, group]) => [name, valueOf(group, depth + 1)]))
}

function split(placed: readonly Placed[], depth: number): { own: ValueSet; below: readonly Placed[] } {
  const own = placed.find(([path]) => path.length === depth)
  return { own: own?.[1] ?? anything, below: own === undefined ? placed : placed.filter((each) => each !== own) }
}

function byName(placed: readonly Placed[], depth: number): [string, Placed[]][] {
  const groups = new Map<string, Placed[]>()
  for (const each of placed) {
    const name = each[0][depth] as string
    groups.set(name, [...(groups.get(name) ?? []), each])
  }
  return [...groups]
}

function objectOf(members: readonly (readonly [string, unknown])[]): JsonObject {
  return Object.fromEntries(members.filter(([, value]) => value !== undefined))
}
