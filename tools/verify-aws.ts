import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { verifyInAws } from './verify-aws/throwaway-deployment.ts'

const usage = `npm run verify:aws [-- --yes]

Deploys a broker of its own into the AWS account and region of your environment (AWS_PROFILE, AWS_REGION, ...), checks
that it does on AWS what the tests say it does, and removes it again, also when a check fails or you press Ctrl-C.

It costs about a cent: two KMS keys at 1 USD a month for the minutes that they live, some fifty requests. The account must
be bootstrapped for CDK (npx cdk bootstrap), and you need the rights in docs/deploy.md (deployer.json, verifier.json). It takes about five minutes.

  --yes    do not ask

Exit codes: 0 all of it holds, 1 something does not, 2 wrong usage`

const root = fileURLToPath(new URL('..', import.meta.url))

process.exitCode = await main()

async function main(): Promise<number> {
  let yes: boolean
  try {
    const { values } = parseArgs({ options: { yes: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
    if (values.help) {
      process.stdout.write(`${usage}\n`)
      return 0
    }
    yes = values.yes === true
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\n`)
    return 2
  }
  const sts = new STSClient()
  const region = await sts.config.region().catch(() => undefined)
  if (region === undefined) {
    process.stderr.write('no region is set: set AWS_REGION, or AWS_PROFILE to a profile with one\n')
    return 1
  }
  const caller = await sts.send(new GetCallerIdentityCommand()).catch((error: unknown) => error as Error)
  if (caller instanceof Error) {
    process.stderr.write(`AWS does not know who you are: ${caller.message}\n`)
    return 1
  }
  if (
    !yes &&
    !(await agreed(`Deploy a throwaway broker into account ${caller.Account}, ${region}, for about a cent? [y/N] `))
  )
    return 2

  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      process.stderr.write('\nstopping: what was deployed is removed first, please wait\n')
      stop.abort(new Error(`stopped by ${name}`))
    })
  const directory = mkdtempSync(join(tmpdir(), 'token-broker-verify-'))
  try {
    await verifyInAws({
      cdk,
      dynamodb: new DynamoDBClient(),
      kms: new KMSClient(),
      stackName: `token-broker-verify-${Date.now().toString(36)}`,
      directory,
      say: (line) => void process.stdout.write(`${line}\n`),
      signal: stop.signal,
    })
    return 0
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    return 1
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    process.stderr.write('nobody is there to ask: run it with --yes\n')
    return false
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(question)
  terminal.close()
  return /^y(?:es)?$/i.test(answer.trim())
}

/** In a process group of its own, so that Ctrl-C does not end it half way. */
async function cdk(args: readonly string[]): Promise<void> {
  const command = fileURLToPath(import.meta.resolve('aws-cdk/bin/cdk'))
  const child = spawn(process.execPath, [command, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`cdk ${args[0]} ended with ${code}`)
}
