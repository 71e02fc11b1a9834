import type { ClaimPath } from '../tokens/claim-path.ts'
import type { TrustedIssuer } from '../tokens/trusted-issuer.ts'
import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import type { IdentityScope } from '../protocol/identity.ts'
import type { RegistrationMethod } from '../protocol/registered-client.ts'
import { REFRESH_TOKEN_GRANT } from '../protocol/urns.ts'
import { loginMetadata, type LoginMetadata } from '../protocol/login-metadata.ts'
import type { JsonObject } from '../protocol/strict-json.ts'

/**
 * broker.yaml, checked and compiled: plain JSON, so that it can be bundled. All durations are seconds.
 * A running function reads no configuration from anywhere else.
 */
export interface Configuration {
  version: 1
  /** Our `iss`, or `auto`: the deployment's own URL, known only at run time. */
  issuer: string
  /** True only when compiled for a run on loopback: permits http issuers there. A deployment never sets it. */
  local: boolean
  /** base64url SHA-256 of the rest: which policy decided, in every receipt. */
  hash: string
  signing: {
    /** The first signs access tokens. */
    algorithms: readonly SigningAlgorithm[]
    keys: Readonly<Partial<Record<SigningAlgorithm, { active: string; published: readonly string[] }>>>
  }
  issuers: Readonly<Record<string, Issuer>>
  targets: Readonly<Record<string, Target>>
  rules: readonly Rule[]
  clients: Readonly<Record<string, Client>>
  receipts: { retention: number }
  login: LoginSettings
  /** Absent: no client may register itself. */
  registration?: Registration
}

/** Whom we let register clients, and which. Such clients learn who somebody is, and get nothing by rules. */
export interface Registration {
  /** base64url SHA-256 of each initial access token that is accepted. */
  initial_access_tokens: { sha256: readonly string[] }
  /** Where people may be sent back to: host names, of which the first label may be `*`; loopback addresses. */
  redirect_hosts: readonly string[]
  grants: readonly string[]
  auth: readonly RegistrationMethod[]
  /** Names of the issuers at which their people log in, in order of display. */
  issuers: readonly string[]
  scopes: readonly IdentityScope[]
  /** False: those that authenticate may do without. */
  require_pkce: boolean
  /** True: their assertions may be for our token endpoint too. */
  token_endpoint_audience?: boolean
  /** How long a client lives. */
  lifetime: number
  /** How many clients of one initial access token may be alive. */
  limit: number
}

/** How people stay logged in, and what our pages look like. */
export interface LoginSettings {
  session: { idle: number; absolute: number }
  refresh_tokens: {
    idle: number
    absolute: number
    /** How long after it was used a token brings the same successor again: an answer may be lost. */
    reuse_window: number
  }
  branding: {
    /** Absent: the host of our issuer. */
    name?: string
    /** A data: URI. */
    logo?: string
    /** `#rrggbb`. */
    accent?: string
  }
}

/** All that discovery and /jwks depend on: what else changes does not deploy them again. */
export interface MetadataConfiguration extends Pick<Configuration, 'issuer' | 'signing'> {
  /** Where people log in to a client. */
  authorization?: LoginMetadata
}

export function toMetadataConfiguration({
  issuer,
  signing,
  ...configuration
}: Omit<Configuration, 'hash'>): MetadataConfiguration {
  if (!hasLogins(configuration)) return { issuer, signing }
  const { clients, registration } = configuration
  const acr_values = upstreamLogins(configuration).flatMap(({ acr }) => Object.keys(acr))
  const refreshes = [...Object.values(clients), ...(registration ? [registration] : [])].some(isRefreshable)
  return {
    issuer,
    signing,
    authorization: loginMetadata([...new Set(acr_values)].toSorted(), signing.algorithms, {
      refreshes,
      registers: registration !== undefined,
    }),
  }
}

/** Whether its people may stay connected while they are away (OpenID Connect Core section 11). */
export function isRefreshable({ grants }: Pick<Client, 'grants'>): boolean {
  return grants.includes(REFRESH_TOKEN_GRANT)
}

