import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Code, type AssetCode } from 'aws-cdk-lib/aws-lambda'
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api'
import type { Construct } from 'constructs'
import { toMetadataConfiguration, type Configuration } from '../lib/trust/configuration.ts'
import { celSources } from '../lib/trust/expression.ts'
import { evaluates, type FunctionName } from './function-names.ts'

/** Where `npm run build` has put the bundles, seen from this file and from dist/cdk.js alike. */
const built = fileURLToPath(new URL('../dist/functions/', import.meta.url))

/**
 * A bundle with the compiled broker.yaml beside it, in the place that its `#config` names. Throws when the bundles were
 * not built.
 */
export function writeFunctionCode(
  name: FunctionName,
  configuration: Configuration | undefined,
  directory: string,
  bundles = built,
): void {
  const write = (file: string, contents: string | Buffer) => {
    writeFileSync(join(directory, file), contents)
    // Lambda reads them as another user, whatever the umask here; an asset's hash does not tell modes apart.
    chmodSync(join(directory, file), 0o644)
  }
  const copy = (file: string) => write(file, readBundle(join(bundles, name, file)))
  copy('index.js')
  if (configuration === undefined) return
  if (evaluates(name) && celSources(configuration).size > 0) copy('cel.js')
  const own = name === 'metadata' ? toMetadataConfiguration(configuration) : configuration
  write('config.json', JSON.stringify(own))
  write('package.json', JSON.stringify({ imports: { '#config': './config.json' } }))
}

function readBundle(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${file} does not exist: run npm run build`, { cause: error })
  }
}

/** The same as an asset. Its hash is that of what is in it, so the same bundle and file are never uploaded twice. */
export function functionCode(scope: Construct, name: FunctionName, configuration?: Configuration): AssetCode {
  const directory = mkdtempSync(join(tmpdir(), `token-broker-${name}-`))
  try {
    writeFunctionCode(name, configuration, directory)
    const code = Code.fromAsset(directory)
    // Copied into the assembly now, while the directory is there.
    code.bind(scope)
    return code
  } finally {
    // With --no-staging the assembly points here instead.
    if (scope.node.tryGetContext(DISABLE_ASSET_STAGING_CONTEXT) === undefined)
      rmSync(directory, { recursive: true, force: true })
  }
}
