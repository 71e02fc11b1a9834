/** A JSON object read strictly. Own properties only: `__proto__` is a member like any other, and inherited names are not. */
export type JsonObject = Record<string, unknown>

const MAX_DEPTH = 16
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses bytes or text as one JSON object, refusing what JSON.parse lets through: invalid UTF-8, a byte order mark,
 * duplicate member names (RFC 8725 section 2.4, RFC 7519 section 4), nesting beyond 16.
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
  refuseDuplicatesAndDepth(text)
  return value as JsonObject
}

/** One pass over text that JSON.parse has accepted: only strings and brackets need to be told apart. */
function refuseDuplicatesAndDepth(text: string): void {
  const members: (Set<string> | undefined)[] = []
  let i = 0
  let expectName = false
  while (i < text.length) {
    const character = text[i]
    if (character === '"') {
      const start = i
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
      i++
      if (!expectName) continue
      const name = JSON.parse(text.slice(start, i)) as string
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
    }
    i++
  }
}
