import { compile } from '../lib/config/compile.ts'
import type { Finding } from '../lib/config/findings.ts'
import { includedFiles } from '../lib/config/included-files.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { readText, STDIN } from './read-text.ts'

/** A broker.yaml with all that it includes, or one on standard input. Throws ConfigurationError and CommandError. */
export async function compileFile(
  file: string,
  local: boolean,
): Promise<{ configuration: Configuration; findings: Finding[] }> {
  const { text, name } = await readText(file)
  return compile(text, name, {
    local,
    now: Math.floor(Date.now() / 1000),
    ...(file === STDIN ? {} : { include: includedFiles(file) }),
  })
}
