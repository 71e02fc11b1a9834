import { fileURLToPath } from 'node:url'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { readConfig, type LocalBroker, type LocalBrokerOptions } from './broker.ts'
import type { ExampleIssuer } from './example-issuer.ts'

/** Where examples/quickstart/broker.yaml says that the example issuer is. */
export const issuerPort = 8788

/** The configuration that `npm start` and `npm run demo` serve, trusting the example issuer wherever it listens. */
export function quickstartConfig(exampleIssuer: string): LocalBrokerOptions['config'] {
  const { text, file } = readConfig(fileURLToPath(new URL('../examples/quickstart/broker.yaml', import.meta.url)))
  return { text: text.replaceAll(`http://127.0.0.1:${issuerPort}`, exampleIssuer), file }
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
