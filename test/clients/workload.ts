import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { fromHttp, fromNodeProviderChain } from '@aws-sdk/credential-providers'

// What a user's program does, for each line: one call to AWS. How many seconds its clock is ahead stands in the line. It says
// what the user would see.

/** How the client finds its credentials. Without retries it waits for none: each is a second after the last. */
const sources = {
  'by itself': () => ({}),
  'by the chain, without retries': () => ({ credentials: fromNodeProviderChain({ maxRetries: 0 }) }),
  'by fromHttp, without retries': () => ({ credentials: fromHttp({ maxRetries: 0 }) }),
}

const client = new STSClient(sources[process.argv[2] as keyof typeof sources]())
const clock = Date.now
for await (const line of createInterface(process.stdin)) {
  Date.now = () => clock() + Number(line) * 1000
  const seen = await client.send(new GetCallerIdentityCommand()).then(
    () => '',
    (error: unknown) => inspect(error),
  )
  process.stdout.write(`${JSON.stringify(seen)}\n`)
}
