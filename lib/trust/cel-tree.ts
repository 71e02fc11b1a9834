import type { parse } from '@bufbuild/cel'

/** A parsed expression, or a part of one. */
export type CelTree = ReturnType<typeof parse>['expr']

/** It and all its parts, each before its own parts. */
export function* partsOf(tree: CelTree): Generator<CelTree> {
  yield tree
  for (const part of directPartsOf(tree)) yield* partsOf(part)
}

function directPartsOf({ exprKind }: CelTree): CelTree[] {
  const { case: kind, value } = exprKind
  const parts =
    kind === 'selectExpr'
      ? [value.operand]
      : kind === 'callExpr'
        ? [value.target, ...value.args]
        : kind === 'listExpr'
          ? value.elements
          : kind === 'structExpr'
            ? value.entries.flatMap(({ keyKind, value }) => [
                keyKind.case === 'mapKey' ? keyKind.value : undefined,
                value,
              ])
            : kind === 'comprehensionExpr'
              ? [value.iterRange, value.accuInit, value.loopCondition, value.loopStep, value.result]
              : []
  return parts.filter((part) => part !== undefined)
}

/**
 * The claims at the top that it can look at, or `all` where it does more with `claims` than to look up a name that is
 * written out: that name may be put together, or a variable of a comprehension.
 */
export function claimsOf(tree: CelTree): ReadonlySet<string> | 'all' {
  const name = claimOf(tree)
  if (name !== undefined) return new Set([name])
  if (isClaims(tree)) return 'all'
  const names = new Set<string>()
  for (const part of directPartsOf(tree)) {
    const found = claimsOf(part)
    if (found === 'all') return found
    for (const each of found) names.add(each)
  }
  return names
}

/** `claims.a`, `has(claims.a)`, `claims["a"]`, `"a" in claims` */
function claimOf({ exprKind: { case: kind, value } }: CelTree): string | undefined {
  if (kind === 'selectExpr') return isClaims(value.operand) ? value.field : undefined
  if (kind !== 'callExpr') return undefined
  const [first, second] = value.args
  if (value.function === '_[_]' && isClaims(first)) return textOf(second)
  if (value.function === '@in' && isClaims(second)) return textOf(first)
  return undefined
}

/** A variable of that name is taken for it too, which only makes more claims looked at. */
export function isClaims(tree: CelTree | undefined): boolean {
  return tree?.exprKind.case === 'identExpr' && tree.exprKind.value.name === 'claims'
}

/** Of a text that is written out. */
export function textOf(tree: CelTree | undefined): string | undefined {
  if (tree?.exprKind.case !== 'constExpr') return undefined
  const { constantKind } = tree.exprKind.value
  return constantKind.case === 'stringValue' ? constantKind.value : undefined
}
