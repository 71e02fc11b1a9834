import type { Log } from '../ports.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import type { Face, OAuthErrorCode, Refusal } from '../protocol/refusals.ts'
import { json, noStore, type Response } from './response.ts'

/**
 * The one way an error leaves: the operator's log gets the reason and its facts, the caller gets its public face,
 * one of `faces`, and the decision id that joins the two. `random` (0 to 1) spreads the retries after an outage.
 */
export function errorResponse(
  error: unknown,
  faces: Partial<Record<Refusal['reason'], Face>>,
  decision_id: string,
  log: Log,
  random: () => number,
): Response {
  const [status, code, phrase] = publicFace(error, faces, decision_id, log)
  return oauthError(status, code, phrase, decision_id, {
    ...(error instanceof RefusedError ? headersOf(error.refusal) : {}),
    ...(error instanceof UnavailableError ? { 'retry-after': String(1 + Math.floor(random() * 5)) } : {}),
  })
}

/** Tells the log why, and returns what anybody else may know. */
export function publicFace(
  error: unknown,
  faces: Partial<Record<Refusal['reason'], Face>>,
  decision_id: string,
  log: Log,
): Face {
  const face = error instanceof RefusedError ? faces[error.refusal.reason] : undefined
  if (error instanceof RefusedError && face !== undefined) {
    log.info('refused', { decision_id, ...scrubbedFacts(error.refusal) })
    return face
  }
  if (error instanceof UnavailableError) {
    log.error('unavailable', { decision_id, dependency: error.dependency, detail: scrubbed(error.message) })
    return [503, 'temporarily_unavailable', 'the service cannot answer right now, try again']
  }
  log.error('failed', { decision_id, ...factsOf(error) })
  return [500, 'server_error', 'something went wrong here']
}

function headersOf(refusal: Refusal): Record<string, string> {
  if (refusal.reason === 'method_not_allowed') return { allow: refusal.allow }
  const challenge = challengeOf(refusal)
  return challenge === undefined ? {} : { 'www-authenticate': challenge }
}

function challengeOf(refusal: Refusal): string | undefined {
  switch (refusal.reason) {
    // RFC 6749 section 5.2
    case 'client_authentication_failed':
      return refusal.basic ? 'Basic realm="token-broker", charset="UTF-8"' : undefined
    // RFC 6750 section 3: of a token that did not come there is nothing to say.
    case 'bearer_token_missing':
      return 'Bearer realm="token-broker"'
    case 'bearer_token_invalid':
      return 'Bearer realm="token-broker", error="invalid_token"'
    case 'bearer_scope_missing':
      return 'Bearer realm="token-broker", error="insufficient_scope", scope="openid"'
    default:
      return undefined
  }
}

function oauthError(
  status: number,
  error: OAuthErrorCode,
  phrase: string,
  decision_id: string,
  headers: Record<string, string> = {},
): Response {
  return json(
    status,
    { error, error_description: `${phrase} (decision ${decision_id})` },
    { ...noStore, 'x-decision-id': decision_id, ...headers },
  )
}

/** An error we did not foresee may quote its input: anything long enough to be a secret is taken out. */
function factsOf(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error }
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
  return { error: error.name, detail: scrubbed(error.message), frames: frames?.map((line) => line.trim()) }
}

/** Names of broker.yaml, which may be as long as a secret. */
const ours: ReadonlySet<string> = new Set(['target', 'role', 'rule', 'rules', 'tag', 'named', 'granted', 'client_id'])

/** What the caller chose may be a token put in the wrong place. */
function scrubbedFacts(facts: object): Record<string, unknown> {
  const theirs = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value), (_, part: unknown) => (typeof part === 'string' ? scrubbed(part) : part))
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, ours.has(name) ? value : theirs(value)]),
  )
}

/** Some of AWS's are longer than a secret: ProvisionedThroughputExceededException. */
const exceptionName = /^[A-Za-z]+Exception$/

function scrubbed(text: string): string {
  return text.slice(0, 500).replaceAll(/[\w~+=-]{32,}/g, (long) => (exceptionName.test(long) ? long : '[removed]'))
}
