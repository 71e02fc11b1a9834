import { spawnSync } from 'node:child_process'
import { chmodSync, globSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { functionNames } from '../infra/function-names.ts'
import { bundleFunctions, writeWhole, type BundleReport } from '../infra/bundle.ts'

// What is deployed and what is published: dist/functions/, the constructs, the provider, the command, their types.
const root = fileURLToPath(new URL('..', import.meta.url))

// Of a function that is no more.
for (const folder of globSync(`${root}dist/functions/*`))
  if (!functionNames.some((name) => name === basename(folder))) rmSync(folder, { recursive: true })
const [reports] = await Promise.all([
  bundleFunctions(`${root}dist/functions`),
  published('infra/cdk.ts', 'dist/cdk.js'),
  published('client/from-token-broker.ts', 'dist/aws.js'),
  published('verify/access-token.ts', 'dist/verify.js'),
  published('cli/token-broker.ts', 'dist/cli.js').then(() => chmodSync(`${root}dist/cli.js`, 0o755)),
])
if (process.argv.includes('--report')) process.stdout.write(table(reports))
if (process.argv.includes('--types')) types()

/** For Node 20, which runs no TypeScript, and no Node runs any below node_modules. */
async function published(entry: string, outfile: string): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    write: false,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
  })
  for (const { contents } of outputFiles) writeWhole(root + outfile, contents)
}

function types(): void {
  rmSync(`${root}dist/types`, { recursive: true, force: true })
  const compiler = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(/package\.json$/, 'bin/tsc')
  const { status } = spawnSync(process.execPath, [compiler, '--project', 'tsconfig.types.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}

function table(reports: readonly BundleReport[]): string {
  const kib = (bytes: number) => (bytes / 1024).toFixed(1).padStart(8)
  return reports
    .map(({ file, bytes, packages }) =>
      [
        `${file}${kib(bytes)} KiB`,
        ...packages.slice(0, 12).map((part) => `  ${part.name.padEnd(44)}${kib(part.bytes)}`),
        '',
      ].join('\n'),
    )
    .join('')
}
