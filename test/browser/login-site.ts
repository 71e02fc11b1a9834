import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { Page } from 'playwright-core'
import type { Response } from '../../lib/http/response.ts'
import { loginBox } from '../conformance/login-fixture.ts'
import { assertAccessible } from './accessibility.ts'
import { pageServer } from './page-server.ts'

const html = (body: string): Response => ({
  headers: { 'content-type': 'text/html' },
  body: `<!doctype html><title>An application</title><link rel="icon" href="data:,">${body}`,
})

/** What the application does with an answer that comes to a popup or a frame of its own. */
const landing = `<h1>Welcome</h1><script>
  const by = opener ?? (parent === window ? undefined : parent)
  by?.postMessage(location.search, location.origin)
  if (opener) close()
</script>`

type Changes = Parameters<ReturnType<typeof loginBox>['authorizationUrl']>[0]

/**
 * A broker, an application and a partner, each on a site of its own as browsers see them: the broker at 127.0.0.1, the
 * others at localhost. The application answers at both: at 127.0.0.1 it is on the broker's site, as app.acme.dev is on that
 * of broker.acme.dev. `pages`: what it has beside /cb, by path.
 */
export async function loginSite(pages: Readonly<Record<string, string>> = {}) {
  const application = await pageServer(({ url }) => {
    const { pathname, searchParams } = new URL(url, 'http://here.invalid')
    return html(pathname === '/cb' ? landing : (pages[pathname] ?? searchParams.get('html') ?? ''))
  })
  const { origin, otherOrigin } = application
  const redirects = [`${otherOrigin}/cb`, `${origin}/cb`, `${otherOrigin}/app`, `${origin}/app`]
  const listed = `redirect_uris: ${JSON.stringify(redirects)}`
  const box = loginBox(
    (text) => `${text
      .replaceAll('redirect_uris: [', `${listed.slice(0, -1)}, `)
      .replace('allowed_origins: [', `allowed_origins: ["${otherOrigin}", `)}
  shop: { type: public, grants: [authorization_code], ${listed}, scopes: [openid, profile, email], login: [acme-partner, other], client_name: Shop, post_logout_redirect_uris: ["${otherOrigin}/bye"], frontchannel_logout_uri: "${otherOrigin}/front" }
`,
  )
  const atPartner = ({ origin }: URL) => origin === box.partner.url.replace('127.0.0.1', 'localhost')
  before(() => {
    box.instead = ({ headers, url = '' }, response) => {
      if (!url.startsWith('/auth?') || headers.host?.startsWith('127.0.0.1') !== true) return false
      response.writeHead(303, { location: `http://${headers.host.replace('127.0.0.1', 'localhost')}${url}` }).end()
      return true
    }
  })
  after(application.close)
  const redirect_uri = `${otherOrigin}/cb`
  const answers = () => application.received.filter(({ url }) => url.startsWith('/cb'))
  return {
    application,
    box,
    redirect_uri,
    /** Where the application sends a person who is to log in. */
    authorizationUrl: (changes: Changes = {}) => box.authorizationUrl({ redirect_uri, ...changes }),
    /** Everything that came to the application's redirect URI. */
    answers,
    /** What came there last. */
    arrived: () => {
      const { url, body } = answers().at(-1)!
      return body === '' ? new URL(url, otherOrigin).searchParams : new URLSearchParams(body)
    },
    redeem: async (code: string | null, fields: Changes = {}) => box.redeem(code, { redirect_uri, ...fields }),
    /** Types at the partner, where the browser must be. */
    logIn: async (
      page: Page,
      fields: Readonly<Record<string, string>> = { username: 'alice', password: 'example' },
    ) => {
      assert.ok(atPartner(new URL(page.url())), page.url())
      for (const [id, text] of Object.entries(fields)) await page.fill(`#${id}`, text)
      await page.click('#log-in')
    },
    atPartner,
    /** Back at the application. */
    landed: (page: Page) => page.waitForURL((url) => url.href.startsWith(redirect_uri)),
    /** A page of ours, which has this heading. */
    assertOurs: async (page: Page, heading: string, status?: number) => {
      assert.equal(new URL(page.url()).origin, box.broker.url)
      assert.equal((await page.textContent('h1'))?.trim(), heading)
      if (status !== undefined) assert.match((await page.textContent('.muted')) ?? '', new RegExp(`Error ${status}`))
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await assertAccessible(page, `${heading} in ${colorScheme}`)
      }
    },
    cookies: async (page: Page) => page.context().cookies(box.broker.url),
  }
}
