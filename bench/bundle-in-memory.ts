import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { join } from 'node:path'
import { bundleOptions } from '../infra/bundle.ts'
import type { FunctionName } from '../infra/function-names.ts'
import { awsAdapters } from './memory-ports.ts'

/** The functions that answer requests, as they are deployed but for their adapters to AWS, into `directory`/<name>/. */
export async function bundleInMemory(directory: string): Promise<void> {
  const path = fileURLToPath(new URL('memory-ports.ts', import.meta.url))
  for (const name of ['token', 'introspection'] satisfies FunctionName[])
    await build({
      ...bundleOptions,
      entryPoints: [`functions/${name}.ts`],
      outfile: join(directory, name, 'index.js'),
      plugins: [{ name: 'in-memory', setup: (build) => build.onResolve({ filter: awsAdapters }, () => ({ path })) }],
    })
}
