import type { RequestListener } from 'node:http'
import type { TestContext } from 'node:test'
import type { Upstream } from '../../lib/ports.ts'
import { serve } from './test-server.ts'
import { clientSecret, ourIssuer, publicKeys } from './upstream-fixture.ts'

interface Provider {
  callback(): RequestListener
}

// @ts-expect-error: it has no types.
const library: unknown = await import('oidc-provider')
const { default: Provider } = library as { default: new (issuer: string, configuration: object) => Provider }

export type Person = { login: string } | 'gives up'
export type AuthMethod = 'private_key_jwt' | 'client_secret_basic' | 'client_secret_post'

/**
 * An issuer that other people wrote, which knows us by one method and no other; `client` and `changes` are to our registration
 * and to its own configuration. Whoever gives their name is that person.
 */
export async function oidcProvider(
  t: TestContext,
  method: AuthMethod,
  client: object = {},
  changes: object = {},
): Promise<Upstream> {
  // It tells what a developer should not leave as it is.
  for (const method of ['info', 'warn'] as const) t.mock.method(console, method, () => {})
  let listener: RequestListener = () => {}
  const port = await serve(t, (request, response) => listener(request, response))
  const issuer = `http://127.0.0.1:${port}`
  const known = {
    client_id: 'broker',
    redirect_uris: [`${ourIssuer}/callback/acme`],
    token_endpoint_auth_method: method,
    ...(method === 'private_key_jwt' ? { jwks: { keys: publicKeys } } : { client_secret: clientSecret }),
    ...client,
  }
  const provider = new Provider(issuer, {
    clients: [known],
    clientAuthMethods: [method],
    claims: { openid: ['sub'], email: ['email'] },
    findAccount: (_: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, email: `${sub}@acme.example` }),
    }),
    cookies: { keys: ['of a test'] },
    pkce: { required: () => true },
    ...changes,
  })
  listener = provider.callback()
  return {
    name: 'acme',
    issuer,
    client_id: 'broker',
    auth: method === 'private_key_jwt' ? method : { client_secret: 'acme-secret' },
    scopes: ['openid', 'email'],
  }
}

/** A browser that knows links, forms, redirects and cookies. */
export function browser(): (url: string, person: Person) => Promise<string> {
  const cookies = new Map<string, string>()

  async function open(url: string, form?: URLSearchParams): Promise<Response> {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  /** Walks until it is sent to our callback. Returns the query that it brings there. */
  return async (url, person) => {
    let response = await open(url)
    for (let steps = 0; steps < 20; steps++) {
      const location = response.headers.get('location')
      if (location?.startsWith(`${ourIssuer}/callback/acme?`)) return location.slice(location.indexOf('?') + 1)
      const page = await response.text()
      if (location) response = await open(new URL(location, url).href)
      else if (person === 'gives up') response = await open(found(/href="([^"]*\/abort)"/, page))
      else response = await open(found(/<form[^>]* action="([^"]*)"/, page), filledIn(page, person.login))
    }
    throw new Error('it never comes to an end')
  }
}

function filledIn(page: string, login: string): URLSearchParams {
  const form = new URLSearchParams()
  for (const [input] of page.matchAll(/<input[^>]*>/g)) {
    const name = found(/ name="([^"]*)"/, input)
    form.set(name, { login, password: 'any' }[name] ?? found(/ value="([^"]*)"/, input))
  }
  return form
}

function found(pattern: RegExp, page: string): string {
  const [, text] = pattern.exec(page) ?? []
  if (text === undefined) throw new Error(`nothing like ${pattern.source} in ${page.slice(0, 300)}`)
  return text
}
