import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { page as response } from '../../lib/http/html-response.ts'
import { samplePages } from '../pages/sample-pages.ts'
import { findChromium, launchChromium } from './chromium.ts'
import { pageServer } from './page-server.ts'

/** Writes what docs/pages.md shows. */
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const shown = { choice: 'choice', consent: 'consent', error: 'error at an issuer' } as const

mkdirSync(folder, { recursive: true })
const executablePath = findChromium()
if (executablePath === undefined) throw new Error('there is no Chromium')
const browser = await launchChromium(executablePath)
const { origin, close } = await pageServer(({ url }) => response(200, samplePages[decodeURIComponent(url.slice(1))]!))
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 560, height: 400 } })
  for (const [name, sample] of Object.entries(shown)) {
    await page.goto(`${origin}/${encodeURIComponent(sample)}`)
    writeFileSync(join(folder, `${name}-${colorScheme}.png`), await page.screenshot({ fullPage: true }))
  }
}
await browser.close()
close()
