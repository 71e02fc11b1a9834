import type { PendingLogin, UpstreamRequest } from '../ports.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import type { Asked } from './asked.ts'
import { bindingOf } from './binding.ts'
import { PENDING_LIFETIME, type Cookies, type LoginContext } from './context.ts'
import { issuerMeant, loginIssuers, toUpstream, type LoginIssuer } from './home-realm.ts'
import type { LoginOutcome, NewCookies } from './outcome.ts'

/** A login that waits, with the secret of the browser that it belongs to. */
export interface Pending {
  login: PendingLogin
  secret: string
  cookies?: NewCookies
}

/** Sends the person to the issuer that is theirs, or asks which one that is. */
export async function begin(asked: Asked, pending: Pending, context: LoginContext): Promise<LoginOutcome> {
  const issuers = loginIssuers(asked.client.issuers, context.policy)
  const issuer = issuerFor(asked, issuers)
  if (issuer !== undefined) return sendTo(issuer, asked, pending, context)
  return choice(asked, pending, issuers, false)
}

/** Writes it down. A browser keeps its secret: other logins may be under way in it. */
export async function record(
  { text }: Asked,
  { browser }: Pick<Cookies, 'browser'>,
  { ports, signal }: LoginContext,
): Promise<Pending> {
  const secret = browser ?? ports.random(32)
  const at = ports.now()
  const id = ports.random(16)
  const login = { id, browser: hashOfSecret(secret), request: text, at, expires_at: at + PENDING_LIFETIME }
  await ports.logins.record(login, signal)
  return { login, secret, ...(browser === undefined ? { cookies: { browser: secret } } : {}) }
}

export async function sendTo(
  issuer: LoginIssuer,
  { request }: Asked,
  { login: { id }, secret, cookies }: Pending,
  { ports, signal }: LoginContext,
): Promise<LoginOutcome> {
  const binding = bindingOf(secret, id, issuer.name)
  const asking = upstreamRequest(request, issuer.login)
  const url = await ports.relyingParty.authorizationUrl(toUpstream(issuer), binding, asking, signal)
  return { kind: 'redirect', url, ...(cookies === undefined ? {} : { cookies }) }
}

export function choice(
  { to }: Asked,
  { login, cookies }: Pending,
  issuers: readonly LoginIssuer[],
  unknown: boolean,
): LoginOutcome {
  return {
    kind: 'choice',
    login_id: login.id,
    client_name: to.client_name,
    issuers: issuers.map(({ name, login: { display_name } }) => ({ name, display_name })),
    unknown,
    byAddress: issuers.some(({ login: { domains } }) => domains.length > 0),
    ...(cookies === undefined ? {} : { cookies }),
  }
}

function issuerFor({ request, sub }: Asked, issuers: readonly LoginIssuer[]): LoginIssuer | undefined {
  const ofSub = issuers.find(({ name }) => sub?.startsWith(`${name}:`))
  if (ofSub !== undefined) return ofSub
  if (issuers.length === 1) return issuers[0]
  if (request.prompt.has('select_account')) return undefined
  return issuerMeant(request.domain_hint, issuers) ?? issuerMeant(request.login_hint, issuers)
}

/** What it is asked to do, so that what we are asked holds. */
function upstreamRequest(
  { prompt, max_age, login_hint, ui_locales, acr_values }: Asked['request'],
  { acr }: LoginIssuer['login'],
): UpstreamRequest {
  const passedOn = (['login', 'select_account'] as const).filter((each) => prompt.has(each))
  const age = prompt.has('login') ? 0 : max_age
  const theirs = acr_values.flatMap((value) => (Object.hasOwn(acr, value) ? (acr[value] ?? []) : []))
  return {
    ...(passedOn.length === 0 ? {} : { prompt: passedOn.join(' ') }),
    ...(age === undefined ? {} : { max_age: age }),
    ...(login_hint === undefined ? {} : { login_hint }),
    ...(ui_locales === undefined ? {} : { ui_locales }),
    ...(theirs.length === 0 ? {} : { acr_values: [...new Set(theirs)] }),
  }
}
