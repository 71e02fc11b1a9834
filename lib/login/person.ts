import type { Authentication, Session } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import { subjectKeys } from '../grants/revocation-keys.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { recalledSubject } from '../tokens/recalled-subject.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { named } from '../trust/configuration.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import type { LoginContext } from './context.ts'

/** Who is logged in in this browser. */
export interface Person {
  session: Session
  subject: VerifiedSubject
}

/** How a person is to know which account it is. */
export function nameOf({ email, name, preferred_username }: JsonObject): string | undefined {
  return [email, name, preferred_username].find((text): text is string => typeof text === 'string')
}

/** A session that is used is seen at most so often, in seconds: a write each time would be one too many. */
const SEEN_EVERY = 300

/** Undefined for whoever is not logged in, or no more. Throws RefusedError while nothing may be issued to them, and UnavailableError. */
export async function findPerson(
  cookie: string | undefined,
  client_id: string,
  context: LoginContext,
): Promise<Person | undefined> {
  const { policy, ports, signal } = context
  if (cookie === undefined) return undefined
  const session = await ports.sessions.find(hashOfSecret(cookie), ports.now(), signal)
  if (session === undefined || session.ending) return undefined
  const issuer = named(policy.configuration.issuers, session.authentication.issuer_name)
  const subject = issuer === undefined ? undefined : recalledSubject(session.authentication, issuer)
  if (subject === undefined || (await isRevoked(session, client_id, context))) return undefined
  await see(session, context)
  return { session, subject }
}

/** Whether what it rests on was revoked since. Throws RefusedError where nobody of that kind is to have anything now. */
export async function isRevoked(
  { authentication: { sub }, at }: { authentication: Pick<Authentication, 'sub'> } & Pick<Session, 'at'>,
  client_id: string,
  { ports, signal }: LoginContext,
): Promise<boolean> {
  const ofPerson = [{ dimension: 'all' as const, value: 'all' }, ...subjectKeys(sub)]
  const found = await ports.revocations.find([...ofPerson, { dimension: 'client', value: client_id }], signal)
  const block = found.find(({ blocked_until }) => blocked_until > ports.now())
  if (block) throw new RefusedError({ reason: 'issuance_blocked', dimension: block.dimension, value: block.value })
  // A client's tokens that are revoked leave its people logged in.
  return found.some(({ dimension, not_before }) => dimension !== 'client' && not_before >= at)
}

async function see({ key, seen_at, authentication }: Session, { policy, ports, signal }: LoginContext): Promise<void> {
  const now = ports.now()
  if (now - seen_at < SEEN_EVERY) return
  const expires_at = Math.min(authentication.expires_at, now + policy.configuration.login.session.idle)
  await ports.sessions.touch(key, { seen_at: now, expires_at }, signal)
}
