import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleOptions } from '../infra/bundle.ts'
import type { Configuration } from '../lib/trust/configuration.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** functions/token.ts as it is deployed, but for its adapters to AWS. */
export async function bundleInMemory(configuration: Configuration, directory: string): Promise<void> {
  await build({
    ...bundleOptions,
    entryPoints: ['functions/token.ts'],
    outfile: join(directory, 'index.js'),
    plugins: [
      {
        name: 'in-memory',
        setup(build) {
          build.onResolve({ filter: /\/aws\/(?:clients|key-set-items|receipts|revocations|signer)\.ts$/ }, () => ({
            path: join(root, 'bench/memory-ports.ts'),
          }))
        },
      },
    ],
  })
  writeFileSync(join(directory, 'config.json'), JSON.stringify(configuration))
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ imports: { '#config': './config.json' } }))
}
