import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** The browser that is there: that of CHROMIUM, else the system's. */
export function findChromium(): string | undefined {
  const { CHROMIUM } = process.env
  return (CHROMIUM ? [CHROMIUM] : places).find((path) => existsSync(path))
}

export function launchChromium(executablePath: string): Promise<Browser> {
  // Hinting would give glyphs another size on another machine.
  return chromium.launch({ executablePath, args: ['--font-render-hinting=none'] })
}
