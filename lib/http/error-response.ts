import type { Log } from '../ports.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { wire, type OAuthErrorCode } from '../protocol/refusals.ts'
import { json, noStore, type Response } from './response.ts'

/**
 * The one way an error leaves: the operator's log gets the reason and its facts, the caller gets the public phrase and
 * the decision id that joins the two. `random` (0 to 1) spreads the retries after an outage.
 */
export function errorResponse(error: unknown, decision_id: string, log: Log, random: () => number): Response {
  if (error instanceof RefusedError) {
    const { refusal } = error
    log.info('refused', { decision_id, ...scrubbedFacts(refusal) })
    const [status, code, phrase] = wire[refusal.reason]
    return oauthError(status, code, phrase, decision_id, {
      ...(refusal.reason === 'method_not_allowed' ? { allow: refusal.allow } : {}),
      // RFC 6749 section 5.2
      ...(refusal.reason === 'client_authentication_failed' && refusal.basic
        ? { 'www-authenticate': 'Basic realm="token-broker", charset="UTF-8"' }
        : {}),
    })
  }
  if (error instanceof UnavailableError) {
    log.error('unavailable', { decision_id, dependency: error.dependency, detail: scrubbed(error.message) })
    const phrase = 'the service cannot answer right now, try again'
    return oauthError(503, 'temporarily_unavailable', phrase, decision_id, {
      'retry-after': String(1 + Math.floor(random() * 5)),
    })
  }
  log.error('failed', { decision_id, ...factsOf(error) })
  return oauthError(500, 'server_error', 'something went wrong here', decision_id)
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

/** What the caller chose may be a token put in the wrong place. */
function scrubbedFacts(facts: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(facts), (_, value: unknown) =>
    typeof value === 'string' ? scrubbed(value) : value,
  ) as Record<string, unknown>
}

/** Some of AWS's are longer than a secret: ProvisionedThroughputExceededException. */
const exceptionName = /^[A-Za-z]+Exception$/

function scrubbed(text: string): string {
  return text.slice(0, 500).replaceAll(/[\w~+=-]{32,}/g, (long) => (exceptionName.test(long) ? long : '[removed]'))
}
