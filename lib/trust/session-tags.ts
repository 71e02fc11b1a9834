import type { JsonObject } from '../protocol/strict-json.ts'
import type { Expression } from './configuration.ts'
import type { Evaluate } from './expression.ts'

/** What STS takes as a tag's value (API reference, Tag). */
const MAX_CHARACTERS = 256
export const tagCharacters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

export type SessionTags = { values: Readonly<Record<string, string>> } | { refused: { tag: string; detail: string } }

/**
 * The values of a session's tags: text of STS's own alphabet, as the claims say it or not at all. Never trimmed, never replaced. An empty
 * one is none: in a policy's `${aws:PrincipalTag/branch}*` it would stand for everything.
 */
export function sessionTags(
  tags: Readonly<Record<string, Expression>>,
  claims: JsonObject,
  evaluate: Evaluate,
): SessionTags {
  const values: Record<string, string> = {}
  for (const [tag, expression] of Object.entries(tags)) {
    const result = evaluate(expression, claims)
    if ('failed' in result) return { refused: { tag, detail: `it has no value: ${result.failed}` } }
    const { value } = result
    if (value === '') return { refused: { tag, detail: 'its value is empty' } }
    if (typeof value !== 'string') return { refused: { tag, detail: 'its value is not text' } }
    if (value.length > MAX_CHARACTERS)
      return { refused: { tag, detail: `its value is longer than ${MAX_CHARACTERS} characters` } }
    if (!tagCharacters.test(value))
      return { refused: { tag, detail: 'its value has a character that AWS does not take in a tag' } }
    if (/^aws:/i.test(value)) return { refused: { tag, detail: 'its value begins with aws:, which is reserved' } }
    values[tag] = value
  }
  return { values }
}
