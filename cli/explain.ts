import { ConfigurationError, formatFinding } from '../lib/config/findings.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import type { Refusal } from '../lib/protocol/refusals.ts'
import type { JsonObject } from '../lib/protocol/strict-json.ts'
import { readClaims, type VerifiedSubject } from '../lib/tokens/verify-subject-token.ts'
import type { Configuration, Issuer } from '../lib/trust/configuration.ts'
import { decide, type Decision } from '../lib/trust/decide.ts'
import { compare, type Comparison, type RuleTrace } from '../lib/trust/evaluate-rule.ts'
import { explain } from '../lib/trust/explain.ts'
import { toPolicy } from '../lib/trust/policy.ts'
import { readArguments } from './arguments.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { compileFile } from './compile-file.ts'
import { readClaimsOption } from './read-claims.ts'

export const explainCommand: Command = {
  name: 'explain',
  summary: 'say what a broker.yaml gives a token, rule by rule, and why',
  usage: `token-broker explain --config FILE (--token FILE | --claims FILE) [--target NAME] [--scope SCOPE ...]
                     [--client ID] [--broker URL] [--local] [--json]

Decides as the broker would, here and without asking anybody, and shows each rule of the token's issuer, each of its
conditions, and what the token says instead. Whatever stands behind an x would have to differ. No signature is verified, and
nothing is said of replay and revocations: those the broker knows alone.

  --config FILE  the broker.yaml
  --token FILE   a token of the issuer; - reads standard input. It is not printed
  --claims FILE  its claims, as a JSON object; - reads standard input
  --target NAME  what is asked for; without it, the one target that is granted
  --scope SCOPE  a scope that is asked for, each by its own --scope; without any, all that is granted
  --client ID    the client that asks; without it, the workload itself
  --broker URL   the broker's issuer URL, where broker.yaml says issuer: auto
  --local        permit http issuers on loopback, as a local run does
  --json         print one JSON document

Example: token-broker explain --config broker.yaml --claims claims.json --target deploy-api

Exit codes: 0 it would be granted; 1 it would not, or cannot be decided; 2 wrong usage`,
  run,
}

/** A rule, with every condition of its match: not only the first that fails. */
type ExplainedRule = RuleTrace & { conditions: Comparison[] }

interface Explained {
  issuer: string
  /** Absent where the token has none. */
  subject?: string
  /** What is wrong with the token before any rule is read. */
  token_refused?: Refusal
  require: Comparison[]
  rules: ExplainedRule[]
  outcome: string
  granted: boolean
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    token: { type: 'string' },
    claims: { type: 'string' },
    target: { type: 'string' },
    scope: { type: 'string', multiple: true },
    client: { type: 'string' },
    broker: { type: 'string' },
    local: { type: 'boolean' },
    json: { type: 'boolean' },
  })
  if (positionals.length > 0) throw new UsageError('explain takes options only')
  if (!values.config) throw new UsageError('--config is missing: name the broker.yaml')
  const { token, claims: file } = values
  if ((token === undefined) === (file === undefined)) throw new UsageError('give --token or --claims, one of the two')
  if (values.config === '-' && (token ?? file) === '-') throw new UsageError('standard input can be one of them only')
  const now = Math.floor(Date.now() / 1000)
  const configuration = await configurationOf(values.config, values.local === true)
  const ourIssuer = configuration.issuer === 'auto' ? values.broker : configuration.issuer
  if (!ourIssuer) throw new UsageError('broker.yaml says issuer: auto: give the URL that it has with --broker')
  const claims = await readClaimsOption(values)
  const explained = await explainClaims(claims, configuration, ourIssuer, now, {
    client_id: values.client,
    audience: values.target === undefined ? [] : [values.target],
    resource: [],
    scope: values.scope,
  })
  process.stdout.write(values.json ? `${JSON.stringify(explained, null, 2)}\n` : `${toLines(explained).join('\n')}\n`)
  return explained.granted ? 0 : 1
}

type Asked = Pick<Parameters<typeof decide>[0], 'client_id' | 'audience' | 'resource' | 'scope'>

