import { parseArgs } from 'node:util'
import { ConfigurationError, formatFinding } from '../lib/config/findings.ts'
import { readConfig, startBroker, type LocalBroker, type LocalBrokerOptions } from './broker.ts'
import { startPartnerIdp, type PartnerIdp } from './partner-idp.ts'
import { examplePeople } from './partner-people.ts'
import { curl, ports as examplePorts, startQuickstart, type Quickstart } from './quickstart.ts'

const usage = `npm start [-- [--data DIR] [--partner]]

Serves the broker on loopback, with embedded DynamoDB, KMS, STS and SQS stand-ins.

  --data DIR       keep keys and receipts in DIR; without it they live in memory
  --partner        with a BROKER_CONFIG of your own: start the partner's identity provider too, for its issuer acme-partner

  PORT             where to listen (8787)
  BROKER_CONFIG    the broker.yaml to serve (examples/quickstart/broker.yaml, with an example issuer beside it, and a
                   partner's identity provider and app)
  BROKER_ISSUER    our iss, for a run behind a proxy (http://127.0.0.1:PORT)
  EXAMPLE_ISSUER_PORT
                   where the example issuer listens (8788)
  PARTNER_IDP_PORT where the partner's identity provider listens (8789)
  PARTNER_APP_PORT where the partner's app listens (8790)
  AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_DYNAMODB, _KMS, _STS, _SQS
                   used instead of the stand-ins`

/** Which variable of the environment says where something listens, and where it does otherwise. */
const variables = {
  broker: ['PORT', 8787],
  exampleIssuer: ['EXAMPLE_ISSUER_PORT', examplePorts.exampleIssuer],
  partnerIdp: ['PARTNER_IDP_PORT', examplePorts.partnerIdp],
  partnerApp: ['PARTNER_APP_PORT', examplePorts.partnerApp],
} as const

process.exitCode = await main()

async function main(): Promise<number> {
  const options = readOptions()
  if (typeof options === 'number') return options
  const { config, ports, issuer, data, partner } = options
  const settings = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(data === undefined ? {} : { dataDirectory: data }),
  }
  let running: Own | Quickstart
  try {
    running =
      config === undefined
        ? await startQuickstart({ ports, ...settings })
        : await startOwn({ config: readConfig(config), port: ports.broker, ...settings }, partner, ports.partnerIdp)
  } catch (error) {
    return explainFailure(error, ports)
  }
  process.stdout.write(readyLines(running, data))
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await running.close()
  return 0
}

interface Own extends LocalBroker {
  partnerIdp?: PartnerIdp
}

/** The broker of a broker.yaml of one's own. Who logs in finds the partner at work: it starts first. */
async function startOwn(options: LocalBrokerOptions, partner: boolean, port: number): Promise<Own> {
  if (!partner) return startBroker(options)
  const partnerIdp = await startPartnerIdp({ port, broker: () => broker })
  const broker: LocalBroker = await startBroker(options).catch(async (error) => {
    await partnerIdp.close()
    throw error
  })
  const close = async () => {
    await broker.close()
    await partnerIdp.close()
  }
  return { ...broker, partnerIdp, close }
}

function readyLines(running: Own | Quickstart, data: string | undefined): string {
  const state = data === undefined ? '' : `, keeping its state in ${data}`
  if (!('partnerApp' in running)) {
    const partner =
      running.partnerIdp === undefined ? '' : `, and a partner's identity provider at ${running.partnerIdp.url}`
    return `token-broker is ready at ${running.url}${state}${partner}\n`
  }
  const { broker, exampleIssuer, partnerApp } = running
  return `token-broker is ready at ${broker.url}, trusting the example issuer at ${exampleIssuer.url}${state}

Log in at ${partnerApp.url} as ${examplePeople.map(({ username }) => username).join(' or ')}.

Trade a CI job's token for one of ours:

${curl(broker, exampleIssuer)}
`
}

interface Options {
  ports: Ports
  config?: string
  issuer?: string
  data?: string
  partner: boolean
}

type Ports = Record<keyof typeof variables, number>

function readOptions(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        data: { type: 'string' },
        partner: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help) {
      process.stdout.write(`${usage}\n`)
      return 0
    }
    return {
      ports: {
        broker: portFrom(...variables.broker),
        exampleIssuer: portFrom(...variables.exampleIssuer),
        partnerIdp: portFrom(...variables.partnerIdp),
        partnerApp: portFrom(...variables.partnerApp),
      },
      ...(process.env.BROKER_CONFIG ? { config: process.env.BROKER_CONFIG } : {}),
      ...issuerFrom(process.env.BROKER_ISSUER),
      ...(values.data ? { data: values.data } : {}),
      partner: values.partner,
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
function explainFailure(error: unknown, ports: Ports): number {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`${error.findings.map(formatFinding).join('\n')}\n`)
    return 1
  }
  const { code, path, port } = error as { code?: string; path?: string; port?: number }
  if (code === 'EADDRINUSE') {
    const name = (Object.keys(variables) as (keyof Ports)[]).find((each) => ports[each] === port) ?? 'broker'
    process.stderr.write(`port ${port} is taken: set ${variables[name][0]} to a free one, or stop what listens there\n`)
  } else if (code === 'EISDIR') process.stderr.write('BROKER_CONFIG is a folder: set it to your broker.yaml\n')
  else if (code === 'ENOENT') process.stderr.write(`${path} does not exist: set BROKER_CONFIG to your broker.yaml\n`)
  else process.stderr.write(`${(error as Error).stack}\n`)
  return 1
}
