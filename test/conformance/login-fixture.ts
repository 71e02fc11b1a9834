import { createHash, randomBytes } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before } from 'node:test'
import { startBroker, type LocalBroker, type LocalBrokerOptions } from '../../local/broker.ts'
import { htmlBrowser, type HtmlBrowser } from '../../local/demo/html-browser.ts'
import type { ClaimChanges } from '../../local/example-issuer.ts'
import { close, listen } from '../../local/loopback.ts'
import { startPartnerIdp, type PartnerIdp, type PartnerIdpOptions } from '../../local/partner-idp.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'

/** Of the client `confidential`. */
export const clientSecret = 'k4uYm3xJ0Zb1f7Qe9Tn2sWv5Rc8Ld6HgPa0oIuYt'

type Changes = Record<string, string | undefined>

export interface LoginBox {
  broker: LocalBroker
  partner: PartnerIdp
  other: PartnerIdp
  /** Where clients wait: what came to them last, from URL or form. */
  app: { url: string; arrived: URLSearchParams }
  /** What the partner's ID tokens say instead. */
  says: ClaimChanges
  /** What stands in for the partner, where it does. */
  instead: NonNullable<PartnerIdpOptions['instead']>
  /** The URL of a good authorization request of web-app; undefined leaves a parameter out. */
  authorizationUrl(changes?: Changes): string
  browser(): HtmlBrowser
  /** Opens it, and logs in as alice where the partner asks. What came to the client. */
  login(browser: HtmlBrowser, changes?: Changes, username?: string): Promise<URLSearchParams>
  /** The same, but that the partner's answer never comes to /callback. Its URL. */
  held(browser: HtmlBrowser, changes?: Changes, username?: string): Promise<string>
  /** The URL of the partner's answer that comes of it, but not to /callback. */
  holding(work: () => Promise<unknown>): Promise<string>
  /** One request of nobody's browser with these cookies; no redirect is followed. */
  ask(path: string, init?: RequestInit, cookies?: Readonly<Record<string, string>>): Promise<Response>
  /** POST /token with these fields over those of web-app's good redemption. */
  redeem(code: string | null, fields?: Changes, headers?: Record<string, string>): Promise<TokenAnswer>
  /** POST /token with a refresh token of web-app, unless `fields` say otherwise. */
  refresh(refresh_token: unknown, fields?: Changes, headers?: Record<string, string>): Promise<TokenAnswer>
  /** login and redeem. */
  tokens(changes?: Changes, browser?: HtmlBrowser): Promise<TokenAnswer>
}

export interface TokenAnswer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export const verifier = randomBytes(32).toString('base64url')
const challenge = createHash('sha256').update(verifier).digest('base64url')

