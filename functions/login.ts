import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import configuration from '#config'
import { dynamodbAccounts } from '../lib/aws/accounts.ts'
import { dynamodbAuthorizationCodes } from '../lib/aws/authorization-codes.ts'
import { dynamodbClient, kmsClient, secretsManagerClient, sqsClient } from '../lib/aws/clients.ts'
import { dynamodbConsents } from '../lib/aws/consents.ts'
import { dynamodbKeySetItems } from '../lib/aws/key-set-items.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { sqsLogoutNotices } from '../lib/aws/logout-notices.ts'
import { powertoolsCounter } from '../lib/aws/metrics.ts'
import { dynamodbPendingLogins } from '../lib/aws/pending-logins.ts'
import { dynamodbRegisteredClients } from '../lib/aws/registered-clients.ts'
import { dynamodbRevocationStore } from '../lib/aws/revocations.ts'
import { dynamodbSessions } from '../lib/aws/sessions.ts'
import { awsSecrets } from '../lib/aws/secrets.ts'
import { kmsSigner } from '../lib/aws/signer.ts'
import { dynamodbUpstreamSessions } from '../lib/aws/upstream-sessions.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { environmentSecrets, issuerOf, required } from '../lib/environment.ts'
import { secretCookies } from '../lib/http/cookies.ts'
import { errorResponse, publicFace } from '../lib/http/error-response.ts'
import { httpKeySetFetcher } from '../lib/http/key-set-fetcher.ts'
import { page } from '../lib/http/html-response.ts'
import { cachedKeySets } from '../lib/http/key-sets.ts'
import { openidRelyingParty } from '../lib/http/relying-party.ts'
import { formOf, formTextOf, method, path, query, refuseOtherMethods } from '../lib/http/request.ts'
import { noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import { authorize } from '../lib/login/authorize.ts'
import { callback } from '../lib/login/callback.ts'
import { choose } from '../lib/login/choose.ts'
import { askConsent, consent } from '../lib/login/consent.ts'
import type { Cookies, LoginContext } from '../lib/login/context.ts'
import { AnsweredError, UpstreamFailure, type AnswerTo, type LoginOutcome } from '../lib/login/outcome.ts'
import { stateOf } from '../lib/login/proceed.ts'
import { MAX_LOGOUT_REQUEST_BYTES } from '../lib/logout/asked.ts'
import { confirmLogout, logOut } from '../lib/logout/log-out.ts'
import type { LogoutOutcome } from '../lib/logout/outcome.ts'
import { upstreamLogout } from '../lib/logout/upstream-logout.ts'
import { toBranding } from '../lib/pages/branding.ts'
import { choicePage } from '../lib/pages/choice-page.ts'
import { consentPage } from '../lib/pages/consent-page.ts'
import { errorPage } from '../lib/pages/error-page.ts'
import { formPostPage } from '../lib/pages/form-post-page.ts'
import { loggedOutPage, logoutPage, stayedPage } from '../lib/pages/logout-page.ts'
import { toUpstreamTrouble, type UpstreamTrouble } from '../lib/pages/upstream-trouble.ts'
import { loginFaces } from '../lib/protocol/authorization-refusals.ts'
import { MAX_AUTHORIZATION_REQUEST_BYTES } from '../lib/protocol/authorization-request.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import type { Face } from '../lib/protocol/refusals.ts'
import { withParameters } from '../lib/protocol/redirect-uri.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { signedClientAssertions } from '../lib/tokens/client-assertion.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'
import { toPolicy } from '../lib/trust/policy.ts'

refuseUnsafe(configuration)
const table = required(process.env, 'BROKER_TABLE')
const keys = parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))
const issuer = issuerOf(configuration, process.env)
const dynamodb = dynamodbClient()
const log = powertoolsLog()
const now = () => Math.floor(Date.now() / 1000)
const cookies = secretCookies<keyof Cookies>(issuer)

const random = (bytes: number) => randomBytes(bytes).toString('base64url')

const ports: LoginContext['ports'] = {
  now,
  log,
  keySets: cachedKeySets({
    fetcher: httpKeySetFetcher({ local: configuration.local }),
    items: dynamodbKeySetItems(dynamodb, table),
    now,
    log,
    metric: powertoolsCounter(),
  }),
  revocations: dynamodbRevocationStore(dynamodb, table, now),
  logins: dynamodbPendingLogins(dynamodb, table),
  sessions: dynamodbSessions(dynamodb, table),
  upstreamSessions: dynamodbUpstreamSessions(dynamodb, table),
  notices: sqsLogoutNotices(sqsClient(), required(process.env, 'BROKER_LOGOUT_QUEUE')),
  codes: dynamodbAuthorizationCodes(dynamodb, table),
  consents: dynamodbConsents(dynamodb, table),
  accounts: dynamodbAccounts(dynamodb, table),
  registered: dynamodbRegisteredClients(dynamodb, table),
  relyingParty: openidRelyingParty({
    issuer,
    local: configuration.local,
    now,
    log,
    assertions: signedClientAssertions({
      signer: kmsSigner(kmsClient(), keys),
      algorithms: configuration.signing.algorithms,
      now,
      newId: () => random(16),
    }),
    secrets: configuration.local ? environmentSecrets(process.env) : awsSecrets(secretsManagerClient(), { now, log }),
  }),
  random,
}
const policy = toPolicy(configuration, issuer)
const branding = toBranding(configuration.login.branding, issuer)

