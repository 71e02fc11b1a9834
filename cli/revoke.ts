import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { EndedLogins } from '../lib/grants/end-logins.ts'
import type { RevocationKey, RevocationRecord } from '../lib/ports.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import { adminClient, type AdminClient } from './admin-client.ts'
import { readArguments } from './arguments.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { countReceipts } from './count-receipts.ts'
import { readBroker } from './read-broker.ts'
import { dimensionOptions, readBefore, readFor, readNamed, readReason, recordOptions } from './revocation-options.ts'
import { counted, describeRecord, describeRevoked, iso, nameOf } from './revocation-text.ts'

/** Mistaken, they stop the work of many. */
const sweeping: ReadonlySet<RevocationKey['dimension']> = new Set(['all', 'kid', 'issuer'])

/** For the usage of every command that asks the broker's endpoint for operators. */
export const adminUsage = `Asks POST /admin/revocations of the broker, signed with the AWS credentials that the SDK finds: AWS_PROFILE, the environment,
a role. IAM decides who may (docs/policies/operator.json).`

export const revoke: Command = {
  name: 'revoke',
  summary: 'take back what was issued, and issue no more of it',
  usage: `token-broker revoke (--rule NAME | --subject SUB | --issuer NAME | --client ID | --target NAME | --kid KID | --jti ID | --all)
                    --reason TEXT [--before TIME | --for DURATION] [--dry-run] [--yes] [--even-if-unknown]
token-broker revoke list
token-broker revoke undo (--rule NAME | ...) --reason TEXT

Every token that was issued until now is inactive at /introspect from now on, and nothing more is issued until somebody lifts
it. The sessions and refresh tokens of a person (--subject) end for good, and clients with a backchannel_logout_uri are told.
Whoever verifies tokens without asking believes them until they end, and AWS sessions go on until they end:
docs/revocation.md. ${adminUsage}

  --rule NAME, ...   what it is by: one of these. SUB and ID are as tokens, receipts and logs have them: sub, jti
  --reason TEXT      one line, for the record
  --before TIME      only what was issued by then, and issuing goes on: 2026-11-25T09:00:00Z, or 2h for two hours ago
  --for DURATION     issuing goes on by itself after 30m, 2h, 7d; the tokens stay inactive
  --dry-run          changes nothing: counts the tokens and AWS sessions that it would reach, by reading the whole table
  --yes              does not ask again before --all, --kid and --issuer
  --even-if-unknown  also where the deployed broker.yaml has no such name (any more)
  --broker URL       the broker, by its issuer URL; default: TOKEN_BROKER_URL
  --json             prints the answer as one JSON document

  list  what is revoked, by anything but a single token, and what was lifted
  undo  takes a revocation back: tokens that have not ended are active again, and issuing goes on

Example: token-broker revoke --rule web-deploys --dry-run
Example: token-broker revoke --rule web-deploys --reason "the workflow was changed by a stranger"
Example: token-broker revoke --all --before 2h --reason "INC-1234"
Example: token-broker revoke undo --rule web-deploys --reason "reviewed"

Exit codes: 0 done; 1 refused, nothing to undo, or nobody to ask; 2 wrong usage`,
  async run(args) {
    const [word, ...rest] = args
    if (word === 'list') return list(rest)
    if (word === 'undo') return undo(rest)
    return runRevoke(args)
  },
}

async function runRevoke(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    ...dimensionOptions,
    ...recordOptions,
    before: { type: 'string' },
    for: { type: 'string' },
    'dry-run': { type: 'boolean' },
    'even-if-unknown': { type: 'boolean' },
    yes: { type: 'boolean' },
  })
  if (positionals.length > 0) throw new UsageError('revoke takes options, or list or undo as its first word')
  const named = readNamed(values)
  const now = Math.floor(Date.now() / 1000)
  const before = values.before === undefined ? {} : { before: readBefore(values.before, now) }
  const until = values.for === undefined ? {} : { until: now + readFor(values.for) }
  if ('before' in before && 'until' in until)
    throw new UsageError('--before goes on issuing: there is nothing for --for to end')
  if (named.dimension === 'jti' && ('before' in before || 'until' in until))
    throw new UsageError('--jti is one token, revoked for good: without --before and --for')
  const known = values['even-if-unknown'] === true ? { even_if_unknown: true } : {}
  const json = values.json === true
  const broker = readBroker(values.broker)
  if (values['dry-run'] === true) return dryRun(broker, { ...named, ...before, ...known }, json)
  const reason = readReason(values.reason)
  if (sweeping.has(named.dimension) && values.yes !== true) await confirm(named, 'before' in before)
  return revokeNamed(broker, named, { reason, ...before, ...until, ...known }, json)
}

/** Revokes, and says what that does. Throws CommandError. */
export async function revokeNamed(broker: string, named: RevocationKey, more: object, json: boolean): Promise<number> {
  const ask = await adminClient(broker, '/admin/revocations')
  const answer = await ask({ operation: 'revoke', ...named, ...more })
  const revoked = answer.revoked as RevocationRecord
  if (!json) print(describeRevoked(named, revoked, revoked.at))
  const ended = named.dimension === 'subject' && named.value.includes(':') ? await endLogins(ask, named) : undefined
  if (json) return print(JSON.stringify({ ...answer, ...(ended === undefined ? {} : { ended }) }))
  if (ended !== undefined && ended.sessions + ended.families > 0) print(describeEnded(ended))
  return 0
}

