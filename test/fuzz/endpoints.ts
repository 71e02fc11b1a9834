import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { compile } from '../../lib/config/compile.ts'
import type { Response } from '../../lib/http/response.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { startExampleIssuer } from '../../local/example-issuer.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { startWorld } from '../../local/world.ts'
import { openPress, type Press } from './press.ts'

export const ourIssuer = 'http://127.0.0.1:8787'
const pressUrl = 'https://press.test'

export interface FuzzedEndpoints {
  /** Whatever the event is. */
  call: (name: 'token' | 'introspection' | 'admin' | 'metadata', event: unknown) => Promise<Response>
  press: Press
  /** A good token of an issuer whose key is fetched: RS256, by discovery. */
  farmToken: () => Promise<string>
  /** The last line of the log: why, when it should not have. */
  lastLine: () => string
  close(): Promise<void>
}

/** The functions as they are deployed, with everything they need in working order: whatever goes wrong is theirs. */
export async function openEndpoints(): Promise<FuzzedEndpoints> {
  const lastLine = muteLog()
  const press = openPress(pressUrl, ourIssuer)
  const farm = await startExampleIssuer()
  const { configuration } = compile(JSON.stringify(brokerFile(farm.url, press.jwk)), 'fuzz.yaml', {
    local: true,
    now: Math.floor(Date.now() / 1000),
  })
  const world = await startWorld(configuration)
  const functions: Record<string, LambdaFunction> = {
    token: await loadFunction('token', configuration),
    introspection: await loadFunction('introspection', configuration),
    admin: await loadFunction('admin', configuration),
    metadata: await loadFunction('metadata', configuration),
  }
  return {
    call: (name, event) => functions[name]!(event as APIGatewayProxyEventV2, { awsRequestId: 'r' } as Context),
    press,
    farmToken: () => farm.sign({ aud: ourIssuer, sub: 'job' }),
    lastLine,
    async close() {
      await world.close()
      await farm.close()
    },
  }
}

/** `when`, a glob and claims of every kind, so that what is signed oddly has somewhere to go. */
function brokerFile(farm: string, jwk: object): unknown {
  const grant = [
    { target: 'api', scopes: ['read', 'write'], claims: { commit: 'claims.sha', groups_seen: 'size(claims.groups)' } },
  ]
  return {
    version: 1,
    issuer: ourIssuer,
    issuers: {
      farm: { issuer: farm, replay: 'off', max_token_lifetime: '1h' },
      press: {
        issuer: pressUrl,
        algorithms: ['ES256', 'EdDSA', 'RS256'],
        jwks: { keys: [jwk] },
        replay: 'off',
        max_token_lifetime: '1h',
      },
    },
    targets: { api: { audience: 'https://api.test', scopes: ['read', 'write'], lifetime: '15m' } },
    rules: {
      'own-legacy': { client: 'legacy', grant: [{ target: 'api', scopes: ['read'] }] },
      'own-pod': { client: 'pod', grant: [{ target: 'api', scopes: ['read'] }] },
      jobs: { issuer: 'farm', match: { sub: 'job' }, grant: [{ target: 'api', scopes: ['read'] }] },
      'press-jobs': {
        issuer: 'press',
        match: { ref: { glob: 'refs/heads/*a*-*' }, groups: { contains: 'deployers' }, '/env/name': ['production', 7] },
        when: 'claims.groups.exists(g, g == "deployers") && claims.n > 3',
        grant,
      },
    },
    clients: {
      app: { type: 'public' },
      legacy: {
        auth: { client_secret: { sha256: [hashOfSecret('s')], methods: ['basic', 'post'] } },
        introspect: ['api'],
        grants: ['client_credentials', 'token-exchange'],
      },
      pod: { auth: { federated: { issuer: 'farm', match: { sub: 'job' } } }, grants: ['client_credentials'] },
    },
  }
}

/** Written as ever, so that a value the log cannot hold is found too, and kept from the terminal. */
function muteLog(): () => string {
  // Powertools then writes to the console that can be replaced. A mock of node:test would keep every line.
  process.env.POWERTOOLS_DEV = 'true'
  let last = ''
  const keep = (text: unknown) => {
    last = String(text)
  }
  Object.assign(console, { info: keep, warn: keep, error: keep })
  return () => last
}
