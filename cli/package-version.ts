import { readFileSync } from 'node:fs'

/** Of the package that this runs from: its package.json is beside cli/, and beside dist/ where it is bundled. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
