import { fileURLToPath } from 'node:url'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { readConfig, startBroker, type LocalBroker, type LocalBrokerOptions } from './broker.ts'
import { startExampleIssuer, type ExampleIssuer } from './example-issuer.ts'
import { startPartnerApp, type PartnerApp } from './partner-app.ts'
import { startPartnerIdp, type PartnerIdp, type PartnerIdpOptions } from './partner-idp.ts'

/** Where examples/quickstart/broker.yaml says that the others are. */
export const ports = { exampleIssuer: 8788, partnerIdp: 8789, partnerApp: 8790 }

/**
 * The configuration that `npm start` and `npm run demo` serve, trusting the example issuer, the partner's identity provider
 * and its app wherever they listen.
 */
export function quickstartConfig(
  exampleIssuer: string,
  partnerIdp?: string,
  partnerApp?: string,
): LocalBrokerOptions['config'] {
  const { text, file } = readConfig(fileURLToPath(new URL('../examples/quickstart/broker.yaml', import.meta.url)))
  const listening = { exampleIssuer, partnerIdp, partnerApp }
  const moved = Object.entries(listening).reduce(
    (all, [name, url]) =>
      url === undefined ? all : all.replaceAll(`http://127.0.0.1:${ports[name as keyof typeof ports]}`, url),
    text,
  )
  return { text: moved, file }
}

export interface Quickstart {
  broker: LocalBroker
  exampleIssuer: ExampleIssuer
  partnerIdp: PartnerIdp
  partnerApp: PartnerApp
  close(): Promise<void>
}

export interface QuickstartOptions extends Omit<LocalBrokerOptions, 'config' | 'port'> {
  /** Absent: any free one each. */
  ports?: typeof ports & { broker: number }
  /** What a test changes of the configuration, or of the partner. */
  config?: (text: string) => string
  partner?: Pick<PartnerIdpOptions, 'people' | 'idTokenChanges' | 'instead'>
}

/** The broker, and all that examples/quickstart/broker.yaml is about. */
export async function startQuickstart(options: QuickstartOptions = {}): Promise<Quickstart> {
  const { ports: at, config = (text) => text, partner, ...rest } = options
  const started: { close(): Promise<void> }[] = []
  const begun = async <T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const one = await starting
    started.unshift(one)
    return one
  }
  const close = async () => {
    for (const one of started) await one.close()
  }
  try {
    const { dataDirectory } = rest
    const exampleIssuer = await begun(
      startExampleIssuer({
        port: at?.exampleIssuer ?? 0,
        ...(dataDirectory === undefined ? {} : { dataDirectory }),
      }),
    )
    // It asks for its client only when somebody logs in.
    const client = () => broker
    const partnerIdp = await begun(startPartnerIdp({ port: at?.partnerIdp ?? 0, broker: client, ...partner }))
    const issuer = () => broker.issuer
    const partnerApp = await begun(startPartnerApp({ port: at?.partnerApp ?? 0, issuer }))
    const { text, file } = quickstartConfig(exampleIssuer.url, partnerIdp.url, partnerApp.url)
    const broker: LocalBroker = await begun(
      startBroker({ config: { text: config(text), file }, port: at?.broker ?? 0, ...rest }),
    )
    return { broker, exampleIssuer, partnerIdp, partnerApp, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A command to copy: fetch a job's token, trade it. */
export function curl(broker: LocalBroker, issuer: ExampleIssuer): string {
  return `  curl -s ${broker.url}/token \\
    -d grant_type=${TOKEN_EXCHANGE_GRANT} \\
    -d subject_token_type=${JWT_TYPE} \\
    -d audience=deploy-api \\
    --data-urlencode subject_token="$(curl -s '${issuer.url}/token?audience=${encodeURIComponent(broker.issuer)}')"
`
}
