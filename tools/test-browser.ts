import { spawnSync } from 'node:child_process'
import { findChromium } from '../test/browser/chromium.ts'

/** Tries the pages in a real browser: the system's Chromium, or that of CHROMIUM. `--screenshots` writes docs/images/ instead. */
if (findChromium() === undefined) {
  process.stdout.write(
    'skipped: the pages are tried in Chromium, and there is none: install it, or set CHROMIUM to its path\n',
  )
  process.exit(0)
}
const what = process.argv.includes('--screenshots')
  ? ['test/browser/screenshots.ts']
  : ['--test', '--test-concurrency=1', '--test-timeout=120000', 'test/browser/*.browser.ts']
process.exit(spawnSync(process.execPath, what, { stdio: 'inherit' }).status ?? 1)
