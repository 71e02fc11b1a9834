import type { Condition, Configuration, Rule } from '../configuration.ts'
import { finding, type GuardrailFinding } from './finding.ts'
import { unsafePattern } from './pattern.ts'
import { ofSession } from './session.ts'

export function ofRule(rule: Rule, configuration: Configuration): GuardrailFinding[] {
  const path = ['rules', rule.name]
  const unknownIssuers = rule.issuers.filter((name) => !Object.hasOwn(configuration.issuers, name))
  const unknownClients = (rule.clients ?? []).filter((name) => !Object.hasOwn(configuration.clients, name))
  const issuers = Object.values(configuration.issuers).filter(({ name }) => rule.issuers.includes(name))
  return [
    ...unknownIssuers.map((name) =>
      finding(
        'unknown-reference',
        [...path, 'issuer'],
        name === 'self' ? 'self (our own tokens as subjects) is not supported yet' : `there is no issuer named ${name}`,
      ),
    ),
    ...unknownClients.map((name) =>
      finding('unknown-reference', [...path, 'clients'], `there is no client named ${name}`),
    ),
    ...(rule.issuers.length === 0 ? [finding('unknown-reference', path, 'the rule names no issuer')] : []),
    ...(rule.when === undefined && !rule.match.some(constrains)
      ? [
          finding(
            'rule-constrains-nothing',
            path,
            'this rule admits everybody whom the issuer knows: add a claim to match, by value',
          ),
        ]
      : []),
    ...rule.match.flatMap((condition) =>
      issuers.flatMap((issuer) => unsafePattern(condition, issuer, [...path, 'match', condition.key])).slice(0, 1),
    ),
    ...rule.grant.flatMap((_, index) => ofGrant(rule, index, configuration)),
  ]
}

function ofGrant(rule: Rule, index: number, { targets }: Configuration): GuardrailFinding[] {
  const grant = rule.grant[index] as Rule['grant'][number]
  const path = ['rules', rule.name, 'grant', String(index)]
  const target = Object.hasOwn(targets, grant.target) ? targets[grant.target] : undefined
  if (target === undefined)
    return [finding('unknown-reference', [...path, 'target'], `there is no target named ${grant.target}`)]
  const scopes = 'role' in target ? [] : target.scopes
  const unknown = grant.scopes.filter((scope) => !scopes.includes(scope))
  const registered = Object.keys(grant.claims).filter((name) => registeredClaims.has(name))
  return [
    ...(rule.grant.findIndex((other) => other.target === grant.target) < index
      ? [finding('ambiguous-name', [...path, 'target'], `this rule grants ${grant.target} twice`)]
      : []),
    ...(scopes.length > 0 && grant.scopes.length === 0
      ? [
          finding(
            'scopes-required',
            path,
            `${grant.target} has scopes: say which are granted, some of ${scopes.join(', ')}`,
          ),
        ]
      : []),
    ...(unknown.length > 0
      ? [
          finding(
            'scopes-required',
            [...path, 'scopes'],
            `${grant.target} has no scope ${unknown.join(', ')}${scopes.length > 0 ? `: it has ${scopes.join(', ')}` : ' at all'}`,
          ),
        ]
      : []),
    ...registered.map((name) =>
      finding(
        'registered-claim',
        [...path, 'claims', name],
        `${name} has a meaning of its own in a token: choose another name`,
      ),
    ),
    ...ofSession(grant, target, path),
  ]
}

/** RFC 7519 section 4.1, RFC 8693 section 4, RFC 9068 section 2.2, RFC 7800, OpenID Connect Core section 2, RFC 8417, and our own. */
const registeredClaims: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'act',
  'may_act',
  'scope',
  'client_id',
  'auth_time',
  'acr',
  'amr',
  'roles',
  'groups',
  'entitlements',
  'cnf',
  'nonce',
  'azp',
  'at_hash',
  'c_hash',
  's_hash',
  'sid',
  'events',
  'txn',
  'toe',
  'typ',
  'alg',
  'kid',
  'parents',
  'authorization_details',
  'active',
  'token_type',
  'username',
])

/** The same in every token that gets this far, so it tells nobody from anybody. */
const fixedClaims: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'iat', 'nbf', 'jti'])

function constrains({ path, operator }: Condition): boolean {
  if (path.every((name) => fixedClaims.has(name))) return false
  if ('not' in operator) return false
  return !('glob' in operator) || /[^*/:]/.test(operator.glob)
}
