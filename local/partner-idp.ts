import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { html, raw } from 'hono/html'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { callbackPath, upstreamLogoutPath } from '../lib/protocol/callback-path.ts'
import type { LocalBroker } from './broker.ts'
import type { ClaimChanges } from './example-issuer.ts'
import { close, listen } from './loopback.ts'
import { toPage } from './partner-page.ts'
import { answerLogin, type Interactions } from './partner-login.ts'
import { examplePeople, type PartnerPerson } from './partner-people.ts'

export interface PartnerIdpOptions {
  /** Absent: any free port. */
  port?: number
  /** The broker, its client. Asked at each request: it may start later. */
  broker: () => Pick<LocalBroker, 'url' | 'issuer'>
  /** What the broker calls it. */
  name?: string
  people?: readonly PartnerPerson[]
  /** Claims of ID tokens to set, or with undefined to leave out. Asked at each. */
  idTokenChanges?: () => ClaimChanges
  /** True where it has answered in our place: what fails, is slow or lies. */
  instead?: (request: IncomingMessage, response: ServerResponse) => boolean
}

export interface PartnerIdp {
  /** Its `iss`. */
  url: string
  close(): Promise<void>
}

/** What it calls the broker. */
export const CLIENT_ID = 'token-broker'

interface Provider extends Interactions {
  callback(): RequestListener
  IdToken: { prototype: { issue: (this: object, options: { use: string }) => Promise<string> } }
  Grant: new (properties: { clientId: string; accountId: string }) => Grant
}
interface Grant {
  addOIDCScope(scope: string): void
  save(): Promise<string>
}
interface Context {
  oidc: {
    account: { accountId: string }
    acr: string | undefined
    params: { acr_values?: string; scope: string }
    result?: { login?: object }
  }
  type: string
  body: string
}
type Policy = {
  get(name: string): { checks: { add(check: object): void } }
  add(prompt: object, index: number): void
} & {
  remove(name: string): void
}
// @ts-expect-error: it has no types.
const library: unknown = await import('oidc-provider')
const { default: Provider, interactionPolicy } = library as {
  default: new (issuer: string, configuration: object) => Provider
  interactionPolicy: {
    base: () => Policy
    Check: new (reason: string, description: string, check: (context: Context) => boolean) => object
    Prompt: new (properties: { name: string; requestable: boolean }) => object
  }
}
// @ts-expect-error: it has no types.
const adapters: unknown = await import('oidc-provider/lib/adapters/memory_adapter.js')
const { createMemoryAdapter } = adapters as { createMemoryAdapter: () => (model: string) => object }

/**
 * The identity provider of a partner, on loopback: oidc-provider with people of its own, and the broker as its one client,
 * which proves itself by its key. It asks nobody to consent. All its state is in memory.
 */
export async function startPartnerIdp({
  port = 0,
  broker,
  name = 'acme-partner',
  people = examplePeople,
  idTokenChanges = () => ({}),
  instead = () => false,
}: PartnerIdpOptions): Promise<PartnerIdp> {
  let answer: RequestListener = (_, response) => response.writeHead(503).end()
  const server = createServer((request, response) => {
    if (!instead(request, response)) answer(request, response)
  })
  const url = await listen(server, port)
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), kid: 'partner', alg: 'RS256', use: 'sig' }
  const provider = new Provider(
    url,
    configuration(url, () => toClient(broker(), name), people, key),
  )
  changeIdTokens(provider, idTokenChanges, (claims) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'partner' }).sign(privateKey),
  )
  const protocol = provider.callback()
  answer = (request, response) => {
    if (request.url?.startsWith('/login/')) void answerLogin(provider, people, request, response)
    else protocol(request, response)
  }
  return { url, close: () => close(server) }
}

