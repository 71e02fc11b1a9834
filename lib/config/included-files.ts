import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { globMatches } from '../trust/glob.ts'
import { codeOf, readFileBelow } from './file-below.ts'
import { FileError } from './file-error.ts'
import type { Include, SourceFile } from './source.ts'

const MAX_KIB = 16 * 1024

/** `include` of this broker.yaml: files below its folder, in the order of their names. `*` is any part of a name but its leading dot. */
export function includedFiles(file: string): Include {
  return (pattern) => {
    const steps = pattern.split('/')
    if (/^\/|[:\\\0]|\*\*/.test(pattern) || steps.some((step) => ['', '.', '..'].includes(step)))
      throw new FileError(
        `${pattern} must be files below the folder of ${file}, such as rules/*.yaml: without .., ** and colons, and not absolute`,
      )
    const folder = dirname(file)
    const named = steps.reduce<string[]>((found, step) => found.flatMap((path) => stepInto(path, step)), [folder])
    const paths = pattern.includes('*') ? named.filter((path) => existsSync(path)) : named
    if (paths.length === 0) throw new FileError(`${pattern} is no file in ${folder}: name one that is there`)
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
    throw new FileError(`${folder} cannot be read: ${codeOf(error)}`)
  }
}

function readOne(path: string, root: string): SourceFile {
  const { real, bytes } = readFileBelow(path, root, MAX_KIB)
  if (real === realpathSync(root)) throw new FileError(`${path} includes itself: put what it includes into a folder`)
  try {
    return { file: path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    throw new FileError(`${path} is not text in UTF-8`)
  }
}
