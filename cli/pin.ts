import { accessSync, constants, writeFileSync } from 'node:fs'
import { compile } from '../lib/config/compile.ts'
import { ConfigurationError, formatFinding } from '../lib/config/findings.ts'
import { includedFiles } from '../lib/config/included-files.ts'
import { logoBelow } from '../lib/config/logo-file.ts'
import { pinIds, type Pinned, type Pinning } from '../lib/config/pin.ts'
import type { Include, SourceFile } from '../lib/config/source.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import type { JsonObject } from '../lib/protocol/strict-json.ts'
import { readArguments } from './arguments.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { readUnverified } from './read-claims.ts'
import { readText, STDIN } from './read-text.ts'

export const pin: Command = {
  name: 'pin',
  summary: 'write ids from a token beside the names in a broker.yaml',
  usage: `token-broker pin FILE (--token FILE | --claims FILE) [--dry-run] [--local]

Names can be given up and taken by somebody else, ids cannot. Wherever a rule of the token's issuer, its require or a federated
client names what the token names, this writes the token's id beside it, which then decides:

  repository: acme/web   becomes   repository: { name: acme/web, id: "987654" }

Nothing else in the file, or in the files that it includes, changes, but for a comment inside what is replaced. The token is not verified: take one from a job of your own.

  FILE           the broker.yaml
  --token FILE   a token of the issuer, also one that has expired; - reads standard input
  --claims FILE  the claims of one, as JSON; - reads standard input
  --dry-run      change no file, and say what would be changed
  --local        permit http issuers on loopback, as a local run does

Example: token-broker pin broker.yaml --claims claims.json

Exit codes: 0 every name of the token that stands there has its id; 1 one of them stands with another id, in a list of names or in
a rule of several issuers, or the file cannot be read or written; 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    token: { type: 'string' },
    claims: { type: 'string' },
    'dry-run': { type: 'boolean' },
    local: { type: 'boolean' },
  })
  const [file, ...others] = positionals
  if (file === undefined || file === '') throw new UsageError('FILE is missing: name the broker.yaml')
  if (others.length > 0) throw new UsageError(`one FILE at a time, not also ${others.join(' ')}`)
  if (file === STDIN) throw new UsageError('pin changes files, and standard input is none')
  const { header, payload: claims } = await readUnverified(values)
  const { text } = await readText(file)
  const pinning = pinned({ file, text }, claims, header.kid)
  if (pinning.issuers.length === 0)
    throw new CommandError(
      `no issuer of ${file} with a preset has the token's iss: ${toOneLine(JSON.stringify(claims.iss) ?? 'none')}`,
    )
  checkStillHolds({ file, text }, pinning.files, values.local === true)
  if (!values['dry-run']) write(pinning.files)
  process.stdout.write(
    `${toLines(pinning, values['dry-run'] === true)
      .map(toOneLine)
      .join('\n')}\n`,
  )
  return pinning.places.every(({ outcome }) => outcome === 'pinned') ? 0 : 1
}

/** All or none, as far as can be told before. */
function write(files: readonly SourceFile[]): void {
  try {
    for (const { file } of files) accessSync(file, constants.W_OK)
    for (const { file, text } of files) writeFileSync(file, text)
  } catch (error) {
    throw new CommandError(
      `not all of ${files.map(({ file }) => file).join(', ')} can be written: ${(error as Error).message}`,
    )
  }
}

function pinned(root: SourceFile, claims: JsonObject, kid: unknown): Pinning {
  try {
    return pinIds(root, claims, includedFiles(root.file), kid)
  } catch (error) {
    throw error instanceof SyntaxError ? new CommandError(error.message) : error
  }
}

/** A value may stand where a name without an id is wanted too, in a column that a rule uses twice. */
function checkStillHolds(root: SourceFile, changed: readonly SourceFile[], local: boolean): void {
  const read = includedFiles(root.file)
  const newOf = (given: SourceFile) => changed.find(({ file }) => file === given.file) ?? given
  const before = firstError(root, read, local)
  const after = firstError(newOf(root), (pattern) => read(pattern).map(newOf), local)
  if (before === undefined && after !== undefined)
    throw new CommandError(`nothing was changed, because the file would not hold any more:\n${after}`)
}

function firstError({ file, text }: SourceFile, include: Include, local: boolean): string | undefined {
  try {
    compile(text, file, { local, include, logo: logoBelow(file), now: Math.floor(Date.now() / 1000) })
    return undefined
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    const [first] = error.findings
    return first && formatFinding(first)
  }
}

function toLines({ places, files, issuers }: Pinning, dry: boolean): string[] {
  const count = places.filter(({ outcome }) => outcome === 'pinned').length
  const what = `${count} ${count === 1 ? 'id' : 'ids'} of ${issuers.join(', ')}`
  const where = files.length > 0 ? ` in ${files.map(({ file }) => file).join(', ')}` : ''
  return [...places.map(toLine), `${dry ? 'would write' : 'wrote'} ${what}${where}`]
}

function toLine({ file, line, column, where, key, name, id, outcome }: Pinned): string {
  const place = `${file}:${line}:${column} ${where}, ${key}: ${name}`
  if (outcome === 'pinned') return `${place} has the id ${id}`
  if (outcome === 'of_several_issuers')
    return `${place} has the id ${id} there, and the rule is about other issuers too, which have other ids: make a rule for each`
  if (outcome === 'one_of_several')
    return `${place} has the id ${id}, and stands in a list of names: write each with its id, as { name: …, id: … }`
  return `${place} has the id ${id} now, and ${outcome.otherId} stands there: it is no longer what the rule was written for, or the rule is wrong`
}
