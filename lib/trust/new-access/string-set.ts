import { globMatches } from '../glob.ts'
import { tagCharacters } from '../session-tags.ts'
import { Undecided } from './undecided.ts'

/** The strings that some conditions leave: of a list, or all that fit and do not fit these globs. An empty one is an empty list. */
export type StringSet = { among: ReadonlySet<string> } | Patterns

interface Patterns {
  like: readonly string[]
  unlike: readonly string[]
  except: ReadonlySet<string>
  /** Only what STS takes as the value of a tag. */
  taggable: boolean
  /** One of them, so that most questions need no search. */
  sample: string
}

export const noString: StringSet = { among: new Set() }
export const anyString: StringSet = { like: [], unlike: [], except: new Set(), taggable: false, sample: '' }

/** Far above what globs of 256 characters reach when they are not made to. */
const MAX_STEPS = 5_000_000

export function stringsLike(glob: string): StringSet {
  return toSet({ like: [glob], unlike: [], except: new Set(), taggable: false }, [glob.replaceAll('*', '')])
}

export function stringsUnlike(glob: string): StringSet {
  return toSet({ like: [], unlike: [glob], except: new Set(), taggable: false }, [''])
}

export function stringsExcept(except: ReadonlySet<string>): StringSet {
  return toSet({ like: [], unlike: [], except, taggable: false }, [''])
}

export const tagTexts: StringSet = toSet({ like: [], unlike: [], except: new Set(), taggable: true }, [])

export function isEmpty(set: StringSet): boolean {
  return 'among' in set && set.among.size === 0
}

export function intersection(one: StringSet, other: StringSet): StringSet {
  if ('among' in one) return { among: new Set([...one.among].filter((text) => has(other, text))) }
  if ('among' in other) return intersection(other, one)
  if (one === anyString) return other
  if (other === anyString) return one
  return toSet(
    {
      like: [...new Set([...one.like, ...other.like])],
      unlike: [...new Set([...one.unlike, ...other.unlike])],
      except: new Set([...one.except, ...other.except]),
      taggable: one.taggable || other.taggable,
    },
    [one.sample, other.sample],
  )
}

/** The shortest of a set that is not empty. */
export function shortest(set: StringSet): string {
  if ('among' in set) return [...set.among].toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))[0] ?? ''
  try {
    return search(set) ?? set.sample
  } catch (error) {
    if (error instanceof Undecided) return set.sample
    throw error
  }
}

export function hasPatterns(set: StringSet): boolean {
  return 'like' in set && set.like.length > 0
}

/** Some pattern of the one, and some of the other, do not begin alike, so nothing fits both. */
export function beginDifferently(one: StringSet, other: StringSet): boolean {
  if (!('like' in one) || !('like' in other)) return false
  const ends = other.like.map(beginOf)
  return one.like.map(beginOf).some((begin) => ends.some((end) => !begin.startsWith(end) && !end.startsWith(begin)))
}

function beginOf(glob: string): string {
  const end = glob.indexOf('*')
  return end === -1 ? glob : glob.slice(0, end)
}

/** How many strings and patterns it is made of. */
export function sizeOf(set: StringSet): number {
  return 'among' in set ? set.among.size : set.like.length + set.unlike.length + set.except.size
}

function has(set: StringSet, text: string): boolean {
  return 'among' in set ? set.among.has(text) : fits(set, text)
}

function fits({ like, unlike, except, taggable }: Omit<Patterns, 'sample'>, text: string): boolean {
  return (
    !except.has(text) &&
    like.every((glob) => globMatches(glob, text)) &&
    !unlike.some((glob) => globMatches(glob, text)) &&
    (!taggable || (text !== '' && tagCharacters.test(text)))
  )
}

function toSet(patterns: Omit<Patterns, 'sample'>, samples: readonly string[]): StringSet {
  const sample = samples.find((text) => fits(patterns, text)) ?? search(patterns)
  return sample === undefined ? noString : { ...patterns, sample }
}

/** Null is a `*`. */
type Pattern = readonly (string | null)[]

/** Where in its pattern a text may have come to. */
type Positions = readonly number[]

interface State {
  text: string
  like: readonly Positions[]
  unlike: readonly Positions[]
}

/** The shortest text that fits: all automata walk at once, breadth first. */
function search({ like, unlike, except, taggable }: Omit<Patterns, 'sample'>): string | undefined {
  if (unlike.some((glob) => like.includes(glob))) return undefined
  const wanted = like.map(toPattern)
  const unwanted = [
    ...unlike.map(toPattern),
    ...[...except].filter((text) => like.every((glob) => globMatches(glob, text))).map((text) => Array.from(text)),
  ]
  const start = {
    text: '',
    like: wanted.map((pattern) => closure(pattern, [0])),
    unlike: unwanted.map((pattern) => closure(pattern, [0])),
  }
  const isEnd = (state: State) =>
    state.like.every((positions, i) => accepts(wanted[i] as Pattern, positions)) &&
    !state.unlike.some((positions, i) => accepts(unwanted[i] as Pattern, positions)) &&
    (!taggable || state.text !== '')
  if (isEnd(start)) return ''
  const characters = alphabet([...wanted, ...unwanted], taggable)
  const seen = new Set([nameOf(start)])
  const queue = [start]
  let steps = 0
  for (const { text, like, unlike } of queue) {
    steps += characters.length * (wanted.length + unwanted.length)
    if (steps > MAX_STEPS) throw new Undecided()
    for (const character of characters) {
      const next = {
        text: text + character,
        like: like.map((positions, i) => step(wanted[i] as Pattern, positions, character)),
        unlike: unlike.map((positions, i) => step(unwanted[i] as Pattern, positions, character)),
      }
      if (next.like.some((positions) => positions.length === 0)) continue
      if (isEnd(next)) return next.text
      const name = nameOf(next)
      if (seen.has(name)) continue
      seen.add(name)
      queue.push(next)
    }
  }
  return undefined
}

function toPattern(glob: string): Pattern {
  return Array.from(glob).map((character) => (character === '*' ? null : character))
}

function step(pattern: Pattern, positions: Positions, character: string): Positions {
  return closure(
    pattern,
    positions.flatMap((at) => {
      if (pattern[at] === null) return character === '/' || character === ':' ? [] : [at]
      return pattern[at] === character ? [at + 1] : []
    }),
  )
}

/** A `*` may also stand for nothing. */
function closure(pattern: Pattern, positions: Positions): Positions {
  const all = new Set(positions)
  for (const at of all) if (pattern[at] === null) all.add(at + 1)
  return [...all].toSorted((a, b) => a - b)
}

function accepts(pattern: Pattern, positions: Positions): boolean {
  return positions.at(-1) === pattern.length
}

function nameOf({ text, like, unlike }: State): string {
  // The empty text is no value of a tag, so it is a state of its own.
  return JSON.stringify([text === '', like, unlike])
}

/** What the patterns name, and one character that stands for all others. Both separators end a `*`, named or not. */
function alphabet(patterns: readonly Pattern[], taggable: boolean): string[] {
  const named = new Set(patterns.flat().filter((character) => character !== null))
  return [...new Set([unnamed(named), ...named, '/', ':'])].filter(
    (character) => !taggable || tagCharacters.test(character),
  )
}

function unnamed(named: ReadonlySet<string>): string {
  const letter = Array.from('xyzabcdefghijklmnopqrstuvw').find((character) => !named.has(character))
  if (letter !== undefined) return letter
  // Ideographs are letters too, and there are more of them than any file names.
  let code = 0x4e00
  while (named.has(String.fromCodePoint(code))) code++
  return String.fromCodePoint(code)
}