/**
 * GET and POST /authorize, GET /login, GET /callback/{issuer}, GET and POST /consent: a person on the way from a client to their
 * issuer and back. GET and POST /logout, POST /logout/confirm: and out again. POST /backchannel-logout/{issuer}: the same, said by the issuer.
 */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(async (event) => {
    const decision_id = random(16)
    if (path(event).startsWith('/backchannel-logout/')) return upstreamLogoutResponse(event, decision_id)
    try {
      const step = routeOf(event).read(event)
      if (typeof step !== 'function') return step
      const presented = { browser: cookies.read(event, 'browser'), session: cookies.read(event, 'session') }
      const outcome = await within(deadlines.request - deadlines.release, async (signal) =>
        step(presented, { policy: await policy, ports, keys, decision_id, signal }),
      )
      return isLogout(outcome)
        ? logoutResponse(outcome, presented)
        : { ...toResponse(outcome), cookies: cookies.write(outcome.cookies ?? {}) }
    } catch (error) {
      return failure(error, decision_id, path(event))
    }
  })

const LOGOUT = '/logout'
const LOGOUT_CONFIRM = '/logout/confirm'

/** How long frames of clients may take before the person goes on. */
const FRAME_SECONDS = 3

interface Route {
  allow: string
  /** A step of a login, or an answer that needs none. Throws RefusedError for a request that is not well-formed. */
  read(event: APIGatewayProxyEventV2): Step | Response
}

type Step = (presented: Cookies, context: LoginContext) => Promise<LoginOutcome | LogoutOutcome>

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [
    '/authorize',
    {
      allow: 'GET, POST',
      read(event) {
        if (method(event) === 'GET') return (presented, context) => authorize(query(event), presented, context)
        return asGet(event, MAX_AUTHORIZATION_REQUEST_BYTES)
      },
    },
  ],
  ['/login', { allow: 'GET', read: (event) => (presented, context) => choose(query(event), presented, context) }],
  [
    '/callback/{issuer}',
    {
      allow: 'GET',
      read: (event) => async (presented, context) =>
        atOwnAddress(await callback(path(event), query(event), presented, context)),
    },
  ],
  [
    '/consent',
    {
      allow: 'GET, POST',
      read(event) {
        if (method(event) === 'GET') return (presented, context) => askConsent(query(event), presented, context)
        const form = formOf(event)
        return (presented, context) => consent(form, presented, context)
      },
    },
  ],
  [
    LOGOUT,
    {
      allow: 'GET, POST',
      read(event) {
        if (method(event) === 'GET') return (presented, context) => logOut(query(event), presented, context)
        return asGet(event, MAX_LOGOUT_REQUEST_BYTES)
      },
    },
  ],
  [
    LOGOUT_CONFIRM,
    {
      allow: 'POST',
      read(event) {
        const form = formOf(event)
        // From another site: the person may be logged in, and is asked by a page of ours.
        if (cookies.read(event, 'session') === undefined) return seeOther(LOGOUT)
        return (presented, context) => confirmLogout(form, presented, context)
      },
    },
  ],
])

/** With a POST from another site come no cookies that are SameSite=Lax, but with the GET that follows it. */
function asGet(event: APIGatewayProxyEventV2, mostBytes: number): Response {
  const asked = new URLSearchParams(formTextOf(event)).toString()
  if (asked.length > mostBytes) throw new RefusedError({ reason: 'request_too_large', bytes: asked.length })
  return seeOther(`${path(event)}?${asked}`)
}

/** For issuers, which read no pages. */
async function upstreamLogoutResponse(event: APIGatewayProxyEventV2, decision_id: string): Promise<Response> {
  try {
    refuseOtherMethods(event, 'POST')
    const form = formOf(event)
    await within(deadlines.request - deadlines.release, async (signal) =>
      upstreamLogout(path(event), form, { policy: await policy, ports, keys, decision_id, signal }),
    )
    return { statusCode: 200, headers: noStore }
  } catch (error) {
    return errorResponse(error, loginFaces, decision_id, log, Math.random)
  }
}

function routeOf(event: APIGatewayProxyEventV2): Route {
  const route = routes.get(path(event).replace(/^\/callback\/[^/]+$/, '/callback/{issuer}'))
  if (route === undefined) throw new RefusedError({ reason: 'not_found' })
  refuseOtherMethods(event, route.allow)
  return route
}

