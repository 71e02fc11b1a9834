/**
 * Does the whole of `text` fit `pattern`? `*` stands for any run of characters but `/` and `:`, and is the only special
 * character. Because it never crosses them, the separators of both must line up one to one, and what lies between is
 * matched piece by piece from the left: linear in the length of the text, with nothing to backtrack over.
 */
export function globMatches(pattern: string, text: string): boolean {
  const patterns = pattern.split(separators)
  const parts = text.split(separators)
  return patterns.length === parts.length && patterns.every((piece, i) => pieceMatches(piece, parts[i] as string))
}

const separators = /([/:])/

function pieceMatches(pattern: string, text: string): boolean {
  const literals = pattern.split('*')
  if (literals.length === 1) return pattern === text
  const first = literals[0] as string
  const last = literals.at(-1) as string
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  const end = text.length - last.length
  let from = first.length
  for (const literal of literals.slice(1, -1)) {
    const at = text.indexOf(literal, from)
    if (at === -1 || at + literal.length > end) return false
    from = at + literal.length
  }
  return true
}
