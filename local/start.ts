import { parseArgs } from 'node:util'
import { ConfigurationError, formatFinding } from '../lib/config/findings.ts'
import { readConfig, startBroker, type LocalBroker } from './broker.ts'
import { startExampleIssuer, type ExampleIssuer } from './example-issuer.ts'
import { curl, issuerPort, quickstartConfig } from './quickstart.ts'

const usage = `npm start [-- --data DIR]

Serves the broker on loopback, with embedded DynamoDB, KMS and STS stand-ins.

  --data DIR       keep keys and receipts in DIR; without it they live in memory

  PORT             where to listen (8787)
  BROKER_CONFIG    the broker.yaml to serve (examples/quickstart/broker.yaml, with an example issuer beside it)
  BROKER_ISSUER    our iss, for a run behind a proxy (http://127.0.0.1:PORT)
  EXAMPLE_ISSUER_PORT
                   where the example issuer listens (8788)
  AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_DYNAMODB, _KMS, _STS
                   used instead of the stand-ins`

process.exitCode = await main()

async function main(): Promise<number> {
  const options = readOptions()
  if (typeof options === 'number') return options
  const dataDirectory = options.data === undefined ? {} : { dataDirectory: options.data }
  let exampleIssuer: ExampleIssuer | undefined
  let broker: LocalBroker
  try {
    exampleIssuer =
      options.config === undefined
        ? await startExampleIssuer({ port: options.issuerPort, ...dataDirectory })
        : undefined
    broker = await startBroker({
      config: options.config === undefined ? quickstartConfig(exampleIssuer!.url) : readConfig(options.config),
      port: options.port,
      ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
      ...dataDirectory,
    })
  } catch (error) {
    await exampleIssuer?.close()
    return explainFailure(error)
  }
  const state = options.data === undefined ? '' : `, keeping its state in ${options.data}`
  const trusting = exampleIssuer ? `, trusting the example issuer at ${exampleIssuer.url}` : ''
  const command = exampleIssuer && `\nTrade a CI job's token for one of ours:\n\n${curl(broker, exampleIssuer)}\n`
  process.stdout.write(`token-broker is ready at ${broker.url}${trusting}${state}\n${command ?? ''}`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await broker.close()
  await exampleIssuer?.close()
  return 0
}

function readOptions(): { port: number; issuerPort: number; config?: string; issuer?: string; data?: string } | number {
  try {
    const { values } = parseArgs({ options: { data: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
    if (values.help) {
      process.stdout.write(`${usage}\n`)
      return 0
    }
    return {
      port: portFrom('PORT', 8787),
      issuerPort: portFrom('EXAMPLE_ISSUER_PORT', issuerPort),
      ...(process.env.BROKER_CONFIG ? { config: process.env.BROKER_CONFIG } : {}),
      ...issuerFrom(process.env.BROKER_ISSUER),
      ...(values.data ? { data: values.data } : {}),
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\n`)
    return 2
  }
}

function issuerFrom(issuer: string | undefined): { issuer?: string } {
  if (!issuer) return {}
  if (URL.canParse(issuer) && new URL(issuer).origin === issuer) return { issuer }
  throw new Error(`BROKER_ISSUER must be an origin, such as https://broker.acme.dev, not ${JSON.stringify(issuer)}`)
}

function portFrom(variable: string, otherwise: number): number {
  const port = Number(process.env[variable] || otherwise)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error(`${variable} must be a number from 0 to 65535, not ${JSON.stringify(process.env[variable])}`)
}

/** A mistake of the operator's gets its remedy; anything else is ours and keeps its stack. */
function explainFailure(error: unknown): number {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`${error.findings.map(formatFinding).join('\n')}\n`)
    return 1
  }
  const { code, path, port } = error as { code?: string; path?: string; port?: number }
  if (code === 'EADDRINUSE')
    process.stderr.write(`port ${port} is taken: set PORT to a free one, or stop what listens there\n`)
  else if (code === 'EISDIR') process.stderr.write('BROKER_CONFIG is a folder: set it to your broker.yaml\n')
  else if (code === 'ENOENT') process.stderr.write(`${path} does not exist: set BROKER_CONFIG to your broker.yaml\n`)
  else process.stderr.write(`${(error as Error).stack}\n`)
  return 1
}
