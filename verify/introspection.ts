import { createHash } from 'node:crypto'
import { JWT_BEARER_ASSERTION } from '../lib/protocol/urns.ts'
import { InvalidTokenError, VerifierUnavailableError } from './errors.ts'
import { fetchJson, NoAnswer, within } from './fetch-json.ts'
import { checkIntrospection, type IntrospectionOptions } from './options.ts'

/** A token that was verified: it, its `exp`, and where to ask about it. */
export interface Introspected {
  token: string
  exp: number
  endpoint: string | undefined
}

interface Answer {
  /** Milliseconds since 1970. */
  asked_at: number
  until: number
  active: Promise<boolean>
}

/** In milliseconds. */
const ASK_TIME = 2_000
/** In milliseconds: after nothing could be had, `offline` asks nobody, or every request would wait as long as that takes. */
const OFFLINE_PAUSE = 5_000
const MAX_ANSWERS = 10_000

/**
 * RFC 7662: asks the broker whether a token is still active. That it is holds for `cacheSeconds`, never past its `exp`,
 * under the SHA-256 of the token, for the 10,000 tokens asked about last. Throws InvalidTokenError for one that is not, and
 * VerifierUnavailableError. `now` in milliseconds since 1970. Throws TypeError for options that cannot be.
 */
export function introspection(
  options: IntrospectionOptions,
  now: () => number,
): (about: Introspected) => Promise<void> {
  checkIntrospection(options)
  const { cacheSeconds = 0, whenUnreachable = 'refuse' } = options
  const answers = new Map<string, Answer>()
  let unreachable_at = -Infinity

  function isActive(about: Introspected): Promise<boolean> {
    if (cacheSeconds === 0) return ask(about, options)
    const at = now()
    const name = createHash('sha256').update(about.token).digest('base64url')
    const held = answers.get(name)
    if (held !== undefined && at >= held.asked_at && at < held.until) return held.active
    const until = Math.min(at + 1000 * cacheSeconds, 1000 * about.exp)
    const answer = { asked_at: at, until, active: ask(about, options) }
    const forget = () => {
      if (answers.get(name) === answer) answers.delete(name)
    }
    // Whoever asked meanwhile shares what came of it; who asks later asks again.
    answer.active.then((active) => active || forget(), forget)
    answers.delete(name)
    const [oldest] = answers.keys()
    if (answers.size >= MAX_ANSWERS && oldest !== undefined) answers.delete(oldest)
    answers.set(name, answer)
    return answer.active
  }

  return async (about) => {
    if (whenUnreachable === 'offline' && Math.abs(now() - unreachable_at) < OFFLINE_PAUSE) return
    let active: boolean
    try {
      active = await isActive(about)
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      if (!error.unreachable || whenUnreachable !== 'offline')
        throw new VerifierUnavailableError(`the broker cannot be asked about the access token: ${error.message}`)
      unreachable_at = now()
      return
    }
    if (!active) throw new InvalidTokenError('the access token is not active any more')
  }
}

async function ask({ token, endpoint }: Introspected, options: IntrospectionOptions): Promise<boolean> {
  if (endpoint === undefined) throw new NoAnswer('its discovery has no introspection_endpoint of its own origin')
  const { headers, parameters } = await authentication(options)
  const body = new URLSearchParams({ token, ...parameters }).toString()
  const { active } = await within(ASK_TIME, (signal) =>
    fetchJson(endpoint, signal, {
      method: 'POST',
      headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body,
    }),
  )
  if (typeof active !== 'boolean') throw new NoAnswer('the answer does not say whether it is active')
  return active
}

interface Authentication {
  headers: Record<string, string>
  parameters: Record<string, string>
}

/** RFC 6749 section 2.3.1 by the header, or RFC 7523 section 2.2 by the form. */
async function authentication({ clientId, clientSecret, assertion }: IntrospectionOptions): Promise<Authentication> {
  if (assertion === undefined) {
    const credentials = [clientId, clientSecret].map(formEncoded).join(':')
    return { headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }, parameters: {} }
  }
  const client_assertion = await provenBy(assertion)
  const parameters = { client_id: clientId, client_assertion_type: JWT_BEARER_ASSERTION, client_assertion }
  return { headers: {}, parameters }
}

async function provenBy(assertion: () => string | Promise<string>): Promise<string> {
  try {
    return await assertion()
  } catch (cause) {
    throw new VerifierUnavailableError('the broker cannot be asked about the access token: no assertion', { cause })
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
