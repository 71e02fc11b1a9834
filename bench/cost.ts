import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { startBroker } from '../local/broker.ts'
import { startDynamodb } from '../local/dynamodb.ts'
import { startExampleIssuer } from '../local/example-issuer.ts'
import { startKms } from '../local/kms.ts'
import { quickstartConfig } from '../local/quickstart.ts'
import { openFaultyProxy } from '../test/contracts/faulty-proxy.ts'
import { prices } from './prices.ts'

export interface Counted {
  /** Write units of the receipt: 1 KB each, begun ones whole. Its index row is as large. */
  writeUnits: number
  /** Read units of the revocations: one for each key, found or not. */
  readUnits: number
  signatures: number
}

/** Not counted here, because only AWS can: what a warm exchange is billed, and what is written about it. */
const assumed = { milliseconds: 30, logBytes: 1_500, traced: 0.05 }
const memoryGigabytes = 0.5

/** USD. */
export interface Cost {
  rows: { what: string; counted: string; each: number }[]
  /** Of one exchange, by what signs it. */
  signedBy: { RS256: number; ES256: number }
}

/** What one warm exchange costs: its calls are counted on the stand-ins, and priced. */
export async function costOfExchange(): Promise<Cost> {
  const counted = await countExchange()
  const { writeUnits, readUnits, signatures } = counted
  const { milliseconds, logBytes, traced } = assumed
  const priced: [string, string, number][] = [
    ['HTTP API', '1 request', prices.api],
    [
      'Lambda',
      `1 invocation, ${milliseconds} ms of ${memoryGigabytes * 1024} MB (assumed)`,
      prices.invocation + (milliseconds / 1000) * memoryGigabytes * prices.gigabyteSecond,
    ],
    ['DynamoDB, receipt', `1 put, write units: ${writeUnits}`, writeUnits * prices.writeUnit],
    ['DynamoDB, index `by_id`', `write units: ${writeUnits}`, writeUnits * prices.writeUnit],
    ['DynamoDB, revocations', `1 batch get, read units: ${readUnits}`, readUnits * prices.readUnit],
    ['KMS, RS256', `signatures: ${signatures}`, signatures * prices.rs256],
    ['KMS, ES256 instead', `signatures: ${signatures}`, signatures * prices.es256],
    ['CloudWatch Logs', `${logBytes / 1000} kB (assumed)`, (logBytes / 1e9) * prices.logGigabyte],
    ['X-Ray', `${traced * 100} % of requests (assumed)`, traced * prices.trace],
  ]
  const rows = priced.map(([what, counted, each]) => ({ what, counted, each }))
  const total = rows.reduce((sum, { each }) => sum + each, 0)
  return {
    rows,
    signedBy: { RS256: total - signatures * prices.es256, ES256: total - signatures * prices.rs256 },
  }
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
