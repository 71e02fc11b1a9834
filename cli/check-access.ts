import type { Path } from '../lib/config/document.ts'
import { ConfigurationError, formatFinding, type Finding } from '../lib/config/findings.ts'
import { readSource, type Source } from '../lib/config/source.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { findNewAccess } from '../lib/trust/new-access.ts'
import type { NewAccess } from '../lib/trust/new-access/finding.ts'
import { UsageError } from './command.ts'
import { compileFor, includeOf } from './read-configuration.ts'
import { readText, STDIN } from './read-text.ts'
import { workflowCommand } from './workflow-command.ts'

/** As many rules as are named in a line. */
const MAX_RULES = 5

interface ReadFile {
  name: string
  text: string
  /** Absent when the file does not hold. */
  configuration?: Configuration
  findings: readonly Finding[]
}

/** `check --no-new-access OLD NEW`: does the new file grant anything that the old one does not? Returns the exit code. */
export async function checkAccess(
  positionals: readonly string[],
  { json, local }: { json?: boolean | undefined; local?: boolean | undefined },
): Promise<number> {
  const [old, new_, ...others] = positionals
  if (!old || !new_ || others.length > 0)
    throw new UsageError('--no-new-access takes two files: the old broker.yaml and the new one')
  if (old === STDIN && new_ === STDIN) throw new UsageError('standard input can be one of the files only')
  const now = Math.floor(Date.now() / 1000)
  const before = await read(old, local === true, now)
  const after = await read(new_, local === true, now)
  const access =
    before.configuration && after.configuration
      ? await findNewAccess(before.configuration, after.configuration, now)
      : []
  const broken = [...before.findings, ...after.findings]
  const ok = broken.length + access.length === 0
  const text = json
    ? JSON.stringify({ old: before.name, new: after.name, ok, findings: broken, new_access: access }, null, 2)
    : toLines(broken, access, before, after).join('\n')
  process.stdout.write(`${text}\n`)
  return ok ? 0 : 1
}

/** Warnings are left to `check` itself. */
async function read(file: string, local: boolean, now: number): Promise<ReadFile> {
  const { text, name } = await readText(file)
  try {
    return {
      name,
      text,
      configuration: compileFor(text, name, { local, broker: undefined, now }).configuration,
      findings: [],
    }
  } catch (error) {
    if (error instanceof ConfigurationError) return { name, text, findings: error.findings }
    throw error
  }
}

function toLines(
  broken: readonly Finding[],
  access: readonly NewAccess[],
  before: ReadFile,
  after: ReadFile,
): string[] {
  if (broken.length + access.length === 0)
    return [toOneLine(`ok: ${after.name} grants nothing that ${before.name} does not`)]
  // Read again only where something is to be shown.
  const source = readSource({ file: after.name, text: after.text }, includeOf(after.name))
  const findings = [...broken, ...access.map((found) => toFinding(found, source))]
  return [
    ...findings.map(formatFinding),
    ...(process.env.GITHUB_ACTIONS === 'true' ? findings.map(workflowCommand) : []),
  ]
}

function toFinding(access: NewAccess, source: Source) {
  return {
    ...source.placeOf(placeOf(access), true),
    severity: 'error' as const,
    rule: 'new-access' as const,
    message: messageOf(access),
  }
}

function placeOf({ rules: [rule], client, issuer }: NewAccess): Path {
  if (rule !== undefined) return ['rules', rule]
  if (client !== undefined) return ['clients', client]
  return issuer === undefined ? ['issuer'] : ['issuers', issuer]
}

function messageOf({ rules, issuer, client, target, what, certain, witness }: NewAccess): string {
  const more = rules.length > MAX_RULES ? ` and ${rules.length - MAX_RULES} more` : ''
  const about = [
    ...(rules.length > 0 ? [`rule ${rules.slice(0, MAX_RULES).join(', ')}${more}`] : []),
    ...(client === undefined ? [] : [`client ${client}`]),
    ...(issuer === undefined ? [] : [`issuer ${issuer}`]),
    ...(target === undefined ? [] : [`target ${target}`]),
  ].join(', ')
  return `${about}${about ? ': ' : ''}${certain ? '' : 'may be new access: '}${what}${witness ? `; for example ${exampleOf(witness)}` : ''}`
}

function exampleOf({ iss, client_id, at, claims }: NonNullable<NewAccess['witness']>): string {
  return [
    `a token of ${iss}`,
    ...(client_id === undefined ? [] : [`from client ${client_id}`]),
    ...(at === undefined ? [] : [`at ${new Date(at * 1000).toISOString()}`]),
    `with ${JSON.stringify(claims)}`,
  ].join(' ')
}
