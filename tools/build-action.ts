import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** GitHub runs what is committed: the action as one file, to be read in a review, so not minified. */
const root = fileURLToPath(new URL('..', import.meta.url))
const file = `${root}action/dist/index.js`

/** What action/dist/index.js holds if it is its source's. */
export async function actionBundle(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['action/main.ts'],
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    banner: { js: '// Written by tools/build-action.ts from action/main.ts: npm run action' },
    logLevel: 'warning',
  })
  return outputFiles.map(({ text }) => text).join('')
}

if (import.meta.main) {
  const current = await actionBundle()
  if (!process.argv.includes('--check')) writeFileSync(file, current)
  else if (readFileSync(file, 'utf8') !== current) {
    process.stderr.write('action/dist/index.js is not what action/ and client/ say: run npm run action\n')
    process.exitCode = 1
  }
}
