import { subjectTokenAlgorithms } from '../protocol/algorithms.ts'
import type { Condition, Configuration, Issuer, Operator, Rule } from './configuration.ts'
import type { ReplayMode } from '../tokens/trusted-issuer.ts'
import { presets, sharedIssuers } from './presets.ts'

/** What a configuration must never be, whoever wrote it: checked when it is compiled, and again when a function starts. */
export const guardrailRules = {
  'our-issuer': 'Our own issuer is an https origin and nothing more; http is for loopback in local runs.',
  'rs256-missing': 'RS256 must be among the signing algorithms (RFC 9068 section 2.1).',
  'insecure-url': 'URLs are https; http is for loopback in local runs.',
  'preset-issuer': 'The issuer URL must be of a shape that the preset knows.',
  'preset-fixed': 'What a preset fixes may be made stricter, never laxer.',
  'unreachable-keys': 'Keys come from the public internet, or from the file.',
  'foreign-audience': 'A token that is meant for somebody else must not work here.',
  'use-preset': 'A well-known issuer has a preset that knows its pitfalls.',
  'shared-issuer-unpinned': 'Anybody can have a token of a shared issuer: `require` must pin your tenant.',
  'algorithm-not-allowed': 'Only asymmetric signature algorithms are accepted.',
  'lifetime-out-of-bounds': 'Lifetimes have limits.',
  'replay-off-too-long': 'Without replay protection a token may live an hour at most.',
  'ambiguous-name': 'A name could mean two things.',
  'unknown-reference': 'A name refers to nothing in this file.',
  'rule-constrains-nothing': 'A rule must say whom it means.',
  'unsafe-pattern': 'A pattern that fits more than was meant.',
  'scopes-required': 'A grant names the scopes it grants where the target has scopes, and none where it has none.',
  'registered-claim': 'A claim that we set, or that means something to every verifier, cannot be added by a rule.',
} as const

export interface GuardrailFinding {
  rule: keyof typeof guardrailRules
  message: string
  /** Names from the top of broker.yaml down. */
  path: readonly string[]
}

/** Throws, with every finding, when the configuration is unsafe. */
export function refuseUnsafe(configuration: Configuration): void {
  const findings = findUnsafe(configuration)
  if (findings.length > 0) {
    throw new Error(
      `unsafe configuration:\n${findings.map(({ path, rule, message }) => `${path.join('.')}: ${rule} ${message}`).join('\n')}`,
    )
  }
}

export function findUnsafe(configuration: Configuration): GuardrailFinding[] {
  return [
    ...ourselves(configuration),
    ...Object.values(configuration.issuers).flatMap((issuer) => ofIssuer(issuer, configuration)),
    ...ofTargets(configuration),
    ...configuration.rules.flatMap((rule) => ofRule(rule, configuration)),
  ]
}

const MINUTE = 60
const HOUR = 3_600
const DAY = 86_400

function finding(rule: GuardrailFinding['rule'], path: readonly string[], message: string): GuardrailFinding {
  return { rule, path, message }
}

function bounds(
  path: readonly string[],
  seconds: number,
  least: [number, string],
  most: [number, string],
): GuardrailFinding[] {
  if (Number.isSafeInteger(seconds) && seconds >= least[0] && seconds <= most[0]) return []
  return [finding('lifetime-out-of-bounds', path, `${path.at(-1)} must be from ${least[1]} to ${most[1]}`)]
}

function ourselves({ issuer, local, signing, receipts }: Configuration): GuardrailFinding[] {
  const origin =
    issuer === 'auto' ||
    (URL.canParse(issuer) &&
      new URL(issuer).origin === issuer &&
      (issuer.startsWith('https://') || (local && isLoopback(issuer))))
  return [
    ...(origin
      ? []
      : [
          finding(
            'our-issuer',
            ['issuer'],
            'issuer must be an https origin in lower case, without a path or a trailing slash, or auto; http://127.0.0.1:<port> in local runs',
          ),
        ]),
    ...(signing.algorithms.includes('RS256')
      ? []
      : [
          finding(
            'rs256-missing',
            ['signing', 'algorithms'],
            'add RS256: every verifier must be able to expect it (RFC 9068 section 2.1)',
          ),
        ]),
    ...bounds(['receipts', 'retention'], receipts.retention, [DAY, '1d'], [3_650 * DAY, '3650d']),
  ]
}

