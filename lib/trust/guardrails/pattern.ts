import type { Condition, Issuer, Operator } from '../configuration.ts'
import { finding, type GuardrailFinding } from './finding.ts'

export function unsafePattern(
  { key, path: claim, operator }: Condition,
  issuer: Issuer,
  path: readonly string[],
): GuardrailFinding[] {
  if ('equals' in operator && operator.equals.some((value) => typeof value === 'string' && value.includes('*')))
    return [finding('unsafe-pattern', path, `${key}: here a * is just a *: write { glob: … } for a pattern`)]
  const pattern = globOf(operator)
  if (pattern === undefined) return []
  const why = whyUnsafe(pattern, claim.at(-1) ?? '', issuer)
  return why === undefined ? [] : [finding('unsafe-pattern', path, `${key}: ${why}`)]
}

function globOf(operator: Operator): string | undefined {
  return 'glob' in operator ? operator.glob : undefined
}

function whyUnsafe(pattern: string, claim: string, issuer: Issuer): string | undefined {
  if (pattern.includes('**')) return '** is no pattern here: * never crosses / or :, so write one * for each part'
  if (pattern.startsWith('*'))
    return 'a pattern that begins with * leaves its most telling part open: begin with what you know'
  if (/(?:^|[_.-])(?:id|uid)$/.test(claim)) return 'an id is matched by value: list the ids'
  if (claim === 'sub' && issuer.preset !== undefined)
    return "the issuer's sub has several shapes: match the claims it is made of"
  return undefined
}
