import { createHash } from 'node:crypto'
import { canonicalJson } from '../protocol/canonical-json.ts'
import { keyUseOf, toVerificationKey, type KeyUse, type VerificationKey } from '../protocol/key-set.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { identityClaims } from '../protocol/identity.ts'
import {
  AUTHORIZATION_CODE_GRANT,
  CLIENT_CREDENTIALS_GRANT,
  REFRESH_TOKEN_GRANT,
  TOKEN_EXCHANGE_GRANT,
} from '../protocol/urns.ts'
import { clientSigner } from '../trust/client-signer.ts'
import { toPath, type ClaimPath } from '../tokens/claim-path.ts'
import {
  named,
  type Client,
  type ClientAuth,
  type ClientLogin,
  type Condition,
  type Configuration,
  type Expression,
  type Issuer,
  type LoginSettings,
  type Operator,
  type Registration,
  type Rule,
  type RuleGrant,
  type SessionSettings,
  type Target,
  type UpstreamLogin,
} from '../trust/configuration.ts'
import { findUnsafe } from '../trust/guardrails.ts'
import { presets } from '../trust/presets.ts'
import type { Preset } from '../trust/presets/preset.ts'
import type { Path, Problem } from './document.ts'
import type { Doubt } from './doubts/finding.ts'
import { findDoubts } from './doubts/index.ts'
import { parseExpression } from './expression.ts'
import { FileError } from './file-error.ts'
import { ConfigurationError, formatFinding, type Finding } from './findings.ts'
import { schema, type BrokerFile } from './schema.ts'
import { clientLogin } from './schema-login.ts'
import { toProblems } from './schema-problems.ts'
import { readSource, type Include, type Source } from './source.ts'

export interface CompileOptions {
  /** Permits http issuers on loopback, and ours to be there. */
  local?: boolean
  /** Instead of the file's own `issuer`. */
  issuer?: string
  /** Seconds since 1970: for rules that have expired. */
  now: number
  /** Reads what the file includes: `includedFiles`. Absent: it may include nothing. */
  include?: Include | undefined
  /** Reads the logo: `logoBelow`. Absent: there may be none. */
  logo?: ReadLogo | undefined
}

/** An image, by its path in broker.yaml, as a data: URI. Throws FileError. */
export type ReadLogo = (path: string) => string

/**
 * broker.yaml to what a function runs: checked, frozen, named by its hash. Returns warnings beside it.
 * Throws ConfigurationError with every error found.
 */
export function compile(
  text: string,
  file: string,
  options: CompileOptions,
): { configuration: Configuration; findings: Finding[] } {
  const source = readSource({ text, file }, options.include)
  if (source.findings.length > 0) throw new ConfigurationError(inOrder(source.findings))
  const finish = (problems: readonly Problem[]): Finding[] =>
    inOrder(problems.map(({ path, atKey, ...problem }) => ({ ...problem, ...source.placeOf(path, atKey) })))
  const stopAtErrors = (problems: readonly Problem[]) => {
    if (problems.some(({ severity }) => severity === 'error')) throw new ConfigurationError(finish(problems))
  }
  const parsed = schema.safeParse(source.value)
  if (!parsed.success) throw new ConfigurationError(finish(toProblems(parsed.error, source)))
  const compiler = new Compiler(source, options)
  const configuration = compiler.configuration(parsed.data)
  const problems = [
    ...compiler.problems,
    ...findUnsafe(configuration).map((found) => ({ severity: 'error' as const, ...found })),
  ]
  stopAtErrors(problems)
  problems.push(...findDoubts(configuration, options.now).map(toProblem))
  stopAtErrors(problems)
  return { configuration: deepFreeze(configuration), findings: finish(problems) }
}

function toProblem({ rule, message, path }: Doubt): Problem {
  return { severity: rule === 'ambiguous-rules' ? 'error' : 'warning', rule, message, path }
}

type GivenGrant = BrokerFile['rules'][string]['grant'][number]
type GivenClient = BrokerFile['clients'][string]
type GivenAuth = NonNullable<GivenClient['auth']>
type GivenLogin = NonNullable<BrokerFile['issuers'][string]['login']>

