import type { JsonObject } from '../../protocol/strict-json.ts'
import type { RuleGrant, Target } from '../configuration.ts'
import { finding, type GuardrailFinding } from './finding.ts'

/** What STS takes (API reference, AssumeRole). */
const MAX_POLICY_CHARACTERS = 2_048
const MAX_TAGS = 50

/** What a grant says of the session it opens: only for roles, and only such as STS takes. */
export function ofSession(grant: RuleGrant, target: Target, path: readonly string[]): GuardrailFinding[] {
  const { session } = grant
  if (!('role' in target)) {
    return session === undefined
      ? []
      : [
          finding(
            'target-kind',
            path,
            `${grant.target} is an audience: session_tags, transitive_tags, session_policy and managed_policies are for roles`,
          ),
        ]
  }
  if (session === undefined) return [finding('target-kind', path, `${grant.target} is a role: its session is missing`)]
  const forTokens = [
    ...(Object.keys(grant.claims).length > 0 ? ['claims'] : []),
    ...(grant.expires_with_subject ? ['expires_with_subject'] : []),
  ]
  return [
    ...forTokens.map((key) =>
      finding('target-kind', [...path, key], `${grant.target} is a role: ${key} is for targets with an audience`),
    ),
    ...unsafeTags(Object.keys(session.tags), session.transitive_tags, path),
    ...(session.policy ? unsafePolicy(session.policy, [...path, 'session_policy']) : []),
    ...(new Set(session.managed_policies).size < session.managed_policies.length
      ? [finding('session-policy', [...path, 'managed_policies'], 'a policy stands here twice')]
      : []),
    ...(target.session_policy !== undefined && (session.policy !== undefined || session.managed_policies.length > 0)
      ? [
          finding(
            'session-policy',
            path,
            `${grant.target} has a session_policy of its own: AWS allows what either of two policies allows, so a second one could only widen it`,
          ),
        ]
      : []),
  ]
}

function unsafeTags(
  keys: readonly string[],
  transitive: readonly string[],
  path: readonly string[],
): GuardrailFinding[] {
  const twin = keys.find((key, index) => keys.findIndex((other) => other.toLowerCase() === key.toLowerCase()) < index)
  const stray = transitive.find((key, index) => !keys.includes(key) || transitive.indexOf(key) < index)
  return [
    ...(twin === undefined
      ? []
      : [
          finding(
            'session-tags',
            [...path, 'session_tags', twin],
            `${twin} stands here twice: AWS compares tag keys without case`,
          ),
        ]),
    ...(keys.length > MAX_TAGS
      ? [
          finding(
            'session-tags',
            [...path, 'session_tags'],
            `STS takes ${MAX_TAGS} session tags, these are ${keys.length}`,
          ),
        ]
      : []),
    ...(stray === undefined
      ? []
      : [
          finding(
            'session-tags',
            [...path, 'transitive_tags'],
            keys.includes(stray)
              ? `${stray} stands here twice`
              : `${stray} is none of the session_tags, so it cannot stay on`,
          ),
        ]),
  ]
}

/** A policy that AWS would refuse, or would read otherwise than its writer. */
export function unsafePolicy(policy: JsonObject, path: readonly string[]): GuardrailFinding[] {
  const text = JSON.stringify(policy)
  const { length } = text
  return [
    ...(/[^\t\n\r\x20-\xff]/.test(text)
      ? [finding('session-policy', path, 'AWS takes no characters beyond U+00FF in a policy')]
      : []),
    ...(policy.Version === '2012-10-17'
      ? []
      : [
          finding(
            'session-policy',
            path,
            'add Version: "2012-10-17": without it AWS takes ${aws:PrincipalTag/...} for plain text',
          ),
        ]),
    ...(length > MAX_POLICY_CHARACTERS
      ? [finding('session-policy', path, `STS takes ${MAX_POLICY_CHARACTERS} characters of policy, this is ${length}`)]
      : []),
  ]
}
