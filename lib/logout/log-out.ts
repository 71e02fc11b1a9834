import { endSession } from '../grants/end-session.ts'
import { withAllRegistered } from '../grants/with-registered.ts'
import { isSame, logoutProof } from '../login/binding.ts'
import type { Cookies, LoginContext } from '../login/context.ts'
import type { Session } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import { parameter, requiredParameter, type Form } from '../protocol/form.ts'
import { withParameters } from '../protocol/redirect-uri.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import { named } from '../trust/configuration.ts'
import { nameOf } from '../login/person.ts'
import { parseAskedLogout, type AskedLogout } from './asked.ts'
import type { LogoutOutcome } from './outcome.ts'

/**
 * The end session endpoint (OpenID Connect RP-Initiated Logout 1.0 section 2). `text`: its parameters, form-encoded. Without an
 * ID token of this very session the person is asked. Throws RefusedError and UnavailableError.
 */
export async function logOut(text: string, cookies: Cookies, context: LoginContext): Promise<LogoutOutcome> {
  const asked = await parseAskedLogout(text, context)
  const found = await findSession(cookies, context)
  if (found === undefined) return loggedOut(asked, undefined, context)
  const { session, secret } = found
  if (asked.hint?.sid === session.authentication.sid) return end(session, asked, context)
  return {
    kind: 'log-out',
    request: text,
    proof: logoutProof(secret, text),
    client_name: asked.client_name,
    person: nameOf(session.authentication.identity),
    issuer: issuerNamed(session, context),
  }
}

/** The person's answer: `request`, `proof`, `decision`. Throws RefusedError and UnavailableError. */
export async function confirmLogout(form: Form, cookies: Cookies, context: LoginContext): Promise<LogoutOutcome> {
  const request = parameter(form, 'request') ?? ''
  const proof = requiredParameter(form, 'proof')
  const decision = requiredParameter(form, 'decision')
  if (decision !== 'log-out' && decision !== 'stay')
    throw new RefusedError({ reason: 'parameter_unsupported', parameter: 'decision', detail: 'not log-out or stay' })
  const asked = await parseAskedLogout(request, context)
  const found = await findSession(cookies, context)
  if (found === undefined) return loggedOut(asked, undefined, context)
  // RFC 9700 section 4.7: another site can send a form here, and has not seen this one.
  if (!isSame(proof, logoutProof(found.secret, request))) throw new RefusedError({ reason: 'logout_not_asked' })
  if (decision === 'log-out') return end(found.session, asked, context)
  return { kind: 'stay', client_name: asked.client_name, back: asked.back }
}

async function findSession(
  { session: secret }: Cookies,
  { ports, signal }: LoginContext,
): Promise<{ session: Session; secret: string } | undefined> {
  if (secret === undefined) return undefined
  const session = await ports.sessions.find(hashOfSecret(secret), ports.now(), signal)
  return session && { session, secret }
}

async function end(session: Session, asked: AskedLogout, context: LoginContext): Promise<LogoutOutcome> {
  const known = await withAllRegistered(session.clients, context)
  const { clients } = await endSession(session, 'the person logged out', known)
  return loggedOut(asked, { ...session, clients }, known)
}

function loggedOut(
  { client_name, back }: AskedLogout,
  session: Session | undefined,
  context: LoginContext,
): LogoutOutcome {
  return {
    kind: 'logged-out',
    client_name,
    back,
    frames: session === undefined ? [] : framesOf(session, context),
    issuer: session && issuerNamed(session, context),
  }
}

/** OpenID Connect Front-Channel Logout 1.0 section 3: both, so that none can be logged out of another's session. */
function framesOf({ clients, authentication: { sid } }: Session, { policy }: LoginContext): string[] {
  return clients.flatMap((client_id) => {
    const uri = named(policy.configuration.clients, client_id)?.login?.frontchannel_logout_uri
    return uri === undefined ? [] : [withParameters(uri, { iss: policy.ourIssuer, sid })]
  })
}

function issuerNamed({ authentication: { issuer_name } }: Session, { policy }: LoginContext): string {
  return named(policy.configuration.issuers, issuer_name)?.login?.display_name ?? issuer_name
}
