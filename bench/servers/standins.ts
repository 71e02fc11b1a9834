import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { close, listen } from '../../local/loopback.ts'
import { startDynamodb } from '../../local/dynamodb.ts'
import { startKms } from '../../local/kms.ts'
import { startSts } from '../../local/sts.ts'

/** What it says when it is ready, and when it is asked. */
export interface Standins {
  urls: { dynamodb: string; kms: string; sts: string }
  calls: Record<string, number>
}

// DynamoDB, KMS and STS in a process of their own, so that their CPU is not counted as ours; each operation after its delay.
const delays = JSON.parse(process.argv[2] ?? '{}') as {
  PutItem?: number
  BatchGetItem?: number
  Sign?: number
  AssumeRole?: number
}

const dynamodb = await startDynamodb()
const kms = await startKms()
const sts = await startSts()
if (delays.AssumeRole) sts.faults.push({ operation: 'AssumeRole', times: Infinity, delay: delays.AssumeRole })
if (delays.Sign) kms.faults.push({ operation: 'Sign', times: Infinity, delay: delays.Sign })
const calls = new Map<string, number>()
const proxy = createServer((incoming, outgoing) => void forward(incoming, outgoing))

async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const operation = String(incoming.headers['x-amz-target']).split('.').at(-1) as keyof typeof delays
  calls.set(operation, (calls.get(operation) ?? 0) + 1)
  await setTimeout(delays[operation] ?? 0)
  const { method, headers, url = '/' } = incoming
  const forwarded = request(new URL(url, dynamodb.url), { method, headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    response.pipe(outgoing)
  })
  incoming.pipe(forwarded)
}

process.on('message', () => {
  process.send?.(Object.fromEntries([...calls, ...kms.calls, ...sts.calls]) satisfies Standins['calls'])
})
process.on('disconnect', () => {
  void Promise.all([close(proxy), dynamodb.close(), kms.close(), sts.close()]).then(() => process.exit())
})
process.send?.({ dynamodb: await listen(proxy, 0), kms: kms.url, sts: sts.url } satisfies Standins['urls'])