/** A broker with two partners at which people log in, over HTTP, for the tests of this file. */
export function loginBox(
  config: (text: string) => string = (text) => text,
  options: Pick<LocalBrokerOptions, 'issuer'> = {},
): LoginBox {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  const box = { says: {}, instead: () => false } as unknown as LoginBox
  let hold: ((url: string) => void) | undefined
  const app = createServer((request, response) => {
    void (async () => {
      const query = new URL(request.url ?? '/', 'http://app').searchParams
      box.app.arrived = request.method === 'POST' ? new URLSearchParams(await text(request)) : query
      response.setHeader('content-type', 'text/plain').end('the application')
    })()
  })
  before(async () => {
    box.app = { url: await listen(app, 0), arrived: new URLSearchParams() }
    const broker = () => box.broker
    box.partner = await startPartnerIdp({
      broker,
      idTokenChanges: () => box.says,
      instead(request, response) {
        if (hold !== undefined) holdAnswer(response, box, hold)
        return box.instead(request, response)
      },
    })
    box.other = await startPartnerIdp({ broker, name: 'other' })
    box.broker = await startBroker({
      config: { text: config(brokerFile(box)), file: 'broker.yaml' },
      port: 0,
      ...options,
    })
  })
  after(async () => {
    await box.broker?.close()
    await Promise.all([box.partner?.close(), box.other?.close(), close(app)])
  })
  box.browser = () => htmlBrowser()
  box.authorizationUrl = (changes = {}) => `${box.broker.url}/authorize?${parameters(box, changes).toString()}`
  box.login = async (browser, changes = {}, username = 'alice') => {
    box.app.arrived = new URLSearchParams()
    await browser.open(box.authorizationUrl(changes))
    if (browser.page.forms.some(({ buttons }) => buttons.some(({ id }) => id === 'log-in')))
      await browser.click('log-in', { username, password: 'example' })
    return box.app.arrived
  }
  box.holding = async (work) => {
    let url = ''
    hold = (held) => (url = held)
    await work().finally(() => (hold = undefined))
    return url
  }
  box.held = (browser, changes, username) => box.holding(() => box.login(browser, changes, username))
  box.ask = (path, init = {}, cookies = {}) => {
    const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`)
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(cookie.length > 0 && { cookie: cookie.join('; ') }),
    }
    return fetch(new URL(path, box.broker.url), { redirect: 'manual', ...init, headers })
  }
  const ask = async (fields: Changes, headers: Record<string, string> = {}): Promise<TokenAnswer> => {
    const body = given({ client_id: 'web-app', ...fields })
    const response = await fetch(`${box.broker.url}/token`, { method: 'POST', headers, body })
    return { status: response.status, headers: response.headers, body: (await response.json()) as TokenAnswer['body'] }
  }
  box.redeem = (code, fields, headers) => {
    const good = { redirect_uri: `${box.app.url}/cb`, code_verifier: verifier, code: code ?? undefined }
    return ask({ grant_type: 'authorization_code', ...good, ...fields }, headers)
  }
  box.refresh = (refresh_token, fields, headers) =>
    ask({ grant_type: 'refresh_token', refresh_token: String(refresh_token), ...fields }, headers)
  box.tokens = async (changes = {}, browser = box.browser()) =>
    box.redeem((await box.login(browser, changes)).get('code'))
  return box
}

/** Sends the browser to the application instead. */
function holdAnswer(response: ServerResponse, { broker, app }: LoginBox, hold: (url: string) => void): void {
  const setHeader = response.setHeader.bind(response)
  response.setHeader = (name, value) => {
    if (name.toLowerCase() !== 'location' || !String(value).startsWith(`${broker.issuer}/callback`))
      return setHeader(name, value)
    hold(String(value))
    return setHeader(name, `${app.url}/held`)
  }
}

function parameters({ app }: LoginBox, changes: Changes): URLSearchParams {
  return given({
    response_type: 'code',
    client_id: 'web-app',
    redirect_uri: `${app.url}/cb`,
    scope: 'openid profile email',
    state: 'the-state',
    nonce: 'the-nonce',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...changes,
  })
}

function given(all: Changes): URLSearchParams {
  return new URLSearchParams(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** Each of its clients may stay connected. */
export function withRefreshing(config: string): string {
  return config
    .replaceAll('grants: [authorization_code]', 'grants: [authorization_code, refresh_token]')
    .replaceAll('scopes: [openid, profile, email]', 'scopes: [openid, profile, email, offline_access]')
}

function brokerFile({ app, partner, other }: LoginBox): string {
  const redirects = `redirect_uris: ["${app.url}/cb", "${app.url}/with?tenant=1"]`
  const common = `grants: [authorization_code], ${redirects}, scopes: [openid, profile, email]`
  const secret = `auth: { client_secret: { sha256: [${hashOfSecret(clientSecret)}], methods: [basic, post] } }`
  return `
version: 1
issuer: http://127.0.0.1:8787
issuers:
  acme-partner:
    issuer: ${partner.url}
    login:
      client_id: token-broker
      display_name: Partner Inc.
      domains: [partner.example]
      acr: { "urn:acme:mfa": [mfa] }
  other:
    issuer: ${other.url}
    login: { client_id: token-broker, display_name: Other Ltd., domains: [other.example] }
targets:
  orders: { audience: https://orders.acme.dev, scopes: ["orders:read", "orders:write"] }
  ledger: { audience: https://ledger.acme.dev, scopes: ["ledger:read"] }
rules:
  partner-orders:
    issuer: acme-partner
    clients: [web-app, third-party]
    match: { groups: { contains: buyers } }
    grant: [{ target: orders, scopes: ["orders:read"] }]
clients:
  web-app: { type: public, ${common}, login: [acme-partner], consent: never, allowed_origins: ["${app.url}"] }
  second-app: { type: public, ${common}, login: [acme-partner, other], consent: never }
  third-party: { type: public, ${common}, login: [acme-partner], client_name: "Third <Party>" }
  confidential: { ${secret}, ${common}, login: [acme-partner], consent: never, require_pkce: false, userinfo_signed_response_alg: RS256 }
  job: { type: public }
`
}
