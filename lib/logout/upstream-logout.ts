import { endSession } from '../grants/end-session.ts'
import type { LoginContext } from '../login/context.ts'
import { loginIssuers, verificationOf, type LoginIssuer } from '../login/home-realm.ts'
import type { Session } from '../ports.ts'
import { upstreamLogoutPath } from '../protocol/callback-path.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { requiredParameter, type Form } from '../protocol/form.ts'
import { subjectOf, toSub } from '../tokens/subject.ts'
import { verifyLogoutToken, type VerifiedLogout } from '../tokens/verify-logout-token.ts'

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.5, as a client of an issuer's: somebody has logged out there, so their
 * sessions here end, and our own clients are told. `path`: the issuer's own. Throws RefusedError and UnavailableError.
 */
export async function upstreamLogout(path: string, form: Form, context: LoginContext): Promise<void> {
  const { ports, decision_id } = context
  const issuer = issuerAt(path, context)
  const logout = await verify(requiredParameter(form, 'logout_token'), issuer, context)
  const sub = await subjectMeant(logout, issuer, context)
  const ended = sub === undefined ? 0 : await endSessions(sub, logout, issuer, context)
  ports.log.info('logout token accepted', { decision_id, issuer: issuer.name, sub, ended })
}

function issuerAt(path: string, { policy }: LoginContext): LoginIssuer {
  const found = loginIssuers(Object.keys(policy.configuration.issuers), policy).find(
    ({ name }) => upstreamLogoutPath(name) === path,
  )
  if (found === undefined) throw new RefusedError({ reason: 'logout_issuer_unknown' })
  return found
}

/** As strictly as its ID tokens, and for the same audience. */
async function verify(token: string, issuer: LoginIssuer, context: LoginContext): Promise<VerifiedLogout> {
  try {
    return await verifyLogoutToken(token, verificationOf(issuer, context))
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    throw new RefusedError({ reason: 'logout_token_refused', issuer: issuer.name, cause: error.refusal })
  }
}

/** Our `sub` for them: by what the token says of the person, or by the issuer's session in which they logged in here. */
async function subjectMeant(
  { claims, sid }: VerifiedLogout,
  { name, subject }: LoginIssuer,
  { ports, signal }: LoginContext,
): Promise<string | undefined> {
  try {
    return toSub(name, subjectOf(claims, subject))
  } catch (error) {
    // Not all that an ID token says of a person is in it.
    if (!(error instanceof RefusedError)) throw error
  }
  return sid === undefined ? undefined : ports.upstreamSessions.find({ issuer_name: name, sid }, ports.now(), signal)
}

/** A page at a time, and one that cannot be ended stands in no other's way: what is left is for the next time. How many. */
async function endSessions(
  sub: string,
  logout: VerifiedLogout,
  issuer: LoginIssuer,
  context: LoginContext,
): Promise<number> {
  const { ports, signal } = context
  let ended = 0
  let failure: UnavailableError | undefined
  let after: string | undefined
  do {
    const { sessions, next } = await ports.sessions.list(sub, ports.now(), after, signal)
    const ending = sessions
      .filter((each) => isMeant(each, logout, issuer))
      .map(async (session) => {
        try {
          await endSession(session, `logged out at ${issuer.name}`, context)
          ended++
        } catch (error) {
          if (!(error instanceof UnavailableError)) throw error
          failure ??= error
        }
      })
    await Promise.all(ending)
    after = next
  } while (after !== undefined)
  if (failure !== undefined) throw failure
  return ended
}

/** Of one session that one; of the person all that were there when they logged out. */
function isMeant(
  { authentication: { claims }, at }: Session,
  { sid, iat }: VerifiedLogout,
  { clock_tolerance }: LoginIssuer,
): boolean {
  if (sid !== undefined && typeof claims.sid === 'string') return claims.sid === sid
  return at <= iat + clock_tolerance
}