function ofIssuer(issuer: Issuer, configuration: Configuration): GuardrailFinding[] {
  const path = ['issuers', issuer.name]
  const findings: GuardrailFinding[] = []
  const add = (rule: GuardrailFinding['rule'], key: string | undefined, message: string) =>
    findings.push(finding(rule, key === undefined ? path : [...path, key], message))
  if (issuer.name === 'self')
    add('ambiguous-name', undefined, 'self means our own tokens: give this issuer another name')
  const twin = Object.values(configuration.issuers).find(
    (other) => other.name !== issuer.name && other.issuer === issuer.issuer,
  )
  if (twin) add('ambiguous-name', undefined, `${twin.name} has the same issuer URL: a token could be either's`)
  if (issuer.issuer === configuration.issuer) add('ambiguous-name', undefined, 'this is our own issuer URL')

  const local = configuration.local && isLoopback(issuer.issuer)
  if (!local && !isHttps(issuer.issuer))
    add(
      'insecure-url',
      'issuer',
      `write an https URL, its host in lower case${isLoopback(issuer.issuer) ? '; http on loopback is for local runs' : ''}`,
    )
  if ('uri' in issuer.jwks && !isHttps(issuer.jwks.uri) && !(configuration.local && isLoopback(issuer.jwks.uri)))
    add('insecure-url', 'jwks', 'write an https URL')
  findings.push(...tenancy(issuer, local), ...ofPreset(issuer), ...ofKeys(issuer, local))
  const foreignAudience = issuer.audiences?.find((audience) => foreignAudiences.test(audience))
  if (foreignAudience !== undefined)
    add(
      'foreign-audience',
      'audiences',
      `tokens for ${foreignAudience} are meant for the cluster's API server: project one for the broker's URL`,
    )
  if (issuer.audiences?.some((audience) => audience.includes('*')))
    add('unsafe-pattern', 'audiences', 'an audience is compared exactly, a * is no pattern here: write it out')

  const foreign = issuer.algorithms.filter((alg) => !subjectTokenAlgorithms.includes(alg))
  if (foreign.length > 0 || issuer.algorithms.length === 0)
    add('algorithm-not-allowed', 'algorithms', `use some of ${subjectTokenAlgorithms.join(', ')}`)
  findings.push(...bounds([...path, 'clock_tolerance'], issuer.clock_tolerance, [0, '0s'], [5 * MINUTE, '5m']))
  findings.push(
    ...bounds([...path, 'max_token_lifetime'], issuer.max_token_lifetime, [MINUTE, '1m'], [24 * HOUR, '24h']),
  )
  if (issuer.replay === 'off' && issuer.max_token_lifetime > HOUR) {
    add(
      'replay-off-too-long',
      'max_token_lifetime',
      'with replay: off a stolen token works until it expires: write max_token_lifetime: 1h or less, or replay: once',
    )
  }
  findings.push(
    ...issuer.require.flatMap((condition) => unsafePattern(condition, issuer, [...path, 'require', condition.key])),
  )
  return findings
}

/** Whose issuer is it: one tenant's own, or everybody's? */
function tenancy(issuer: Issuer, local: boolean): GuardrailFinding[] {
  const path = ['issuers', issuer.name]
  const preset = issuer.preset === undefined ? undefined : presets[issuer.preset]
  const known = sharedIssuers.find((shared) => shared.issuer.test(issuer.issuer))
  // Also where the preset's own shapes would let it pass: under another kind's preset nothing would pin its tenants.
  const foreign = known !== undefined && issuer.preset !== undefined && known.preset !== issuer.preset
  if (foreign || (preset && !local && !preset.issuers.some((shape) => shape.test(issuer.issuer)))) {
    const remedy = known?.preset
      ? `: its preset is ${known.preset}`
      : preset?.issuer
        ? `: leave it out for ${preset.issuer}`
        : ''
    return [finding('preset-issuer', [...path, 'issuer'], `this is no issuer URL of ${issuer.preset}${remedy}`)]
  }
  if (known?.preset !== undefined && preset === undefined) {
    const message = `write preset: ${known.preset}, which knows how this issuer's tokens are to be read`
    return [finding('use-preset', [...path, 'issuer'], message)]
  }
  // An example issuer on loopback stands for the shared one, pin and all.
  const shared =
    preset === undefined
      ? known !== undefined
      : local
        ? preset.shared.length > 0
        : preset.shared.some((shape) => shape.test(issuer.issuer))
  const tenantClaims = preset?.tenantClaims ?? known?.tenantClaims ?? []
  if (!shared || issuer.require.some((condition) => pins(condition, tenantClaims))) return []
  const [example = '', ...others] = tenantClaims
  const message = `anybody can have a token of this issuer: add require: { ${example}: "<yours>" }${others.length > 0 ? ` (or ${others.join(', ')})` : ''}`
  return [finding('shared-issuer-unpinned', path, message)]
}

function pins({ path, operator }: Condition, tenantClaims: readonly string[]): boolean {
  return (
    path.length === 1 && tenantClaims.includes(path[0] ?? '') && 'equals' in operator && !operator.equals.includes('')
  )
}

/** A preset is what we know to be right for a kind of issuer. It may be made stricter, never laxer. */
function ofPreset(issuer: Issuer): GuardrailFinding[] {
  if (issuer.preset === undefined) return []
  const preset = presets[issuer.preset]
  const path = ['issuers', issuer.name]
  const fixed = (key: string, message: string) => finding('preset-fixed', [...path, key], `${issuer.preset} ${message}`)
  return [
    ...(JSON.stringify(issuer.subject) === JSON.stringify(preset.subject)
      ? []
      : [fixed('subject', 'builds the subject from ids: leave subject out, and match what else must hold')]),
    ...(strictness.indexOf(issuer.replay) >= strictness.indexOf(preset.replay)
      ? []
      : [fixed('replay', `needs replay: ${preset.replay}, or stricter`)]),
    ...(issuer.algorithms.every((alg) => preset.algorithms.includes(alg))
      ? []
      : [fixed('algorithms', `signs with ${preset.algorithms.join(' or ')}`)]),
  ]
}

