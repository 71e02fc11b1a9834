import { readFileSync, writeFileSync } from 'node:fs'
import { dynamodbClient } from '../lib/aws/clients.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { startBroker } from '../local/broker.ts'
import { startDynamodb } from '../local/dynamodb.ts'
import { startExampleIssuer } from '../local/example-issuer.ts'
import { startKms } from '../local/kms.ts'
import { quickstartConfig } from '../local/quickstart.ts'
import { openFaultyProxy } from '../test/contracts/faulty-proxy.ts'

// docs/deploy.md shows what an exchange costs: counts the calls of a warm one on the stand-ins, prices them, and writes the
// table there, or with --check fails when it differs.

interface Counted {
  /** Write units of the receipt: 1 KB each, begun ones whole. Its index row is as large. */
  writeUnits: number
  /** Read units of the revocations: one for each key, found or not. */
  readUnits: number
  signatures: number
}

/** USD in us-east-1 by the list prices of November 2026, for one. */
const price = {
  api: 1.0e-6,
  invocation: 0.2e-6,
  gigabyteSecond: 0.0000133334,
  writeUnit: 0.625e-6,
  readUnit: 0.125e-6,
  es256: 15e-6,
  rs256: 3e-6,
  logGigabyte: 0.5,
  trace: 5e-6,
}
/** Not counted here, because only AWS can: what a warm exchange is billed, and what is written about it. */
const assumed = { milliseconds: 30, logBytes: 1_500, traced: 0.05 }
const memoryGigabytes = 0.5

const begin = '<!-- cost: written by tools/cost-table.ts -->\n\n'
const end = '\n<!-- /cost -->'

const table = toTable(await countExchange())
const file = 'docs/deploy.md'
const text = readFileSync(file, 'utf8')
const from = text.indexOf(begin)
const to = text.indexOf(end, from)
if (from === -1 || to === -1) throw new Error(`${file} has no cost block`)
const current = text.slice(0, from) + begin + table + text.slice(to)
if (!process.argv.includes('--check')) writeFileSync(file, current)
else if (current !== text) {
  process.stderr.write(`${file} shows older costs: run npm run cost\n`)
  process.exitCode = 1
}

async function countExchange(): Promise<Counted> {
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT'
  const dynamodb = await startDynamodb()
  const proxy = await openFaultyProxy(dynamodb.url, () => 'none')
  const kms = await startKms()
  process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.endpoint
  process.env.AWS_ENDPOINT_URL_KMS = kms.url
  process.env.AWS_ACCESS_KEY_ID = 'local'
  process.env.AWS_SECRET_ACCESS_KEY = 'local'
  const issuer = await startExampleIssuer()
  const broker = await startBroker({ config: quickstartConfig(issuer.url), port: 0 })
  const exchange = async () => {
    const { status } = await fetch(`${broker.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: TOKEN_EXCHANGE_GRANT,
        subject_token_type: JWT_TYPE,
        subject_token: await issuer.sign({ aud: broker.url }),
        audience: 'deploy-api',
      }),
    })
    if (status !== 200) throw new Error(`an exchange was answered ${status}`)
  }
  await exchange()
  const before = { calls: proxy.operations.length, signatures: kms.calls.get('Sign') ?? 0 }
  await exchange()
  const operations = proxy.operations.slice(before.calls)
  const asked = proxy.asked().slice(before.calls)
  const counted: Counted = { writeUnits: 0, readUnits: 0, signatures: (kms.calls.get('Sign') ?? 0) - before.signatures }
  for (const [index, operation] of operations.entries()) {
    const request = asked[index] as { Item?: Item; RequestItems?: Record<string, { Keys: unknown[] }> }
    if (operation === 'PutItem') counted.writeUnits += Math.ceil(sizeOf(request.Item ?? {}) / 1024)
    else if (operation === 'BatchGetItem')
      counted.readUnits += Object.values(request.RequestItems ?? {}).reduce((sum, { Keys }) => sum + Keys.length, 0)
    else throw new Error(`an exchange now asks for ${operation}, which has no price here`)
  }
  await broker.close()
  await issuer.close()
  proxy.close()
  dynamodbClient().destroy()
  await Promise.all([dynamodb.close(), kms.close()])
  return counted
}

type Item = Record<string, { S?: string; N?: string; L?: { S?: string }[] }>

/** As DynamoDB counts an item: names and text by their bytes, numbers and lists a little more. */
function sizeOf(item: Item): number {
  return Object.entries(item).reduce(
    (sum, [name, { S = '', N = '', L = [] }]) =>
      sum +
      Buffer.byteLength(name) +
      Buffer.byteLength(S) +
      N.length +
      L.reduce((all, { S = '' }) => all + S.length + 4, 0),
    100,
  )
}

function toTable({ writeUnits, readUnits, signatures }: Counted): string {
  const { milliseconds, logBytes, traced } = assumed
  const rows: [string, string, number][] = [
    ['HTTP API', '1 request', price.api],
    [
      'Lambda',
      `1 invocation, ${milliseconds} ms of ${memoryGigabytes * 1024} MB (assumed)`,
      price.invocation + (milliseconds / 1000) * memoryGigabytes * price.gigabyteSecond,
    ],
    ['DynamoDB, receipt', `1 put, write units: ${writeUnits}`, writeUnits * price.writeUnit],
    ['DynamoDB, index `by_id`', `write units: ${writeUnits}`, writeUnits * price.writeUnit],
    ['DynamoDB, revocations', `1 batch get, read units: ${readUnits}`, readUnits * price.readUnit],
    ['KMS, RS256', `signatures: ${signatures}`, signatures * price.rs256],
    ['KMS, ES256 instead', `signatures: ${signatures}`, signatures * price.es256],
    ['CloudWatch Logs', `${logBytes / 1000} kB (assumed)`, (logBytes / 1e9) * price.logGigabyte],
    ['X-Ray', `${traced * 100} % of requests (assumed)`, traced * price.trace],
  ]
  const total = rows.reduce((sum, [, , cost]) => sum + cost, 0)
  const million = (cost: number) => (cost * 1e6).toFixed(2)
  const totals = { RS256: total - signatures * price.es256, ES256: total - signatures * price.rs256 }
  const cells = [
    ['what', 'for one exchange', 'per million'],
    ...rows.map(([what, counted, cost]) => [what, counted, million(cost)]),
    ...Object.entries(totals).map(([alg, cost]) => [`**signed by ${alg}**`, '', `**${million(cost)}**`]),
  ]
  const width = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0))
  const line = ([what = '', counted = '', cost = '']: string[]) =>
    `| ${what.padEnd(width(0))} | ${counted.padEnd(width(1))} | ${cost.padStart(width(2))} |`
  const [head, ...body] = cells.map(line)
  return [
    head,
    `| ${'-'.repeat(width(0))} | ${'-'.repeat(width(1))} | ${'-'.repeat(width(2) - 1)}: |`,
    ...body,
    '',
  ].join('\n')
}
