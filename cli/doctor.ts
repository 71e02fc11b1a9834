import { readDocument } from '../lib/config/document.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { readArguments } from './arguments.ts'
import { UsageError, type Command } from './command.ts'
import { toLines, type Examined } from './doctor/check.ts'
import { checkIssuer, type Examinee } from './doctor/issuer.ts'
import { withProgress } from './progress.ts'
import { readConfiguration } from './read-configuration.ts'

/** As many names as Node looks up at once: more would only wait for each other, and take that for a slow issuer. */
const AT_ONCE = 4

export const doctor: Command = {
  name: 'doctor',
  summary: 'ask the issuers of a broker.yaml, or a deployed broker, whether all is well',
  usage: `token-broker doctor --config FILE [--local] [--json]

Asks every issuer of a broker.yaml for what the broker will ask it, as the broker asks: https, public addresses, no redirects,
2 s. A line each: ✓ holds, x does not, ! works and should be looked at, - was not tried. See docs/doctor.md.

  --config FILE  the broker.yaml; - reads standard input
  --local        permit http issuers on loopback, as a local run does
  --json         print one JSON document

Example: token-broker doctor --config broker.yaml

Exit codes: 0 nothing failed, perhaps with warnings; 1 something did, or the file does not hold; 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    local: { type: 'boolean' },
    json: { type: 'boolean' },
  })
  if (positionals.length > 0) throw new UsageError('doctor takes options only')
  if (!values.config) throw new UsageError('--config is missing: name the broker.yaml')
  const local = values.local === true
  const { configuration, text } = await readConfiguration(values.config, local, Math.floor(Date.now() / 1000))
  const examined = await examineIssuers(configuration, text, local)
  const failed = examined.some(({ checks }) => checks.some(({ outcome }) => outcome === 'failed'))
  process.stdout.write(
    values.json ? `${JSON.stringify({ ok: !failed, examined }, null, 2)}\n` : `${toLines(examined).join('\n')}\n`,
  )
  return failed ? 1 : 0
}

async function examineIssuers(configuration: Configuration, text: string, local: boolean): Promise<Examined[]> {
  const asked = examinees(configuration, readDocument(text).value as BrokerYaml)
  let done = 0
  return withProgress(
    () => `${done} of ${asked.length} issuers`,
    () =>
      inOrder(asked, AT_ONCE, async ({ about, issuer, written }) => {
        const checks = await checkIssuer(issuer, written, local)
        done++
        return { about, checks }
      }),
  )
}

/** What of broker.yaml is not compiled: dates of keys. */
interface BrokerYaml {
  issuers: Readonly<Record<string, { jwks?: { keys?: unknown[] } } | undefined>>
}

/** In the order of the file: issuers, then clients whose keys are fetched. */
function examinees({ issuers, clients }: Configuration, { issuers: written }: BrokerYaml) {
  return [
    ...Object.values(issuers).map((issuer) => ({
      about: `issuer ${issuer.name}, ${issuer.issuer}`,
      issuer: issuer as Examinee,
      written: written[issuer.name]?.jwks?.keys ?? [],
    })),
    ...Object.entries(clients).flatMap(([id, { auth }]) =>
      auth?.kind === 'private_key_jwt' && 'uri' in auth.signer.jwks
        ? [{ about: `client ${id}, ${auth.signer.jwks.uri}`, issuer: auth.signer, written: [] }]
        : [],
    ),
  ]
}

/** At most so many at once; the results in the order of the items. */
async function inOrder<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as Item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}