/** Who loads the question anew would otherwise send the issuer's code once more, and the issuer refuse it. */
function atOwnAddress(outcome: LoginOutcome): LoginOutcome {
  if (outcome.kind !== 'consent') return outcome
  const { cookies: written = {}, login_id } = outcome
  return { kind: 'redirect', url: `/consent?${new URLSearchParams({ id: login_id }).toString()}`, cookies: written }
}

function toResponse(outcome: LoginOutcome): Response {
  if (outcome.kind === 'answer') return answer(outcome.to, outcome.parameters)
  if (outcome.kind === 'redirect') return seeOther(outcome.url)
  if (outcome.kind === 'consent') return page(200, consentPage(branding, outcome))
  const issuers = outcome.issuers.map((each) => ({ ...each, href: choosing(outcome.login_id, each.name) }))
  return page(200, choicePage(branding, { ...outcome, issuers }))
}

function isLogout(outcome: LoginOutcome | LogoutOutcome): outcome is LogoutOutcome {
  return outcome.kind === 'log-out' || outcome.kind === 'logged-out' || outcome.kind === 'stay'
}

function logoutResponse(outcome: LogoutOutcome, { session }: Cookies): Response {
  if (outcome.kind === 'log-out') return page(200, logoutPage(branding, outcome))
  if (outcome.kind === 'stay') return page(200, stayedPage(branding, outcome))
  const { back, frames } = outcome
  // With a form of another site comes no cookie: that is not to take away the one there is.
  const forgotten = session === undefined ? {} : { cookies: [cookies.forget('session')] }
  if (back !== undefined && frames.length === 0) return { ...seeOther(back), ...forgotten }
  // The person goes on by the link, or when the clients have had time to be told.
  const headers: Record<string, string> = back === undefined ? {} : { refresh: `${FRAME_SECONDS}; url=${back}` }
  return { ...page(200, loggedOutPage(branding, outcome), headers), ...forgotten }
}

/** RFC 6749 section 4.1.2, or OAuth 2.0 Form Post Response Mode. */
function answer({ client_name, redirect_uri, response_mode }: AnswerTo, parameters: Record<string, string>): Response {
  if (response_mode === 'query') return seeOther(withParameters(redirect_uri, parameters))
  return page(200, formPostPage(branding, { client_name, redirect_uri, parameters }))
}

/** RFC 9700 section 4.12: never 307, which would send what a form holds on to the next. */
function seeOther(location: string): Response {
  return { statusCode: 303, headers: { ...noStore, location } }
}

/** The client is told where its redirect URI is trusted and the person can do nothing; else the person. */
function failure(error: unknown, decision_id: string, at: string): Response {
  if (error instanceof AnsweredError) {
    const face = publicFace(error.cause, loginFaces, decision_id, log)
    const response = answer(error.to, errorParameters(error.to, face, decision_id))
    return { ...response, cookies: cookies.write(error.cookies) }
  }
  if (error instanceof UpstreamFailure) return upstreamFailure(error, decision_id)
  const [status, , phrase] = publicFace(error, loginFaces, decision_id, log)
  const allow =
    error instanceof RefusedError && error.refusal.reason === 'method_not_allowed' ? error.refusal.allow : ''
  const headers = { 'x-decision-id': decision_id, ...(allow === '' ? {} : { allow }) }
  return page(status, errorPage(branding, { status, phrase, decision_id, logOut: at.startsWith(LOGOUT) }), headers)
}

/** RFC 6749 section 4.1.2.1, RFC 9207 section 2. */
function errorParameters(to: AnswerTo, [, code, phrase]: Face, decision_id: string): Record<string, string> {
  return { error: code, error_description: `${phrase} (decision ${decision_id})`, ...stateOf(to), iss: issuer }
}

/** The person may try again, or go back to the client, which then is told. */
function upstreamFailure({ at, cause }: UpstreamFailure, decision_id: string): Response {
  const { to, login_id, name } = at
  const face = publicFace(cause, loginFaces, decision_id, log)
  const [status, , phrase] = face
  const href = withParameters(to.redirect_uri, errorParameters(to, face, decision_id))
  const error = {
    status,
    phrase,
    decision_id,
    upstream: { issuer: at.issuer, trouble: troubleOf(cause) },
    again: choosing(login_id, name),
    ...(to.response_mode === 'query' ? { back: { href, client_name: to.client_name } } : {}),
  }
  return page(status, errorPage(branding, error), { 'x-decision-id': decision_id })
}

function troubleOf(cause: unknown): UpstreamTrouble {
  if (!(cause instanceof RefusedError)) return 'unavailable'
  return cause.refusal.reason === 'upstream_refused' ? toUpstreamTrouble(cause.refusal.error) : 'misconfigured'
}

/** Where an issuer is chosen for a login that waits. */
function choosing(login_id: string, issuer_name: string): string {
  return `/login?${new URLSearchParams({ id: login_id, issuer: issuer_name }).toString()}`
}
