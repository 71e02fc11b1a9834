import { TokenBrokerError } from '../client/errors.ts'
import { findSubjectToken } from '../client/find-subject-token.ts'
import { parseSubjectToken, readySource, type SubjectTokenSource } from '../client/subject-token.ts'
import { readSource } from '../lib/config/source.ts'
import type { VerificationKey } from '../lib/protocol/key-set.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { readArguments } from './arguments.ts'
import { UsageError, type Command } from './command.ts'
import { checkAws } from './doctor/aws.ts'
import { checkBroker } from './doctor/broker.ts'
import { toLines, type Examined } from './doctor/check.ts'
import { checkIssuer, type Examinee } from './doctor/issuer.ts'
import { withProgress } from './progress.ts'
import { readBroker } from './read-broker.ts'
import { includeOf, readConfiguration, type ReadConfiguration } from './read-configuration.ts'
import { readText, STDIN } from './read-text.ts'

/** As many names as Node looks up at once: more would only wait for each other, and take that for a slow issuer. */
const AT_ONCE = 4

export const doctor: Command = {
  name: 'doctor',
  summary: 'ask the issuers of a broker.yaml, or a deployed broker, whether all is well',
  usage: `token-broker doctor [--config FILE] [--url URL [--token FILE] [--target NAME]]
                    [--aws [--stack NAME] [--table NAME]] [--local] [--json]

With --config asks every issuer of a broker.yaml for what the broker will ask it, as the broker asks: https, public addresses,
no redirects, 2 s. With --url asks a deployed broker what verifiers, jobs and strangers ask it, and with both also whether
that broker.yaml is deployed there. A line each: ✓ holds, x does not, ! works and should be looked at, - was not tried.

  --config FILE  the broker.yaml; - reads standard input
  --url URL      the broker, by its issuer URL
  --token FILE   a token to trade there; - reads standard input. Without it the job's own, found as exchange finds it. It is spent
                 where its issuer has replay: once. What is issued is verified, not printed, and revoked
  --target NAME  what to trade it for; without it, the one target that is granted
  --aws          also look, with the AWS credentials that the SDK finds, at the account's limits and at what is deployed
  --stack NAME   the stack there; default: token-broker
  --table NAME   its table, from the output BrokerTableName
  --local        permit http issuers on loopback, as a local run does
  --json         print one JSON document

Example: token-broker doctor --config broker.yaml
Example: token-broker doctor --url https://broker.acme.dev --target deploy-api

Exit codes: 0 nothing failed, perhaps with warnings; 1 something did, or the file does not hold; 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    config: { type: 'string' },
    url: { type: 'string' },
    token: { type: 'string' },
    target: { type: 'string' },
    aws: { type: 'boolean' },
    stack: { type: 'string' },
    table: { type: 'string' },
    local: { type: 'boolean' },
    json: { type: 'boolean' },
  })
  if (positionals.length > 0) throw new UsageError('doctor takes options only')
  const { config, token, target, local = false, stack = 'token-broker', table } = values
  if (!config && !values.url && !values.aws)
    throw new UsageError('give --config, to ask the issuers, or --url, to ask a broker, or --aws, or several')
  if (!values.url && (token !== undefined || target !== undefined))
    throw new UsageError('--token and --target are for a broker: give its --url')
  if (!values.aws && (values.stack !== undefined || values.table !== undefined))
    throw new UsageError('--stack and --table are for AWS: give --aws')
  if (config === STDIN && token === STDIN) throw new UsageError('standard input can be one of them only')
  const broker = values.url ? readBroker(values.url) : undefined
  const compiledFor = { local, broker: undefined, now: Math.floor(Date.now() / 1000) }
  const read = config ? await readConfiguration(config, compiledFor) : undefined
  const source = broker === undefined ? undefined : await findSource(token, broker)
  const examined: Examined[] = []
  if (read !== undefined) examined.push(...(await examineIssuers(read, local)))
  let published: readonly VerificationKey[] = []
  if (broker !== undefined && source !== undefined) {
    const about = `broker ${broker}`
    const found = await withProgress(
      () => about,
      () => checkBroker({ broker, source, target, configuration: read?.configuration }),
    )
    examined.push({ about, checks: found.checks })
    published = found.keys
  }
  if (values.aws)
    examined.push({
      about: 'AWS',
      checks: await checkAws({ stack, table, configuration: read?.configuration, published }),
    })
  const failed = examined.some(({ checks }) => checks.some(({ outcome }) => outcome === 'failed'))
  process.stdout.write(
    values.json ? `${JSON.stringify({ ok: !failed, examined }, null, 2)}\n` : `${toLines(examined).join('\n')}\n`,
  )
  return failed ? 1 : 0
}

/** A token to trade, or why there is none. Throws CommandError for a token that was named and is none. */
async function findSource(file: string | undefined, broker: string): Promise<SubjectTokenSource | string> {
  try {
    if (file === undefined) return findSubjectToken({}, broker, process.env)
    const { text, name } = await readText(file)
    return readySource(name, () => parseSubjectToken(text, name))
  } catch (error) {
    if (!(error instanceof TokenBrokerError)) throw error
    return 'no token was found to trade: give one with --token, or run it in a job that has one'
  }
}

async function examineIssuers({ configuration, text, name }: ReadConfiguration, local: boolean): Promise<Examined[]> {
  const { value } = readSource({ file: name, text }, includeOf(name))
  const asked = examinees(configuration, value as BrokerYaml)
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
