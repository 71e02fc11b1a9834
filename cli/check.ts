import { ConfigurationError, formatFinding, type Finding } from '../lib/config/findings.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { readArguments } from './arguments.ts'
import { checkAccess } from './check-access.ts'
import { UsageError, type Command } from './command.ts'
import { compileFor } from './read-configuration.ts'
import { nameOf, readText } from './read-text.ts'
import { counted } from './revocation-text.ts'
import { toSarif } from './sarif.ts'
import { workflowCommand } from './workflow-command.ts'

export const check: Command = {
  name: 'check',
  summary: 'say what is wrong with a broker.yaml',
  usage: `token-broker check FILE [--json | --sarif] [--local]
token-broker check --no-new-access OLD NEW [--json] [--local]

Says what is wrong with, or doubtful in, a broker.yaml: a line each, as file:line:column severity rule-id message.
In a GitHub Actions job the findings are also shown beside the lines of a pull request.

  FILE     the broker.yaml, at most 16 MiB; - reads standard input
  --json   print one JSON document: { "file", "ok", "findings": [{ "file", "line", "column", "severity", "rule", "message" }] }
  --sarif  print a SARIF 2.1.0 log, as code scanning reads it
  --local  permit http issuers on loopback, as a local run does
  --no-new-access
           say instead what the broker.yaml NEW grants that OLD does not, each with the claims of a token that gets it;
           docs/no-new-access.md says what is compared. --json: { "old", "new", "ok", "findings", "new_access" }

Example: token-broker check broker.yaml
         token-broker check --no-new-access old.yaml broker.yaml

Exit codes: 0 it holds, or NEW grants nothing new; 1 it does not, cannot be read, or may grant more; 2 wrong usage`,
  run,
}

/** `configuration` is absent when the file does not hold. */
interface Checked {
  configuration?: Configuration
  findings: readonly Finding[]
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    sarif: { type: 'boolean' },
    local: { type: 'boolean' },
    'no-new-access': { type: 'boolean' },
  })
  if (values['no-new-access'] && values.sarif) throw new UsageError('--sarif is for the findings of one FILE')
  if (values['no-new-access']) return checkAccess(positionals, values)
  const [file, ...others] = positionals
  if (file === undefined || file === '') throw new UsageError('FILE is missing: name the broker.yaml to check')
  if (others.length > 0) throw new UsageError(`one FILE at a time, not also ${others.join(' ')}`)
  if (values.json && values.sarif) throw new UsageError('one of --json and --sarif at a time')
  const name = nameOf(file)
  const { configuration, findings } = await checked(file, values.local === true)
  const ok = configuration !== undefined
  const document = values.sarif ? toSarif(findings) : values.json ? { file: name, ok, findings } : undefined
  process.stdout.write(
    document ? `${JSON.stringify(document, null, 2)}\n` : `${toLines(name, configuration, findings).join('\n')}\n`,
  )
  return ok ? 0 : 1
}

async function checked(file: string, local: boolean): Promise<Checked> {
  const { text, name } = await readText(file)
  try {
    return compileFor(text, name, { local, broker: undefined, now: Math.floor(Date.now() / 1000) })
  } catch (error) {
    if (error instanceof ConfigurationError) return { findings: error.findings }
    throw error
  }
}

function toLines(name: string, configuration: Configuration | undefined, findings: readonly Finding[]): string[] {
  return [
    ...findings.map(formatFinding),
    ...(process.env.GITHUB_ACTIONS === 'true' ? findings.map(workflowCommand) : []),
    ...(configuration ? [toOneLine(`${name}: ok, ${summary(configuration, findings)}`)] : []),
  ]
}

function summary({ issuers, targets, rules }: Configuration, findings: readonly Finding[]): string {
  return [
    counted(Object.keys(issuers).length, 'issuer'),
    counted(Object.keys(targets).length, 'target'),
    counted(rules.length, 'rule'),
    ...(findings.length > 0 ? [counted(findings.length, 'warning')] : []),
  ].join(', ')
}