const grantTypes: Readonly<Record<GivenClient['grants'][number], string>> = {
  'token-exchange': TOKEN_EXCHANGE_GRANT,
  client_credentials: CLIENT_CREDENTIALS_GRANT,
  authorization_code: AUTHORIZATION_CODE_GRANT,
  refresh_token: REFRESH_TOKEN_GRANT,
}

const loginKeys = Object.keys(clientLogin) as (keyof typeof clientLogin)[]

const sessionKeys = ['session_tags', 'transitive_tags', 'session_policy', 'managed_policies'] as const

/** Collects what is wrong while it goes, so that one run shows everything. */
class Compiler {
  readonly problems: Problem[] = []
  readonly #source: Source
  readonly #options: CompileOptions

  constructor(source: Source, options: CompileOptions) {
    this.#source = source
    this.#options = options
  }

  configuration(file: BrokerFile): Configuration {
    const issuers = Object.fromEntries(Object.keys(file.issuers).map((name) => [name, this.#issuer(name, file)]))
    const compiled: Omit<Configuration, 'hash'> = {
      version: 1,
      issuer: this.#options.issuer ?? file.issuer,
      local: this.#options.local === true,
      signing: file.signing,
      issuers,
      targets: Object.fromEntries(Object.keys(file.targets).map((name) => [name, this.#target(name, file)])),
      // Rules and conditions are sets: their order in the file means nothing, so it is not in the hash either.
      rules: Object.keys(file.rules)
        .toSorted()
        .map((name) => this.#rule(name, file, issuers)),
      clients: Object.fromEntries(
        Object.entries(file.clients).map(([id, given]) => [id, this.#client(id, given, issuers)]),
      ),
      receipts: file.receipts,
      login: this.#loginSettings(file.login),
      ...(file.registration === undefined ? {} : { registration: this.#registration(file.registration) }),
    }
    return { ...compiled, hash: createHash('sha256').update(canonicalJson(compiled)).digest('base64url') }
  }

  #issuer(name: string, file: BrokerFile): Issuer {
    const given = file.issuers[name] as BrokerFile['issuers'][string]
    const path = ['issuers', name]
    const preset: Preset | undefined = given.preset && presets[given.preset]
    const issuer = given.issuer ?? preset?.issuer
    if (issuer === undefined)
      this.#error(
        'missing-key',
        path,
        `issuer is required${given.preset ? ` with preset: ${given.preset}` : ''}: the iss of its tokens`,
      )
    return {
      name,
      ...(given.preset ? { preset: given.preset } : {}),
      issuer: issuer ?? '',
      ...(given.shares_issuer ? { shares_issuer: true } : {}),
      ...this.#audiences(given, preset?.audiences, path),
      algorithms: given.algorithms ?? preset?.algorithms ?? ['RS256'],
      jwks: this.#jwks(given.jwks, [...path, 'jwks'], keyUseOf(issuer ?? '')),
      subject:
        given.subject === undefined
          ? (preset?.subject ?? [{ claim: ['sub'] }])
          : [{ claim: this.#claimPath(given.subject, [...path, 'subject']) }],
      replay: given.replay ?? preset?.replay ?? 'once',
      clock_tolerance: given.clock_tolerance ?? 60,
      max_token_lifetime: given.max_token_lifetime ?? preset?.max_token_lifetime ?? 3_600,
      require: this.#conditions(given.require ?? {}, preset ? [preset] : [], [...path, 'require']),
      ...(given.login ? { login: this.#upstreamLogin(given.login, issuer ?? '', [...path, 'login']) } : {}),
    }
  }

  #upstreamLogin(given: GivenLogin, issuer: string, path: Path): UpstreamLogin {
    const { client_id, auth, scopes, display_name, domains, claims, acr } = given
    return {
      client_id,
      auth,
      scopes,
      display_name: display_name ?? (URL.canParse(issuer) ? new URL(issuer).host : issuer),
      domains: domains ?? [],
      claims:
        claims === undefined
          ? Object.fromEntries(identityClaims.map((claim) => [claim, { path: [claim] }]))
          : this.#expressions(claims, [...path, 'claims']),
      acr,
    }
  }

  #loginSettings({ session, refresh_tokens, branding: { name, logo, accent } }: BrokerFile['login']): LoginSettings {
    return {
      session,
      refresh_tokens,
      branding: {
        ...(name === undefined ? {} : { name }),
        ...(logo === undefined ? {} : { logo: this.#logo(logo) }),
        ...(accent === undefined ? {} : { accent: accent.toLowerCase() }),
      },
    }
  }

  #registration(given: NonNullable<BrokerFile['registration']>): Registration {
    const { grants, login, scopes, auth, redirect_hosts, ...others } = given
    return {
      ...others,
      redirect_hosts: [...new Set(redirect_hosts)],
      grants: [...new Set(grants)].map((grant) => grantTypes[grant]),
      auth: [...new Set(auth)],
      issuers: this.#source.issuersNamed(login),
      scopes: [...new Set(scopes)],
    }
  }

  #logo(given: string): string {
    try {
      if (this.#options.logo === undefined) throw new FileError('only a file can have one beside it: this text is none')
      return this.#options.logo(given)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      this.#error('logo', ['login', 'branding', 'logo'], error.message)
      return ''
    }
  }

  #audiences(
    { audiences, preset, login }: BrokerFile['issuers'][string],
    ofPreset: Preset['audiences'],
    path: Path,
  ): Pick<Issuer, 'audiences'> {
    if (audiences !== undefined) return { audiences }
    if (ofPreset !== 'registered') return ofPreset === undefined ? {} : { audiences: ofPreset }
    // People log in there, and none of its tokens is for anybody else.
    if (login !== undefined) return {}
    const message = `audiences is required with preset: ${preset}: the id that it gave to the application, which is the aud of its tokens`
    this.#error('missing-key', path, message)
    return {}
  }

  #jwks(given: BrokerFile['issuers'][string]['jwks'], path: Path, use: KeyUse = 'sig'): Issuer['jwks'] {
    if (given === undefined) return { discovery: true }
    if ('uri' in given) return { uri: given.uri }
    const keys: VerificationKey[] = []
    for (const [index, jwk] of given.keys.entries()) {
      const key = toVerificationKey(jwk, use)
      if (key !== undefined) keys.push(key)
      else
        this.#error(
          'invalid-key-set',
          [...path, 'keys', index],
          'this key cannot verify anything: it must be a public RSA key of 2048 bits or more, EC P-256, P-384, P-521, or Ed25519, for signatures',
        )
    }
    return { keys: { keys } }
  }

  #target(name: string, file: BrokerFile): Target {
    const { audience, scopes, role, external_id, region, session_policy, lifetime } = file.targets[
      name
    ] as BrokerFile['targets'][string]
    const path = ['targets', name]
    if ((audience === undefined) === (role === undefined))
      this.#error(
        'target-kind',
        path,
        audience === undefined
          ? 'give it an audience, to issue tokens of ours, or a role, to issue AWS credentials'
          : 'it has an audience and a role: make two targets of it',
      )
    const foreign = role === undefined ? { external_id, region, session_policy } : { scopes }
    for (const [key, value] of Object.entries(foreign))
      if (value !== undefined)
        this.#error(
          'target-kind',
          [...path, key],
          `${key} is only for targets with ${role === undefined ? 'a role' : 'an audience'}`,
          true,
        )
    if (role === undefined) return { audience: audience ?? '', scopes: scopes ?? [], lifetime: lifetime ?? 900 }
    return {
      role,
      lifetime: lifetime ?? 3_600,
      ...(external_id === undefined ? {} : { external_id }),
      ...(region === undefined ? {} : { region }),
      ...(session_policy === undefined
        ? {}
        : { session_policy: this.#policy(session_policy, [...path, 'session_policy']) }),
    }
  }

  #rule(name: string, file: BrokerFile, issuers: Readonly<Record<string, Issuer>>): Rule {
    const given = file.rules[name] as BrokerFile['rules'][string]
    const path = ['rules', name]
    const names = this.#source.issuersNamed([given.issuer ?? []].flat())
    const kinds = kindsOf(names, issuers)
    const expires_at = given.expires === undefined ? undefined : Date.parse(given.expires) / 1000 + 86_400
    if (expires_at !== undefined && expires_at <= this.#options.now)
      this.#warn(
        'rule-expired',
        [...path, 'expires'],
        `the rule has granted nothing since ${given.expires}: remove it, or give it a later date`,
      )
    return {
      name,
      issuers: names,
      ...(given.client === undefined ? {} : { client: given.client }),
      ...(given.clients ? { clients: given.clients } : {}),
      ...(given.owner ? { owner: given.owner } : {}),
      ...(expires_at === undefined ? {} : { expires_at }),
      match: this.#conditions(given.match, kinds, [...path, 'match']),
      ...(given.when === undefined ? {} : { when: this.#expression(given.when, [...path, 'when']) }),
      mode: given.mode,
      grant: given.grant.map((grant, index) => {
        const at = [...path, 'grant', index]
        if (names.some((issuer) => named(issuers, issuer)?.replay === 'off')) this.#warnOfShortSession(grant, file, at)
        return this.#grant(grant, file, at)
      }),
    }
  }

  #client(id: string, given: GivenClient, issuers: Readonly<Record<string, Issuer>>): Client {
    const path = ['clients', id]
    const ways = Object.keys(given.auth ?? {})
    if (ways.length > 1)
      this.#error(
        'client-kind',
        [...path, 'auth'],
        'a client authenticates in exactly one way: client_secret, private_key_jwt or federated',
      )
    return {
      type: given.type ?? 'confidential',
      ...(given.auth === undefined || ways.length === 0 ? {} : { auth: this.#clientAuth(id, given.auth, issuers) }),
      grants: [...new Set(given.grants)].map((grant) => grantTypes[grant]),
      introspect: given.introspect ?? [],
      ...this.#clientLogin(given),
      ...(given.allowed_origins ? { allowed_origins: given.allowed_origins } : {}),
    }
  }

  #clientLogin(given: GivenClient): { login?: ClientLogin } {
    if (!given.grants.includes('authorization_code') && loginKeys.every((key) => given[key] === undefined)) return {}
    return {
      login: {
        ...(given.client_name === undefined ? {} : { client_name: given.client_name }),
        redirect_uris: given.redirect_uris ?? [],
        ...(given.post_logout_redirect_uris ? { post_logout_redirect_uris: given.post_logout_redirect_uris } : {}),
        ...(given.backchannel_logout_uri ? { backchannel_logout_uri: given.backchannel_logout_uri } : {}),
        ...(given.frontchannel_logout_uri ? { frontchannel_logout_uri: given.frontchannel_logout_uri } : {}),
        issuers: this.#source.issuersNamed(given.login ?? []),
        scopes: [...new Set(given.scopes ?? ['openid' as const])],
        consent: given.consent ?? 'first_time',
        require_pkce: given.require_pkce ?? true,
        id_token_signed_response_alg: given.id_token_signed_response_alg ?? 'RS256',
        ...(given.userinfo_signed_response_alg === undefined
          ? {}
          : { userinfo_signed_response_alg: given.userinfo_signed_response_alg }),
      },
    }
  }

  #clientAuth(id: string, given: GivenAuth, issuers: Readonly<Record<string, Issuer>>): ClientAuth {
    const path = ['clients', id, 'auth']
    if (given.client_secret) return { kind: 'client_secret', ...given.client_secret }
    if (given.private_key_jwt) {
      const { jwks, algorithms, token_endpoint_audience } = given.private_key_jwt
      return {
        kind: 'private_key_jwt',
        signer: clientSigner(id, algorithms, this.#jwks(jwks, [...path, 'private_key_jwt', 'jwks'])),
        ...(token_endpoint_audience ? { token_endpoint_audience } : {}),
      }
    }
    const { issuer = '', match = {}, when } = given.federated ?? {}
    const at = [...path, 'federated']
    const kinds = kindsOf([issuer], issuers)
    return {
      kind: 'federated',
      rule: {
        name: id,
        issuers: [issuer],
        match: this.#conditions(match, kinds, [...at, 'match']),
        ...(when === undefined ? {} : { when: this.#expression(when, [...at, 'when']) }),
        mode: 'enforce',
        grant: [],
      },
    }
  }

  #grant(given: GivenGrant, { targets }: BrokerFile, path: Path): RuleGrant {
    const toRole = named(targets, given.target)?.role !== undefined
    const ofSession = sessionKeys.some((key) => given[key] !== undefined)
    return {
      target: given.target,
      scopes: given.scopes ?? [],
      claims: this.#expressions(given.claims, [...path, 'claims']),
      expires_with_subject: given.expires_with_subject,
      ...(toRole || ofSession ? { session: this.#session(given, path) } : {}),
    }
  }

  /** Workloads of an issuer with `replay: off` come by `GET /credentials/{target}`, which SDKs ask when they see fit. */
  #warnOfShortSession({ target }: GivenGrant, { targets }: BrokerFile, path: Path): void {
    const settings = named(targets, target)
    if (settings?.role !== undefined && settings.lifetime !== undefined && settings.lifetime < 1_800)
      this.#warn(
        'short-session',
        [...path, 'target'],
        `sessions of ${target} are short, and some SDKs ask for another when 15 minutes are left, so at each call: give it lifetime: 1h`,
      )
  }

  #session(given: GivenGrant, path: Path): SessionSettings {
    return {
      tags: this.#expressions(given.session_tags ?? {}, [...path, 'session_tags']),
      transitive_tags: given.transitive_tags ?? [],
      ...(given.session_policy ? { policy: this.#policy(given.session_policy, [...path, 'session_policy']) } : {}),
      managed_policies: given.managed_policies ?? [],
    }
  }

  /** Its members in one order, so that what has one hash is one policy to `ambiguous_rules` too. */
  #policy(given: JsonObject, path: Path): JsonObject {
    this.#checkPolicy(given, path)
    return JSON.parse(canonicalJson(given)) as JsonObject
  }

  /** In a policy an account that has become another number would deny nobody. */
  #checkPolicy(value: unknown, path: Path): void {
    if (typeof value === 'string') return
    if (typeof value === 'object' && value !== null)
      return Object.entries(value).forEach(([name, member]) =>
        this.#checkPolicy(member, [...path, Array.isArray(value) ? Number(name) : name]),
      )
    const read = JSON.stringify(value)
    const written = this.#source.sourceOf(path) ?? read
    if (value === null || written !== read)
      this.#error('unquoted-value', path, `write "${written}": unquoted, YAML reads ${read}`)
  }

  #expressions(given: Readonly<Record<string, string>>, path: Path): Record<string, Expression> {
    return Object.fromEntries(
      Object.entries(given).map(([name, text]) => [name, this.#expression(text, [...path, name])]),
    )
  }

  #conditions(given: BrokerFile['rules'][string]['match'], kinds: readonly Preset[], path: Path): Condition[] {
    const conditions = Object.entries(given).map(([key, value]) => {
      const at = [...path, key]
      if (isNamed(value)) return this.#conditionOnId(key, [value].flat(), kinds, at)
      const claim = this.#claimOf(key, kinds, at)
      this.#checkTypes(value, claim, kinds, at)
      return { key, path: claim, operator: toOperator(value) }
    })
    return conditions.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** `repository: { name: acme/web, id: "987654" }`: the id decides, whatever has the name by now. */
  #conditionOnId(key: string, values: readonly NamedId[], kinds: readonly Preset[], path: Path): Condition {
    const [idKey, ...others] = new Set(kinds.map(({ ids }) => (Object.hasOwn(ids, key) ? ids[key] : undefined)))
    if (idKey === undefined || others.length > 0)
      this.#error(
        'invalid-value',
        path,
        `no claim that we know of has the id of ${key}: match the id by its own claim`,
        true,
      )
    if (values.some(({ id }) => id === undefined))
      this.#error('missing-key', path, 'add the id, which decides: `token-broker pin` finds it in a token')
    const claim = this.#claimOf(idKey ?? key, kinds, path)
    return { key: idKey ?? key, path: claim, operator: { equals: values.map(({ id }) => id ?? '') } }
  }

  /** A literal name, a JSON Pointer (RFC 6901), or an alias of every preset that the rule is about. */
  #claimOf(key: string, kinds: readonly Preset[], path: Path): ClaimPath {
    if (key.startsWith('/')) {
      if (/~(?![01])/.test(key))
        this.#error(
          'invalid-value',
          path,
          'in a JSON Pointer ~ is written ~0, and / inside a name ~1 (RFC 6901 section 3)',
          true,
        )
      return toPath(key)
    }
    const [first] = kinds
    return first !== undefined && Object.hasOwn(first.aliases, key) ? (first.aliases[key] as ClaimPath) : [key]
  }

  /** YAML makes numbers and booleans of what these issuers send as text, and of long digits other digits. */
  #checkTypes(value: unknown, claim: ClaimPath, kinds: readonly Preset[], path: Path): void {
    if (Array.isArray(value))
      return value.forEach((item, index) => this.#checkTypes(item, claim, kinds, [...path, index]))
    if (typeof value === 'object' && value !== null)
      return Object.entries(value).forEach(([name, item]) => this.#checkTypes(item, claim, kinds, [...path, name]))
    if (typeof value === 'string') return
    const written = this.#source.sourceOf(path) ?? String(value)
    const text = kinds.some(({ otherTypes }) => otherTypes?.includes(claim[0] ?? '') === false)
    if (text || written !== String(value))
      this.#error(
        'unquoted-value',
        path,
        `write "${written}": unquoted, YAML reads ${typeof value === 'number' ? `the number ${value}` : `the boolean ${String(value)}`}${text ? ', and this claim is text' : ''}`,
      )
  }

  #claimPath(text: string, path: Path): ClaimPath {
    const expression = this.#expression(text, path)
    if ('path' in expression) return expression.path
    this.#error('invalid-expression', path, 'the subject is a path to one claim, such as claims.sub')
    return ['sub']
  }

  #expression(text: string, path: Path): Expression {
    try {
      return parseExpression(text)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.#error('invalid-expression', path, error.message)
      return { path: [] }
    }
  }

  #error(rule: Problem['rule'], path: Path, message: string, atKey = false): void {
    this.problems.push({ severity: 'error', rule, path, message, atKey })
  }

  #warn(rule: Problem['rule'], path: Path, message: string): void {
    this.problems.push({ severity: 'warning', rule, path, message })
  }
}

function kindsOf(names: readonly string[], issuers: Readonly<Record<string, Issuer>>): Preset[] {
  return names.flatMap((name) => {
    const preset = named(issuers, name)?.preset
    return preset === undefined ? [] : [presets[preset]]
  })
}

type Matcher = BrokerFile['rules'][string]['match'][string]
type NamedId = { name: string; id?: string | undefined }

function isNamed(value: Matcher): value is NamedId | NamedId[] {
  const [first] = [value].flat()
  return typeof first === 'object' && 'name' in first
}

function toOperator(value: Exclude<Matcher, NamedId | NamedId[]>): Operator {
  if (typeof value !== 'object') return { equals: [value] }
  if (Array.isArray(value)) return { equals: value }
  if ('glob' in value) return { glob: value.glob }
  if ('contains' in value) return { contains: value.contains }
  return { not: [value.not].flat() }
}

/** By place, and each once: a mistake in a rule with `each` is one, however many rows it has. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const once = new Map(findings.map((finding) => [formatFinding(finding), finding]))
  return [...once.values()].toSorted(
    (a, b) => (a.file === b.file ? 0 : a.file < b.file ? -1 : 1) || a.line - b.line || a.column - b.column,
  )
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
