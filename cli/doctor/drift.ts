import { subjectTokenAlgorithms } from '../../lib/protocol/algorithms.ts'
import type { JsonObject } from '../../lib/protocol/strict-json.ts'
import type { ClaimPath } from '../../lib/tokens/claim-path.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import type { Condition } from '../../lib/trust/configuration.ts'
import { failed, notTried, ok, warning, type Check } from './check.ts'

/** What tells one issuer from another: a list of these alone says nothing about its own claims. */
const everyTokens = new Set(['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti'])

/** Where what the issuer says of itself (OpenID Connect Discovery 1.0 section 3) and what broker.yaml and its preset expect part. */
export function checkDrift(document: JsonObject, issuer: TrustedIssuer & { require?: readonly Condition[] }): Check[] {
  return [
    ...ofAlgorithms(document.id_token_signing_alg_values_supported, issuer),
    ...ofClaims(document.claims_supported, issuer),
    ...ofSubject(document.subject_types_supported, issuer),
  ]
}

function ofAlgorithms(said: unknown, { algorithms }: TrustedIssuer): Check[] {
  if (!isTexts(said)) return [notTried('algorithms', 'it does not say what it signs with')]
  // What is symmetric, or none, is refused whoever says it.
  const signs = subjectTokenAlgorithms.filter((alg) => said.includes(alg))
  const ours = algorithms.join(', ')
  if (!signs.some((alg) => algorithms.includes(alg)))
    return [
      failed(
        'algorithms',
        `it signs with ${signs.join(', ') || 'none that can be accepted'}, and ${ours} is accepted`,
        'list what its tokens have in their header under algorithms; of a preset, tell us',
      ),
    ]
  const refused = signs.filter((alg) => !algorithms.includes(alg))
  if (refused.length === 0) return [ok('algorithms', `it signs with ${signs.join(', ')}`)]
  return [
    warning(
      'algorithms',
      `it may sign with ${refused.join(', ')}, and ${ours} is accepted`,
      'see that its tokens for the broker have an accepted one in their header',
    ),
  ]
}

/** The list "might not be an exhaustive list", and often is a person's: it counts where it names some of what is read. */
function ofClaims(
  said: unknown,
  { subject, require = [] }: TrustedIssuer & { require?: readonly Condition[] },
): Check[] {
  if (!isTexts(said)) return []
  const parts = subject.flatMap((part) => (typeof part === 'string' ? [] : [part]))
  const needed: (readonly string[])[] = [
    ...parts.map(({ claim, otherwise }) => [claim, ...(otherwise ? [otherwise] : [])].map(top)),
    ...require.map(({ path }) => [top(path)]),
  ]
  const own = needed.filter((names) => !names.some((name) => everyTokens.has(name)))
  const missing = own.filter((names) => !names.some((name) => said.includes(name))).map((names) => names.join(' or '))
  if (own.length === 0) return []
  if (missing.length === 0) return [ok('claims', 'it names those of the subject and of require')]
  const seen = `its claims_supported does not name ${[...new Set(missing)].join(', ')}`
  if (missing.length === own.length) return [notTried('claims', `${seen}, nor any other that is read`)]
  return [
    warning(
      'claims',
      seen,
      'the list need not be complete: see with `token-broker explain --token` whether a token of it still has them',
    ),
  ]
}

/** OpenID Connect Core 1.0 section 8. */
function ofSubject(said: unknown, { subject }: TrustedIssuer): Check[] {
  const bySub = subject.some((part) => typeof part !== 'string' && top(part.claim) === 'sub')
  if (!bySub || !isTexts(said) || said.includes('public') || !said.includes('pairwise')) return []
  return [
    warning(
      'subject',
      'its sub is pairwise: whoever asks as another client has another',
      'take a claim of an id as subject, or see that all tokens are asked for by one client',
    ),
  ]
}

function top([name = '']: ClaimPath): string {
  return name
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
