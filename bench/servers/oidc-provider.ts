import { createServer, type RequestListener } from 'node:http'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, type JWK } from 'jose'
import { TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { asResourceServer, clientSecret, ourIssuer } from '../workload.ts'
import { serve } from './serve.ts'

// oidc-provider with a minimal RFC 8693 grant: it verifies the subject token with jose, and issues a JWT access token.
interface Context {
  oidc: { client: object; params: Record<string, string> }
  body: unknown
}
interface AccessToken {
  resourceServer: object
  scope: string
  save(): Promise<string>
}
interface Provider {
  registerGrantType(name: string, handler: (context: Context) => Promise<void>, parameters: readonly string[]): void
  callback(): RequestListener
  AccessToken: new (properties: object) => AccessToken
  ResourceServer: new (identifier: string, info: object) => object
}
// @ts-expect-error: it has no types.
const library: unknown = await import('oidc-provider')
const { default: Provider, errors } = library as {
  default: new (issuer: string, configuration: object) => Provider
  errors: { InvalidRequest: new (description: string) => Error }
}

const audience = 'https://target.bench.invalid'
const keys = createLocalJWKSet({ keys: [JSON.parse(process.env.BENCH_ISSUER_JWK ?? '') as JWK] })
const { privateKey } = await generateKeyPair('ES256', { extractable: true })

const resourceServer = {
  scope: 'write',
  audience,
  accessTokenTTL: 900,
  // It looks up only tokens that it keeps, which are those that say nothing by themselves.
  accessTokenFormat: process.argv[2] === 'opaque' ? 'opaque' : 'jwt',
  jwt: { sign: { alg: 'ES256' } },
}
const provider = new Provider(ourIssuer, {
  clients: [
    {
      client_id: 'bench',
      token_endpoint_auth_method: 'none',
      grant_types: [TOKEN_EXCHANGE_GRANT],
      redirect_uris: [],
      id_token_signed_response_alg: 'ES256',
      response_types: [],
    },
    {
      client_id: 'api',
      client_secret: clientSecret,
      grant_types: [],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  routes: { introspection: asResourceServer.path },
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'bench' }] },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: { enabled: true, getResourceServerInfo: () => resourceServer },
  },
})
provider.registerGrantType(
  TOKEN_EXCHANGE_GRANT,
  async (context) => {
    const { client, params } = context.oidc
    const { payload } = await jwtVerify(String(params.subject_token), keys, { audience: ourIssuer }).catch(() => {
      throw new errors.InvalidRequest('the subject token was not accepted')
    })
    const token = new provider.AccessToken({ client, accountId: payload.sub, gty: 'token-exchange' })
    token.resourceServer = new provider.ResourceServer(audience, resourceServer)
    token.scope = 'write'
    const access_token = await token.save()
    context.body = {
      access_token,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'write',
    }
  },
  ['subject_token', 'subject_token_type', 'audience', 'scope'],
)
await serve(createServer(provider.callback()))
