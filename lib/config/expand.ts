import type { Path, Problem } from './document.ts'
import { isEntries, type Entries } from './entries.ts'

/** broker.yaml's value with every `instances` and `each` written out, and the way back to what was written. */
export interface Expanded {
  value: unknown
  problems: Problem[]
  /** Of a path in `value`: where it stands in the file. */
  originOf(path: Path): Path
  /** By an issuer with instances, their names: of `eks`, `eks/eu` and `eks/us`. */
  instances: ReadonlyMap<string, readonly string[]>
}

/** Where the rest of a path below an expanded name stands. */
type Origin = (rest: Path) => Path

export function expand(written: unknown): Expanded {
  const problems: Problem[] = []
  const origins = new Map<string, Origin>()
  const instances = new Map<string, readonly string[]>()
  const error = (rule: Problem['rule'], path: Path, message: string, atKey = false) =>
    problems.push({ severity: 'error', rule, path, message, atKey })

  /** Each entry of a map that has `key` becomes what `expandEntry` makes of it: parts, by their own names. */
  function expandMap(
    section: string,
    key: string,
    given: unknown,
    expandEntry: (name: string, entry: Entries, parts: Entries) => readonly Part[],
  ): unknown {
    if (!isEntries(given)) return given
    const entries = Object.entries(given).flatMap(([name, entry]): [string, unknown][] => {
      if (name.includes('/')) {
        error('invalid-name', [section, name], `a / is only in names that ${key} makes`, true)
        return []
      }
      if (!isEntries(entry) || !Object.hasOwn(entry, key)) return [[name, entry]]
      const parts = entry[key]
      if (!isEntries(parts) || !Object.values(parts).every(isEntries) || Object.keys(parts).length === 0) {
        error('wrong-type', [section, name, key], `${key} must be a map of maps, each by its name`)
        return []
      }
      return expandEntry(name, entry, parts).map(({ part, value, origin }) => {
        origins.set(pathKey(section, `${name}/${part}`), origin)
        return [`${name}/${part}`, value]
      })
    })
    return Object.fromEntries(entries)
  }

  function instancesOf(name: string, block: Entries, parts: Entries): Part[] {
    const { instances: _, ...shared } = block
    const path = ['issuers', name, 'instances']
    instances.set(
      name,
      Object.keys(parts).map((part) => `${name}/${part}`),
    )
    return Object.entries(parts as Record<string, Entries>).map(([part, own]) => {
      for (const key of ['preset', 'instances'])
        if (Object.hasOwn(own, key))
          error('unknown-key', [...path, part, key], `${key} stands beside instances, for all of them`, true)
      return {
        part,
        value: { ...shared, ...own },
        origin: (rest) => {
          const [key] = rest as string[]
          const isShared = key !== undefined && !Object.hasOwn(own, key) && Object.hasOwn(shared, key)
          return isShared ? ['issuers', name, ...rest] : [...path, part, ...rest]
        },
      }
    })
  }

  function rowsOf(name: string, template: Entries, rows: Entries): Part[] {
    const { each: _, ...rule } = template
    const texts = textsIn(rule, [])
    const places = texts.flatMap(({ at, text }): Place[] => {
      const column = columnOf(text)
      return column === undefined ? [] : [{ at, column }]
    })
    const path = ['rules', name, 'each']
    // Taken for text it would compare with nothing that there is.
    for (const { at, text } of texts)
      if (at[0] === 'match' && text.startsWith('$') && columnOf(text) === undefined)
        error('invalid-value', ['rules', name, ...at], 'a column is $ and a name in lower case, and no part of a value')
    return Object.entries(rows as Record<string, Entries>).map(([part, row]) => {
      for (const column of Object.keys(row))
        if (!places.some((place) => place.column === column))
          error('unknown-key', [...path, part, column], `nothing in ${name} is $${column}`, true)
      for (const { at, column } of places)
        if (!Object.hasOwn(row, column))
          error('missing-key', [...path, part], `${column} is missing: ${at.join('.')} is $${column}`, true)
      return {
        part,
        value: filled(rule, row),
        origin: (rest) => {
          const place = places.find(({ at }) => at.every((step, index) => String(step) === String(rest[index])))
          if (rest.length === 0) return [...path, part]
          return place ? [...path, part, place.column, ...rest.slice(place.at.length)] : ['rules', name, ...rest]
        },
      }
    })
  }

  const value = isEntries(written)
    ? {
        ...written,
        ...(Object.hasOwn(written, 'issuers')
          ? { issuers: expandMap('issuers', 'instances', written.issuers, instancesOf) }
          : {}),
        ...(Object.hasOwn(written, 'rules') ? { rules: expandMap('rules', 'each', written.rules, rowsOf) } : {}),
      }
    : written
  return {
    value,
    problems,
    originOf: ([section, name, ...rest]) => {
      const origin = origins.get(pathKey(section, name))
      if (origin !== undefined) return origin(rest)
      return [section, name, ...rest].filter((step) => step !== undefined)
    },
    instances,
  }
}

interface Part {
  part: string
  value: unknown
  origin: Origin
}

/** Where a rule with `each` takes a value from its rows. */
interface Place {
  at: Path
  column: string
}

/** Every text in a value, with where it stands. */
function textsIn(value: unknown, at: Path): { at: Path; text: string }[] {
  if (typeof value === 'string') return [{ at, text: value }]
  if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, [...at, index]))
  return isEntries(value) ? Object.entries(value).flatMap(([name, member]) => textsIn(member, [...at, name])) : []
}

function filled(value: unknown, row: Entries): unknown {
  const column = columnOf(value)
  if (column !== undefined) return row[column]
  if (Array.isArray(value)) return value.map((item) => filled(item, row))
  if (!isEntries(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member, row)]))
}

/** `$repository_id`, and nothing else: whole values only, so that no row can change what another part of a value means. */
function columnOf(value: unknown): string | undefined {
  return typeof value === 'string' ? /^\$([a-z][a-z0-9_]*)$/.exec(value)?.[1] : undefined
}

/** Of the first two steps of a path, as a key of a map. */
export function pathKey(section: PropertyKey | undefined, name: PropertyKey | undefined): string {
  return `${String(section)}\0${String(name)}`
}
