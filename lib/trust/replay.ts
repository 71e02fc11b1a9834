import { RefusedError } from '../protocol/errors.ts'
import { identityScopes, USERINFO_TARGET } from '../protocol/identity.ts'
import type { Refusal } from '../protocol/refusals.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { AUTHORIZATION_CODE_GRANT } from '../protocol/urns.ts'
import { claimAt, toName, type ClaimPath } from '../tokens/claim-path.ts'
import type { AuthenticatedClient } from '../tokens/request-client.ts'
import { subjectOf, toSub } from '../tokens/subject.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { named, type Expression, type Issuer, type Rule } from './configuration.ts'
import { decideLogin } from './decide-login.ts'
import { decide, type Decision } from './decide.ts'
import { evaluateRule, type RuleTrace } from './evaluate-rule.ts'
import { expressionsOf } from './expression.ts'
import { matches } from './match.ts'
import { claimsNamedBy, mention, type Policy } from './policy.ts'
import { withAnyRegistered } from './registered-client.ts'
import { forbiddenEvents } from './presets.ts'

/** The claims of a token, as far as a record of it has them. */
export interface KnownClaims {
  claims: JsonObject
  /** Whether it is known what is there, be it nothing. */
  knows: (path: ClaimPath) => boolean
}

/** An exchange, as far as its receipt tells of it. */
export interface Recorded {
  /** Undefined where a client asked for itself. */
  iss: string | undefined
  /** What the issuer was called then, where several have that iss: undefined where it alone tells. */
  issuer_name: string | undefined
  /** Undefined where the workload was its own client. */
  client_id: string | undefined
  grant_type: string
  target: string
  known: KnownClaims
}

/** A decision, for whom it is where it is a yes, or the names of the claims without which there is none. */
export type Replayed = { decision: Decision; sub?: string } | { untold: readonly string[] }

/**
 * What `decide` would say of the exchange by this policy, its target named and all scopes asked for. It never guesses: a claim
 * that is not on record is neither there nor absent. Nothing is said of how the token and the client are verified.
 */
export function replay(recorded: Recorded, today: Policy, now: number): Replayed {
  const { iss, client_id, known } = recorded
  // Which of them are left, only the store knows.
  const policy = client_id === undefined ? today : withAnyRegistered(client_id, today)
  const barred = clientRefused(recorded, policy)
  if (barred) return refused(barred)
  if (iss === undefined) {
    const sub = client_id ?? ''
    // It has proved itself then, and nothing is issued for it now.
    const subject = { client_id: sub, authenticated: true, sub, workload: undefined } as unknown as AuthenticatedClient
    return { sub, decision: decide({ ...asked(recorded), subject }, policy, now) }
  }
  const issuer = issuerOnRecord(recorded, policy)
  if (issuer === undefined) return refused({ reason: 'issuer_unknown', iss: iss.slice(0, 200) })
  const subject = subjectOnRecord(issuer, known)
  if ('untold' in subject) return subject
  if ('reason' in subject) return refused(subject)
  const certain = certainPolicy(recorded, issuer, policy, now)
  if ('untold' in certain) return certain
  // Verified then, and nothing is issued for it now.
  const { claims } = known
  const assumed = { issuer, ...subject, claims, exp: 0, jti: undefined, hash: '' } as unknown as VerifiedSubject
  const ofLogin = recorded.grant_type === AUTHORIZATION_CODE_GRANT ? loginAgain(assumed, recorded, certain) : undefined
  return { sub: subject.sub, decision: ofLogin ?? decide({ ...asked(recorded), subject: assumed }, certain, now) }
}

/** Where a login comes to nothing, or to no more than who it is; undefined where rules have a say. */
function loginAgain(
  subject: VerifiedSubject,
  { client_id = '', target }: Recorded,
  policy: Policy,
): Decision | undefined {
  const login = decideLogin({ subject, client_id, scopes: identityScopes }, policy)
  if ('refused' in login) {
    const { refused } = login
    const failed = refused.reason === 'issuer_requirement_failed' ? { requirement_failed: refused.claim } : {}
    return { refused, trace: { ...failed, rules: [], shadow: [] } }
  }
  return target === USERINFO_TARGET ? { granted: login.granted, trace: { rules: [], shadow: [] } } : undefined
}

/** By its iss, whatever it is called now; where several share that, by the name too. */
export function issuerOnRecord(
  { iss, issuer_name }: Pick<Recorded, 'iss' | 'issuer_name'>,
  { issuers, configuration }: Policy,
): Issuer | undefined {
  const known = iss === undefined ? undefined : issuers.get(iss)
  if (known === undefined) return undefined
  const name = 'name' in known ? known.name : issuer_name
  if (name === undefined || (issuer_name ?? name) !== name) return undefined
  const issuer = named(configuration.issuers, name)
  return issuer?.issuer === iss ? issuer : undefined
}

