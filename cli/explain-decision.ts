import { MAX_EXPLANATION_LINES } from '../lib/grants/decide-request.ts'
import type { Receipt } from '../lib/ports.ts'
import { authorizationFaces } from '../lib/protocol/authorization-refusals.ts'
import { logoutFaces } from '../lib/protocol/logout-refusals.ts'
import { registrationFaces } from '../lib/protocol/registration-refusals.ts'
import { wire, type Refusal } from '../lib/protocol/refusals.ts'
import { compare } from '../lib/trust/evaluate-rule.ts'
import { grantors } from '../lib/trust/explain.ts'
import { toPolicy, type Policy } from '../lib/trust/policy.ts'
import { fare, issuerOnRecord, replay, type Recorded } from '../lib/trust/replay.ts'
import { readLog, type LogEntry } from './broker-log.ts'
import { CommandError, UsageError } from './command.ts'
import { outcomeText, refusalText } from './outcome-text.ts'
import { print } from './print.ts'
import { readConfiguration, type CompiledFor } from './read-configuration.ts'
import { receiptTable, type ReadReceipt } from './receipt-table.ts'
import { toRecorded } from './recorded.ts'
import { iso } from './revocation-text.ts'
import { notThere, ruleLines, type ExplainedRule } from './rule-lines.ts'

export interface DecisionOptions {
  decision: string
  config?: string | undefined
  table?: string | undefined
  log?: string | undefined
  broker?: string | undefined
  local: boolean
  json: boolean
}

interface Explained {
  decision_id: string
  receipt?: ReadReceipt
  /** How the given broker.yaml would have it now, as far as the receipt tells. */
  now?: Now
  /** What the log says. */
  log?: LogEntry[]
}

interface Now {
  file: string
  config_hash: string
  rules: ExplainedRule[]
  outcome: string
}

/** Tells a decision that the broker has made, from its receipt or its log. Throws UsageError and CommandError. */
export async function explainDecision(options: DecisionOptions): Promise<number> {
  const { decision, config, table: tableName, log: logFile, broker, local, json } = options
  if (!/^[\w-]{22}$/.test(decision))
    throw new UsageError(
      '--decision is a decision id: the 22 characters of x-decision-id, or after "decision" in the error',
    )
  if (tableName === undefined && logFile === undefined)
    throw new UsageError('say where it is on record: --table NAME, or --log FILE, or both')
  if (config === '-' && logFile === '-') throw new UsageError('standard input can be one of them only')
  const compiledFor = { local, broker, now: Math.floor(Date.now() / 1000) }
  const file = config === undefined ? undefined : await readConfiguration(config, compiledFor)
  const table = tableName === undefined ? undefined : await receiptTable(tableName)
  const receipt = await table?.find(decision)
  const log = logFile === undefined ? [] : await entriesOf(logFile, decision)
  if (receipt === undefined && log.length === 0)
    throw new CommandError(
      nowhere(decision, [table?.name, logFile === undefined ? undefined : 'the log that was given']),
    )
  const now = file && receipt && (await nowBy(file, receipt, compiledFor))
  const explained: Explained = {
    decision_id: decision,
    ...(receipt === undefined ? {} : { receipt }),
    ...(now === undefined ? {} : { now }),
    ...(log.length === 0 ? {} : { log }),
  }
  print(() => toLines(explained), explained, json)
  return 0
}

async function entriesOf(file: string, decision_id: string): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const entry of readLog(file)) if (entry.decision_id === decision_id) entries.push(entry)
  return entries
}

async function nowBy(
  { configuration, name }: Awaited<ReturnType<typeof readConfiguration>>,
  receipt: ReadReceipt,
  { now }: CompiledFor,
): Promise<Now> {
  const policy = await toPolicy(configuration, configuration.issuer)
  const recorded = toRecorded(receipt, [policy])
  const replayed = replay(recorded, policy, now)
  return {
    file: name,
    config_hash: configuration.hash,
    rules: rulesOnRecord(recorded, policy, now),
    outcome: 'untold' in replayed ? `cannot be told: ${notThere(replayed.untold)}` : outcomeText(replayed.decision),
  }
}

function rulesOnRecord(recorded: Recorded, policy: Policy, now: number): ExplainedRule[] {
  const { client_id, known } = recorded
  const issuer = issuerOnRecord(recorded, policy)
  if (issuer === undefined) return []
  return (policy.rules.get(issuer.name) ?? []).map((rule) => {
    const { trace, untold } = fare(rule, issuer, client_id, known, policy, now)
    const conditions = rule.match.map((condition) => {
      const compared = compare(condition, known.claims)
      return known.knows(condition.path) ? compared : { ...compared, met: null }
    })
    return { ...trace, conditions, ...(untold.length > 0 ? { untold } : {}) }
  })
}

function toLines({ decision_id, receipt, now, log = [] }: Explained): string[] {
  return [
    ...(receipt === undefined ? [] : receiptLines(receipt, now)),
    ...(now === undefined ? [] : [`by ${now.file}, now`, ...now.rules.flatMap(ruleLines), now.outcome]),
    ...(log.length > 0 ? [`decision ${decision_id}, in the log`, ...log.flatMap(entryLines)] : []),
    ...(receipt === undefined && log.some(isGrant) ? ['what was granted has a receipt: see it with --table'] : []),
  ]
}

