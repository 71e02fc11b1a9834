import { readDocument, type Path, type Position, type Problem, type SourceDocument } from './document.ts'
import { isEntries } from './entries.ts'
import { expand, pathKey } from './expand.ts'
import { FileError } from './file-error.ts'
import type { Finding } from './findings.ts'

export interface SourceFile {
  /** As findings name it. */
  file: string
  text: string
}

/** The files that a pattern of `include` means. Throws FileError. */
export type Include = (pattern: string) => readonly SourceFile[]

/** broker.yaml as it is compiled: with what it includes, and with each shorthand written out. Paths are of this `value`. */
export interface Source {
  value: unknown
  /** With any of these, `value` is not to be used. */
  findings: readonly Finding[]
  /** What a rule names: of a block with instances each of them. */
  issuersNamed(given: readonly string[]): string[]
  placeOf(path: Path, atKey?: boolean): Pick<Finding, 'file' | 'line' | 'column'>
  /** The scalar at a path as it is written, quotes and all. */
  sourceOf(path: Path): string | undefined
  /** Where the value at a path is written: in which file, from where to where. */
  writtenAt(path: Path): { file: string; text: string; start: number; end: number } | undefined
}

/** What included files may hold. */
const sections = ['issuers', 'targets', 'rules', 'clients'] as const

/** Reads broker.yaml and the files that it includes. */
export function readSource(root: SourceFile, include: Include | undefined): Source {
  const main = { ...root, document: readDocument(root.text) }
  const read = readIncluded(main, include)
  const files = [main, ...read.files]
  const merged = mergeSections(files)
  const expanded = expand(merged.value)
  const documentOf = ([section, name]: Path) => merged.ownerOf(section, name) ?? main
  const place = (path: Path, atKey?: boolean) => {
    const origin = expanded.originOf(path)
    const { file, document } = documentOf(origin)
    return { file, ...document.positionOf(origin, atKey) }
  }
  return {
    value: expanded.value,
    findings: [
      ...files.flatMap(({ file, document }) => document.problems.map((problem) => ({ file, ...problem }))),
      ...read.findings,
      ...merged.findings,
      ...expanded.problems.map(({ path, atKey, ...problem }) => ({ ...problem, ...place(path, atKey) })),
    ],
    issuersNamed: (given) => [...new Set(given.flatMap((name) => expanded.instances.get(name) ?? [name]))],
    placeOf: place,
    sourceOf(path) {
      const origin = expanded.originOf(path)
      return documentOf(origin).document.sourceOf(origin)
    },
    writtenAt(path) {
      const origin = expanded.originOf(path)
      const { file, text, document } = documentOf(origin)
      const range = document.rangeOf(origin)
      return range && { file, text, start: range[0], end: range[1] }
    },
  }
}

type ReadFile = SourceFile & { document: SourceDocument }

function readIncluded(main: ReadFile, include: Include | undefined): { files: ReadFile[]; findings: Finding[] } {
  const { value } = main.document
  const findings: Finding[] = []
  const error = (path: Path, rule: Finding['rule'], message: string) =>
    findings.push(toFinding(main, { severity: 'error', rule, message, path }))
  if (!isEntries(value) || !Object.hasOwn(value, 'include')) return { files: [], findings }
  const patterns = value.include
  if (!Array.isArray(patterns) || !patterns.every((pattern) => typeof pattern === 'string')) {
    error(['include'], 'wrong-type', 'include must be a list of files, such as [rules/*.yaml]')
    return { files: [], findings }
  }
  const files = new Map<string, ReadFile>()
  for (const [index, pattern] of patterns.entries()) {
    try {
      if (include === undefined) throw new FileError('only a file can include others: this text is none')
      for (const found of include(pattern))
        if (!files.has(found.file)) files.set(found.file, { ...found, document: readDocument(found.text) })
    } catch (problem) {
      if (!(problem instanceof FileError)) throw problem
      error(['include', index], 'include', problem.message)
    }
  }
  return { files: [...files.values()], findings }
}

/** One map of each section. The first file is broker.yaml itself, and keeps what else it has. */
function mergeSections([main, ...included]: readonly ReadFile[]) {
  const findings: Finding[] = []
  const owners = new Map<string, ReadFile>()
  const root = main?.document.value
  if (!isEntries(root)) return { value: root, findings, ownerOf: () => undefined }
  const { include: _, ...value }: Record<string, unknown> = root
  for (const each of included) {
    const given = each.document.value
    if (!isEntries(given)) continue
    for (const [section, entries] of Object.entries(given)) {
      const error = (rule: Finding['rule'], message: string, path: Path) =>
        findings.push(toFinding(each, { severity: 'error', rule, message, path, atKey: true }))
      if (!sections.some((known) => known === section)) {
        error('unknown-key', `an included file holds ${sections.join(', ')}: ${section} stands in ${main?.file}`, [
          section,
        ])
        continue
      }
      if (!isEntries(entries)) {
        error('wrong-type', `${section} must be a map`, [section])
        continue
      }
      const all = Object.hasOwn(value, section) ? value[section] : {}
      // Of what else it is the schema tells.
      if (!isEntries(all)) continue
      for (const name of Object.keys(entries)) {
        const owner = owners.get(pathKey(section, name)) ?? (Object.hasOwn(all, name) ? main : undefined)
        if (owner === undefined) owners.set(pathKey(section, name), each)
        else {
          const { line } = owner.document.positionOf([section, name], true)
          error('duplicate-name', `${name} stands in ${owner.file}:${line} too: a name stands once`, [section, name])
        }
      }
      value[section] = { ...entries, ...all }
    }
  }
  return {
    value,
    findings,
    ownerOf: (section?: PropertyKey, name?: PropertyKey) => owners.get(pathKey(section, name)),
  }
}

function toFinding({ file, document }: ReadFile, { path, atKey, ...problem }: Problem): Finding {
  const { line, column }: Position = document.positionOf(path, atKey)
  return { ...problem, file, line, column }
}
