import {
  isResponseMode,
  MAX_AUTHORIZATION_REQUEST_BYTES,
  parseAuthorizationRequest,
  type AuthorizationRequest,
} from '../protocol/authorization-request.ts'
import { RefusedError } from '../protocol/errors.ts'
import { parameter, readForm, requiredParameter, type Form } from '../protocol/form.ts'
import { isRegistered } from '../protocol/redirect-uri.ts'
import { withRegistered } from '../grants/with-registered.ts'
import type { SigningKey } from '../protocol/signing-keys.ts'
import { verifyIdTokenHint } from '../tokens/verify-id-token-hint.ts'
import { named, type ClientLogin } from '../trust/configuration.ts'
import type { Policy } from '../trust/policy.ts'
import type { LoginContext } from './context.ts'
import { AnsweredError, UpstreamFailure, type AnswerTo, type NewCookies } from './outcome.ts'

/** An authorization request whose client and redirect URI are trusted. */
export interface Asked {
  /** As it came. */
  text: string
  to: AnswerTo
  client: ClientLogin
  request: AuthorizationRequest
  /** Our `sub` of the only person who will do. */
  sub: string | undefined
}

/**
 * What is asked, and the context with a policy that knows its client, also where that registered itself. Throws RefusedError
 * while nobody may be told but the person (RFC 6749 section 4.1.2.1), then AnsweredError; and UnavailableError.
 */
export async function parseAsked(text: string, given: LoginContext): Promise<{ asked: Asked; context: LoginContext }> {
  const { form, repeated } = readForm(text, MAX_AUTHORIZATION_REQUEST_BYTES)
  const context = repeated.has('client_id') ? given : await withRegistered(parameter(form, 'client_id'), given)
  const { policy, keys } = context
  const { to, client } = trustRedirect(form, repeated, policy)
  const asked = await answering(to, async () => {
    const [parameter] = repeated
    if (parameter !== undefined) throw new RefusedError({ reason: 'parameter_repeated', parameter })
    const request = parseAuthorizationRequest(form)
    if (client.require_pkce && request.code_challenge === undefined)
      throw new RefusedError({ reason: 'code_challenge_missing', client_id: to.client_id })
    return { text, to, client, request, sub: await subjectAsked(request, policy, keys) }
  })
  return { asked, context }
}

/** Whatever goes wrong in `work` is the client's to know, but for what only the person can put right. */
export async function answering<T>(to: AnswerTo, work: () => Promise<T>, cookies?: NewCookies): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isForThePerson(error) ? error : new AnsweredError(to, error, cookies)
  }
}

function isForThePerson(error: unknown): boolean {
  if (error instanceof UpstreamFailure || error instanceof AnsweredError) return true
  return error instanceof RefusedError && ['login_unknown', 'browser_mismatch'].includes(error.refusal.reason)
}

/** RFC 9700 section 4.1, RFC 6749 section 3.1.2.4: both are known before anything is sent anywhere. */
function trustRedirect(
  form: Form,
  repeated: ReadonlySet<string>,
  { configuration }: Policy,
): { to: AnswerTo; client: ClientLogin } {
  const ambiguous = ['client_id', 'redirect_uri', 'response_mode', 'state'].find((name) => repeated.has(name))
  if (ambiguous !== undefined) throw new RefusedError({ reason: 'parameter_repeated', parameter: ambiguous })
  const client_id = requiredParameter(form, 'client_id')
  const client = named(configuration.clients, client_id)
  if (client === undefined) throw new RefusedError({ reason: 'client_unknown' })
  if (client.login === undefined) throw new RefusedError({ reason: 'client_without_login', client_id })
  const redirect_uri = requiredParameter(form, 'redirect_uri')
  if (!isRegistered(redirect_uri, client.login.redirect_uris))
    throw new RefusedError({ reason: 'redirect_uri_unknown', client_id })
  const mode = parameter(form, 'response_mode') ?? 'query'
  return {
    client: client.login,
    to: {
      client_id,
      client_name: client.login.client_name ?? client_id,
      redirect_uri,
      response_mode: isResponseMode(mode) ? mode : 'query',
      state: parameter(form, 'state'),
    },
  }
}

/** OpenID Connect Core sections 3.1.2.1 and 5.5.1. Throws RefusedError. */
async function subjectAsked(
  { id_token_hint, claims }: AuthorizationRequest,
  { ourIssuer, configuration: { clients } }: Policy,
  keys: readonly SigningKey[],
): Promise<string | undefined> {
  if (id_token_hint === undefined) return claims.sub
  const hint = await verifyIdTokenHint(id_token_hint, { keys, ourIssuer, clients })
  if (hint === undefined || (claims.sub !== undefined && claims.sub !== hint.sub))
    throw new RefusedError({ reason: 'id_token_hint_refused' })
  return hint.sub
}