/** Whether people log in to some client, or to one that may come: without one there is nothing here for them. */
export function hasLogins({ clients, registration }: Pick<Configuration, 'clients' | 'registration'>): boolean {
  return registration !== undefined || Object.values(clients).some(({ login }) => login !== undefined)
}

/** Where the people of any client log in. */
export function upstreamLogins({
  issuers,
  clients,
  registration,
}: Pick<Configuration, 'issuers' | 'clients' | 'registration'>): UpstreamLogin[] {
  const ofClients = Object.values(clients).flatMap(({ login }) => login?.issuers ?? [])
  const names = new Set([...ofClients, ...(registration?.issuers ?? [])])
  return [...names].flatMap((name) => named(issuers, name)?.login ?? [])
}

export const presetNames = [
  'github-actions',
  'gitlab',
  'kubernetes',
  'circleci',
  'buildkite',
  'bitbucket-pipelines',
  'hcp-terraform',
  'azure-devops',
  'vercel',
  'fly',
  'aws',
  'google-service-account',
  'google-workspace',
  'entra-id',
  'okta',
  'auth0',
  'keycloak',
  'cognito',
  'spiffe',
] as const

export type PresetName = (typeof presetNames)[number]

export interface Issuer extends TrustedIssuer {
  preset?: PresetName
  /** Another issuer has the same `iss`, and says so too: the `kid` tells their tokens apart. */
  shares_issuer?: true
  /** The tenant pin: every token must meet these before any rule is read. */
  require: readonly Condition[]
  /** People may log in there. */
  login?: UpstreamLogin
}

/** Where we are a client of an issuer's own (OpenID Connect Core section 3.1). */
export interface UpstreamLogin {
  /** What it calls us, which must then be the `aud` of its ID tokens. */
  client_id: string
  /** By a key of ours, or by a secret: the ARN of one in Secrets Manager, or `env:NAME` in local runs. */
  auth: 'private_key_jwt' | { client_secret: string }
  scopes: readonly string[]
  display_name: string
  /** In lower case: whose people log in there. */
  domains: readonly string[]
  /** Claims of OpenID Connect Core section 5.1 that we pass on, each with where it comes from. */
  claims: Readonly<Record<string, Expression>>
  /** Our acr values, each with those of the issuer that satisfy it. */
  acr: Readonly<Record<string, readonly string[]>>
}

export type Target = AudienceTarget | RoleTarget

/** A JWT access token of ours. */
export interface AudienceTarget {
  audience: string
  scopes: readonly string[]
  lifetime: number
}

/** Credentials of an AWS role. */
export interface RoleTarget {
  /** Its ARN. */
  role: string
  lifetime: number
  /** What the role's trust policy asks for. */
  external_id?: string
  /** Whose STS is asked. Absent: that of the broker's own region. */
  region?: string
  /** Narrows every session; rules then add no policy of their own, which could only widen it. */
  session_policy?: JsonObject
}

/** What a map of broker.yaml has under a name that anybody may have chosen: own members only. */
export function named<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined
}

/** What `resource` says for this target (RFC 8707 section 2): an ARN is a URI too. */
export function uriOf(target: Target): string {
  return 'role' in target ? target.role : target.audience
}

/** One line of `match`. `key` is what the operator wrote, for explanations. */
export interface Condition {
  key: string
  path: ClaimPath
  operator: Operator
}

export type Scalar = string | number | boolean

export type Operator =
  { equals: readonly Scalar[] } | { glob: string } | { contains: Scalar } | { not: readonly Scalar[] }

/** A bare path needs no engine; everything else is CEL source over `claims`. */
export type Expression = { path: ClaimPath } | { cel: string }

