import { readArguments } from './arguments.ts'
import { UsageError, type Command } from './command.ts'
import { explainAgainst } from './explain-against.ts'
import { explainClaims } from './explain-claims.ts'
import { explainDecision } from './explain-decision.ts'
import { explainShadow } from './explain-shadow.ts'

export const explainCommand: Command = {
  name: 'explain',
  summary: 'say what a broker.yaml gives a token, rule by rule, and why; or what the broker decided',
  usage: `token-broker explain --config FILE (--token FILE | --claims FILE | --job) [--target NAME] [--scope SCOPE ...]
                     [--client ID] [--shadow] [--broker URL] [--local] [--json]
token-broker explain --decision ID [--config FILE] [--table NAME] [--log FILE] [--json]
token-broker explain --against FILE --config FILE --table NAME [--since AGE] [--json]
token-broker explain --shadow --config FILE [--table NAME] [--since AGE] [--log FILE] [--json]

Decides as the broker would, here and without asking anybody, and shows each rule of the token's issuer, each of its
conditions, and what the token says instead. Whatever stands behind an x would have to differ. Where a rule is what is
missing, one is suggested. No signature is verified, and nothing is said of replay and revocations: those the broker knows
alone.

  --config FILE  the broker.yaml
  --token FILE   a token of the issuer; - reads standard input. It is not printed
  --claims FILE  its claims, as a JSON object; - reads standard input. Where issuers share an iss, give --token
  --job          this job's own token, found as token-broker exchange finds it
  --target NAME  what is asked for; without it, the one target that is granted
  --scope SCOPE  a scope that is asked for, each by its own --scope; without any, all that is granted
  --client ID    the client that asks; without it, the workload itself
  --shadow       says also what it would be if the shadow rules were enforced
  --broker URL   the broker's issuer URL, where broker.yaml says issuer: auto, or with --local
  --local        permit http issuers on loopback, as a local run does
  --json         print one JSON document

With --decision it tells what the broker decided, by the id that the caller was told; with --config, how each rule fares now.

  --table NAME   the broker's table (its stack's output BrokerTableName), read with the AWS credentials that the SDK finds and
                 docs/policies/auditor.json permits: what was granted has a receipt there
  --log FILE     lines of the token function's log, as \`aws logs filter-log-events\` or \`aws logs tail\` print them, or a local
                 run; - reads standard input: what was refused is there alone

With --against it decides recorded exchanges again, by --config and by a changed file, and shows which of them flip. What a
receipt does not have is not guessed. With --shadow and --table, what flips if the shadow rules are enforced.

  --since AGE    only what was issued since: 12h, 7d; without it, every receipt

Example: token-broker explain --config broker.yaml --claims claims.json --target deploy-api
Example: token-broker explain --decision Rm9yIGFuIGV4YW1wbGUhIQ --table token-broker-table
Example: token-broker explain --against new.yaml --config broker.yaml --table token-broker-table --since 7d

Exit codes: 0 it would be granted, the decision is found, nothing flips; 1 it would not, it is not, something flips or cannot
be told, or nothing can be decided; 2 wrong usage`,
  run,
}

/** What each way to use it takes, beside what all take. */
const ways = {
  against: ['config', 'against', 'table', 'since'],
  decision: ['decision', 'config', 'table', 'log'],
  shadow: ['shadow', 'config', 'table', 'since', 'log'],
  claims: ['config', 'token', 'claims', 'job', 'target', 'scope', 'client', 'shadow'],
} as const

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    token: { type: 'string' },
    claims: { type: 'string' },
    job: { type: 'boolean' },
    target: { type: 'string' },
    scope: { type: 'string', multiple: true },
    client: { type: 'string' },
    shadow: { type: 'boolean' },
    decision: { type: 'string' },
    table: { type: 'string' },
    log: { type: 'string' },
    against: { type: 'string' },
    since: { type: 'string' },
    broker: { type: 'string' },
    local: { type: 'boolean' },
    json: { type: 'boolean' },
  })
  if (positionals.length > 0) throw new UsageError('explain takes options only')
  const { config, token, claims, job, shadow, decision, table, log, against } = values
  const ofRecord = table !== undefined || log !== undefined
  const way =
    against !== undefined ? 'against' : decision !== undefined ? 'decision' : shadow && ofRecord ? 'shadow' : 'claims'
  const known: readonly string[] = [...ways[way], 'broker', 'local', 'json']
  const foreign = Object.keys(values).find((name) => !known.includes(name))
  if (foreign !== undefined)
    throw new UsageError(
      way === 'claims'
        ? `--${foreign} goes with --decision, --against or --shadow`
        : `--${foreign} does not go with --${way}${way === 'shadow' ? ' of what is on record' : ''}`,
    )
  const common = { broker: values.broker, local: values.local === true, json: values.json === true }
  if (decision !== undefined) return explainDecision({ decision, config, table, log, ...common })
  if (!config) throw new UsageError('--config is missing: name the broker.yaml')
  if (against !== undefined) {
    if (!table) throw new UsageError('--table is missing: its receipts are what is decided again')
    return explainAgainst({ config, against, table, since: values.since, ...common })
  }
  if (way === 'shadow') return explainShadow({ config, table, log, since: values.since, ...common })
  const { target, scope, client } = values
  return explainClaims({
    config,
    token,
    claims,
    job: job === true,
    target,
    scope,
    client,
    shadow: shadow === true,
    ...common,
  })
}
