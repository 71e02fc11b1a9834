import type { HtmlBrowser } from './html-browser.ts'
import { verbose } from './requests.ts'

/** At the partner's identity provider, whose page is shown. */
export async function logIn(browser: HtmlBrowser, username: string): Promise<void> {
  await browser.click('log-in', { username, password: 'example' })
  tell(browser)
}

/** Without its query, in which there may be a code. */
export function tell({ status, url, page }: HtmlBrowser): void {
  if (verbose) process.stdout.write(`\n< ${status} ${url.replace(/\?.*/, '')}\n< ${page.text}\n`)
}