const strictness: readonly ReplayMode[] = ['off', 'once_per_target', 'once']

/** Audiences that mean somebody else: every pod of a cluster holds a token for its API server. */
const foreignAudiences = /^(?:https:\/\/kubernetes\.default(?:\.svc(?:\.[a-z0-9.-]+)?)?|kubernetes)$/

/** Names that no public resolver knows. */
const privateHost = /^(?:[^.]+|.+\.(?:local|internal|localhost|lan|home\.arpa))$|^\d+\.\d+\.\d+\.\d+$|^\[/

function ofKeys(issuer: Issuer, local: boolean): GuardrailFinding[] {
  if ('keys' in issuer.jwks || local) return []
  const url = 'uri' in issuer.jwks ? issuer.jwks.uri : issuer.issuer
  if (!isHttps(url) || !privateHost.test(new URL(url).hostname)) return []
  const message = `keys are fetched from the public internet only, where ${new URL(url).hostname} is not: give them with jwks: { keys: [...] }`
  return [finding('unreachable-keys', ['issuers', issuer.name, 'uri' in issuer.jwks ? 'jwks' : 'issuer'], message)]
}

function ofTargets({ issuer, targets }: Configuration): GuardrailFinding[] {
  const entries = Object.entries(targets)
  return entries.flatMap(([name, target]) => {
    const path = ['targets', name]
    const twin = entries.find(([other, { audience }]) => other !== name && audience === target.audience)
    const namesake = entries.find(([other, { audience }]) => other !== name && audience === name)
    return [
      ...(twin
        ? [
            finding(
              'ambiguous-name',
              [...path, 'audience'],
              `${twin[0]} has the same audience: a request could mean either`,
            ),
          ]
        : []),
      ...(target.audience === issuer
        ? [
            finding(
              'ambiguous-name',
              [...path, 'audience'],
              'this is our own issuer URL: a token for a target must not look like one for us',
            ),
          ]
        : []),
      ...(namesake ? [finding('ambiguous-name', path, `the name is also the audience of ${namesake[0]}`)] : []),
      ...bounds([...path, 'lifetime'], target.lifetime, [MINUTE, '1m'], [24 * HOUR, '24h']),
    ]
  })
}

function ofRule(rule: Rule, configuration: Configuration): GuardrailFinding[] {
  const path = ['rules', rule.name]
  const unknownIssuers = rule.issuers.filter((name) => !Object.hasOwn(configuration.issuers, name))
  const unknownClients = (rule.clients ?? []).filter((name) => !Object.hasOwn(configuration.clients, name))
  const issuers = rule.issuers.flatMap((name) =>
    Object.hasOwn(configuration.issuers, name) ? [configuration.issuers[name] as Issuer] : [],
  )
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
  const unknown = grant.scopes.filter((scope) => !target.scopes.includes(scope))
  const registered = Object.keys(grant.claims).filter((name) => registeredClaims.has(name))
  return [
    ...(rule.grant.findIndex((other) => other.target === grant.target) < index
      ? [finding('ambiguous-name', [...path, 'target'], `this rule grants ${grant.target} twice`)]
      : []),
    ...(target.scopes.length > 0 && grant.scopes.length === 0
      ? [
          finding(
            'scopes-required',
            path,
            `${grant.target} has scopes: say which are granted, some of ${target.scopes.join(', ')}`,
          ),
        ]
      : []),
    ...(unknown.length > 0
      ? [
          finding(
            'scopes-required',
            [...path, 'scopes'],
            `${grant.target} has no scope ${unknown.join(', ')}${target.scopes.length > 0 ? `: it has ${target.scopes.join(', ')}` : ' at all'}`,
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
  if (path.length === 1 && fixedClaims.has(path[0] ?? '')) return false
  if ('not' in operator) return false
  return !('glob' in operator) || /[^*/:]/.test(operator.glob)
}

function unsafePattern(
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

/** As the URL parser would write it, but for one trailing slash: so no two spellings are one issuer. */
function isHttps(text: string): boolean {
  if (!URL.canParse(text)) return false
  // The URL parser lets a * through as part of a host name.
  if (text.includes('*')) return false
  const url = new URL(text)
  const spelt = url.href === text || url.href === `${text}/`
  return (
    spelt &&
    url.protocol === 'https:' &&
    url.username === '' &&
    url.password === '' &&
    url.hash === '' &&
    url.search === ''
  )
}

function isLoopback(text: string): boolean {
  return URL.canParse(text) && /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?(?:\/|$)/.test(text)
}
