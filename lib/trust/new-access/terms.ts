import { canonicalJson } from '../../protocol/canonical-json.ts'
import type { Expression, RuleGrant, SessionSettings, Target } from '../configuration.ts'

/** What a grant gives beside its scopes. */
export interface Terms {
  /** All of it: two with one key are alike. */
  key: string
  lifetime: number
  expires_with_subject: boolean
  claims: Readonly<Record<string, Expression>>
  external_id: string | undefined
  region: string | undefined
  /** Of a role; its policy is the target's own, or else the rule's. */
  session: SessionSettings | undefined
}

/** How the terms of one grant go beyond those of another. */
export interface Gain {
  what: string
  /** False where it is another thing, which may be less or more. */
  certain: boolean
}

export function toTerms({ claims, expires_with_subject, session }: RuleGrant, target: Target): Terms {
  const { external_id, region, session_policy: policy } = 'role' in target ? target : {}
  const terms = {
    lifetime: target.lifetime,
    expires_with_subject,
    claims,
    external_id,
    region,
    session: session && policy ? { ...session, policy } : session,
  }
  return { ...terms, key: canonicalJson(terms) }
}

/** None where whoever has `before` has all that `after` gives. */
export function gainsOf(before: Terms, after: Terms): Gain[] {
  if (before.key === after.key) return []
  const other = (what: string, one: unknown, another: unknown): Gain[] =>
    canonicalJson(one) === canonicalJson(another) ? [] : [{ what: `${what}, which cannot be compared`, certain: false }]
  return [
    ...(after.lifetime > before.lifetime
      ? [{ what: `it lasts ${duration(after.lifetime)} instead of ${duration(before.lifetime)}`, certain: true }]
      : []),
    ...(before.expires_with_subject && !after.expires_with_subject
      ? [{ what: 'it no longer ends with the subject token', certain: true }]
      : []),
    ...other('other claims are added', before.claims, after.claims),
    ...other('another external_id', before.external_id, after.external_id),
    ...other('another region', before.region, after.region),
    ...other('other session tags', before.session?.tags, after.session?.tags),
    ...other(
      'other transitive tags',
      before.session?.transitive_tags.toSorted(),
      after.session?.transitive_tags.toSorted(),
    ),
    ...policyGains(before.session, after.session),
  ]
}

/** AWS grants what any of the policies allows, and with none all that the role may. */
function policyGains(before: SessionSettings | undefined, after: SessionSettings | undefined): Gain[] {
  const old = policiesOf(before)
  const left = policiesOf(after)
  if (old.length === 0) return []
  if (left.length === 0) return [{ what: 'no policy narrows the session any more', certain: true }]
  return left.every((policy) => old.includes(policy))
    ? []
    : [{ what: 'other session policies, which cannot be compared', certain: false }]
}

function policiesOf(session: SessionSettings | undefined): string[] {
  return session === undefined
    ? []
    : [...(session.policy ? [canonicalJson(session.policy)] : []), ...session.managed_policies]
}

export function duration(seconds: number): string {
  if (seconds % 3_600 === 0 && seconds > 0) return `${seconds / 3_600}h`
  return seconds % 60 === 0 && seconds > 0 ? `${seconds / 60}m` : `${seconds}s`
}
