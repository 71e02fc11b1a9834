import { endSession } from '../grants/end-session.ts'
import type { Authentication, Session } from '../ports.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { Asked } from './asked.ts'
import type { Pending } from './begin.ts'
import type { Cookies, LoginContext } from './context.ts'
import type { LoginIssuer } from './home-realm.ts'
import { isRevoked, type Person } from './person.ts'

/** A token for /userinfo lives as long after the session has ended, and what it shows with it. Seconds. */
const ACCOUNT_OUTLIVES_SESSION = 3_600

/** A session of its own for every login (RFC 9700 has no fixation where the secret is new each time). */
export async function remember(
  issuer: LoginIssuer,
  { subject, identity }: { subject: VerifiedSubject; identity: JsonObject },
  { to }: Asked,
  { login }: Pending,
  cookies: Cookies,
  context: LoginContext,
): Promise<{ secret: string; person: Person }> {
  const { policy, ports, signal } = context
  const now = ports.now()
  const { idle, absolute } = policy.configuration.login.session
  const { sid: upstream_sid } = subject.claims
  if (await isRevoked({ authentication: subject, at: now }, to.client_id, context))
    throw new RefusedError({ reason: 'issuance_blocked', dimension: 'subject', value: subject.sub })
  const { sid, clients } = await takeOver(cookies, subject.sub, to.client_id, context)
  const secret = ports.random(32)
  const authentication: Authentication = {
    sid,
    issuer_name: issuer.name,
    subject: subject.subject,
    sub: subject.sub,
    claims: subject.claims,
    hash: subject.hash,
    ...(subject.jti === undefined ? {} : { jti: subject.jti }),
    identity,
    ...howOf(subject.claims, issuer, now),
    expires_at: now + absolute,
  }
  const session: Session = {
    key: hashOfSecret(secret),
    authentication,
    login_id: login.id,
    clients,
    at: now,
    seen_at: now,
    expires_at: now + Math.min(idle, absolute),
  }
  await Promise.all([
    ports.sessions.record(session, signal),
    ...(typeof upstream_sid === 'string' && upstream_sid !== ''
      ? [
          ports.upstreamSessions.record(
            {
              issuer_name: issuer.name,
              sid: upstream_sid,
              sub: subject.sub,
              at: now,
              expires_at: authentication.expires_at,
            },
            signal,
          ),
        ]
      : []),
    ports.accounts.record(
      { sub: subject.sub, identity, at: now, expires_at: authentication.expires_at + ACCOUNT_OUTLIVES_SESSION },
      signal,
    ),
  ])
  return { secret, person: { session, subject } }
}

/** How often more clients may come to a session while another takes its place. */
const MAX_TRIES = 4

/**
 * The session that this browser had is no more: here nobody but who logs in now is logged in. Clients know it by its sid: who only
 * logs in again stays in it, unless somebody has ended it. With the sid goes on who is told when it ends.
 */
async function takeOver(
  { session: cookie }: Cookies,
  sub: string,
  client_id: string,
  context: LoginContext,
): Promise<Pick<Authentication, 'sid'> & Pick<Session, 'clients'>> {
  const { ports, signal } = context
  const another = () => ({ sid: ports.random(16), clients: [] })
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const old = cookie === undefined ? undefined : await ports.sessions.find(hashOfSecret(cookie), ports.now(), signal)
    if (old === undefined) return another()
    if (old.authentication.sub !== sub || (await isRevoked(old, client_id, context))) {
      await endSession(old, 'somebody logged in anew', context)
      return another()
    }
    const outcome = await ports.sessions.end(old, signal)
    if (outcome === 'gone') return another()
    if (outcome === 'ended') return { sid: old.authentication.sid, clients: old.clients }
  }
  throw new UnavailableError('dynamodb', 'a session could not be taken over')
}

/** When and how strongly, as far as it says (OpenID Connect Core section 2): our acr values by what broker.yaml takes for them. */
function howOf(
  claims: JsonObject,
  { login, clock_tolerance }: LoginIssuer,
  now: number,
): Pick<Authentication, 'auth_time' | 'acr' | 'amr'> {
  const { auth_time, acr, amr } = claims
  const methods = Array.isArray(amr) ? amr.filter((each): each is string => typeof each === 'string').slice(0, 16) : []
  const said = [acr, ...methods]
  // One that is yet to come, or in milliseconds, says nothing.
  const dated = Number.isSafeInteger(auth_time) && (auth_time as number) <= now + clock_tolerance
  return {
    ...(dated ? { auth_time: auth_time as number } : {}),
    acr: Object.entries(login.acr).flatMap(([ours, theirs]) =>
      theirs.some((each) => said.includes(each)) ? [ours] : [],
    ),
    ...(methods.length === 0 ? {} : { amr: methods }),
  }
}
