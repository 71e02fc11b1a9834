import { subjectTokenAlgorithms } from '../protocol/algorithms.ts'
import { parseClientMetadata, type ClientMetadata } from '../protocol/client-registration.ts'
import { RefusedError } from '../protocol/errors.ts'
import { isIdentityScope, type IdentityScope } from '../protocol/identity.ts'
import { toVerificationKey } from '../protocol/key-set.ts'
import { isRegisteredId, type RegisteredClient } from '../protocol/registered-client.ts'
import type { Refusal } from '../protocol/refusals.ts'
import { AUTHORIZATION_CODE_GRANT, REFRESH_TOKEN_GRANT } from '../protocol/urns.ts'
import { clientSigner } from './client-signer.ts'
import type { Client, ClientAuth, ClientLogin, Registration } from './configuration.ts'
import { unsafeBackChannel, unsafeFrontChannel, unsafeUrl } from './guardrails/logout-uris.ts'
import { unsafeRedirect } from './guardrails/redirect-uri.ts'
import { isHttps, isLoopback, isPrivateHost } from './guardrails/url.ts'
import type { Policy } from './policy.ts'
import { isOneOf } from './redirect-host.ts'

type Rules = Pick<Policy, 'configuration' | 'ourIssuer'>

/**
 * What a kept client is by what broker.yaml says today; undefined where it says that there is none, or it has expired. `now` in
 * seconds since 1970.
 */
export function toClient(kept: RegisteredClient, policy: Rules, now: number): Client | undefined {
  const { registration } = policy.configuration
  if (registration === undefined || endOf(kept, registration) <= now) return undefined
  if (!registration.initial_access_tokens.sha256.includes(kept.registered_by)) return undefined
  try {
    const metadata = parseClientMetadata(kept.metadata)
    // It was written with the scopes that it was answered.
    if (metadata.scope === undefined) return undefined
    const decided = decideRegistration(metadata, kept, policy)
    return 'client' in decided ? decided.client : undefined
  } catch (error) {
    // Laxer rules than today's took it once.
    if (error instanceof RefusedError) return undefined
    throw error
  }
}

/** With a client of this name that has asked for all that it may have: for what is asked without the store. */
export function withAnyRegistered(client_id: string, policy: Policy): Policy {
  const { registration } = policy.configuration
  if (registration === undefined || !isRegisteredId(client_id)) return policy
  const { grants, issuers, scopes, require_pkce } = registration
  const login: ClientLogin = {
    redirect_uris: [],
    issuers,
    scopes,
    consent: 'first_time',
    require_pkce,
    id_token_signed_response_alg: 'RS256',
  }
  return withClient(client_id, { type: 'public', grants, introspect: [], login }, policy)
}

export function withClient<Known extends Pick<Policy, 'configuration'>>(
  client_id: string,
  client: Client,
  policy: Known,
): Known {
  const { configuration } = policy
  return { ...policy, configuration: { ...configuration, clients: { ...configuration.clients, [client_id]: client } } }
}

/** The first second at which a client is no more: a lifetime that was shortened since holds for it too. */
export function endOf(
  { at, expires_at }: Pick<RegisteredClient, 'at' | 'expires_at'>,
  { lifetime }: Registration,
): number {
  return Math.min(expires_at, at + lifetime)
}

/** Whether such a client needs a secret of ours. */
export function hasSecret({
  token_endpoint_auth_method: method,
}: Pick<ClientMetadata, 'token_endpoint_auth_method'>): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post'
}

/**
 * The only place that says what a client which registers itself may be. Says too what is wrong, and never quotes it. It may
 * never have a target: only `login`, at the issuers and with the identity scopes of `registration`.
 */
