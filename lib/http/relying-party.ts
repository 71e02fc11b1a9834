import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  clockTolerance,
  Configuration,
  customFetch,
  fetchUserInfo,
  type ClientAuth,
  type CustomFetch,
  type ServerMetadata,
} from 'openid-client'
import { deadlines, within } from '../deadlines.ts'
import type { ClientAssertions, RelyingParty, Secrets, Upstream, UpstreamBinding } from '../ports.ts'
import { callbackPath } from '../protocol/callback-path.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { parseForm } from '../protocol/form.ts'
import { parseJsonObject } from '../protocol/strict-json.ts'
import { FetchError, guardedRequest, type Answered, type Guards } from './guarded-fetch.ts'
import { byKey, bySecret } from './upstream-authentication.ts'
import { answerRefused, refusesClient, toUpstreamError } from './upstream-error.ts'
import { upstreamMetadata, type UpstreamMetadata, type UpstreamMetadataOptions } from './upstream-metadata.ts'

export interface RelyingPartyOptions extends UpstreamMetadataOptions {
  /** Ours. Upstreams send people back there. */
  issuer: string
  assertions: ClientAssertions
  secrets: Secrets
}

/** Code flow with PKCE, by openid-client (OpenID Connect Core section 3.1), through our own guarded connections. */
export function openidRelyingParty(options: RelyingPartyOptions): RelyingParty {
  const { issuer, assertions, secrets, now, log, ...guards } = options
  // As the URL parser spells it, which is how openid-client repeats it at the token endpoint.
  const redirectUri = ({ name }: Upstream) => new URL(`${issuer}${callbackPath(name)}`).href
  const metadata = upstreamMetadata({ ...guards, now, log })

  /** For one call. Times are left to whoever verifies the ID token, and deadlines to our own signal. */
  function configured(
    { client_id }: Upstream,
    server: UpstreamMetadata,
    authenticate?: ClientAuth,
    fetch?: CustomFetch,
  ): Configuration {
    const tolerant = { [clockTolerance]: Number.MAX_SAFE_INTEGER }
    const configuration = new Configuration(server as ServerMetadata, client_id, tolerant, authenticate)
    configuration.timeout = 0
    if (fetch) configuration[customFetch] = fetch
    // oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: what is not https was refused, but for loopback in local runs.
    if (guards.local) allowInsecureRequests(configuration)
    return configuration
  }

  async function trade(
    upstream: Upstream,
    server: UpstreamMetadata,
    binding: UpstreamBinding,
    answer: URLSearchParams,
    signal: AbortSignal,
  ): Promise<{ id_token?: string; access_token: string }> {
    const by = (authenticate: ClientAuth) =>
      authorizationCodeGrant(
        configured(upstream, server, authenticate, tokenFetch(upstream, { ...guards, signal })),
        new URL(`${redirectUri(upstream)}?${answer.toString()}`),
        {
          expectedState: binding.state,
          expectedNonce: binding.nonce,
          pkceCodeVerifier: binding.code_verifier,
          idTokenExpected: true,
        },
      )
    if (upstream.auth === 'private_key_jwt') return by(byKey(upstream, server, assertions, signal))
    const name = upstream.auth.client_secret
    let secret = ''
    try {
      return await by(bySecret(server, async () => (secret = await secrets.find(name, signal))))
    } catch (error) {
      if (!refusesClient(error)) throw error
      // It may have been rotated a moment ago. The code was not looked at (RFC 6749 section 3.2.1).
      const renewed = await secrets.renew(name, secret, signal)
      if (renewed === undefined) throw error
      return by(bySecret(server, async () => renewed))
    }
  }

  return {
    async authorizationUrl(upstream, { state, nonce, code_verifier }, request, signal) {
      const { login_hint, prompt, max_age, acr_values, ui_locales } = request
      const parameters = {
        response_type: 'code',
        redirect_uri: redirectUri(upstream),
        scope: upstream.scopes.join(' '),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(code_verifier),
        code_challenge_method: 'S256',
        login_hint,
        prompt,
        max_age: max_age?.toString(),
        acr_values: acr_values?.join(' '),
        ui_locales,
      }
      const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
      const server = await metadata(upstream, signal)
      return buildAuthorizationUrl(configured(upstream, server), Object.fromEntries(given)).href
    },

    async redeem(upstream, binding, query, signal) {
      const answer = parseAnswer(upstream, query)
      return within(deadlines.upstream.redeem, async (deadline) => {
        const until = AbortSignal.any([signal, deadline])
        const server = await metadata(upstream, until)
        try {
          const { id_token, access_token } = await trade(upstream, server, binding, answer, until)
          // There is one, as it was expected.
          return { id_token: id_token as string, access_token }
        } catch (error) {
          throw toUpstreamError(upstream.name, 'token endpoint', error)
        }
      })
    },

    async userinfo(upstream, { access_token, sub }, signal) {
      try {
        return await within(deadlines.upstream.userinfo, async (deadline) => {
          const until = AbortSignal.any([signal, deadline])
          const server = await metadata(upstream, until)
          if (server.userinfo_endpoint === undefined) return undefined
          const fetch = userinfoFetch({ ...guards, signal: until })
          return fetchUserInfo(configured(upstream, server, undefined, fetch), access_token, sub)
        })
      } catch (error) {
        log?.warn('userinfo_not_had', {
          issuer: upstream.name,
          detail: detailOf(toUpstreamError(upstream.name, 'userinfo', error)),
        })
        return undefined
      }
    },
  }
}

