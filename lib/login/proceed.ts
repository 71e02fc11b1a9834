import { consentNames } from '../grants/consent-names.ts'
import { decideRequest } from '../grants/decide-request.ts'
import type { AuthorizationCode } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import { claimsOfScope, type IdentityScope } from '../protocol/identity.ts'
import type { Policy } from '../trust/policy.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { decideLogin } from '../trust/decide-login.ts'
import type { GrantedToken } from '../trust/decide.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import type { Asked } from './asked.ts'
import { begin, record, type Pending } from './begin.ts'
import { consentProof } from './binding.ts'
import { CODE_LIFETIME, type Cookies, type LoginContext } from './context.ts'
import { whyUnfit } from './fitness.ts'
import type { ConsentQuestion, LoginOutcome } from './outcome.ts'
import { nameOf, type Person } from './person.ts'

/** How far it has come. */
interface Stage {
  cookies: Pick<Cookies, 'browser'>
  person: Person | undefined
  pending?: Pending
  /** The person has just said yes to it. */
  consented?: boolean
}

/** What is granted of what was asked: who it is, and a token for a target. */
interface Admitted {
  scopes: readonly IdentityScope[]
  target: GrantedToken | undefined
}

/** The consents are kept for a year: then the person is asked again. Seconds. */
const CONSENT_LIFETIME = 365 * 24 * 3_600

/** The next step of a login: to the issuer, a question to the person, or a code for the client. Throws RefusedError and UnavailableError. */
export async function proceed(asked: Asked, stage: Stage, context: LoginContext): Promise<LoginOutcome> {
  const { policy, ports } = context
  const { person, pending } = stage
  const silent = asked.request.prompt.has('none')
  const fresh = pending !== undefined && person?.session.login_id === pending.login.id
  const since = fresh ? pending.login.at : ports.now()
  const unfit = person
    ? whyUnfit(asked, person.session.authentication, { fresh, since }, policy)
    : ({ reason: 'login_needed' } as const)
  if (person === undefined || unfit !== undefined) {
    if (fresh && unfit !== undefined) throw new RefusedError(unfit)
    if (silent) throw new RefusedError({ reason: 'login_needed' })
    return begin(asked, pending ?? (await record(asked, stage.cookies, context)), context)
  }
  const admitted = admitToTarget(asked, person.subject, context)
  const needed = await consentNeeded(asked, person, admitted, stage, context)
  if (!needed) return issueCode(asked, person, admitted, pending, context)
  if (silent) throw new RefusedError({ reason: 'consent_needed' })
  return question(asked, person, admitted, pending ?? (await record(asked, stage.cookies, context)), context)
}

/** Whether this person may log in to this client: with which identity scopes. Throws RefusedError. */
export function admit({ request, to }: Asked, subject: VerifiedSubject, { policy }: LoginContext): IdentityScope[] {
  const decision = decideLogin({ subject, client_id: to.client_id, scopes: request.scopes }, policy)
  if ('refused' in decision) throw new RefusedError(decision.refused)
  return decision.granted.scopes as IdentityScope[]
}

/** The same, and what rules grant them there. Throws RefusedError. */
function admitToTarget(asked: Asked, subject: VerifiedSubject, context: LoginContext): Admitted {
  const { request, to } = asked
  const scopes = admit(asked, subject, context)
  if (request.target === undefined) {
    if (!scopes.includes('openid'))
      throw new RefusedError({ reason: 'identity_scope_missing', client_id: to.client_id })
    return { scopes, target: undefined }
  }
  const wanted = { audience: [], ...request.target, wanted: 'token' as const }
  const { granted } = decideRequest(wanted, subject, { client_id: to.client_id, authenticated: false }, context)
  if (!('audience' in granted)) throw new Error('a token was wanted, and a session was granted')
  return { scopes, target: granted }
}

async function consentNeeded(
  asked: Asked,
  { subject: { sub } }: Person,
  admitted: Admitted,
  { consented }: Stage,
  { policy, ports, signal }: LoginContext,
): Promise<boolean> {
  const { client, request, to } = asked
  const now = ports.now()
  if (consented) {
    const scopes = consentedScopes(asked, admitted)
    const before = await ports.consents.find({ client_id: to.client_id, sub }, now, signal)
    const all = [...new Set([...(before?.scopes ?? []), ...scopes])].toSorted()
    const consent = { client_id: to.client_id, sub, scopes: all, at: now, expires_at: now + CONSENT_LIFETIME }
    await ports.consents.record(consent, signal)
    return false
  }
  if (request.prompt.has('consent') || client.consent === 'always') return true
  if (client.consent === 'never') return false
  // RFC 8252 section 8.6: who waits there may be another program than the one that was consented to.
  if (isAnybodys(asked, policy)) return true
  const given = await ports.consents.find({ client_id: to.client_id, sub }, now, signal)
  // It may by now be another application, at another host.
  if (given !== undefined && given.at <= (client.registered?.changed_at ?? -1)) return true
  return given === undefined || !consentedScopes(asked, admitted).every((scope) => given.scopes.includes(scope))
}

