import { MAX_AUTHORIZATION_REQUEST_BYTES } from '../protocol/authorization-request.ts'
import { callbackPath } from '../protocol/callback-path.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { parameter, readForm } from '../protocol/form.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { ID_TOKEN_TYPE } from '../protocol/urns.ts'
import { claimAt } from '../tokens/claim-path.ts'
import { verifySubjectToken, type VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { claimsNamedBy } from '../trust/policy.ts'
import { answering, type Asked } from './asked.ts'
import type { Pending } from './begin.ts'
import { bindingOf, isSame, readState } from './binding.ts'
import type { Cookies, LoginContext } from './context.ts'
import { findPending } from './find-pending.ts'
import { domainsOf, loginIssuers, toUpstream, verificationOf, type LoginIssuer } from './home-realm.ts'
import { identityOf } from './identity.ts'
import { UpstreamFailure, type LoginOutcome } from './outcome.ts'
import { admit, proceed } from './proceed.ts'
import { remember } from './remember.ts'

/** What the issuer has answered, at the path that is its own. `query`: its parameters. Throws RefusedError, AnsweredError, UpstreamFailure and UnavailableError. */
export async function callback(
  path: string,
  query: string,
  cookies: Cookies,
  given: LoginContext,
): Promise<LoginOutcome> {
  const { form } = readForm(query, 4 * MAX_AUTHORIZATION_REQUEST_BYTES)
  const state = parameter(form, 'state') ?? ''
  const claimed = readState(state)
  if (claimed === undefined) throw new RefusedError({ reason: 'login_unknown' })
  // RFC 9700 section 4.4.2.2: an issuer writes what it likes into a state, but another one sends people to its own path alone.
  if (path !== callbackPath(claimed.issuer_name))
    throw new RefusedError({ reason: 'callback_of_another_issuer', issuer: claimed.issuer_name })
  const { asked, pending, context } = await findPending(claimed.login_id, cookies, given)
  const binding = bindingOf(pending.secret, claimed.login_id, claimed.issuer_name)
  if (!isSame(state, binding.state)) throw new RefusedError({ reason: 'browser_mismatch' })
  const issuer = loginIssuers(asked.client.issuers, context.policy).find(({ name }) => name === claimed.issuer_name)
  return answering(asked.to, async () => {
    if (issuer === undefined)
      throw new RefusedError({
        reason: 'issuer_not_offered',
        client_id: asked.to.client_id,
        issuer: claimed.issuer_name,
      })
    const answer = await upstreamAnswer(issuer, query, binding, asked, pending, context)
    // Who may not log in leaves nothing here.
    admit(asked, answer.subject, context)
    const { secret, person } = await remember(issuer, answer, asked, pending, cookies, context)
    const loggedIn = { session: secret }
    const outcome = await answering(asked.to, () => proceed(asked, { cookies, person, pending }, context), loggedIn)
    return { ...outcome, cookies: { ...outcome.cookies, ...loggedIn } }
  })
}

interface UpstreamAnswer {
  subject: VerifiedSubject
  identity: JsonObject
}

async function upstreamAnswer(
  issuer: LoginIssuer,
  query: string,
  binding: ReturnType<typeof bindingOf>,
  asked: Asked,
  { login: { id } }: Pending,
  context: LoginContext,
): Promise<UpstreamAnswer> {
  const { policy, ports, signal } = context
  const upstream = toUpstream(issuer)
  try {
    const { id_token, access_token } = await ports.relyingParty.redeem(upstream, binding, query, signal)
    const subject = await verifyIdToken(id_token, issuer, context)
    const more = needsUserinfo(issuer, subject.claims)
      ? await ports.relyingParty.userinfo(upstream, { access_token, sub: String(subject.claims.sub) }, signal)
      : undefined
    // Who signs the ID token decides; what is only told at /userinfo adds to it.
    const identity = identityOf(issuer.login, { ...more, ...subject.claims }, policy.evaluate, domainsOf(policy))
    return { subject, identity }
  } catch (error) {
    if (error instanceof RefusedError || error instanceof UnavailableError)
      throw new UpstreamFailure(
        { to: asked.to, login_id: id, name: issuer.name, issuer: issuer.login.display_name },
        error,
      )
    throw error
  }
}

/** As strictly as every token that is traded (OpenID Connect Core section 3.1.3.7), with the audience that is ours there. */
async function verifyIdToken(id_token: string, issuer: LoginIssuer, context: LoginContext): Promise<VerifiedSubject> {
  try {
    return await verifySubjectToken(id_token, ID_TOKEN_TYPE, verificationOf(issuer, context))
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    const { refusal: cause } = error
    throw new RefusedError({ reason: 'upstream_answer_refused', issuer: issuer.name, detail: 'the ID token', cause })
  }
}

function needsUserinfo({ login }: LoginIssuer, claims: JsonObject): boolean {
  const paths = Object.values(login.claims).flatMap(claimsNamedBy)
  return paths.some((path) => claimAt(claims, path) === undefined)
}