export function decideRegistration(
  metadata: ClientMetadata,
  kept: Pick<RegisteredClient, 'client_id' | 'client_secret' | 'changed_at'>,
  { configuration, ourIssuer }: Rules,
): { client: Client; metadata: ClientMetadata & { scope: string } } | { refused: Refusal } {
  const { registration, local, signing } = configuration
  if (registration === undefined) return { refused: { reason: 'not_found' } }
  const scope = metadata.scope ?? scopesFor(metadata, registration).join(' ')
  const problem =
    redirectProblem(metadata, registration, local, ourIssuer) ??
    grantProblem(metadata, registration) ??
    authProblem(metadata, registration, local) ??
    scopeProblem(scope.split(' '), metadata, registration) ??
    algorithmProblem(metadata, signing.algorithms) ??
    addressProblem(metadata, registration, local, ourIssuer)
  if (problem !== undefined) return { refused: problem }
  const auth = authOf(metadata, kept, registration)
  if (auth === undefined && metadata.token_endpoint_auth_method !== 'none')
    return { refused: refused('token_endpoint_auth_method', 'the client has nothing to authenticate by') }
  const login: ClientLogin = {
    ...named(metadata, 'client_name', 'post_logout_redirect_uris', 'backchannel_logout_uri', 'frontchannel_logout_uri'),
    redirect_uris: metadata.redirect_uris,
    issuers: registration.issuers,
    scopes: scope.split(' ') as IdentityScope[],
    // Nobody here has looked at it.
    consent: 'first_time',
    require_pkce: registration.require_pkce || auth === undefined,
    ...named(metadata, 'id_token_signed_response_alg', 'userinfo_signed_response_alg'),
    registered: {
      ...named(metadata, 'policy_uri', 'tos_uri'),
      ...(kept.changed_at === undefined ? {} : { changed_at: kept.changed_at }),
    },
  }
  const client: Client = {
    type: auth === undefined ? 'public' : 'confidential',
    ...(auth === undefined ? {} : { auth }),
    grants: metadata.grant_types,
    introspect: [],
    login,
  }
  return { client, metadata: { ...metadata, scope } }
}

type Problem = Refusal | undefined

function refused(member: string, detail: string): Refusal {
  return { reason: 'client_metadata_refused', member, detail }
}

function redirectProblem(
  { redirect_uris, application_type }: ClientMetadata,
  registration: Registration,
  local: boolean,
  ourIssuer: string,
): Problem {
  for (const uri of redirect_uris) {
    const detail = unsafeReturn(uri, application_type, registration, local, ourIssuer)
    if (detail !== undefined) return { reason: 'redirect_uri_refused', member: 'redirect_uris', detail }
  }
  return undefined
}

