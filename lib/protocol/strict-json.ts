/** A JSON object read strictly. Own properties only: `__proto__` is a member like any other, and inherited names are not. */
export type JsonObject = Record<string, unknown>

export function areStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

const MAX_DEPTH = 16
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses bytes or text as one JSON object of I-JSON (RFC 7493 section 2), refusing what JSON.parse lets through: invalid
 * UTF-8, a byte order mark, duplicate member names (RFC 8725 section 2.4, RFC 7519 section 4), unpaired surrogates, numbers
 * that a double cannot hold; and nesting beyond 16. Two inputs that differ in a value never become the same value.
 * Throws SyntaxError with a message that quotes nothing of the input.
 */
export function parseJsonObject(input: Uint8Array | string): JsonObject {
  let text: string
  try {
    text = typeof input === 'string' ? input : utf8.decode(input)
  } catch {
    throw new SyntaxError('not valid UTF-8')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SyntaxError('not valid JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not a JSON object')
  refuseAmbiguities(text)
  return value as JsonObject
}

/** One pass over text that JSON.parse has accepted: only strings, brackets and numbers need to be told apart. */
function refuseAmbiguities(text: string): void {
  const members: (Set<string> | undefined)[] = []
  let i = 0
  let expectName = false
  while (i < text.length) {
    const character = text[i]
    if (character === '"') {
      const start = i
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
      i++
      const literal = text.slice(start, i)
      if (!expectName && !literal.includes('\\u')) continue
      const name = JSON.parse(literal) as string
      // Encoders replace an unpaired surrogate, and then many strings are one.
      if (!name.isWellFormed()) throw new SyntaxError('an unpaired surrogate')
      if (!expectName) continue
      const seen = members.at(-1)
      if (seen?.has(name)) throw new SyntaxError('duplicate member name')
      seen?.add(name)
      expectName = false
      continue
    }
    if (character === '{' || character === '[') {
      members.push(character === '{' ? new Set() : undefined)
      if (members.length > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH}`)
      expectName = character === '{'
    } else if (character === '}' || character === ']') {
      members.pop()
    } else if (character === ',') {
      expectName = members.at(-1) !== undefined
    } else if (character === '-' || (character !== undefined && character >= '0' && character <= '9')) {
      number.lastIndex = i
      const literal = number.exec(text)?.[0] ?? ''
      if (!isExact(literal)) throw new SyntaxError('a number that a double cannot hold')
      i += literal.length
      continue
    }
    i++
  }
}

const number = /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

/** Up to 15 significant digits always survive a double; more must read back as they were written. */
function isExact(literal: string): boolean {
  if (/^-?\d{1,15}$/.test(literal)) return true
  const digits = significant(literal)
  if (digits === '') return true
  if (digits.length > 100) return false
  const value = Math.abs(Number(literal))
  if (!Number.isFinite(value)) return false
  // The second is what JSON.stringify writes: the shortest text that reads back as this double.
  return [value.toPrecision(digits.length), String(value)].some((shown) => significant(shown) === digits)
}

function significant(literal: string): string {
  const [mantissa = ''] = literal.toLowerCase().split('e')
  const digits = mantissa.replaceAll(/[-.]/g, '').replace(/^0+/, '')
  // Not /0+$/: that tries each run of zeros from each of its zeros, which is the square of their number.
  let end = digits.length
  while (digits[end - 1] === '0') end--
  return digits.slice(0, end)
}