function asked({ client_id, target }: Recorded) {
  return { client_id, audience: [target], resource: [], scope: undefined }
}

/** How one rule fares, and the names of the claims without which that cannot be told. */
export interface Fare {
  trace: RuleTrace
  untold: string[]
}

export function fare(
  rule: Rule,
  issuer: Issuer,
  client_id: string | undefined,
  { claims, knows }: KnownClaims,
  policy: Policy,
  now: number,
): Fare {
  const unknown = rule.match.map(({ path }) => path).filter((path) => !knows(path))
  const { when, ...others } = rule
  const unread = when === undefined ? [] : claimsOf(when).filter((path) => !knows(path))
  const decidable = {
    ...others,
    match: rule.match.filter(({ path }) => knows(path)),
    ...(when === undefined || unread.length > 0 ? {} : { when }),
  }
  const trace = evaluateRule(decidable, issuer, { claims, client_id }, policy, now)
  const events = forbiddenEvents(issuer.preset)
  const event = events === undefined || knows([events.claim]) ? [] : [[events.claim]]
  // One thing that fails for certain is enough.
  if (!trace.matched && (trace.forbidden === undefined || event.length === 0)) return { trace, untold: [] }
  return { trace, untold: namesOf([...unknown, ...unread, ...event]) }
}

/** The policy without what cannot be told, where that has no say; else the names of the claims that it is about. */
function certainPolicy(
  { client_id, target, known }: Recorded,
  issuer: Issuer,
  policy: Policy,
  now: number,
): Policy | { untold: string[] } {
  const { claims, knows } = known
  const { configuration } = policy
  const require = issuer.require.filter(({ path }) => knows(path))
  const issuers = { ...configuration.issuers, [issuer.name]: { ...issuer, require } }
  const certain = { ...policy, configuration: { ...configuration, issuers } }
  // One that fails for certain is enough, and then no rule is read.
  if (!require.every((condition) => matches(condition, claims))) return certain
  const unread = issuer.require.map(({ path }) => path).filter((path) => !knows(path))
  if (unread.length > 0) return { untold: namesOf(unread) }

  const rules = (policy.rules.get(issuer.name) ?? []).map((rule) => ({
    rule,
    ...fare(rule, issuer, client_id, known, policy, now),
  }))
  // Of a target that is named, no other rule says whether it is granted, and how.
  const grantsIt = ({ grant }: Rule) => grant.filter((each) => each.target === target)
  const having = rules.filter(({ rule }) => rule.mode === 'enforce' && grantsIt(rule).length > 0)
  const doubtful = having.flatMap(({ untold }) => untold)
  const added = having
    .filter(({ trace }) => trace.matched)
    .flatMap(({ rule }) => expressionsOf({ grant: grantsIt(rule) }).flatMap(claimsOf))
    .filter((path) => !knows(path))
  if (doubtful.length + added.length > 0) return { untold: [...new Set([...doubtful, ...namesOf(added)])].toSorted() }

  const told = rules.filter(({ untold }) => untold.length === 0).map(({ rule }) => rule)
  return { ...certain, rules: new Map([[issuer.name, told]]) }
}

function clientRefused({ client_id, grant_type }: Recorded, policy: Policy): Refusal | undefined {
  if (client_id === undefined) return undefined
  const client = named(policy.configuration.clients, client_id)
  if (client === undefined) return { reason: 'client_unknown' }
  return client.grants.includes(grant_type) ? undefined : { reason: 'grant_type_not_allowed', client_id }
}

function subjectOnRecord(
  issuer: Issuer,
  { claims, knows }: KnownClaims,
): { subject: string; sub: string } | { untold: string[] } | Refusal {
  const read = issuer.subject.flatMap((part) => {
    if (typeof part === 'string') return []
    const stoodIn = part.otherwise && claimAt(claims, part.claim) === undefined
    return stoodIn ? [part.claim, part.otherwise as ClaimPath] : [part.claim]
  })
  const unknown = read.filter((path) => !knows(path))
  if (unknown.length > 0) return { untold: namesOf(unknown) }
  try {
    const subject = subjectOf(claims, issuer.subject)
    return { subject, sub: toSub(issuer.name, subject) }
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal
    throw error
  }
}

/** All that the expression looks at. The empty path: the claims as a whole, or one whose name it computes. */
function claimsOf(expression: Expression): ClaimPath[] {
  if ('path' in expression) return [expression.path]
  const paths = claimsNamedBy(expression)
  const rest = expression.cel.replaceAll(mention, ' ')
  return /\bclaims\b/.test(rest) ? [...paths, []] : paths
}

function namesOf(paths: readonly ClaimPath[]): string[] {
  return [...new Set(paths.map((path) => (path.length === 0 ? 'all claims' : toName(path))))].toSorted()
}

function refused(refusal: Refusal): Replayed {
  return { decision: { refused: refusal, trace: { rules: [], shadow: [] } } }
}
