/** broker.yaml, as far as it says who may get what. */
export interface PolicyFile {
  version: 1
  issuer: string
  issuers: Record<string, { issuer?: string; preset?: 'github-actions'; require?: Match }>
  targets: Record<string, { audience: string; scopes?: string[]; lifetime: string }>
  rules: Record<string, PolicyRule>
  clients: Record<string, { type: 'public' }>
}

export interface PolicyRule {
  issuer: string | readonly string[]
  clients?: string[] | undefined
  expires?: string | undefined
  mode?: 'enforce' | 'shadow' | undefined
  match: Match
  when?: string | undefined
  grant: { target: string; scopes?: string[]; claims?: Record<string, string>; expires_with_subject?: boolean }[]
}

type Scalar = string | number | boolean
export type Match = Record<
  string,
  Scalar | Scalar[] | { glob: string } | { contains: Scalar } | { not: Scalar | Scalar[] }
>
export type Claims = Record<string, unknown>

export interface Caller {
  issuer: string
  claims: Claims
  client_id: string | undefined
  audience: readonly string[]
  resource: readonly string[]
  scope: readonly string[] | undefined
}

/** What a caller may have. */
export interface Entitlement {
  target: string
  audience: string
  scopes: string[]
  rules: string[]
  claims: Claims
  lifetime: number
  expires_with_subject: boolean
}

/**
 * Who may get what, as section 4 of the design says it and nothing else does: slow, and without a thought for what the
 * broker makes of it. Undefined: nothing.
 */
export function entitlement(file: PolicyFile, caller: Caller, now: number): Entitlement | undefined {
  const { require = {}, preset } = file.issuers[caller.issuer]!
  if (!fits(require, caller.claims)) return undefined
  const matching = Object.entries(file.rules).filter(
    ([, rule]) => admits(rule, caller, now) && (preset === undefined || eventIsTrusted(rule, caller.claims)),
  )
  const granting = (target: string) => matching.filter(([, { grant }]) => grant.some((one) => one.target === target))
  const target = meant(
    file,
    caller,
    Object.keys(file.targets).filter((name) => granting(name).length > 0),
  )
  if (target === undefined) return undefined
  const grants = granting(target).map(([, { grant }]) => grant.find((one) => one.target === target)!)
  const [first, ...others] = grants
  if (first === undefined || others.some((other) => !sameTerms(first, other))) return undefined
  const scopes = new Set(grants.flatMap((grant) => grant.scopes ?? []))
  if (caller.scope?.some((scope) => !scopes.has(scope))) return undefined
  const claims: Claims = {}
  for (const [name, source] of Object.entries(first.claims ?? {})) {
    const value = expressions[source]!(caller.claims)
    if (value === undefined || value === null) return undefined
    claims[name] = value
  }
  const { audience, lifetime } = file.targets[target]!
  return {
    target,
    audience,
    scopes: [...(caller.scope ?? scopes)].toSorted(),
    rules: granting(target)
      .map(([name]) => name)
      .toSorted(),
    claims,
    lifetime: Number(lifetime.slice(0, -1)) * { s: 1, m: 60, h: 3_600 }[lifetime.slice(-1) as 's' | 'm' | 'h'],
    expires_with_subject: first.expires_with_subject ?? false,
  }
}

function admits(rule: PolicyRule, { issuer, claims, client_id }: Caller, now: number): boolean {
  return (
    [rule.issuer].flat().includes(issuer) &&
    rule.mode !== 'shadow' &&
    // The last day on which it grants.
    (rule.expires === undefined || new Date(now * 1_000).toISOString().slice(0, 10) <= rule.expires) &&
    (rule.clients === undefined || (client_id !== undefined && rule.clients.includes(client_id))) &&
    fits(rule.match, claims) &&
    (rule.when === undefined || expressions[rule.when]!(claims) === true)
  )
}