/** A person's sessions and refresh tokens, a page at a time: until then they are refused, and after it they are gone. Throws CommandError. */
async function endLogins(ask: AdminClient, { dimension, value }: RevocationKey): Promise<EndedLogins> {
  const total: EndedLogins = { sessions: 0, families: 0, told: 0 }
  let after: string | undefined
  do {
    const { ended } = await ask({ operation: 'end', dimension, value, ...(after === undefined ? {} : { after }) })
    const { sessions, families, told, next } = ended as EndedLogins
    total.sessions += sessions
    total.families += families
    total.told += told
    after = next
  } while (after !== undefined)
  return total
}

function describeEnded({ sessions, families, told }: EndedLogins): string {
  return `  ended for good: ${counted(sessions, 'session')}, and the refresh tokens of ${counted(families, 'login')}; told of it: ${counted(told, 'client')}`
}

/**
 * Takes back what is on record when it begins, by `start` for new tokens only: what somebody else revokes meanwhile stays.
 * Throws CommandError, also where there is nothing to take back.
 */
export async function lift(
  operation: 'undo' | 'start',
  broker: string,
  named: RevocationKey,
  { reason, json }: { reason: string; json: boolean },
): Promise<number> {
  const ask = await adminClient(broker, '/admin/revocations')
  const found = (await ask({ operation: 'find', ...named })).found as RevocationRecord | null
  const meant = found !== null && holds(found, operation) ? found : undefined
  if (meant === undefined) {
    if (json) print(JSON.stringify({ lifted: null }))
    throw new CommandError(
      `${nameOf(named)} is not ${operation === 'undo' ? 'revoked' : 'stopped'}: there is nothing to ${operation}`,
    )
  }
  const answer = await ask({ operation, ...named, id: meant.id, reason })
  const lifted = answer.lifted as RevocationRecord
  if (json) return print(JSON.stringify(answer))
  return print(
    [
      operation === 'undo'
        ? `${nameOf(named)}: undone. Tokens that have not ended are active again, and issuing goes on`
        : `${nameOf(named)}: started. Issuing goes on; tokens issued until ${iso(lifted.not_before)} stay inactive`,
      toOneLine(`  it was revoked ${iso(lifted.at)} by ${lifted.by}: ${lifted.reason}`),
    ].join('\n'),
  )
}

/** Whether there is something to lift: DynamoDB removes rows days after they have expired, and a lifted one stays on record. */
function holds({ not_before, blocked_until, expires_at }: RevocationRecord, operation: 'undo' | 'start'): boolean {
  const now = Math.floor(Date.now() / 1000)
  return expires_at > now && (blocked_until > now || (operation === 'undo' && not_before > 0))
}

async function undo(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { ...dimensionOptions, ...recordOptions })
  if (positionals.length > 0) throw new UsageError('undo takes options only')
  const named = readNamed(values)
  const reason = readReason(values.reason)
  return lift('undo', readBroker(values.broker), named, { reason, json: values.json === true })
}

async function list(args: readonly string[]): Promise<number> {
  const { broker, json } = recordOptions
  const { values, positionals } = readArguments(args, { broker, json })
  if (positionals.length > 0) throw new UsageError('list shows everything: it takes --broker and --json only')
  const ask = await adminClient(readBroker(values.broker), '/admin/revocations')
  const records: RevocationRecord[] = []
  let after: string | undefined
  do {
    const page = await ask({ operation: 'list', ...(after === undefined ? {} : { after }) })
    records.push(...(page.records as RevocationRecord[]))
    after = page.next as string | undefined
  } while (after !== undefined)
  const now = Math.floor(Date.now() / 1000)
  // DynamoDB removes rows days after they have expired.
  const current = records.filter(({ expires_at }) => expires_at > now).toSorted((a, b) => b.at - a.at)
  if (values.json) return print(JSON.stringify({ records: current }))
  return print(
    current.length === 0 ? 'nothing is revoked' : current.map((record) => describeRecord(record, now)).join('\n'),
  )
}

async function dryRun(broker: string, asked: RevocationKey & { before?: number }, json: boolean): Promise<number> {
  const total = await countReceipts(await adminClient(broker, '/admin/revocations'), asked)
  const { tokens, sessions, read } = total
  const sessionsGoOn = `${counted(sessions, 'AWS session')} would not be ended by it: see "Taking them back" in docs/aws-credentials.md`
  if (json)
    return print(JSON.stringify({ dry_run: true, ...total, ...(sessions > 0 ? { not_ended: sessionsGoOn } : {}) }))
  return print(
    [
      `nothing was changed. It would reach ${counted(tokens, 'token')} that ${tokens === 1 ? 'is' : 'are'} valid now (${counted(read, 'row')} read)`,
      ...(sessions > 0 ? [`  ${sessionsGoOn}`] : []),
    ].join('\n'),
  )
}

async function confirm(named: RevocationKey, issuingGoesOn: boolean): Promise<void> {
  const what = nameOf(named)
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError(`${what} is much, and nobody is here to ask: say --yes, after a look with --dry-run`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  const question = `Revoke ${what}${issuingGoesOn ? '' : ', and issue no more of it'}? Type yes: `
  // Ctrl-D is no answer.
  const answer = await Promise.race([terminal.question(question), once(terminal, 'close').then(() => '')])
  terminal.close()
  if (answer.trim() !== 'yes') throw new CommandError('nothing was changed')
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}
