import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { LOGOUT_EVENT } from '../lib/protocol/urns.ts'
import { close, listen } from './loopback.ts'
import { failurePage, profilePage, welcome, type AppPage, type Profile } from './partner-app-pages.ts'
import { sendPage } from './partner-page.ts'

export interface PartnerApp {
  url: string
  close(): Promise<void>
}

/** Whoever is on the way here, or has arrived. */
type Session = { pending: Pending } | { profile: Profile }

/** What the answer to a login must fit. */
interface Pending {
  expectedState: string
  expectedNonce: string
  pkceCodeVerifier: string
}

const CLIENT_ID = 'partner-app'
const COOKIE = 'partner-app'

/** What it asks for: who it is, and a token for the API that it calls for people (RFC 8707 section 2). */
const identity = 'openid profile email'
const orders = { resource: 'https://orders.acme.dev', scope: `${identity} orders:read` }

/** What a link to /login may ask of the broker. */
const passedOn = ['prompt', 'acr_values', 'login_hint']

/**
 * An app of the partner's, on loopback: by openid-client, a client of the broker at `issuer` as any, which may start later.
 * Sessions are in memory.
 */
export async function startPartnerApp({
  port = 0,
  issuer,
}: {
  port?: number
  issuer: () => string
}): Promise<PartnerApp> {
  const sessions = new Map<string, Session>()
  let discovered: client.Configuration | undefined

  async function discover(): Promise<client.Configuration> {
    const insecure = new URL(issuer()).protocol === 'http:'
    discovered ??= await client.discovery(new URL(issuer()), CLIENT_ID, undefined, client.None(), {
      // oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out: a broker on loopback has no TLS.
      execute: [client.enableNonRepudiationChecks, ...(insecure ? [client.allowInsecureRequests] : [])],
    })
    return discovered
  }

  /** Under a new id, which nobody can have planted. */
  function keep(session: Session, response: ServerResponse): void {
    const id = randomBytes(32).toString('base64url')
    sessions.set(id, session)
    response.setHeader('set-cookie', `${COOKIE}=${id}; HttpOnly; SameSite=Lax; Path=/`)
  }

  async function authorizationUrl(pending: Pending, query: URLSearchParams): Promise<string> {
    const parameters = {
      redirect_uri: `${url}/cb`,
      ...(query.get('orders') === 'no' ? { scope: identity } : orders),
      state: pending.expectedState,
      nonce: pending.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(pending.pkceCodeVerifier),
      code_challenge_method: 'S256',
      ...Object.fromEntries([...query].filter(([name]) => passedOn.includes(name))),
    }
    return client.buildAuthorizationUrl(await discover(), parameters).href
  }

  async function finish(answer: URL, pending: Pending): Promise<Profile> {
    const checks = { ...pending, idTokenExpected: true }
    const tokens = await client.authorizationCodeGrant(await discover(), answer, checks)
    const { aud, scope, exp } = decodeJwt(tokens.access_token)
    return { claims: { ...tokens.claims() }, access: { aud, scope, exp }, id_token: tokens.id_token ?? '' }
  }

  /** OpenID Connect RP-Initiated Logout 1.0 section 2: there too. */
  async function logoutUrl({ id_token }: Profile): Promise<string> {
    const parameters = { id_token_hint: id_token, post_logout_redirect_uri: `${url}/` }
    return client.buildEndSessionUrl(await discover(), parameters).href
  }

  /** OpenID Connect Back-Channel Logout 1.0 sections 2.6 and 2.7. Throws where it is no logout token for this app. */
  async function endTold(logout_token: string): Promise<void> {
    const { jwks_uri = '' } = (await discover()).serverMetadata()
    const options = { issuer: issuer(), audience: CLIENT_ID, typ: 'logout+jwt', requiredClaims: ['iat', 'exp', 'jti'] }
    const { payload } = await jwtVerify(logout_token, createRemoteJWKSet(new URL(jwks_uri)), options)
    const { events, nonce, sid } = payload as { events?: Record<string, unknown>; nonce?: unknown; sid?: unknown }
    if (events?.[LOGOUT_EVENT] === undefined || nonce !== undefined) throw new Error('this is no logout token')
    for (const [id, session] of sessions)
      if ('profile' in session && session.profile.claims.sid === sid) sessions.delete(id)
  }

  /** A page, or the address where it goes on. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<AppPage | string> {
    const asked = new URL(request.url ?? '/', url)
    const id = new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(request.headers.cookie ?? '')?.[1] ?? ''
    const session = sessions.get(id)
    switch (`${request.method} ${asked.pathname}`) {
      case 'GET /':
        return session && 'profile' in session ? profilePage(session.profile) : welcome
      case 'GET /login': {
        const pending = {
          expectedState: client.randomState(),
          expectedNonce: client.randomNonce(),
          pkceCodeVerifier: client.randomPKCECodeVerifier(),
        }
        const location = await authorizationUrl(pending, asked.searchParams)
        sessions.delete(id)
        keep({ pending }, response)
        return location
      }
      case 'GET /cb':
        if (session === undefined || !('pending' in session))
          return failurePage(400, 'No login of yours has begun here.')
        sessions.delete(id)
        keep({ profile: await finish(asked, session.pending) }, response)
        return '/'
      case 'POST /log-out':
        sessions.delete(id)
        return session && 'profile' in session ? logoutUrl(session.profile) : '/'
      default:
        return failurePage(404, 'There is nothing here.')
    }
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (`${request.method} ${request.url}` === 'POST /backchannel-logout') return hear(request, response)
    const answered = await answer(request, response).catch(explain)
    if (typeof answered === 'string') response.writeHead(303, { location: answered }).end()
    else sendPage(response, answered.status, answered.title, answered.body)
  }

  /** Section 2.8: told by the broker, in whose answer nobody else is interested. */
  async function hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request))
    const status = await endTold(form.get('logout_token') ?? '').then(
      () => 200,
      () => 400,
    )
    response.writeHead(status, { 'cache-control': 'no-store' }).end()
  }

  const server = createServer((request, response) => void respond(request, response))
  const url = await listen(server, port)
  return { url, close: () => close(server) }
}

/** What the broker refuses, in its words. */
function explain(error: unknown): AppPage {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError)
    return failurePage(403, `${error.error}: ${error.error_description ?? 'no reason given'}`)
  return failurePage(502, error instanceof Error ? error.message : 'something went wrong')
}