/** Why nobody may be sent back there. */
function unsafeReturn(
  uri: string,
  application_type: ClientMetadata['application_type'],
  registration: Registration,
  local: boolean,
  ourIssuer: string,
): string | undefined {
  if (!/^https?:\/\//.test(uri)) return 'write an https URI; http is for http://127.0.0.1 and http://[::1]'
  const unsafe = unsafeRedirect(uri, { isPublic: true, local })
  // What it would have to be is what came, in other letters.
  if (unsafe !== undefined) return unsafe.replace(/^(write it as browsers do): .*$/s, '$1')
  const { protocol } = new URL(uri)
  // OpenID Connect Dynamic Client Registration 1.0 section 2, application_type.
  if (protocol === 'http:' && application_type === 'web' && !local)
    return 'a web application has https URIs: for a program on a device, say application_type native'
  return unsafeHostOf(uri, registration, ourIssuer)
}

function unsafeHostOf(uri: string, { redirect_hosts }: Registration, ourIssuer: string): string | undefined {
  const url = new URL(uri)
  if (!isOneOf(url, redirect_hosts))
    return 'its host, or its port, is none of those to which people may be sent from here'
  return url.origin === ourIssuer ? 'it is ours' : undefined
}

function grantProblem({ grant_types }: ClientMetadata, { grants }: Registration): Problem {
  if (!grant_types.every((grant) => grants.includes(grant)))
    return refused('grant_types', `only ${grants.join(', ')} may be used`)
  return grant_types.includes(AUTHORIZATION_CODE_GRANT)
    ? undefined
    : refused('grant_types', 'authorization_code must be among them')
}

function authProblem(metadata: ClientMetadata, { auth }: Registration, local: boolean): Problem {
  const { token_endpoint_auth_method: method, jwks, jwks_uri, token_endpoint_auth_signing_alg: alg } = metadata
  if (!auth.includes(method))
    return refused(
      'token_endpoint_auth_method',
      `it must be ${auth.join(', ')}; left out, it is client_secret_basic (RFC 7591 section 2)`,
    )
  if (jwks_uri !== undefined && !(local && isLoopback(jwks_uri))) {
    if (!isHttps(jwks_uri)) return refused('jwks_uri', 'write an https URL without a query and a fragment')
    if (isPrivateHost(jwks_uri)) return refused('jwks_uri', 'keys are fetched from names on the public internet alone')
  }
  if (method !== 'private_key_jwt') return undefined
  if (jwks === undefined && jwks_uri === undefined)
    return refused('jwks', 'private_key_jwt needs the public key: give jwks, or jwks_uri')
  const verifies = jwks?.keys.some((key) => alg === undefined || toVerificationKey(key)?.algorithms.includes(alg))
  return verifies === false
    ? refused('token_endpoint_auth_signing_alg', 'no key of jwks is for this algorithm')
    : undefined
}

function authOf(
  metadata: ClientMetadata,
  { client_id, client_secret }: Pick<RegisteredClient, 'client_id' | 'client_secret'>,
  { token_endpoint_audience }: Registration,
): ClientAuth | undefined {
  const { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: alg, jwks, jwks_uri } = metadata
  if (method === 'none') return undefined
  if (method === 'private_key_jwt') {
    const keys = jwks?.keys.flatMap((key) => toVerificationKey(key) ?? []) ?? []
    const algorithms = alg === undefined ? subjectTokenAlgorithms : [alg]
    const source = jwks_uri === undefined ? { keys: { keys } } : { uri: jwks_uri }
    return {
      kind: 'private_key_jwt',
      signer: clientSigner(client_id, algorithms, source),
      ...(token_endpoint_audience ? { token_endpoint_audience } : {}),
    }
  }
  if (client_secret === undefined) return undefined
  return {
    kind: 'client_secret',
    sha256: [client_secret],
    methods: [method === 'client_secret_basic' ? 'basic' : 'post'],
  }
}

function scopesFor({ grant_types }: ClientMetadata, { scopes }: Registration): IdentityScope[] {
  return scopes.filter((scope) => scope !== 'offline_access' || grant_types.includes(REFRESH_TOKEN_GRANT))
}

function scopeProblem(given: readonly string[], metadata: ClientMetadata, registration: Registration): Problem {
  const may = scopesFor(metadata, registration)
  if (!given.every((scope) => isIdentityScope(scope) && may.includes(scope)))
    return refused(
      'scope',
      `it may be of ${may.join(' ')}${may.length < registration.scopes.length ? '; offline_access needs the grant type refresh_token' : ''}`,
    )
  return given.includes('openid') ? undefined : refused('scope', 'openid must be in it')
}

function algorithmProblem(metadata: ClientMetadata, algorithms: readonly string[]): Problem {
  const member = (['id_token_signed_response_alg', 'userinfo_signed_response_alg'] as const).find(
    (name) => !algorithms.includes(metadata[name] ?? 'RS256'),
  )
  return member && refused(member, `it must be ${algorithms.join(', ')}`)
}

/** Where people are sent, or links lead, or we send something. */
function addressProblem(
  metadata: ClientMetadata,
  registration: Registration,
  local: boolean,
  ourIssuer: string,
): Problem {
  const { redirect_uris, post_logout_redirect_uris = [], application_type } = metadata
  for (const uri of post_logout_redirect_uris) {
    const detail = unsafeReturn(uri, application_type, registration, local, ourIssuer)
    if (detail !== undefined) return refused('post_logout_redirect_uris', detail)
  }
  const checks = [
    [
      'backchannel_logout_uri',
      (uri: string) => unsafeBackChannel(uri, local) ?? unsafeHostOf(uri, registration, ourIssuer),
    ],
    ['frontchannel_logout_uri', (uri: string) => unsafeFrontChannel(uri, redirect_uris, local)],
    ...(['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri'] as const).map(
      (member) => [member, (uri: string) => unsafeUrl(uri, local)] as const,
    ),
  ] as const
  for (const [member, unsafe] of checks) {
    const uri = metadata[member]
    const detail = uri === undefined ? undefined : unsafe(uri)
    if (detail !== undefined) return refused(member, detail.replace(/^(write it as browsers do): .*$/s, '$1'))
  }
  return undefined
}

/** Those of its members that are there. */
function named<Member extends keyof ClientMetadata>(
  metadata: ClientMetadata,
  ...members: readonly Member[]
): Pick<ClientMetadata, Member> {
  return Object.fromEntries(
    members.flatMap((member) => (metadata[member] === undefined ? [] : [[member, metadata[member]]])),
  ) as Pick<ClientMetadata, Member>
}
