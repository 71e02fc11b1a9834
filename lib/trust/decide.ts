import type { Refusal } from '../protocol/refusals.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import type { AuthenticatedClient } from '../tokens/request-client.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { Issuer, RoleTarget, Rule, RuleGrant, SessionSettings, Target } from './configuration.ts'
import { evaluateRule, type RuleTrace } from './evaluate-rule.ts'
import { matches } from './match.ts'
import type { Policy } from './policy.ts'
import { sessionTags } from './session-tags.ts'

/** What rules add to a token, all together: verifiers read it from a header, where 8 KiB is a common limit. */
const MAX_ADDED_CHARACTERS = 4 * 1024

/** What is asked, by whom. */
export interface DecisionRequest {
  /** A client where it asks for itself. */
  subject: VerifiedSubject | AuthenticatedClient
  /** The client that the request names; undefined when the workload is its own client. */
  client_id: string | undefined
  audience: readonly string[]
  resource: readonly string[]
  /** Absent: all that is granted. */
  scope: readonly string[] | undefined
  /** Absent: whatever the target issues. */
  wanted?: 'token' | 'credentials' | undefined
}

/** A yes, and the only one there is: nothing is issued but from this. Durations in seconds. */
export type Granted = GrantedToken | GrantedSession

interface GrantedTarget {
  target: string
  rules: readonly string[]
  lifetime: number
}

/** An access token of ours. */
export interface GrantedToken extends GrantedTarget {
  audience: string
  scopes: readonly string[]
  claims: JsonObject
  expires_with_subject: boolean
}

/** A session of an AWS role. */
export interface GrantedSession extends GrantedTarget, Omit<SessionSettings, 'tags'> {
  role: string
  external_id?: string
  region?: string
  tags: Readonly<Record<string, string>>
}

/** Why: for operators, never for callers. */
export interface Trace {
  /** The first requirement of the issuer that the token fails. */
  requirement_failed?: string
  rules: readonly RuleTrace[]
  /** Shadow rules that would have granted something. */
  shadow: readonly string[]
}

export type Decision = { trace: Trace } & ({ granted: Granted } | { refused: Refusal })

type Match = { rule: Rule; grant: RuleGrant }

/**
 * The only place that says yes. Pure: the same subject, request, policy and `now` (seconds since 1970) always give the
 * same answer. Refusals come in the order issuer, rules, target, scope, so that what is not granted and what does not
 * exist are told apart only for a subject that some rule admits, and then not even to it.
 */
export function decide(request: DecisionRequest, policy: Policy, now: number): Decision {
  const { subject } = request
  const issuer = 'issuer' in subject ? configuredIssuer(subject, policy) : undefined
  // A client that asks for itself has said nothing that a rule could read.
  const claims = 'issuer' in subject ? subject.claims : {}
  const unmet = 'issuer' in subject ? unmetRequirement(subject, policy) : undefined
  if (unmet !== undefined) {
    return refused(
      { reason: 'issuer_requirement_failed', claim: unmet },
      { requirement_failed: unmet, rules: [], shadow: [] },
    )
  }

  const rules = rulesFor(subject, policy).map((rule) => ({
    rule,
    trace: evaluateRule(rule, issuer, { claims, client_id: request.client_id }, policy, now),
  }))
  const matched = rules.filter(({ trace }) => trace.matched)
  const enforced = matched.filter(({ rule }) => rule.mode === 'enforce')
  const trace: Trace = {
    rules: rules.map(({ trace }) => trace),
    shadow: matched.filter(({ rule }) => rule.mode === 'shadow').map(({ rule }) => rule.name),
  }
  if (enforced.length === 0) {
    if (!('issuer' in subject)) return refused({ reason: 'client_has_no_rule', client_id: subject.client_id }, trace)
    const forbidden = trace.rules.find(({ forbidden }) => forbidden)?.forbidden
    return refused(forbidden ? { reason: 'event_forbidden', ...forbidden } : { reason: 'no_rule_matches' }, trace)
  }

  const grants = enforced.flatMap(({ rule }) => rule.grant.map((grant) => ({ rule, grant })))
  const target = findTarget(request, grants, policy)
  if (typeof target !== 'string') return refused(target, trace)
  const forTarget = grants.filter(({ grant }) => grant.target === target)
  if (forTarget.length === 0) return refused({ reason: 'target_not_granted', target }, trace)

  const settings = policy.configuration.targets[target] as Target
  const wanted = 'role' in settings ? 'credentials' : 'token'
  if (request.wanted !== undefined && request.wanted !== wanted)
    return refused({ reason: 'token_type_not_issued', target }, trace)
  const terms = new Set(forTarget.map(({ grant }) => termsOf(grant)))
  if (terms.size > 1) return refused({ reason: 'ambiguous_rules', target, rules: namesOf(forTarget) }, trace)

  const scopes = [...new Set(forTarget.flatMap(({ grant }) => grant.scopes))].toSorted()
  const excess = request.scope?.filter((scope) => !scopes.includes(scope)) ?? []
  if (excess.length > 0) {
    const known = excess.filter((scope) => !('role' in settings) && settings.scopes.includes(scope))
    return refused({ reason: 'scope_not_granted', target, excess: known, unknown: excess.length - known.length }, trace)
  }

  const first = forTarget[0] as Match
  const granted = { target, rules: namesOf(forTarget), lifetime: settings.lifetime }
  if ('role' in settings) {
    const session = sessionOf(first, settings, claims, policy)
    return 'reason' in session ? refused(session, trace) : { trace, granted: { ...granted, ...session } }
  }
  const added = addedClaims(first, claims, policy)
  if ('failed' in added)
    return refused({ reason: 'expression_failed', target, rule: first.rule.name, ...added.failed }, trace)
  return {
    trace,
    granted: {
      ...granted,
      audience: settings.audience,
      scopes: request.scope ?? scopes,
      claims: added.values,
      expires_with_subject: first.grant.expires_with_subject,
    },
  }
}

