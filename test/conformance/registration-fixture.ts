import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import type { LoginBox } from './login-fixture.ts'

/** The first registers 50 clients, the second ten. */
export const initialToken = 'b7Qe9Tn2sWv5Rc8Ld6HgPa0oIuYtk4uYm3xJ0Zb1fAA'
export const otherToken = 'c7Qe9Tn2sWv5Rc8Ld6HgPa0oIuYtk4uYm3xJ0Zb1fAA'

/** A broker.yaml in which clients register themselves, with these lines over those of `registration`. */
export function withRegistration(changes: Record<string, string> = {}) {
  const lines = {
    initial_access_tokens: `{ sha256: [${hashOfSecret(initialToken)}, ${hashOfSecret(otherToken)}] }`,
    redirect_hosts: '[app.example, "*.preview.app.example", 127.0.0.1]',
    grants: '[authorization_code, refresh_token]',
    auth: '[none, private_key_jwt, client_secret_basic, client_secret_post]',
    login: '[acme-partner]',
    scopes: '[openid, profile, email, offline_access]',
    require_pkce: 'false',
    lifetime: '1d',
    limit: '50',
    ...changes,
  }
  const written = Object.entries(lines).map(([name, value]) => `  ${name}: ${value}\n`)
  return (text: string) => `${text}registration:\n${written.join('')}`
}

export interface Registered {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

/** A request at /register, or at a client's own address. */
export async function ask(
  url: string,
  method: string,
  token: string | undefined,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Registered> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Registered['body']),
  }
}

/** The same for a good client of the application that waits in the box, with these members over it. */
export function register(
  box: LoginBox,
  changes: Record<string, unknown> = {},
  token: string | undefined = initialToken,
): Promise<Registered> {
  const good = { redirect_uris: [`${box.app.url}/cb`], token_endpoint_auth_method: 'none' }
  return ask(`${box.broker.url}/register`, 'POST', token, { ...good, ...changes })
}

/** What it is managed by. */
export function ownOf({ body }: Registered) {
  return { url: String(body.registration_client_uri), token: String(body.registration_access_token) }
}
