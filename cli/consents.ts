import type { Consent } from '../lib/ports.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import { adminClient } from './admin-client.ts'
import { readArguments } from './arguments.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { withProgress } from './progress.ts'
import { readBroker } from './read-broker.ts'
import { counted, iso, optionOf } from './revocation-text.ts'

const options = {
  client: { type: 'string' },
  subject: { type: 'string' },
  broker: { type: 'string' },
  json: { type: 'boolean' },
} as const

export const consents: Command = {
  name: 'consents',
  summary: 'see what people let clients have, and withdraw it',
  usage: `token-broker consents list [--client ID] [--subject SUB]
token-broker consents withdraw --client ID --subject SUB

Whose consent is withdrawn is asked again at the next login to that client, also where broker.yaml asks the first time only.
It ends no session, and access tokens that were issued before live on until they end: for /userinfo at most 15 min, for a
target its lifetime in broker.yaml. To end those too, of all clients, and the person's session:
token-broker revoke --subject SUB --before 0s --reason TEXT

Asks POST /admin/consents of the broker, signed with the AWS credentials that the SDK finds: AWS_PROFILE, the environment, a
role. IAM decides who may (docs/policies/operator.json). Who withdrew what is in the log of the admin function.

  --client ID    the client, by its client_id
  --subject SUB  the person, as tokens, receipts and logs have them in sub
  --broker URL   the broker, by its issuer URL; default: TOKEN_BROKER_URL
  --json         prints the answer as one JSON document

A person's are found at once; without --subject the whole table is read, a page at a time.

Example: token-broker consents list --subject acme-partner:248289761001
Example: token-broker consents withdraw --client web-app --subject acme-partner:248289761001

Exit codes: 0 done; 1 refused, nothing to withdraw, or nobody to ask; 2 wrong usage`,
  async run([word, ...args]) {
    if (word === 'list') return list(args)
    if (word === 'withdraw') return withdraw(args)
    throw new UsageError('consents takes list or withdraw as its first word')
  },
}

async function list(args: readonly string[]): Promise<number> {
  const { broker, json, named } = read(args)
  const ask = await adminClient(broker, '/admin/consents')
  const found: Consent[] = []
  let pages = 0
  await withProgress(
    () => `${counted(pages, 'page')} read, ${found.length} found`,
    async () => {
      let after: string | undefined
      do {
        const page = await ask({ operation: 'list', ...named, ...(after === undefined ? {} : { after }) })
        found.push(...(page.consents as Consent[]))
        after = page.next as string | undefined
        pages++
      } while (after !== undefined)
    },
  )
  const sorted = found.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  if (json) return print(JSON.stringify({ consents: sorted }))
  return print(sorted.length === 0 ? 'no consent is on record' : sorted.map(describe).join('\n'))
}

async function withdraw(args: readonly string[]): Promise<number> {
  const { broker, json, named } = read(args)
  const { client_id, subject } = named
  if (client_id === undefined || subject === undefined)
    throw new UsageError('say both, --client and --subject: one consent at a time is withdrawn')
  const ask = await adminClient(broker, '/admin/consents')
  const answer = await ask({ operation: 'withdraw', client_id, subject })
  if (json) print(JSON.stringify(answer))
  if (answer.withdrawn !== true)
    throw new CommandError(toOneLine(`no consent of ${subject} to ${client_id} is on record: nothing was withdrawn`))
  if (json) return 0
  const person = optionOf({ dimension: 'subject', value: subject })
  return print(
    [
      toOneLine(`${subject} to ${client_id}: withdrawn. They are asked again at the next login`),
      '  not reached: access tokens that were issued before: for /userinfo at most 15 min, for a target its lifetime',
      `  to end those too, of all clients, and the session: token-broker revoke ${person} --before 0s --reason "..."`,
    ].join('\n'),
  )
}

interface Asked {
  broker: string
  json: boolean
  named: { client_id?: string; subject?: string }
}

/** Throws UsageError. The broker says what a name may not be. */
function read(args: readonly string[]): Asked {
  const { values, positionals } = readArguments(args, options)
  if (positionals.length > 0) throw new UsageError('list and withdraw take options only')
  const { client, subject } = values
  if (client === '') throw new UsageError('--client is empty: say which')
  if (subject === '') throw new UsageError('--subject is empty: say which')
  return {
    broker: readBroker(values.broker),
    json: values.json === true,
    named: {
      ...(client === undefined ? {} : { client_id: client }),
      ...(subject === undefined ? {} : { subject }),
    },
  }
}

function describe({ client_id, sub, scopes, at, expires_at }: Consent): string {
  return toOneLine(`${sub} to ${client_id}: ${scopes.join(' ')}, since ${iso(at)} until ${iso(expires_at)}`)
}

function keyOf({ client_id, sub }: Consent): string {
  return `${client_id} ${sub}`
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}
