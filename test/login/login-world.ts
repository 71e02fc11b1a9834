import { createHash } from 'node:crypto'
import { authorize } from '../../lib/login/authorize.ts'
import { callback } from '../../lib/login/callback.ts'
import { choose } from '../../lib/login/choose.ts'
import { askConsent, consent } from '../../lib/login/consent.ts'
import type { Cookies, LoginContext } from '../../lib/login/context.ts'
import { AnsweredError, UpstreamFailure, type LoginOutcome } from '../../lib/login/outcome.ts'
import type { Revocation, RelyingParty, Upstream, UpstreamBinding, UpstreamRequest } from '../../lib/ports.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { parseForm } from '../../lib/protocol/form.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { now as start, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { loginConfiguration } from './login-policy.ts'
import { memoryStores } from './memory-stores.ts'

export const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')

/** A good authorization request of web-app, with changes; undefined leaves a parameter out. */
export function asking(changes: Record<string, string | undefined> = {}): string {
  const all = {
    response_type: 'code',
    client_id: 'web-app',
    redirect_uri: 'https://app.test/cb',
    scope: 'openid email',
    state: 'st',
    nonce: 'no',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...changes,
  }
  return new URLSearchParams(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()
}

/** What came of a step, in one line: `answer code`, `answer access_denied`, `page login_unknown`, `upstream …`, `redirect`, `choice`, `consent`. */
export type Step = { line: string; outcome?: LoginOutcome; error?: unknown }

export interface LoginWorld {
  context: LoginContext
  stores: ReturnType<typeof memoryStores>
  partner: TestIssuer
  /** Claims that the next ID token has, over good ones. */
  says: Record<string, unknown>
  /** What redeem throws next, and what /userinfo says. */
  fails: Error | undefined
  userinfo: Record<string, unknown> | undefined
  asked: { upstream: Upstream; binding: UpstreamBinding; request: UpstreamRequest }[]
  userinfoCalls: number
  revoked: Revocation[]
  logged: { message: string; fields: Record<string, unknown> }[]
  time: number
  browser(): Browser
}

/** One browser: it keeps its cookies. */
export interface Browser {
  cookies: Cookies
  authorize(changes?: Record<string, string | undefined>): Promise<Step>
  /** Back from the issuer with what it was last sent there with. */
  callback(query?: Record<string, string>, path?: string): Promise<Step>
  choose(query: Record<string, string>): Promise<Step>
  askConsent(id: string): Promise<Step>
  consent(form: Record<string, string>): Promise<Step>
  /** authorize, and callback. */
  login(changes?: Record<string, string | undefined>): Promise<Step>
}

export async function loginWorld(changes: Partial<Configuration> = {}): Promise<LoginWorld> {
  const partner = await testIssuer({ name: 'partner', issuer: 'https://partner.test' })
  const stores = memoryStores()
  let count = 0
  const world = {
    stores,
    partner,
    says: {},
    fails: undefined,
    userinfo: undefined,
    asked: [],
    userinfoCalls: 0,
    revoked: [],
    logged: [],
    time: start,
  } as unknown as LoginWorld
  const log = (message: string, fields: Record<string, unknown>) => void world.logged.push({ message, fields })
  const relyingParty: RelyingParty = {
    authorizationUrl(upstream, binding, request) {
      world.asked.push({ upstream, binding, request })
      return Promise.resolve(`${upstream.issuer}/auth?state=${binding.state}`)
    },
    async redeem(upstream) {
      if (world.fails) throw world.fails
      const { binding, request } = world.asked.at(-1)!
      const { nonce } = binding
      // OpenID Connect Core section 3.1.2.1
      const dated = request.max_age === undefined ? {} : { auth_time: world.time }
      const iat = world.time
      const claims = { iss: upstream.issuer, aud: upstream.client_id, sub: 'ada', iat, nbf: iat, exp: iat + 300, nonce }
      const id_token = await partner.sign({
        ...claims,
        jti: undefined,
        email: 'ada@partner.example',
        ...dated,
        ...world.says,
      })
      return { id_token, access_token: 'at' }
    },
    userinfo() {
      world.userinfoCalls++
      return Promise.resolve(world.userinfo)
    },
  }
  world.context = {
    policy: await toPolicy(loginConfiguration(changes), ourIssuer),
    ports: {
      now: () => world.time,
      log: { info: log, warn: log, error: log },
      keySets: partner.keySets,
      revocations: { find: () => Promise.resolve(world.revoked) },
      ...stores,
      relyingParty,
      random: (bytes) =>
        createHash('sha512').update(`random ${++count}`).digest().subarray(0, bytes).toString('base64url'),
    },
    keys: [],
    decision_id: 'd',
    signal: new AbortController().signal,
  }
  world.browser = () => browserOf(world)
  return world
}

function browserOf(world: LoginWorld): Browser {
  const browser = { cookies: { browser: undefined, session: undefined } as Cookies } as Browser
  const step = async (work: () => Promise<LoginOutcome>): Promise<Step> => {
    try {
      const outcome = await work()
      browser.cookies = { ...browser.cookies, ...outcome.cookies }
      return { line: lineOf(outcome), outcome }
    } catch (error) {
      if (error instanceof AnsweredError) browser.cookies = { ...browser.cookies, ...error.cookies }
      return { line: failureOf(error), error }
    }
  }
  browser.authorize = (changes) => step(() => authorize(asking(changes), browser.cookies, world.context))
  browser.callback = (
    query = { code: 'theirs', state: world.asked.at(-1)!.binding.state },
    path = '/callback/partner',
  ) => step(() => callback(path, new URLSearchParams(query).toString(), browser.cookies, world.context))
  browser.choose = (query) => step(() => choose(new URLSearchParams(query).toString(), browser.cookies, world.context))
  browser.askConsent = (id) => step(() => askConsent(`id=${id}`, browser.cookies, world.context))
  browser.consent = (form) =>
    step(() => consent(parseForm(new URLSearchParams(form).toString()), browser.cookies, world.context))
  browser.login = async (changes) => {
    const first = await browser.authorize(changes)
    return first.line === 'redirect' ? browser.callback() : first
  }
  return browser
}

function lineOf(outcome: LoginOutcome): string {
  return outcome.kind === 'answer' ? `answer ${Object.keys(outcome.parameters).join(' ')}` : outcome.kind
}

function failureOf(error: unknown): string {
  const [where, cause] =
    error instanceof AnsweredError
      ? ['client', error.cause]
      : error instanceof UpstreamFailure
        ? ['upstream', error.cause]
        : ['page', error]
  if (cause instanceof RefusedError) return `${where} ${cause.refusal.reason}`
  if (cause instanceof Error && cause.name === 'UnavailableError') return `${where} unavailable`
  throw error
}