/** Its keys are fetched where it listens, which may be behind a proxy. */
function toClient({ url, issuer }: Pick<LocalBroker, 'url' | 'issuer'>, name: string): Record<string, unknown> {
  return {
    client_id: CLIENT_ID,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${url}/jwks`,
    redirect_uris: [new URL(callbackPath(name), issuer).href],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    id_token_signed_response_alg: 'RS256',
    backchannel_logout_uri: `${url}${upstreamLogoutPath(name)}`,
    backchannel_logout_session_required: true,
  }
}

function configuration(
  url: string,
  client: () => Record<string, unknown>,
  people: readonly PartnerPerson[],
  key: object,
): Record<string, unknown> {
  const inMemory = createMemoryAdapter()
  const { port } = new URL(url)
  const clients = { find: async (id: string) => (id === CLIENT_ID ? client() : undefined) }
  return {
    adapter: (model: string) => (model === 'Client' ? clients : inMemory(model)),
    jwks: { keys: [key] },
    // Browsers send a host's cookies to all its ports, and there may be a second one like this.
    cookies: {
      names: { session: `partner-${port}`, interaction: `partner-${port}-login`, resume: `partner-${port}-resume` },
    },
    pkce: { required: () => true },
    acrValues: ['pwd', 'mfa'],
    claims: {
      openid: ['sub', 'auth_time', 'acr', 'amr'],
      profile: ['name', 'groups'],
      email: ['email', 'email_verified'],
    },
    // As most do, against OpenID Connect Core section 5.4: what the scopes ask for is in the ID token too.
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: askLogout, postLogoutSuccessSource: sayLoggedOut },
    },
    interactions: { policy: policy(), url: (_: Context, { uid }: { uid: string }) => `/login/${uid}` },
    findAccount(_: Context, sub: string) {
      const person = people.find(({ claims }) => claims.sub === sub)
      return person && { accountId: sub, claims: async () => person.claims }
    },
    async loadExistingGrant({ oidc }: Context & { oidc: { provider: Provider } }) {
      const grant = new oidc.provider.Grant({ clientId: CLIENT_ID, accountId: oidc.account.accountId })
      grant.addOIDCScope(oidc.params.scope)
      await grant.save()
      return grant
    },
    renderError(context: Context, { error }: { error: string }) {
      context.type = 'text/plain'
      context.body = `The partner's identity provider answers: ${error}\n`
    },
    // Its own guard would keep it from the broker, which is on loopback too.
    fetch(target: string, options: RequestInit & { dispatcher?: unknown }) {
      delete options.dispatcher
      return fetch(target, options)
    },
    ttl: { AccessToken: 600, Grant: 86_400, IdToken: 600, Interaction: 900, Session: 86_400 },
  }
}

/** At /session/end. `form`: the library's, which a button finishes. */
function askLogout(context: Context, form: string): void {
  const button = '<input type="hidden" name="logout" value="yes" /><button id="log-out">Log out</button></form>'
  const page = toPage('Log out at Partner Inc.', raw(form.replace('</form>', button)))
  Object.assign(context, { type: 'text/html', body: page })
}

function sayLoggedOut(context: Context): void {
  const page = toPage(
    'Logged out at Partner Inc.',
    html`<p>Wherever you logged in from here, you are logged out too.</p>`,
  )
  Object.assign(context, { type: 'text/html', body: page })
}

/** Who has logged in once must choose again where asked to, and type a code where only that makes the login strong enough. */
function policy(): Policy {
  const { base, Check, Prompt } = interactionPolicy
  const prompts = base()
  prompts.remove('consent')
  prompts.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  prompts.get('login').checks.add(
    new Check('second_factor', 'a second factor is asked for', ({ oidc: { params, acr, result } }) => {
      const asked = params.acr_values?.split(' ').includes('mfa') === true
      return asked && acr !== 'mfa' && result?.login === undefined
    }),
  )
  return prompts
}

/** Signs anew those in which something is to be changed. */
function changeIdTokens(
  { IdToken: { prototype } }: Provider,
  changes: () => ClaimChanges,
  sign: (claims: Record<string, unknown>) => Promise<string>,
): void {
  const { issue } = prototype
  prototype.issue = async function (options) {
    const token = await issue.call(this, options)
    const changed = changes()
    return options.use === 'idtoken' && Object.keys(changed).length > 0
      ? sign({ ...decodeJwt(token), ...changed })
      : token
  }
}
