import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { globMatches } from '../trust/glob.ts'
import { IncludeError, type Include, type SourceFile } from './source.ts'

const MAX_BYTES = 16 * 1024 * 1024

/** `include` of this broker.yaml: files below its folder, in the order of their names. `*` is any part of a name but its leading dot. */
export function includedFiles(file: string): Include {
  return (pattern) => {
    const steps = pattern.split('/')
    if (/^\/|[:\\\0]|\*\*/.test(pattern) || steps.some((step) => ['', '.', '..'].includes(step)))
      throw new IncludeError(
        `${pattern} must be files below the folder of ${file}, such as rules/*.yaml: without .., ** and colons, and not absolute`,
      )
    const folder = dirname(file)
    const named = steps.reduce<string[]>((found, step) => found.flatMap((path) => stepInto(path, step)), [folder])
    const paths = pattern.includes('*') ? named.filter((path) => existsSync(path)) : named
    if (paths.length === 0) throw new IncludeError(`${pattern} is no file in ${folder}: name one that is there`)
    return paths.map((path) => readOne(path, file))
  }
}

function stepInto(path: string, step: string): string[] {
  if (!step.includes('*')) return [join(path, step)]
  return namesIn(path)
    .filter((found) => globMatches(step, found) && (step.startsWith('.') || !found.startsWith('.')))
    .toSorted()
    .map((found) => join(path, found))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return []
    throw new IncludeError(`${folder} cannot be read: ${codeOf(error)}`)
  }
}

function readOne(path: string, root: string): SourceFile {
  try {
    const real = realpathSync(path)
    if (real === realpathSync(root))
      throw new IncludeError(`${path} includes itself: put what it includes into a folder`)
    // A link would let who owns it change what stands elsewhere.
    if (!real.startsWith(join(realpathSync(dirname(root)), '/')))
      throw new IncludeError(`${path} leads out of the folder of ${root}: put the file there`)
    const stats = statSync(path)
    if (!stats.isFile()) throw new IncludeError(`${path} is no file`)
    if (stats.size > MAX_BYTES) throw new IncludeError(`${path} is larger than 16 MiB`)
    return { file: path, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) }
  } catch (error) {
    if (error instanceof IncludeError) throw error
    throw new IncludeError(
      error instanceof TypeError ? `${path} is not text in UTF-8` : `${path} cannot be read: ${codeOf(error)}`,
    )
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code)
}