export interface Rule {
  name: string
  /** None where the rule is about a client. */
  issuers: readonly string[]
  /** What it authenticates itself for: client_credentials. Such a rule has no conditions. */
  client?: string
  /** Absent: any client, and none. */
  clients?: readonly string[]
  owner?: string
  /** The first second at which the rule no longer grants. */
  expires_at?: number
  match: readonly Condition[]
  when?: Expression
  mode: 'enforce' | 'shadow'
  grant: readonly RuleGrant[]
}

export interface RuleGrant {
  target: string
  scopes: readonly string[]
  claims: Readonly<Record<string, Expression>>
  expires_with_subject: boolean
  /** Of the role's session: absent where the target is an audience. */
  session?: SessionSettings
}

/** How a rule narrows and names a role's session. AWS grants what the role may do and, where there are policies, any of them too. */
export interface SessionSettings {
  /** Tag keys, each with where its value comes from. */
  tags: Readonly<Record<string, Expression>>
  /** Tag keys that stay on through further AssumeRole calls. */
  transitive_tags: readonly string[]
  policy?: JsonObject
  /** ARNs. */
  managed_policies: readonly string[]
}

export interface Client {
  /** `public`: known by name alone. */
  type: 'public' | 'confidential'
  /** Of a confidential client. */
  auth?: ClientAuth
  grants: readonly string[]
  /** Names of the targets whose tokens it may look up. */
  introspect: readonly string[]
  /** With the grant authorization_code: how people log in to it. */
  login?: ClientLogin
  /** Origins whose scripts may call /token, /userinfo and /revoke (CORS). */
  allowed_origins?: readonly string[]
}

/** Of all clients: which of them an answer is for is not known before it is made. */
export function allowedOrigins({ clients }: Pick<Configuration, 'clients'>): ReadonlySet<string> {
  return new Set(Object.values(clients).flatMap(({ allowed_origins = [] }) => allowed_origins))
}

export interface ClientLogin {
  /** For people. Absent: the client_id. */
  client_name?: string
  /** Compared exactly; the port of a loopback address is free (RFC 8252 section 7.3). */
  redirect_uris: readonly string[]
  /** Where people may come back to once they have logged out: compared exactly. */
  post_logout_redirect_uris?: readonly string[]
  /** Where it is told that somebody has logged out: by us (OpenID Connect Back-Channel Logout 1.0). */
  backchannel_logout_uri?: string
  /** And by the browser (OpenID Connect Front-Channel Logout 1.0). */
  frontchannel_logout_uri?: string
  /** Names of the issuers at which its people log in, in order of display. */
  issuers: readonly string[]
  /** Identity scopes that it may have. */
  scopes: readonly IdentityScope[]
  consent: 'never' | 'first_time' | 'always'
  /** False only where a confidential client cannot. */
  require_pkce: boolean
  id_token_signed_response_alg: SigningAlgorithm
  /** Absent: JSON. */
  userinfo_signed_response_alg?: SigningAlgorithm
  /** Of a client that registered itself: what else people are shown, and when it last changed what it says of itself. */
  registered?: { policy_uri?: string; tos_uri?: string; changed_at?: number }
}

/** The one way a client authenticates. */
export type ClientAuth = SecretAuth | KeyAuth | FederatedAuth

export interface SecretAuth {
  kind: 'client_secret'
  /** base64url SHA-256 of each secret that is accepted: two while one is replaced. */
  sha256: readonly string[]
  methods: readonly ('basic' | 'post')[]
}

/** private_key_jwt: the client signs with a key of its own. */
export interface KeyAuth {
  kind: 'private_key_jwt'
  /** Its own keys: `name` is `client:<client_id>`, `iss` the client_id, as RFC 7523 section 3 has it. */
  signer: TrustedIssuer
  /** Its assertions may be for our token endpoint too (OpenID Connect Core section 9), by which another server could have asked for them. */
  token_endpoint_audience?: boolean
}

/** A trusted issuer's token is the client's proof, if the rule admits it. */
export interface FederatedAuth {
  kind: 'federated'
  /** Named for the client; it grants nothing, and its conditions pass the guardrails of every other. */
  rule: Rule
}
