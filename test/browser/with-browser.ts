import { after, test } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { findChromium, launchChromium } from './chromium.ts'

export interface Visit extends BrowserContextOptions {
  /** A complaint that the test is about: it must come, and no other may. */
  expected?: RegExp
}

let launched: Promise<Browser> | undefined

/**
 * A test in a browser with no cookies, tab and popups together. It fails where the browser complains, and is skipped where
 * there is no browser.
 */
export function withBrowser(
  name: string,
  visit: (page: Page) => Promise<void>,
  { expected, ...options }: Visit = {},
): void {
  const executablePath = findChromium()
  test(name, { skip: executablePath === undefined && 'there is no Chromium' }, async () => {
    launched ??= launchChromium(executablePath as string)
    const context = await (await launched).newContext(options)
    context.setDefaultTimeout(10_000)
    try {
      const complaints: string[] = []
      context.on('page', (page) => collectComplaints(page, complaints))
      await visit(await context.newPage())
      const unexpected = complaints.filter((each) => expected?.test(each) !== true)
      if (unexpected.length > 0) throw new Error(`the browser complains:\n${unexpected.join('\n')}`)
      if (expected !== undefined && complaints.length === 0) throw new Error(`the browser does not say ${expected}`)
    } finally {
      await context.close()
    }
  })
}

after(async () => (await launched)?.close())

/** What a Content-Security-Policy forbids, what scripts throw, what is not there, and what another machine was asked for. */
function collectComplaints(page: Page, complaints: string[]): void {
  page.on('console', (message) => {
    // That a page itself is an error is for the test to see.
    const isPage = message.text().startsWith('Failed to load resource: the server responded')
    if (message.type() === 'error' && !isPage) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    const isHere = ['data:', 'about:'].includes(protocol) || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
    if (!isHere) complaints.push(`${hostname} is asked`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400 && !response.request().isNavigationRequest())
      complaints.push(`${response.status()} for ${response.url()}`)
  })
}
