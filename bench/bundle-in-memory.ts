import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { join } from 'node:path'
import { bundleOptions } from '../infra/bundle.ts'
import { awsAdapters } from './memory-ports.ts'

/** functions/token.ts as it is deployed, but for its adapters to AWS, into `directory`/token/. */
export async function bundleInMemory(directory: string): Promise<void> {
  const path = fileURLToPath(new URL('memory-ports.ts', import.meta.url))
  await build({
    ...bundleOptions,
    entryPoints: ['functions/token.ts'],
    outfile: join(directory, 'token/index.js'),
    plugins: [{ name: 'in-memory', setup: (build) => build.onResolve({ filter: awsAdapters }, () => ({ path })) }],
  })
}
