import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { close, listen } from '../../local/loopback.ts'

export interface OracleOptions {
  redirect_uris: readonly string[]
  /** Of the client `confidential`. */
  client_secret: string
}

interface Context {
  oidc: { account: { accountId: string }; client: { clientId: string }; params: { scope?: string } }
  type: string
  body: string
}
interface Grant {
  addOIDCScope(scope: string): void
  addOIDCClaims(claims: readonly string[]): void
  save(): Promise<string>
}
interface Provider {
  callback(): RequestListener
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>
  Grant: new (properties: { clientId: string; accountId: string }) => Grant
}
// @ts-expect-error: it has no types.
const library: unknown = await import('oidc-provider')
const {
  default: Provider,
  errors,
  interactionPolicy,
} = library as {
  errors: { InvalidTarget: new () => Error }
  default: new (issuer: string, configuration: object) => Provider
  interactionPolicy: {
    base: () => { add(prompt: object, index: number): void }
    Prompt: new (properties: { name: string; requestable: boolean }) => object
  }
}

// @ts-expect-error: it has no types.
const adapters: unknown = await import('oidc-provider/lib/adapters/memory_adapter.js')
const { createMemoryAdapter } = adapters as { createMemoryAdapter: () => object }

/** oidc-provider with the clients of `loginBox`, as far as it can be configured as the broker is. Its login asks nothing: alice logs in. */
export async function startOracle({
  redirect_uris,
  client_secret,
}: OracleOptions): Promise<{ url: string; close(): Promise<void> }> {
  let answer: RequestListener = (_, response) => response.writeHead(503).end()
  const server = createServer((request, response) => answer(request, response))
  const url = await listen(server, 0)
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const common = { redirect_uris, grant_types: ['authorization_code'], response_types: ['code'] }
  const open = { ...common, token_endpoint_auth_method: 'none' }
  const prompts = interactionPolicy.base()
  prompts.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
  const provider = new Provider(url, {
    clients: [
      { ...open, client_id: 'web-app' },
      { ...open, client_id: 'second-app' },
      { ...common, client_id: 'confidential', client_secret, token_endpoint_auth_method: 'client_secret_basic' },
    ],
    pkce: { required: (_: Context, { clientId }: { clientId: string }) => clientId !== 'confidential' },
    claims: { openid: ['sub', 'auth_time'], profile: ['name'], email: ['email', 'email_verified'] },
    scopes: ['openid'],
    adapter: createMemoryAdapter(),
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      resourceIndicators: { getResourceServerInfo },
    },
    interactions: { policy: prompts, url: () => '/login' },
    cookies: { names: { interaction: 'oracle-login', resume: 'oracle-resume', session: 'oracle' } },
    // It warns of keys that everybody knows.
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    findAccount: (_: Context, accountId: string) => ({ accountId, claims: async () => ({ sub: accountId }) }),
    async loadExistingGrant({ oidc }: Context) {
      const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.account.accountId })
      if (oidc.params.scope !== undefined) grant.addOIDCScope(oidc.params.scope)
      grant.addOIDCClaims(['name', 'email'])
      await grant.save()
      return grant
    },
    renderError(context: Context, { error }: { error: string }) {
      context.type = 'text/plain'
      context.body = error
    },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  })
  function getResourceServerInfo(): never {
    throw new errors.InvalidTarget()
  }
  const protocol = provider.callback()
  answer = (request, response) => {
    if (request.url !== '/login') return protocol(request, response)
    void provider.interactionFinished(request, response, { login: { accountId: 'alice' } })
  }
  return { url, close: () => close(server) }
}
