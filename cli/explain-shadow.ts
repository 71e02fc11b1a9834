import { toPolicy } from '../lib/trust/policy.ts'
import { fare, issuerOnRecord } from '../lib/trust/replay.ts'
import { readLog } from './broker-log.ts'
import { UsageError } from './command.ts'
import { groupLines } from './flips.ts'
import { print } from './print.ts'
import { readConfiguration } from './read-configuration.ts'
import { replayTable, summaryLine, type ReplayedTable } from './replay-table.ts'
import { readSince } from './read-since.ts'
import { counted } from './revocation-text.ts'
import { enforced } from './shadow-rules.ts'

export interface ShadowOptions {
  config: string
  table?: string | undefined
  log?: string | undefined
  since?: string | undefined
  broker?: string | undefined
  local: boolean
  json: boolean
}

/** How often a shadow rule would have had a say. */
interface ShadowCount {
  rule: string
  /** Absent where broker.yaml has it no more, or enforces it. */
  issuers?: readonly string[]
  /** Receipts that name it. */
  recorded: number
  /** Receipts whose claims it matches, as it is now; and those that do not tell. */
  matching: number
  untold: number
  /** Refusals in the log that name it. */
  refused: number
}

/** Says what shadow rules would have changed. Exit code 0: nothing. Throws UsageError and CommandError. */
export async function explainShadow(options: ShadowOptions): Promise<number> {
  const { config, table, log, broker, local, json } = options
  if (config === '-' && log === '-') throw new UsageError('standard input can be one of them only')
  const now = Math.floor(Date.now() / 1000)
  const since = readSince(options.since, now)
  const { configuration } = await readConfiguration(config, { local, broker, now })
  const counts = new Map<string, ShadowCount>()
  const countOf = (rule: string): ShadowCount => {
    const count = counts.get(rule) ?? { rule, recorded: 0, matching: 0, untold: 0, refused: 0 }
    counts.set(rule, count)
    return count
  }
  const shadows = configuration.rules.filter(({ mode }) => mode === 'shadow')
  for (const { name, issuers } of shadows) countOf(name).issuers = issuers
  const policy = await toPolicy(configuration, configuration.issuer)
  const replayed =
    table === undefined
      ? undefined
      : await replayTable(table, [configuration, enforced(configuration)], since, now, (receipt, recorded) => {
          for (const name of receipt.shadow) countOf(name).recorded++
          const issuer = issuerOnRecord(recorded, policy)
          if (issuer === undefined) return
          for (const rule of shadows.filter(({ issuers }) => issuers.includes(issuer.name))) {
            const { trace, untold } = fare(rule, issuer, recorded.client_id, recorded.known, policy, now)
            if (untold.length > 0) countOf(rule.name).untold++
            else if (trace.matched) countOf(rule.name).matching++
          }
        })
  if (log !== undefined)
    for await (const { message, explanation, shadow } of readLog(log))
      if (message === 'decided' && Array.isArray(shadow) && isRefusal(explanation))
        for (const name of shadow) countOf(String(name)).refused++
  const rules = [...counts.values()].toSorted((a, b) => (a.rule < b.rule ? -1 : 1))
  print(() => toLines(rules, replayed, log !== undefined), { rules, ...replayed }, json)
  return replayed?.groups.length || rules.some(({ refused }) => refused > 0) ? 1 : 0
}

function isRefusal(explanation: unknown): boolean {
  return Array.isArray(explanation) && String(explanation[0]).startsWith('refused')
}

function toLines(rules: readonly ShadowCount[], replayed: ReplayedTable | undefined, logged: boolean): string[] {
  return [
    ...(rules.length === 0 ? ['no shadow rule is in the file, nor on record'] : []),
    ...rules.map(({ rule, issuers, recorded, matching, untold, refused }) =>
      [
        `rule ${rule}${issuers === undefined ? ', which is no shadow rule of the file' : ''}:`,
        [
          ...(replayed === undefined
            ? []
            : [`would have granted in ${counted(recorded, 'receipt')}, matches ${matching} now`]),
          ...(untold > 0 ? [`cannot be told of ${untold}`] : []),
          ...(logged ? [`would have granted in ${counted(refused, 'refusal')}`] : []),
        ].join('; '),
      ].join(' '),
    ),
    ...(replayed === undefined
      ? []
      : ['with the shadow rules enforced', ...groupLines(replayed.groups), summaryLine(replayed)]),
  ]
}
