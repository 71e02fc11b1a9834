import { parse } from '@bufbuild/cel'
import type { ClaimPath } from '../tokens/claim-path.ts'
import { isClaims, partsOf, textOf, type CelTree } from '../trust/cel-tree.ts'
import type { Expression } from '../trust/configuration.ts'

const MAX_LENGTH = 1_024
const MAX_NESTING = 16

/** A bare path to one claim, or CEL that parses and speaks of `claims`. Throws SyntaxError that says what is wrong. */
export function parseExpression(source: string): Expression {
  const path = barePath(source)
  if (path !== undefined) return { path }
  if (source.length > MAX_LENGTH) throw new SyntaxError(`longer than ${MAX_LENGTH} characters`)
  if (nesting(source) > MAX_NESTING) throw new SyntaxError(`nested deeper than ${MAX_NESTING}`)
  const parts = [...partsOf(parsed(source))]
  // A second one inside the first would cost the square of a list that the token's holder fills.
  if (parts.filter(({ exprKind }) => exprKind.case === 'comprehensionExpr').length > 1)
    throw new SyntaxError('more than one of all, exists, exists_one, map and filter')
  if (parts.some(hasOpenPattern)) throw new SyntaxError('the pattern of matches is not written out')
  if (!parts.some(isClaims)) throw new SyntaxError('it does not speak of claims, so it is the same for everybody')
  return { cel: source }
}

function parsed(source: string): CelTree {
  try {
    return parse(source).expr
  } catch (error) {
    throw new SyntaxError(`not valid CEL: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : ''}`)
  }
}

/** A pattern that the token's holder could choose would fit whatever they like, and cost what they like. */
function hasOpenPattern({ exprKind: { case: kind, value } }: CelTree): boolean {
  return kind === 'callExpr' && value.function === 'matches' && textOf(value.args.at(-1)) === undefined
}

/** `claims.sha`, `claims["kubernetes.io"].serviceaccount.uid` */
function barePath(source: string): ClaimPath | undefined {
  const member = /\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\]+)"\]|\['([^'\\]+)'\]/y
  if (!source.startsWith('claims')) return undefined
  const path: string[] = []
  member.lastIndex = 'claims'.length
  while (member.lastIndex < source.length) {
    const found = member.exec(source)
    if (found === null) return undefined
    path.push(found[1] ?? found[2] ?? found[3] ?? '')
  }
  return path.length > 0 ? path : undefined
}

function nesting(source: string): number {
  let depth = 0
  let deepest = 0
  for (const character of source) {
    if ('([{'.includes(character)) deepest = Math.max(deepest, ++depth)
    else if (')]}'.includes(character)) depth--
  }
  return deepest
}
