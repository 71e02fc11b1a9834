import { named, type Configuration } from '../lib/trust/configuration.ts'
import { toPolicy, type Policy } from '../lib/trust/policy.ts'
import { issuerOnRecord, replay, type Recorded } from '../lib/trust/replay.ts'
import { flipCounts, flipGroups, flipOf, type FlipGroup } from './flips.ts'
import { receiptTable, type ReadReceipt } from './receipt-table.ts'
import { toRecorded } from './recorded.ts'
import { counted, iso } from './revocation-text.ts'

export interface ReplayedTable {
  /** Only what was issued then or later; 0: all. */
  since: number
  /** Rows that were looked at. */
  read: number
  receipts: number
  /** Of which the first file does not tell what it says: their receipts do, of rules and scopes alone. */
  by_receipt: number
  groups: FlipGroup[]
}

/** What flips between two configurations, over the receipts of the table. `use` is told of each. Throws CommandError. */
export async function replayTable(
  tableName: string,
  [before, after]: readonly [Configuration, Configuration],
  since: number,
  now: number,
  use: (receipt: ReadReceipt, recorded: Recorded) => void = () => {},
): Promise<ReplayedTable> {
  const [first, second] = await Promise.all([toPolicy(before, before.issuer), toPolicy(after, after.issuer)])
  const table = await receiptTable(tableName)
  const groups = flipGroups()
  const differs = new Map<string, boolean>()
  const total = { receipts: 0, by_receipt: 0 }
  const read = await table.each(since, (receipt) => {
    total.receipts++
    const recorded = toRecorded(receipt, [first, second])
    use(receipt, recorded)
    const key = JSON.stringify([recorded.iss, recorded.issuer_name, recorded.client_id, recorded.target])
    const other = differs.get(key) ?? concerned(first, recorded) !== concerned(second, recorded)
    differs.set(key, other)
    // Nothing that has a say in it has changed, whatever the receipt does not tell.
    if (!other) return
    const then = replay(recorded, first, now)
    if ('untold' in then) total.by_receipt++
    const flip = flipOf(receipt, then, replay(recorded, second, now))
    if (flip !== undefined) groups.add(receipt, flip)
  })
  return { since, read, ...total, groups: groups.list() }
}

/** All of a configuration that has a say in such an exchange. */
function concerned(policy: Policy, recorded: Recorded): string {
  const { rules, targets, clients } = policy.configuration
  const { client_id, target } = recorded
  const issuer = issuerOnRecord(recorded, policy)
  const having = rules.filter(
    (rule) =>
      rule.mode === 'enforce' &&
      (issuer === undefined ? rule.client === client_id : rule.issuers.includes(issuer.name)) &&
      rule.grant.some((grant) => grant.target === target),
  )
  return JSON.stringify([issuer, having, named(targets, target), client_id && named(clients, client_id)])
}

export function summaryLine({ since, read, receipts, by_receipt, groups }: ReplayedTable): string {
  return [
    `${flipCounts(groups, receipts)} (${counted(read, 'row')} read${since === 0 ? '' : `, since ${iso(since)}`})`,
    ...(by_receipt > 0
      ? [
          `${by_receipt} by the rules and scopes of their receipts alone, as another file decided and its claims were others`,
        ]
      : []),
  ].join('; ')
}
