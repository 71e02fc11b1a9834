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

/** A session of its own for every login (RFC 9700 has no fixation where the secret is new each time), in the place of the browser's old one. */
export async function remember(
  issuer: LoginIssuer,
  { subject, identity }: { subject: VerifiedSubject; identity: JsonObject },
  { to }: Asked,
  { login }: Pending,
  { session: cookie }: Cookies,
  context: LoginContext,
): Promise<{ secret: string; person: Person }> {
  const { policy, ports, signal } = context
  const now = ports.now()
  const { idle, absolute } = policy.configuration.login.session
  const { sid: upstream_sid } = subject.claims
  if (await isRevoked({ authentication: subject, at: now }, to.client_id, context))
    throw new RefusedError({ reason: 'issuance_blocked', dimension: 'subject', value: subject.sub })
  const old = cookie === undefined ? undefined : await ports.sessions.find(hashOfSecret(cookie), now, signal)
  const goesOn =
    old !== undefined &&
    !old.ending &&
    old.authentication.sub === subject.sub &&
    !(await isRevoked(old, to.client_id, context))
  const secret = ports.random(32)
  const end = now + absolute
  const session: Session = {
    key: hashOfSecret(secret),
    authentication: {
      // Clients know the session by it: who only logs in again stays in it.
      sid: goesOn ? old.authentication.sid : ports.random(16),
      issuer_name: issuer.name,
      subject: subject.subject,
      sub: subject.sub,
      claims: subject.claims,
      hash: subject.hash,
      ...(subject.jti === undefined ? {} : { jti: subject.jti }),
      identity,
      ...howOf(subject.claims, issuer, now),
      expires_at: end,
    },
    login_id: login.id,
    // As the sid goes on, so does who is told when it ends.
    clients: goesOn ? old.clients : [],
    at: now,
    seen_at: now,
    expires_at: now + Math.min(idle, absolute),
  }
  const known = { issuer_name: issuer.name, sub: subject.sub, at: now, expires_at: end }
  await Promise.all([
    ports.sessions.record(session, signal),
    ...(typeof upstream_sid === 'string' && upstream_sid !== ''
      ? [ports.upstreamSessions.record({ ...known, sid: upstream_sid }, signal)]
      : []),
    ports.accounts.record({ sub: subject.sub, identity, at: now, expires_at: end + ACCOUNT_OUTLIVES_SESSION }, signal),
  ])
  // Only now, so that whatever fails leaves one that its browser knows.
  if (goesOn) return { secret, person: { session: await takeOver(old, session, context), subject } }
  if (old !== undefined) await endSession(old, 'somebody logged in anew', context)
  return { secret, person: { session, subject } }
}

/** How often more clients may come to a session while another takes its place. */
const MAX_TRIES = 4

/** The old one is no more, and all its clients are the new one's; but where somebody has ended it, clients hear so, and it goes on under another sid. */
async function takeOver(old: Session, session: Session, context: LoginContext): Promise<Session> {
  const { ports, signal } = context
  const now = ports.now()
  let known = old
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const outcome = await ports.sessions.replace(known, signal)
    if (outcome === 'replaced') return { ...session, clients: known.clients }
    const found = outcome === 'gone' ? undefined : await ports.sessions.find(old.key, now, signal)
    if (found === undefined) {
      const { authentication } = session
      const another = { ...session, authentication: { ...authentication, sid: ports.random(16) }, clients: [] }
      await ports.sessions.end(session.key, signal)
      await ports.sessions.record(another, signal)
      return another
    }
    for (const client_id of found.clients)
      if (!known.clients.includes(client_id)) await ports.sessions.enter(session.key, client_id, now, signal)
    known = found
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