function fits(match: Match, claims: Claims): boolean {
  return Object.entries(match).every(([key, wanted]) => {
    const value = claimOf(claims, key)
    const among = (scalars: Scalar | Scalar[]) => [scalars].flat().some((scalar) => scalar === value)
    // Absent, null, a list or a map: only `contains` has something to say of one of them.
    if (typeof wanted === 'object' && 'contains' in wanted)
      return Array.isArray(value) && value.some((item) => item === wanted.contains)
    if (value === undefined || value === null || typeof value === 'object') return false
    if (typeof wanted !== 'object' || Array.isArray(wanted)) return among(wanted)
    if ('not' in wanted) return !among(wanted.not)
    return 'glob' in wanted && typeof value === 'string' && naiveGlob(wanted.glob, value)
  })
}

/** RFC 6901 where the key begins with a slash; a path never leads into a list. */
function claimOf(claims: Claims, key: string): unknown {
  const names = key.startsWith('/')
    ? key
        .slice(1)
        .split('/')
        .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    : [key]
  let value: unknown = claims
  for (const name of names) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    value = Object.entries(value).find(([member]) => member === name)?.[1]
  }
  return value
}

/** `*` is any run of characters but `/` and `:`, and all else is itself. */
export function naiveGlob(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (!pattern.startsWith('*')) return pattern[0] === text[0] && naiveGlob(pattern.slice(1), text.slice(1))
  if (naiveGlob(pattern.slice(1), text)) return true
  return text !== '' && text[0] !== '/' && text[0] !== ':' && naiveGlob(pattern, text.slice(1))
}

/** The preset of GitHub Actions refuses these events, unless a rule names them by value. */
export const forbiddenEvents = ['pull_request_target', 'issue_comment', 'workflow_run']

function eventIsTrusted({ match }: PolicyRule, { event_name }: Claims): boolean {
  if (typeof event_name !== 'string') return false
  if (!forbiddenEvents.includes(event_name)) return true
  const { event_name: wanted } = match
  return typeof wanted === 'string' || Array.isArray(wanted)
}

/** The one target that everything named means; with nothing named, the only one that is granted. */
function meant({ targets }: PolicyFile, { audience, resource }: Caller, granted: string[]): string | undefined {
  const byUri = (uri: string) => Object.entries(targets).find(([, target]) => target.audience === uri)?.[0]
  const named = new Set([
    ...audience.map((value) => Object.keys(targets).find((name) => name === value) ?? byUri(value)),
    ...resource.map(byUri),
  ])
  const all = named.size === 0 ? granted : [...named]
  return all.length === 1 ? all[0] : undefined
}

function sameTerms(one: PolicyRule['grant'][number], other: PolicyRule['grant'][number]): boolean {
  const listed = ({ claims = {} }: typeof one) =>
    JSON.stringify(Object.entries(claims).toSorted(([a], [b]) => a.localeCompare(b)))
  return listed(one) === listed(other) && (one.expires_with_subject ?? false) === (other.expires_with_subject ?? false)
}

/** Expressions and what they mean; undefined for an error. */
export const expressions: Readonly<Record<string, (claims: Claims) => unknown>> = {
  'claims.protected': ({ protected: value }) => value,
  'claims.ref': ({ ref }) => ref,
  'claims.nested.ns': (claims) => claimOf(claims, '/nested/ns'),
  'claims.env == "production"': cel('env', (env) => env === 'production'),
  'claims.attempt > 3': cel('attempt', (attempt) => (typeof attempt === 'number' ? attempt > 3 : undefined)),
  '"buyers" in claims.groups': cel('groups', (groups) =>
    Array.isArray(groups) ? groups.includes('buyers') : undefined,
  ),
  'claims.groups.exists(g, g == "buyers")': cel('groups', (groups) =>
    Array.isArray(groups) ? groups.includes('buyers') : undefined,
  ),
  'size(claims.groups)': cel('groups', (groups) =>
    Array.isArray(groups) || typeof groups === 'string' ? groups.length : undefined,
  ),
  '!("blocked" in claims)': ({ blocked }) => (holdsNull(blocked) ? undefined : blocked === undefined),
}

/** Of one claim, which is there, and has no null in it. */
function cel(name: string, meaning: (claim: unknown) => unknown): (claims: Claims) => unknown {
  return ({ [name]: claim }) => (claim === undefined || holdsNull(claim) ? undefined : meaning(claim))
}

function holdsNull(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.values(value).some(holdsNull))
}
