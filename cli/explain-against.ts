import { isDeepStrictEqual } from 'node:util'
import type { Configuration, Issuer } from '../lib/trust/configuration.ts'
import { UsageError } from './command.ts'
import { groupLines } from './flips.ts'
import { print } from './print.ts'
import { readConfiguration } from './read-configuration.ts'
import { readSince } from './read-since.ts'
import { replayTable, summaryLine } from './replay-table.ts'

export interface AgainstOptions {
  config: string
  against: string
  table: string
  since?: string | undefined
  broker?: string | undefined
  local: boolean
  json: boolean
}

/** Says of recorded exchanges which a changed file would decide otherwise. Exit code 0: none. Throws UsageError and CommandError. */
export async function explainAgainst(options: AgainstOptions): Promise<number> {
  const { config, against, table, broker, local, json } = options
  if (config === '-' && against === '-') throw new UsageError('standard input can be one of them only')
  const now = Math.floor(Date.now() / 1000)
  const since = readSince(options.since, now)
  const before = await readConfiguration(config, { local, broker, now })
  const after = await readConfiguration(against, { local, broker, now })
  const replayed = await replayTable(table, [before.configuration, after.configuration], since, now)
  const unseen = unseenChanges(before.configuration, after.configuration)
  print(
    () => [
      ...groupLines(replayed.groups),
      ...(unseen.length > 0 ? ['no receipt tells what comes of'] : []),
      ...unseen.map((change) => `  ${change}`),
      summaryLine(replayed),
    ],
    { ...replayed, unseen },
    json,
  )
  return replayed.groups.length + unseen.length === 0 ? 0 : 1
}

const ofTokens = [
  'audiences',
  'algorithms',
  'jwks',
  'replay',
  'clock_tolerance',
  'max_token_lifetime',
] as const satisfies (keyof Configuration['issuers'][string])[]

/** What differs in how tokens and clients are verified, before anything is decided. */
function unseenChanges(before: Configuration, after: Configuration): string[] {
  const issuers = Object.values(before.issuers).flatMap((issuer) => {
    const other = counterpart(issuer, before, after)
    const changed = other ? ofTokens.filter((key) => !isDeepStrictEqual(issuer[key], other[key])) : []
    return changed.length > 0 ? [`issuer ${issuer.name}: another ${changed.join(', ')}`] : []
  })
  const clients = Object.entries(before.clients).flatMap(([id, { auth }]) => {
    const other = after.clients[id]
    if (other === undefined) return []
    if (!isDeepStrictEqual(auth, other.auth)) return [`client ${id}: another auth`]
    // What its workloads must meet is the issuer's to say too.
    const changed =
      auth?.kind === 'federated'
        ? auth.rule.issuers.filter((name) => !isDeepStrictEqual(before.issuers[name], after.issuers[name]))
        : []
    return changed.map((name) => `client ${id}: another issuer ${name}, by whose tokens it authenticates`)
  })
  return [...(before.issuer === after.issuer ? [] : ['another issuer of our own']), ...issuers, ...clients]
}

/** Of the same iss, and of the same name where several have it. */
function counterpart({ issuer, name }: Issuer, before: Configuration, after: Configuration): Issuer | undefined {
  const having = ({ issuers }: Configuration) => Object.values(issuers).filter((each) => each.issuer === issuer)
  const shared = having(before).length > 1 || having(after).length > 1
  return having(after).find((each) => !shared || each.name === name)
}
