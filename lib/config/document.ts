import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parse,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml'
import type { FindingRule } from './findings.ts'

export type Path = readonly PropertyKey[]

export interface Problem {
  severity: 'error' | 'warning'
  rule: FindingRule
  message: string
  path: Path
  /** Point at the key rather than at its value. */
  atKey?: boolean
}

export interface Position {
  line: number
  column: number
}

/** broker.yaml read, with a place for every value. */
export interface SourceDocument {
  value: unknown
  /** What YAML itself has against the text; with any of these, `value` is not to be used. */
  problems: (Omit<Problem, 'path' | 'atKey'> & Position)[]
  positionOf(path: Path, atKey?: boolean): Position
  /** The scalar at a path as it is written, quotes and all. */
  sourceOf(path: Path): string | undefined
  /** Where the value at a path begins and ends in the text. */
  rangeOf(path: Path): readonly [start: number, end: number] | undefined
}

export function readDocument(text: string): SourceDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    // Ours below: theirs compares each key with all others of its map.
    uniqueKeys: false,
    strict: true,
    version: '1.2',
    schema: 'core',
    merge: false,
  })
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problem = (message: string, offset: number) => ({
    severity: 'error' as const,
    rule: 'yaml-syntax' as const,
    message,
    ...at(offset),
  })
  const problems = [...document.errors, ...document.warnings].map(({ message, pos }) =>
    problem(readable(message), pos[0]),
  )
  visit(document, {
    Node(_, node) {
      const offset = node.range?.[0] ?? 0
      if (isAlias(node)) problems.push(problem('an alias: write the value out', offset))
      else if ('anchor' in node && node.anchor) problems.push(problem('an anchor: aliases are not used here', offset))
      else if (node.tag !== undefined) problems.push(problem('a tag: write a plain value', offset))
      if (isMap(node))
        for (const key of repeatedKeys(node))
          problems.push(problem('the keys of a map are unique, and this one stands above', key))
    },
    Pair(_, pair) {
      if (isScalar(pair.key) && pair.key.value === '<<')
        problems.push(problem('a merge key: write the values out', pair.key.range?.[0] ?? 0))
      else if (!isScalar(pair.key) || typeof pair.key.value !== 'string')
        problems.push(problem('a key that is not text: quote it', isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0))
      else if (pair.key.value === '__proto__')
        problems.push(problem('__proto__ is no name that JSON can be relied on to carry', pair.key.range?.[0] ?? 0))
    },
  })
  if (problems.length === 0 && !isMap(document.contents))
    problems.push(problem('the file must hold a map: version, issuer, issuers, targets, rules', 0))
  return {
    value: problems.length === 0 ? document.toJS({ maxAliasCount: 0 }) : undefined,
    problems,
    positionOf: (path, atKey = false) => at(offsetOf(document, path, atKey)),
    sourceOf(path) {
      const node = nodeAt(document, path)
      return isScalar(node) && node.range ? text.slice(node.range[0], node.range[1]) : undefined
    },
    rangeOf(path) {
      const range = nodeAt(document, path)?.range
      return range ? [range[0], range[1]] : undefined
    },
  }
}

/** Text as people write it where YAML reads it as that, else in quotes. */
export function toScalar(text: string): string {
  return /^[A-Za-z][\w./-]*$/.test(text) && parse(text) === text ? text : JSON.stringify(text)
}

/** Where keys stand that their map has had before. */
function repeatedKeys({ items }: YAMLMap): number[] {
  const seen = new Set<unknown>()
  return items.flatMap(({ key }) => {
    if (!isScalar(key)) return []
    const repeated = seen.has(key.value)
    seen.add(key.value)
    return repeated ? [key.range?.[0] ?? 0] : []
  })
}

/** The first line, without the place, which we give ourselves. */
function readable(message: string): string {
  if (message.startsWith('Maximum call stack')) return 'nested too deeply'
  return message.split('\n', 1)[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? ''
}

function nodeAt(document: Document, path: Path): Node | undefined {
  let node: unknown = document.contents
  for (const name of path) {
    if (isMap(node)) node = pairOf(node, name)?.value
    else if (isSeq(node)) node = node.items[Number(name)]
    else return undefined
  }
  return isNode(node) ? node : undefined
}

/** Where a path leads, or the nearest place on the way to it. */
function offsetOf(document: Document, path: Path, atKey: boolean): number {
  for (let length = path.length; length >= 0; length--) {
    const key = keyAt(document, path.slice(0, length))
    const node = nodeAt(document, path.slice(0, length))
    if (atKey && length === path.length && key !== undefined) return key
    // A map that stands below its key is better named by the key.
    const offset = isMap(node) && !node.flow ? key : node?.range?.[0]
    if (offset !== undefined) return offset
    if (key !== undefined) return key
  }
  return 0
}

function keyAt(document: Document, path: Path): number | undefined {
  const parent = nodeAt(document, path.slice(0, -1))
  if (path.length === 0 || !isMap(parent)) return undefined
  const key = pairOf(parent, path.at(-1) as PropertyKey)?.key
  return isScalar(key) ? key.range?.[0] : undefined
}

/** By map, its pairs by their keys: a file of many rules is asked for many places. */
const pairsOf = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>()

function pairOf(map: YAMLMap, name: PropertyKey): Pair | undefined {
  let pairs = pairsOf.get(map)
  if (pairs === undefined) {
    pairs = new Map(map.items.flatMap((pair) => (isScalar(pair.key) ? [[String(pair.key.value), pair]] : [])))
    pairsOf.set(map, pairs)
  }
  return pairs.get(String(name))
}