async function explainClaims(
  claims: JsonObject,
  configuration: Configuration,
  ourIssuer: string,
  now: number,
  asked: Asked,
): Promise<Explained> {
  const policy = await toPolicy(configuration, ourIssuer)
  const issuer = typeof claims.iss === 'string' ? policy.issuers.get(claims.iss) : undefined
  if (issuer === undefined)
    throw new CommandError(
      `no issuer of this broker.yaml has the token's iss: ${toOneLine(JSON.stringify(claims.iss) ?? 'none')}`,
    )
  const read = readOrRefused(claims, issuer, ourIssuer, now)
  const subject = 'refused' in read ? { sub: '', subject: '' } : read
  // Nobody has verified it, and nothing is issued for it.
  const assumed = { issuer, ...subject, claims, exp: 0, jti: undefined, hash: '' } as unknown as VerifiedSubject
  const decision = decide({ subject: assumed, ...asked }, policy, now)
  const [outcome = ''] = explain(decision)
  const matches = new Map(configuration.rules.map(({ name, match }) => [name, match]))
  return {
    issuer: issuer.name,
    ...('refused' in read ? { token_refused: read.refused } : { subject: read.sub }),
    require: issuer.require.map((condition) => compare(condition, claims)),
    rules: decision.trace.rules.map((trace) => ({
      ...trace,
      conditions: (matches.get(trace.rule) ?? []).map((condition) => compare(condition, claims)),
    })),
    outcome: 'refused' in read ? `refused: ${read.refused.reason}` : outcomeOf(decision, outcome),
    granted: !('refused' in read) && 'granted' in decision,
  }
}

function readOrRefused(claims: JsonObject, issuer: Issuer, ourIssuer: string, now: number) {
  try {
    return readClaims(claims, issuer, { ourIssuer, now })
  } catch (error) {
    if (error instanceof RefusedError) return { refused: error.refusal }
    throw error
  }
}

/** A refusal with all that the log would have of it. */
function outcomeOf(decision: Decision, outcome: string): string {
  if ('granted' in decision) return outcome
  const { reason: _, ...facts } = decision.refused
  const told = Object.entries(facts).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return told.length > 0 ? `${outcome} (${told.join(', ')})` : outcome
}

function toLines({ issuer, subject, token_refused, require, rules, outcome }: Explained): string[] {
  return [
    `issuer ${issuer}, subject ${subject ?? 'none'}; the signature is not verified here`,
    ...(token_refused === undefined ? [] : [`x the token: ${JSON.stringify(token_refused)}`]),
    ...(require.length > 0 ? ['require', ...toTable(require)] : []),
    ...rules.flatMap(({ rule, mode, matched, failed, conditions }) => [
      `rule ${rule}${mode === 'shadow' ? ' (shadow)' : ''} ${matched ? 'matches' : 'does not match'}`,
      ...toTable(conditions),
      // What is no condition of its match: when, its clients, its end, an event that it does not name.
      ...(failed !== undefined && conditions.every(({ met }) => met) ? [`  x ${failed}`] : []),
    ]),
    outcome,
  ].map((line) => coloured(toOneLine(line)))
}

function coloured(line: string): string {
  if (!process.stdout.isTTY || process.env.NO_COLOR) return line
  if (/^ *✓ /.test(line)) return `\u001b[32m${line}\u001b[39m`
  return /^ *x /.test(line) ? `\u001b[31m${line}\u001b[39m` : line
}

function toTable(conditions: readonly Comparison[]): string[] {
  const width = Math.max(...conditions.map(({ key }) => key.length))
  return conditions.map(({ key, met, actual, wanted }) =>
    met ? `  ✓ ${key.padEnd(width)}  ${actual}` : `  x ${key.padEnd(width)}  ${actual}, not ${wanted}`,
  )
}

async function configurationOf(file: string, local: boolean): Promise<Configuration> {
  try {
    return (await compileFile(file, local)).configuration
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    throw new CommandError(error.findings.map(formatFinding).join('\n'))
  }
}