function receiptLines(receipt: ReadReceipt, now: Now | undefined): string[] {
  const { decision_id, at, state, issued_exp, scopes, shadow, claims, claims_left_out = [] } = receipt
  const rows = [
    ['issued', state === 'recorded' ? iso(at) : `nothing: ${iso(at)} it was recorded, and what followed failed`],
    ['subject', `${receipt.sub}${receipt.iss === undefined ? '' : `, by ${receipt.iss}`}`],
    ['client', clientText(receipt)],
    ['target', receipt.target],
    ['scopes', scopes.join(' ') || 'none'],
    receipt.role === undefined
      ? ['key', `${receipt.kid ?? 'none'}, the token ended or ends ${iso(issued_exp)}`]
      : [
          'role',
          `${receipt.role}, session ${receipt.session_name ?? ''}, source identity ${receipt.source_identity ?? ''}, until ${iso(issued_exp)}`,
        ],
    ['rules', grantors(receipt.rules)],
    ['shadow', shadow.join(', ') || 'none would have granted'],
    ['policy', policyText(receipt, now)],
    ...Object.entries(claims).map(([name, value], index) => [
      index === 0 ? 'claims' : '',
      `${name} ${JSON.stringify(value)}`,
    ]),
    ...(claims_left_out.length > 0 ? [['', `and, too long to be kept: ${claims_left_out.join(', ')}`]] : []),
  ]
  return [`decision ${decision_id}`, ...rows.map(([name = '', text = '']) => `  ${name.padEnd(8)} ${text}`)]
}

function clientText({ client_id, sub, client_sub }: Receipt): string {
  if (client_id === sub) return 'the same'
  return client_sub === undefined ? client_id : `${client_id}, which ${client_sub} is`
}

function policyText({ config_hash }: Receipt, now: Now | undefined): string {
  if (now === undefined) return config_hash
  if (config_hash === now.config_hash) return `${config_hash}, which is ${now.file}`
  return `${config_hash}, and ${now.file} is ${now.config_hash}: another file, or compiled by another version, decided`
}

function isGrant({ message, explanation }: LogEntry): boolean {
  return message === 'decided' && Array.isArray(explanation) && String(explanation[0]).startsWith('granted')
}

/** What the logger adds to each entry. */
const ofTheLogger = ['level', 'service', 'sampling_rate', 'xray_trace_id', 'timestamp', 'message', 'decision_id']

/** An entry of the log, as we wrote it. */
function entryLines(entry: LogEntry): string[] {
  const { message, timestamp } = entry
  const facts = Object.fromEntries(Object.entries(entry).filter(([name]) => !ofTheLogger.includes(name)))
  const at = typeof timestamp === 'string' ? ` ${timestamp}` : ''
  if (message === 'decided' && Array.isArray(facts.explanation)) {
    const lines = facts.explanation.map(String)
    const { subject, client_id = subject } = facts as { subject?: string; client_id?: string }
    return [
      `decided${at}: subject ${subject ?? 'none'}, client ${client_id === subject ? 'the same' : client_id}`,
      ...lines.map((line) => `  ${line}`),
      ...(lines.length < MAX_EXPLANATION_LINES ? [] : ['  and there may be more rules, for which a line has no room']),
    ]
  }
  if (message === 'refused' && isRefusal(facts)) {
    const [status, code, phrase] = facesOf(facts)[facts.reason]
    return [`refused${at}: ${refusalText(facts)}`, `  the caller was told: ${status} ${code}, ${phrase}`]
  }
  return [`${message}${at}: ${JSON.stringify(facts)}`]
}

function facesOf(refusal?: Refusal) {
  return { ...wire, ...authorizationFaces, ...logoutFaces, ...registrationFaces(refusal) }
}

function isRefusal(facts: object): facts is Refusal {
  return 'reason' in facts && typeof facts.reason === 'string' && Object.hasOwn(facesOf(), facts.reason)
}

function nowhere(decision_id: string, places: readonly (string | undefined)[]): string {
  const looked = places.filter((place) => place !== undefined).join(', nor in ')
  return `decision ${decision_id} is not in ${looked}.

A refusal has no receipt: the token function's log says why, for as long as it is kept (three months by default). Ask for it
with the broker's region and account, and explain what comes with --log:

  aws logs filter-log-events --log-group-name LOG_GROUP --output text \\
    --filter-pattern '{ $.decision_id = "${decision_id}" }' |
    token-broker explain --decision=${decision_id} --log -

LOG_GROUP is the stack's output BrokerTokenLog:

  aws cloudformation describe-stacks --stack-name token-broker --output text \\
    --query "Stacks[0].Outputs[?OutputKey=='BrokerTokenLog'].OutputValue"

A grant has a receipt, in the table that the output BrokerTableName names, for as long as receipts.retention says. It is not
there any more if what followed failed and the token was traded again, and not there yet in the second after the answer.
/introspect, /revoke and the operators' endpoint have logs of their own.`
}