/** A client that proves nothing, at an address that any program of the device can have. In a local run all have such. */
function isAnybodys({ to }: Asked, { configuration }: Policy): boolean {
  const { local, clients } = configuration
  return !local && !to.redirect_uri.startsWith('https:') && clients[to.client_id]?.type === 'public'
}

/** All that the person is asked for. */
function consentedScopes(asked: Asked, { scopes, target }: Admitted): string[] {
  const { id_token, userinfo } = claimsAllowed(asked)
  const named = Object.entries(claimsOfScope).filter(([, claims]) =>
    (claims as readonly string[]).some((claim) => id_token.includes(claim) || userinfo.includes(claim)),
  )
  return [...new Set([...consentNames(scopes, target), ...named.map(([scope]) => scope)])]
}

/** A claim that is asked for by name is had only by a client that may have its scope. */
function claimsAllowed({ request: { claims }, client }: Asked): AuthorizationCode['claims'] {
  const may = new Set(client.scopes.flatMap((scope): readonly string[] => claimsOfScope[scope]))
  return {
    id_token: claims.id_token.filter((claim) => may.has(claim)),
    userinfo: claims.userinfo.filter((claim) => may.has(claim)),
  }
}

function question(
  asked: Asked,
  { session, subject }: Person,
  admitted: Admitted,
  { login, secret, cookies }: Pending,
  context: LoginContext,
): LoginOutcome {
  const { target } = admitted
  return {
    kind: 'consent',
    login_id: login.id,
    proof: consentProof(secret, login.id, session.key),
    client_name: asked.to.client_name,
    issuer: context.policy.configuration.issuers[subject.issuer.name]?.login?.display_name ?? subject.issuer.name,
    person: nameOf(session.authentication.identity),
    scopes: consentedScopes(asked, { ...admitted, target: undefined }) as IdentityScope[],
    target: target && { name: target.target, scopes: target.scopes },
    ...registeredOf(asked),
    ...(cookies === undefined ? {} : { cookies }),
  }
}

/** Of a client that registered itself: what of it somebody other than itself has looked at. */
function registeredOf({ client, to }: Asked): Pick<ConsentQuestion, 'registered'> {
  if (client.registered === undefined) return {}
  const { policy_uri, tos_uri } = client.registered
  return { registered: { host: new URL(to.redirect_uri).host, policy_uri, tos_uri } }
}

async function issueCode(
  asked: Asked,
  { session, subject }: Person,
  { scopes, target }: Admitted,
  pending: Pending | undefined,
  { policy, ports, decision_id, signal }: LoginContext,
): Promise<LoginOutcome> {
  const { to, request } = asked
  const { authentication } = session
  const at = ports.now()
  if (!(await enter(session, asked, at, { ports, signal }))) throw new RefusedError({ reason: 'login_needed' })
  // One login, one code: of two answers to one question the second has come too late.
  if (pending !== undefined && !(await ports.logins.consume(pending.login.id, at, signal)))
    throw new RefusedError({ reason: 'login_unknown' })
  const code = ports.random(32)
  await ports.codes.record(
    {
      key: hashOfSecret(code),
      client_id: to.client_id,
      redirect_uri: to.redirect_uri,
      ...(request.code_challenge === undefined ? {} : { code_challenge: request.code_challenge }),
      ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
      scopes,
      ...(request.target === undefined ? {} : { target: request.target }),
      claims: claimsAllowed(asked),
      acr_values: request.acr_values,
      authentication,
      at,
      expires_at: at + CODE_LIFETIME,
    },
    signal,
  )
  ports.log.info('logged in', {
    decision_id,
    issuer: subject.issuer.name,
    subject: subject.sub,
    client_id: to.client_id,
    scopes,
    ...(target === undefined ? {} : { target: target.target }),
  })
  // RFC 9207 section 2
  return { kind: 'answer', to, parameters: { code, ...stateOf(to), iss: policy.ourIssuer } }
}

/** Who is to be told when the session ends is on record before there is a code. False where it has just ended. */
async function enter(
  { key, clients }: Person['session'],
  { to: { client_id }, client }: Asked,
  now: number,
  { ports, signal }: Pick<LoginContext, 'ports' | 'signal'>,
): Promise<boolean> {
  const told = client.backchannel_logout_uri !== undefined || client.frontchannel_logout_uri !== undefined
  return !told || clients.includes(client_id) || ports.sessions.enter(key, client_id, now, signal)
}

/** RFC 6749 section 4.1.2: what came is sent back, and only then. */
export function stateOf({ state }: { state: string | undefined }): { state?: string } {
  return state === undefined ? {} : { state }
}