function detailOf(error: unknown): string {
  if (error instanceof RefusedError && error.refusal.reason === 'upstream_answer_refused') return error.refusal.detail
  return error instanceof UnavailableError ? error.message : 'unknown'
}

/** RFC 6749 section 4.1.2: each parameter once, and an error or a code. */
function parseAnswer({ name }: Upstream, query: string): URLSearchParams {
  try {
    const form = parseForm(query)
    if (form.has('error') && form.has('code')) throw answerRefused(name, 'an error and a code')
    const answer = new URLSearchParams()
    for (const [parameter, values] of form) {
      // parseForm lets `audience` and `resource` be repeated, which is for token requests.
      if (values.length > 1) throw answerRefused(name, 'parameter_repeated')
      answer.set(parameter, values[0] as string)
    }
    return answer
  } catch (error) {
    if (!(error instanceof RefusedError) || error.refusal.reason === 'upstream_answer_refused') throw error
    throw answerRefused(name, error.refusal.reason)
  }
}

function tokenFetch({ name }: Upstream, guards: Guards): CustomFetch {
  return async (url, request) => {
    const answered = await guardedRequest(url, toRequest(request), guards)
    const { status, body } = answered
    if (status === 429 || status >= 500)
      throw new UnavailableError('upstream', `${name}: token endpoint: answered ${status}`)
    if (status === 200) parseJsonObject(body)
    else if (status < 400) throw answerRefused(name, `token endpoint: answered ${status}`)
    return toResponse(answered)
  }
}

function userinfoFetch(guards: Guards): CustomFetch {
  return async (url, request) => {
    const { headers, ...rest } = toRequest(request)
    const answered = await guardedRequest(url, { ...rest, headers: { ...headers, accept: 'application/json' } }, guards)
    // OpenID Connect Core section 5.3.2. A signed answer would need another verification.
    if (answered.status !== 200) throw new FetchError(`answered ${answered.status}`)
    if (mediaTypeOf(answered) !== 'application/json') throw new FetchError('the answer is not JSON')
    parseJsonObject(answered.body)
    return toResponse(answered)
  }
}

function toRequest({ method, headers, body }: Parameters<CustomFetch>[1]): Parameters<typeof guardedRequest>[1] {
  return {
    method: method === 'POST' ? 'POST' : 'GET',
    headers,
    ...(body instanceof URLSearchParams ? { body: body.toString() } : {}),
  }
}

/** Its WWW-Authenticate stays behind: openid-client would read that instead of the body, which says more. */
function toResponse(answered: Answered): Response {
  const { status, body } = answered
  return new Response(Buffer.from(body), { status, headers: { 'content-type': mediaTypeOf(answered) } })
}

function mediaTypeOf({ headers }: Answered): string {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
}
