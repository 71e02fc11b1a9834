import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { Response } from '../../lib/http/response.ts'
import { startQuickstart } from '../../local/quickstart.ts'
import { pageServer } from './page-server.ts'
import { withBrowser } from './with-browser.ts'

const folder = new URL('../../examples/spa/', import.meta.url)

if (existsSync(new URL('node_modules/oidc-client-ts', folder))) await tryOut()
else test('examples/spa', { skip: 'its packages are not there: npm install in examples/spa' }, () => {})

async function tryOut(): Promise<void> {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  const app = await pageServer(({ url }) => file(url.replace(/\?.*/, '')))
  const config = (text: string) => text.replaceAll('http://127.0.0.1:8791', app.origin)
  const world = await startQuickstart({ config })
  after(async () => {
    app.close()
    await world.close()
  })

  function file(path: string): Response {
    const name = path === '/' ? 'index.html' : path.slice(1)
    const body = readFileSync(new URL(name, folder), 'utf8').replace('http://127.0.0.1:8787', world.broker.url)
    return { headers: { 'content-type': name.endsWith('.html') ? 'text/html' : 'text/javascript' }, body }
  }

  async function logIn(page: Page, username: string): Promise<void> {
    await page.goto(app.origin)
    await page.click('#log-in')
    await page.fill('#username', username)
    await page.fill('#password', 'example')
    await page.click('#log-in')
  }

  withBrowser('a person logs in to the single-page app, which keeps no token', async (page) => {
    await logIn(page, 'alice')
    await page.click('#consent-allow')
    await page.getByText('Alice Example (acme-partner:e-1041), with openid profile email orders:read').waitFor()
    assert.equal(page.url(), `${app.origin}/`)
    assert.equal(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })'), '{}')
    await page.reload()
    await page.getByText('You are not logged in.').waitFor()
    await page.click('#log-in')
    await page.getByText('Alice Example (acme-partner:e-1041)').waitFor()
  })

  withBrowser('who is refused is told so, and the address is clean', async (page) => {
    await logIn(page, 'bob')
    await page.getByText('You are not logged in: the login was not accepted').waitFor()
    assert.equal(page.url(), `${app.origin}/`)
  })
}
