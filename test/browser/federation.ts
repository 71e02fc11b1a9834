import { page } from '../../lib/http/html-response.ts'
import type { Response } from '../../lib/http/response.ts'
import { errorPage } from '../../lib/pages/error-page.ts'
import { formPostPage } from '../../lib/pages/form-post-page.ts'
import type { Page } from '../../lib/pages/layout.ts'
import { branding, failure, formPost } from '../pages/sample-pages.ts'
import { pageServer } from './page-server.ts'

const html = (body: string): Response => ({
  headers: { 'content-type': 'text/html' },
  body: `<!doctype html><title>An application</title><link rel="icon" href="data:,">${body}`,
})

const to = (location: string): Response => ({ statusCode: 303, headers: { location } })

/**
 * Our pages, each under its name, and an application of another site, which sends whoever comes back on to a third. What
 * our forms and links lead to is answered as a broker would: by a redirect to the application.
 */
export async function federation(pages: Readonly<Record<string, Page>>) {
  const application = await pageServer(({ url }) => {
    if (url.startsWith('/cb')) return to(`${application.origin}/home`)
    if (url === '/popup') return html(`<button onclick="window.open('${broker.origin}/choice')">Log in</button>`)
    if (url === '/frame') return html(`<iframe src="${broker.origin}/consent"></iframe>`)
    if (url === '/closes') return html(`<script>opener.document.title = 'Logged in'; close()</script>`)
    return html('<h1>Welcome</h1>')
  })
  const callback = `${application.otherOrigin}/cb?tenant=a`
  const ours: Readonly<Record<string, Page>> = {
    ...pages,
    auto: formPostPage(branding, { ...formPost, redirect_uri: callback }),
  }
  const broker = await pageServer(({ method, url }) => {
    if (url.endsWith('issuer=partner')) return to(`${application.otherOrigin}/closes`)
    if (url.startsWith('/login?') || (method === 'POST' && url === '/consent')) return to(callback)
    const named = ours[decodeURIComponent(url.slice(1))]
    return named === undefined ? page(404, errorPage(branding, failure)) : page(200, named)
  })
  return {
    application,
    broker,
    close: () => {
      application.close()
      broker.close()
    },
  }
}
