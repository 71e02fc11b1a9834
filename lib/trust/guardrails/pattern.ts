import type { Condition, Issuer, Operator } from '../configuration.ts'
import { finding, type GuardrailFinding } from './finding.ts'

export function unsafePattern(
  { key, path: claim, operator }: Condition,
  issuer: Issuer,
  path: readonly string[],
): GuardrailFinding[] {
  const why = 'glob' in operator ? whyUnsafe(operator.glob, claim.at(-1) ?? '', issuer) : whyNoPattern(operator)
  return why === undefined ? [] : [finding('unsafe-pattern', path, `${key}: ${why}`)]
}

function whyNoPattern(operator: Exclude<Operator, { glob: string }>): string | undefined {
  const values = 'equals' in operator ? operator.equals : 'not' in operator ? operator.not : [operator.contains]
  if (!values.some((value) => String(value).includes('*'))) return undefined
  // Worst under `not`: what it was meant to keep out would come in.
  return 'equals' in operator
    ? 'here a * is just a *: write { glob: … } for a pattern'
    : 'here a * is just a *, and no pattern is possible: write the values out'
}

function whyUnsafe(pattern: string, claim: string, issuer: Issuer): string | undefined {
  if (pattern.includes('**')) return '** is no pattern here: * never crosses / or :, so write one * for each part'
  if (pattern.startsWith('*'))
    return 'a pattern that begins with * leaves its most telling part open: begin with what you know'
  if (/(?:^|[_.-])(?:id|uid)$/.test(claim)) return 'an id is matched by value: list the ids'
  // A SPIFFE ID has but one.
  if (claim === 'sub' && issuer.preset !== undefined && issuer.preset !== 'spiffe')
    return "the issuer's sub has several shapes: match the claims it is made of"
  return undefined
}
