import type { Refusal } from '../protocol/refusals.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { FederatedAuth, Issuer } from './configuration.ts'
import { evaluateRule } from './evaluate-rule.ts'
import { matches } from './match.ts'
import type { Policy } from './policy.ts'

/**
 * Whether a workload is who a federated client's configuration says: by the issuer's requirements, then by conditions and
 * forbidden events as in every rule. Returns why not, and for the operator how the conditions fared. `now` in seconds
 * since 1970.
 */
export function admitClient(
  { rule }: FederatedAuth,
  subject: VerifiedSubject,
  policy: Policy,
  now: number,
): { refused: Refusal; failed?: string | undefined } | undefined {
  const issuer = policy.configuration.issuers[subject.issuer.name] as Issuer
  const unmet = issuer.require.find((condition) => !matches(condition, subject.claims))
  if (unmet) return { refused: { reason: 'issuer_requirement_failed', claim: unmet.key } }
  const { matched, failed, forbidden } = evaluateRule(
    rule,
    issuer,
    { claims: subject.claims, client_id: undefined },
    policy,
    now,
  )
  if (matched) return undefined
  return { refused: forbidden ? { reason: 'event_forbidden', ...forbidden } : { reason: 'no_rule_matches' }, failed }
}
