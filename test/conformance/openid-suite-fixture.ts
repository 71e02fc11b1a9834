import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import type { HtmlBrowser } from '../../local/demo/html-browser.ts'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox, type LoginBox, type TokenAnswer } from './login-fixture.ts'

type Changes = Record<string, string | undefined>

/** A login from end to end. */
export interface Flow {
  arrived: URLSearchParams
  body: TokenAnswer['body']
  id_token: JWTPayload
  userinfo: Record<string, unknown>
}

/** What else may differ of a request and a login. */
export interface Ways {
  /** Of the request's URL. */
  url?: (url: URL) => void
  /** Whether it is a form. */
  post?: boolean
  /** Of the partner's second factor. */
  code?: string
}

/** What the OpenID Foundation's suite does, with clients as its operators register them: with secrets, and without PKCE. */
export interface SuiteBox {
  box: LoginBox
  /** Sends the browser there, which logs in and allows what it is asked, and stays where it comes to. */
  authorize(changes?: Changes, browser?: HtmlBrowser, ways?: Ways): Promise<{ arrived: URLSearchParams; nonce: string }>
  /** By client_secret_basic, unless the headers say otherwise. */
  redeem(arrived: URLSearchParams, fields?: Changes, headers?: Record<string, string>): Promise<TokenAnswer>
  userinfo(access_token: unknown, init?: RequestInit): Promise<Response>
  /** A login, with all that the suite checks of every one. */
  flow(changes?: Changes, browser?: HtmlBrowser): Promise<Flow>
  /** What the suite checks of every ID token. */
  checkIdToken(id_token: unknown, nonce?: string, client_id?: string): Promise<JWTPayload>
  /** Whether this much of what the browser did shows a login at the partner. */
  loggedIn(browser: HtmlBrowser, since: number): boolean
}

export const basic = (client_id = 'suite') => ({ authorization: basicAuthorization(client_id, clientSecret) })

export function suiteBox(config: (text: string) => string = (text) => text): SuiteBox {
  const box = loginBox((text) => config(withSuiteClients(text)))
  const suite: SuiteBox = {
    box,
    async authorize(changes = {}, browser = box.browser(), { url: change, post = false, code } = {}) {
      const nonce = randomBytes(8).toString('hex')
      const state = randomBytes(8).toString('hex')
      const asked = { client_id: 'suite', scope: 'openid', state, nonce, ...withoutPkce, ...changes }
      box.app.arrived = new URLSearchParams()
      const url = new URL(box.authorizationUrl(asked))
      change?.(url)
      await browser.open(post ? await posted(url) : url.href)
      await finish(browser, code)
      const { arrived } = box.app
      if (arrived.size > 0) {
        assert.equal(arrived.get('state'), asked.state ?? null)
        assert.equal(arrived.get('iss'), box.broker.issuer)
      }
      return { arrived, nonce }
    },
    redeem: (arrived, fields = {}, headers = basic()) =>
      box.redeem(arrived.get('code'), { client_id: undefined, code_verifier: undefined, ...fields }, headers),
    userinfo: (access_token, init = {}) =>
      fetch(`${box.broker.url}/userinfo`, { headers: { authorization: `Bearer ${String(access_token)}` }, ...init }),
    async checkIdToken(id_token, nonce, client_id = 'suite') {
      const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
      const checks = { issuer: box.broker.issuer, audience: client_id, algorithms: ['RS256'] }
      const { payload } = await jwtVerify(String(id_token), keys, checks)
      assert.ok(decodeProtectedHeader(String(id_token)).kid)
      assert.equal(payload.nonce, nonce)
      assert.ok(payload.sub)
      assert.ok(Number(payload.iat) <= Date.now() / 1000 && Number(payload.exp) > Number(payload.iat))
      return payload
    },
    async flow(changes = {}, browser = box.browser()) {
      const { arrived, nonce } = await suite.authorize(changes, browser)
      assert.equal(arrived.get('error'), null, arrived.get('error_description') ?? '')
      const { client_id = 'suite' } = changes
      const { status, body } = await suite.redeem(arrived, {}, basic(client_id))
      assert.equal(status, 200)
      assert.ok(Number.isInteger(body.expires_in))
      const asked = 'nonce' in changes ? changes.nonce : nonce
      const id_token = await suite.checkIdToken(body.id_token, asked, client_id)
      const answer = await suite.userinfo(body.access_token)
      assert.equal(answer.status, 200)
      const userinfo = (await answer.json()) as Record<string, unknown>
      assert.equal(userinfo.sub, id_token.sub)
      return { arrived, body, id_token, userinfo }
    },
    loggedIn: ({ visited }, since) => visited.slice(since).some((url) => url.startsWith(`${box.partner.url}/login/`)),
  }
  return suite
}

/** Where a form with these parameters leads a browser. */
async function posted({ origin, pathname, searchParams }: URL): Promise<string> {
  const { status, headers } = await fetch(origin + pathname, { method: 'POST', body: searchParams, redirect: 'manual' })
  assert.equal(status, 303)
  return new URL(headers.get('location') ?? '', origin).href
}

const withoutPkce = { code_challenge: undefined, code_challenge_method: undefined }

/** As a script for a browser that knows the ids of our pages and the partner's. */
async function finish(browser: HtmlBrowser, code?: string): Promise<void> {
  const person = { username: 'alice', password: 'example', ...(code === undefined ? {} : { code }) }
  for (const [id, fields] of [
    ['log-in', person],
    ['consent-allow', {}],
  ] as const)
    if (browser.page.forms.some(({ buttons }) => buttons.some((button) => button.id === id)))
      await browser.click(id, fields)
}

function withSuiteClients(text: string): string {
  const [, secret = ''] = /confidential: \{ (auth: .*?\} \})/.exec(text) ?? []
  const [, redirects = ''] = /(redirect_uris: \[.*?\])/.exec(text) ?? []
  const [app = ''] = /http:[^"]*(?=\/cb")/.exec(text) ?? []
  const common = `${redirects}, post_logout_redirect_uris: ["${app}/post_logout_redirect"], grants: [authorization_code, refresh_token], login: [acme-partner], require_pkce: false,
    consent: first_time, scopes: [openid, profile, email, address, phone, offline_access]`
  return `${text}
  suite: { ${secret}, ${common} }
  suite-2: { ${secret}, ${common} }
  suite-back: { ${secret}, ${common}, backchannel_logout_uri: "${app}/backchannel_logout" }
  suite-front: { ${secret}, ${common}, frontchannel_logout_uri: "${app}/frontchannel_logout" }
  suite-post: { ${secret.replace('[basic, post]', '[post]')}, ${common} }
`
}
