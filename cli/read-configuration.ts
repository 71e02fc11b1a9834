import { compile } from '../lib/config/compile.ts'
import { ConfigurationError, formatFinding } from '../lib/config/findings.ts'
import { includedFiles } from '../lib/config/included-files.ts'
import { logoBelow } from '../lib/config/logo-file.ts'
import type { Include } from '../lib/config/source.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { CommandError } from './command.ts'
import { readText, stdinName } from './read-text.ts'

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
    return { ...compileFor(text, name, compiledFor), name, text }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    throw new CommandError(error.findings.map(formatFinding).join('\n'))
  }
}

/** With all that it includes. Throws ConfigurationError. */
export function compileFor(
  text: string,
  name: string,
  { local, broker, now }: CompiledFor,
): ReturnType<typeof compile> {
  return compile(text, name, {
    local,
    now,
    ...(local && broker !== undefined ? { issuer: broker } : {}),
    include: includeOf(name),
    logo: name === stdinName ? undefined : logoBelow(name),
  })
}

/** What a file of this name includes; standard input includes nothing. */
export function includeOf(name: string): Include | undefined {
  return name === stdinName ? undefined : includedFiles(name)
}
