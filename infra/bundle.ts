import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild'
import { evaluates, functionNames, type FunctionName } from './function-names.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Bytes of one file that is deployed, and whose they are: a package's name, or `token-broker` for our own. */
export interface BundleReport {
  function: FunctionName
  /** `index.js`, or what it loads only when it needs it. */
  file: string
  bytes: number
  packages: { name: string; bytes: number }[]
}

/** For Lambda's Node 24. */
export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  // The SDK's ES modules: nothing of its CommonJS can be shaken off.
  mainFields: ['module', 'main'],
  external: ['#config'],
  legalComments: 'none',
} satisfies BuildOptions

/**
 * Bundles every function into `directory`/<name>/: CommonJS for Lambda's Node 24, minified, without a configuration, which
 * is laid beside it at synth: a change of broker.yaml changes no code, and the published package needs no bundler.
 * Throws when a bundle would need a package that is not in it.
 */
export async function bundleFunctions(directory: string): Promise<BundleReport[]> {
  const reports = functionNames.map(async (name) => [
    await bundle(name, join(root, 'functions', `${name}.ts`), join(directory, name, 'index.js')),
    // 280 KiB that only rules with CEL in them need.
    ...(evaluates(name) ? [await bundle(name, join(root, 'lib/trust/cel.ts'), join(directory, name, 'cel.js'))] : []),
  ])
  return (await Promise.all(reports)).flat()
}

async function bundle(name: FunctionName, entry: string, output: string): Promise<BundleReport> {
  const { outputFiles, metafile } = await build({
    ...bundleOptions,
    entryPoints: [entry],
    plugins: [credentialsOfLambda, versionsAlone, noEventStreams, celApart],
    logLevel: 'silent',
    write: false,
    metafile: true,
  })
  refuseStrays(metafile, entry)
  const [{ contents }] = outputFiles as [(typeof outputFiles)[number]]
  writeWhole(output, contents)
  return {
    function: name,
    file: output.slice(output.lastIndexOf(name)),
    bytes: contents.length,
    packages: packagesOf(metafile),
  }
}

/** Lambda hands credentials over in its environment; the other ways to find some would be a fifth of the bundle. */
const credentialsOfLambda: Plugin = {
  name: 'credentials-of-lambda',
  setup(build) {
    build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, () => ({
      path: join(root, 'infra/lambda-credentials.ts'),
    }))
  },
}

/** Of a client's package.json the SDK reads its version, and would bring all of it. */
const versionsAlone: Plugin = {
  name: 'versions-alone',
  setup(build) {
    build.onLoad({ filter: /\/@aws-sdk\/client-[a-z-]+\/package\.json$/ }, ({ path }) => {
      const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
      return { contents: JSON.stringify({ version }), loader: 'json' }
    })
  },
}

/** No operation that we call has one, so the SDK never loads what reads them. */
const noEventStreams: Plugin = {
  name: 'no-event-streams',
  setup(build) {
    build.onResolve({ filter: /^@smithy\/core\/event-streams$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, namespace: 'left-out' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: '' }))
  },
}

const celApart: Plugin = {
  name: 'cel-apart',
  setup(build) {
    build.onResolve({ filter: /\/cel\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './cel.js', external: true } : undefined,
    )
  },
}

function refuseStrays({ outputs }: Metafile, entry: string): void {
  const allowed = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`), '#config', './cel.js'])
  const strays = Object.values(outputs).flatMap(({ imports }) =>
    imports.flatMap(({ path, external }) => (external && !allowed.has(path) ? [path] : [])),
  )
  if (strays.length > 0) throw new Error(`the bundle of ${entry} lacks ${strays.join(', ')}`)
}

function packagesOf({ outputs }: Metafile): BundleReport['packages'] {
  const sizes = new Map<string, number>()
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      if (bytesInOutput === 0) continue
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'token-broker'
      sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput)
    }
  }
  return [...sizes].map(([name, bytes]) => ({ name, bytes })).toSorted((a, b) => b.bytes - a.bytes)
}

/** So that whoever reads the file meanwhile, as another build or test does, sees the old one or the new one. */
export function writeWhole(file: string, contents: Uint8Array): void {
  mkdirSync(join(file, '..'), { recursive: true })
  const unfinished = `${file}.${process.pid}`
  writeFileSync(unfinished, contents)
  renameSync(unfinished, file)
}