/** The first requirement of its issuer that a subject does not meet, as broker.yaml writes it. */
export function unmetRequirement(subject: VerifiedSubject, policy: Policy): string | undefined {
  return configuredIssuer(subject, policy).require.find((condition) => !matches(condition, subject.claims))?.key
}

function configuredIssuer({ issuer: { name } }: VerifiedSubject, { configuration }: Policy): Issuer {
  const issuer = configuration.issuers[name]
  if (issuer === undefined) throw new Error('a verified subject of an issuer that is not configured')
  return issuer
}

function rulesFor(subject: DecisionRequest['subject'], policy: Policy): readonly Rule[] {
  const rules = 'issuer' in subject ? policy.rules.get(subject.issuer.name) : policy.clientRules.get(subject.client_id)
  return rules ?? []
}

/** RFC 8693 section 2.1, RFC 8707 section 2: all that is named must be one target; with nothing named, a sole granted target is meant. */
function findTarget(request: DecisionRequest, grants: readonly Match[], policy: Policy): string | Refusal {
  if (request.audience.length + request.resource.length === 0) {
    const granted = [...new Set(grants.map(({ grant }) => grant.target))]
    return granted.length === 1 ? (granted[0] as string) : { reason: 'target_not_named', granted }
  }
  const meant = [
    ...request.audience.map((value) => policy.targets.get(value)),
    // A resource is a URI, never one of our names.
    ...request.resource.map((value) =>
      Object.hasOwn(policy.configuration.targets, value) ? undefined : policy.targets.get(value),
    ),
  ]
  const named = [...new Set(meant.filter((target) => target !== undefined))]
  const unknown = meant.filter((target) => target === undefined).length
  return named.length === 1 && unknown === 0 ? (named[0] as string) : { reason: 'target_unknown', named, unknown }
}

/** What must come from one rule: two rules that differ here cannot both be meant. */
export function termsOf({ claims, expires_with_subject, session }: RuleGrant): string {
  return JSON.stringify([
    sorted(claims),
    expires_with_subject,
    ...(session
      ? [sorted(session.tags), session.transitive_tags.toSorted(), session.policy, session.managed_policies.toSorted()]
      : []),
  ])
}

function sorted(map: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.keys(map)
    .toSorted()
    .map((name) => [name, map[name]])
}

function sessionOf(
  { rule, grant }: Match,
  { role, external_id, region, session_policy }: RoleTarget,
  claims: JsonObject,
  policy: Policy,
): Omit<GrantedSession, keyof GrantedTarget> | Refusal {
  const { session } = grant
  if (session === undefined) throw new Error('a grant of a role without its session')
  const tags = sessionTags(session.tags, claims, policy.evaluate)
  if ('refused' in tags)
    return { reason: 'session_tag_refused', target: grant.target, rule: rule.name, ...tags.refused }
  const narrowed = session_policy ?? session.policy
  return {
    role,
    ...(external_id === undefined ? {} : { external_id }),
    ...(region === undefined ? {} : { region }),
    tags: tags.values,
    transitive_tags: session.transitive_tags,
    ...(narrowed === undefined ? {} : { policy: narrowed }),
    managed_policies: session.managed_policies,
  }
}

function addedClaims(
  { grant }: Match,
  claims: JsonObject,
  policy: Policy,
): { values: JsonObject } | { failed: { expression: string; detail: string } } {
  const values: JsonObject = {}
  let room = MAX_ADDED_CHARACTERS
  for (const [name, expression] of Object.entries(grant.claims)) {
    const result = policy.evaluate(expression, claims)
    if ('failed' in result) return { failed: { expression: name, detail: result.failed } }
    room -= sizeOf(result.value)
    if (room < 0)
      return { failed: { expression: name, detail: `more than ${MAX_ADDED_CHARACTERS} characters are added` } }
    values[name] = result.value
  }
  return { values }
}

/** No less than the characters of its text: values may be far too large to be written out. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 24
  return Object.entries(value).reduce((sum, [name, member]) => sum + name.length + 4 + sizeOf(member), 2)
}

function namesOf(list: readonly Match[]): string[] {
  return [...new Set(list.map(({ rule }) => rule.name))].toSorted()
}

function refused(refusal: Refusal, trace: Trace): Decision {
  return { refused: refusal, trace }
}
