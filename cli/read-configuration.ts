import { compile } from '../lib/config/compile.ts'
import { ConfigurationError, formatFinding } from '../lib/config/findings.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { CommandError } from './command.ts'
import { readText } from './read-text.ts'

/** A broker.yaml as it is deployed, and as it is called. */
export interface ReadConfiguration {
  configuration: Configuration
  name: string
  text: string
}

export interface CompiledFor {
  /** As a local run compiles it, whose issuer is `broker` whatever the file says. */
  local: boolean
  broker: string | undefined
  /** Seconds since 1970. */
  now: number
}

/** Throws CommandError, with every finding. */
export async function readConfiguration(file: string, compiledFor: CompiledFor): Promise<ReadConfiguration> {
  const { text, name } = await readText(file)
  try {
    return { configuration: compileFor(text, name, compiledFor), name, text }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    throw new CommandError(error.findings.map(formatFinding).join('\n'))
  }
}

/** Throws ConfigurationError. */
export function compileFor(text: string, name: string, { local, broker, now }: CompiledFor): Configuration {
  const issuer = local && broker !== undefined ? { issuer: broker } : {}
  return compile(text, name, { local, now, ...issuer }).configuration
}
