import type { Configuration } from '../lib/trust/configuration.ts'
import { isDeepStrictEqual } from 'node:util'
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
    const other = Object.values(after.issuers).find((each) => each.issuer === issuer.issuer)
    const changed = other ? ofTokens.filter((key) => !isDeepStrictEqual(issuer[key], other[key])) : []
    return changed.length > 0 ? [`issuer ${issuer.name}: another ${changed.join(', ')}`] : []
  })
  const clients = Object.entries(before.clients).flatMap(([id, { auth }]) => {
    const other = after.clients[id]
    return other !== undefined && !isDeepStrictEqual(auth, other.auth) ? [`client ${id}: another auth`] : []
  })
  return [...(before.issuer === after.issuer ? [] : ['another issuer of our own']), ...issuers, ...clients]
}
