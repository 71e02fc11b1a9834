import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

/** README shows what the demo prints: writes it there, or with --check fails when it differs. Ports differ from run to run. */
const begin = '<!-- demo: written by tools/demo-block.ts -->\n\n```\n'
const end = '```\n\n<!-- /demo -->'

const output = execFileSync(process.execPath, ['local/demo.ts'], { encoding: 'utf8' }).replaceAll(
  /127\.0\.0\.1:\d+/g,
  '127.0.0.1:<port>',
)
const readme = readFileSync('README.md', 'utf8')
const from = readme.indexOf(begin)
const to = readme.indexOf(end, from)
if (from === -1 || to === -1) throw new Error('README.md has no demo block')
const current = readme.slice(0, from) + begin + output + readme.slice(to)
if (process.argv.includes('--check')) {
  if (current !== readme) {
    process.stderr.write('README.md shows an older demo: run npm run readme\n')
    process.exitCode = 1
  }
} else {
  writeFileSync('README.md', current)
}
