import { withRegistered } from '../grants/with-registered.ts'
import type { LoginContext } from '../login/context.ts'
import { RefusedError } from '../protocol/errors.ts'
import { parameter, readForm } from '../protocol/form.ts'
import { withParameters } from '../protocol/redirect-uri.ts'
import { parseCompactJws } from '../tokens/compact-jws.ts'
import { verifyIdTokenHint, type IdTokenHint } from '../tokens/verify-id-token-hint.ts'
import { named, type Client, type ClientLogin } from '../trust/configuration.ts'

/** An ID token stands in it, and it in a URL: with its headers a request at API Gateway has 10 KiB. */
export const MAX_LOGOUT_REQUEST_BYTES = 8 * 1024

/** A logout request of which nothing is amiss. */
export interface AskedLogout {
  /** As it came. */
  text: string
  /** Whom it means, by an ID token of ours. */
  hint: IdTokenHint | undefined
  /** Who asks, as people know it. */
  client_name: string | undefined
  /** Where the person goes then. */
  back: string | undefined
}

/** OpenID Connect RP-Initiated Logout 1.0 sections 2 and 3. Throws RefusedError and UnavailableError. */
export async function parseAskedLogout(text: string, context: LoginContext): Promise<AskedLogout> {
  const { form, repeated } = readForm(text, MAX_LOGOUT_REQUEST_BYTES)
  const [twice] = repeated
  if (twice !== undefined) throw new RefusedError({ reason: 'parameter_repeated', parameter: twice })
  const id_token_hint = parameter(form, 'id_token_hint')
  const { policy, keys } = await withRegistered(
    parameter(form, 'client_id') ?? (id_token_hint && claimedAudience(id_token_hint)),
    context,
  )
  const { ourIssuer, configuration } = policy
  const { clients } = configuration
  const hint =
    id_token_hint === undefined ? undefined : await verifyIdTokenHint(id_token_hint, { keys, ourIssuer, clients })
  if (id_token_hint !== undefined && hint === undefined) throw new RefusedError({ reason: 'logout_hint_refused' })
  const client_id = parameter(form, 'client_id') ?? hint?.aud
  if (client_id === undefined) return { text, hint, client_name: undefined, back: undefined }
  if (hint !== undefined && hint.aud !== client_id)
    throw new RefusedError({ reason: 'logout_client_mismatch', client_id: hint.aud })
  const login = loginOf(client_id, clients)
  const post_logout_redirect_uri = parameter(form, 'post_logout_redirect_uri')
  const client_name = login.client_name ?? client_id
  if (post_logout_redirect_uri === undefined) return { text, hint, client_name, back: undefined }
  // Section 3: exactly.
  if (!login.post_logout_redirect_uris?.includes(post_logout_redirect_uri))
    throw new RefusedError({ reason: 'post_logout_redirect_uri_unknown', client_id })
  const state = parameter(form, 'state')
  const back = state === undefined ? post_logout_redirect_uri : withParameters(post_logout_redirect_uri, { state })
  return { text, hint, client_name, back }
}

/** Only to find which client to look for: nothing of it is believed yet. */
function claimedAudience(id_token_hint: string): string | undefined {
  try {
    const { aud } = parseCompactJws(id_token_hint).payload
    return typeof aud === 'string' ? aud : undefined
  } catch (error) {
    if (error instanceof RefusedError) return undefined
    throw error
  }
}

function loginOf(client_id: string, clients: Readonly<Record<string, Client>>): ClientLogin {
  const client = named(clients, client_id)
  if (client === undefined) throw new RefusedError({ reason: 'logout_client_unknown' })
  if (client.login === undefined) throw new RefusedError({ reason: 'client_without_login', client_id })
  return client.login
}
