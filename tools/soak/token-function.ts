import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { registerHooks } from 'node:module'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { awsAdapters } from '../../bench/memory-ports.ts'
import { compile } from '../../lib/config/compile.ts'
import { deadlines } from '../../lib/deadlines.ts'
import { loadFunction } from '../../local/load-function.ts'
import { close, listen } from '../../local/loopback.ts'
import { openPress, type Press } from '../../test/fuzz/press.ts'

const ourIssuer = 'http://127.0.0.1:8787'

/** Until a request that was answered long ago is forgotten: its deadline is a timer. */
export const settled = 1_500

export interface SoakedFunction {
  /** Answers the status. */
  call: (event: APIGatewayProxyEventV2) => Promise<number>
  /** The one issuer it trusts, whose keys it fetches. */
  press: Press
  close(): Promise<void>
}

/** functions/token.ts as it is deployed, but for its adapters to AWS. */
export async function openTokenFunction(): Promise<SoakedFunction> {
  // Kept in the log's own form, and from the terminal.
  process.env.POWERTOOLS_DEV = 'true'
  Object.assign(console, { info() {}, warn() {}, error() {} })
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      awsAdapters.test(specifier)
        ? nextResolve(new URL('forgetful-ports.ts', import.meta.url).href, context)
        : nextResolve(specifier, context),
  })
  // A deployment's sandbox answers one request at a time; here thousands fit into one deadline.
  Object.assign(deadlines, { request: 1_000 + deadlines.release })

  const server = createServer((request, response) => {
    const document =
      request.url === '/keys' ? { keys: [press.jwk] } : { issuer: press.claims().iss, jwks_uri: `${url}/keys` }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  })
  const url = await listen(server, 0)
  const press = openPress(url, ourIssuer)
  const file = {
    version: 1,
    issuer: ourIssuer,
    issuers: { press: { issuer: url, algorithms: ['ES256'], replay: 'once' } },
    targets: { api: { audience: 'https://api.test', scopes: ['read'] } },
    rules: { jobs: { issuer: 'press', match: { sha: '6f1c2f1d' }, grant: [{ target: 'api', scopes: ['read'] }] } },
  }
  const now = Math.floor(Date.now() / 1_000)
  const { configuration } = compile(JSON.stringify(file), 'soak.yaml', { local: true, now })
  process.env.BROKER_TABLE = 'soak'
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const arn = 'arn:aws:kms:eu-west-1:000000000000:key/soak'
  process.env.BROKER_SIGNING_KEYS = JSON.stringify([
    { kid: 'soak', alg: 'ES256', state: 'active', arn, jwk: publicKey.export({ format: 'jwk' }) },
  ])
  const handler = await loadFunction('token', configuration)
  return {
    call: async (event) => Number((await handler(event, { awsRequestId: 'r' } as Context)).statusCode),
    press,
    close: () => close(server),
  }
}
