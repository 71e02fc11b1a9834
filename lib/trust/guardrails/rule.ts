import { CLIENT_CREDENTIALS_GRANT } from '../../protocol/urns.ts'
import type { ClaimPath } from '../../tokens/claim-path.ts'
import { named, type Condition, type Configuration, type Issuer, type PresetName, type Rule } from '../configuration.ts'
import { presets } from '../presets.ts'
import { finding, type GuardrailFinding } from './finding.ts'
import { unsafePattern } from './pattern.ts'
import { ofSession } from './session.ts'
import { unverified } from './unverified.ts'

export function ofRule(rule: Rule, configuration: Configuration): GuardrailFinding[] {
  const path = ['rules', rule.name]
  const unknownClients = (rule.clients ?? []).filter((name) => !Object.hasOwn(configuration.clients, name))
  return [
    ...(rule.client === undefined
      ? ofConditions(rule, configuration, path)
      : ofClientRule(rule, rule.client, configuration)),
    ...unknownClients.map((name) =>
      finding('unknown-reference', [...path, 'clients'], `there is no client named ${name}`),
    ),
    ...rule.grant.flatMap((_, index) => ofGrant(rule, index, configuration)),
  ]
}

/** Whom conditions admit: those of a rule, and those of a federated client. */
export function ofConditions(
  { issuers: names, match, when }: Pick<Rule, 'issuers' | 'match' | 'when'>,
  configuration: Configuration,
  path: readonly string[],
): GuardrailFinding[] {
  const unknown = names.filter((name) => !Object.hasOwn(configuration.issuers, name))
  const issuers = names.flatMap((name) => named(configuration.issuers, name) ?? [])
  return [
    ...unknown.map((name) =>
      finding(
        'unknown-reference',
        [...path, 'issuer'],
        name === 'self'
          ? 'self (our own tokens as subjects) is not supported yet'
          : `there is no issuer named ${name}${instancesOf(name, configuration)}`,
      ),
    ),
    ...(names.length === 0
      ? [finding('unknown-reference', path, 'give it an issuer, whose tokens it is about, or a client')]
      : []),
    ...(when === undefined && !match.some((condition) => constrains(condition, issuers))
      ? [
          finding(
            'rule-constrains-nothing',
            path,
            'this admits everybody whom the issuer knows: add a claim to match, by value',
          ),
        ]
      : []),
    ...match.flatMap((condition) =>
      issuers.flatMap((issuer) => unsafePattern(condition, issuer, [...path, 'match', condition.key])).slice(0, 1),
    ),
    ...match.flatMap((condition) =>
      issuers.flatMap((issuer) => unverified(condition, match, issuer, [...path, 'match', condition.key])).slice(0, 1),
    ),
  ]
}

/** For a name that is none of an issuer. */
export function instancesOf(name: string, { issuers }: Configuration): string {
  const instances = Object.keys(issuers).filter((issuer) => issuer.startsWith(`${name}/`))
  return instances.length === 0 ? '' : `: name one of its instances, ${instances.join(', ')}`
}

/** What a client gets for itself: it authenticates, and says nothing that a condition or a claim could read. */
function ofClientRule(rule: Rule, client_id: string, configuration: Configuration): GuardrailFinding[] {
  const path = ['rules', rule.name]
  const { clients, targets } = configuration
  const client = named(clients, client_id)
  if (client === undefined)
    return [finding('unknown-reference', [...path, 'client'], `there is no client named ${client_id}`)]
  const wrong = (message: string, ...at: string[]) => finding('client-rule', [...path, ...at], message)
  const elsewhere = "a client has no claims: what it must prove stands in the client's auth"
  return [
    ...(client.grants.includes(CLIENT_CREDENTIALS_GRANT)
      ? []
      : [wrong(`${client_id} may not ask for itself: give it grants: [client_credentials]`, 'client')]),
    ...(rule.issuers.length > 0 ? [wrong('it has an issuer and a client: make two rules of it', 'issuer')] : []),
    ...(rule.match.length > 0 ? [wrong(elsewhere, 'match')] : []),
    ...(rule.when === undefined ? [] : [wrong(elsewhere, 'when')]),
    ...(rule.clients === undefined ? [] : [wrong('the rule is about one client already', 'clients')]),
    ...rule.grant.flatMap(({ target, claims, expires_with_subject }, index) => {
      const settings = named(targets, target)
      const at = ['grant', String(index)]
      const role = `${target} is a role: AWS credentials are got by token exchange, so by a rule with an issuer`
      return [
        ...(settings !== undefined && 'role' in settings ? [wrong(role, ...at, 'target')] : []),
        ...(Object.keys(claims).length > 0 ? [wrong('a client has no claims to add', ...at, 'claims')] : []),
        ...(expires_with_subject
          ? [wrong('a client has no subject token to end with', ...at, 'expires_with_subject')]
          : []),
      ]
    }),
  ]
}

function ofGrant(rule: Rule, index: number, { targets }: Configuration): GuardrailFinding[] {
  const grant = rule.grant[index] as Rule['grant'][number]
  const path = ['rules', rule.name, 'grant', String(index)]
  const target = named(targets, grant.target)
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
  'rules',
  'target',
  'client_sub',
  'authorization_details',
  'active',
  'token_type',
  'username',
])

/** The same in every token that gets this far, as a whole or in its parts, so it tells nobody from anybody. */
const fixedClaims: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'iat', 'nbf', 'jti'])

function constrains({ path, operator }: Condition, issuers: readonly Issuer[]): boolean {
  if (fixedClaims.has(path[0] as string)) return false
  if (issuers.some(({ preset }) => isCallerChosen(path, preset))) return false
  if ('not' in operator) return false
  return !('glob' in operator) || /[^*/:]/.test(operator.glob)
}

function isCallerChosen(path: ClaimPath, preset: PresetName | undefined): boolean {
  if (preset === undefined) return false
  const { callerChosen = [] } = presets[preset]
  return callerChosen.some((chosen) =>
    chosen instanceof RegExp ? chosen.test(path[0] ?? '') : chosen.every((name, index) => path[index] === name),
  )
}
