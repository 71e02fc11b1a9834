import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { RefusedByBroker, TemporaryError, TokenBrokerError } from './errors.ts'
import { readTokenResponse, type Issued } from './issued.ts'
import { parseJsonObject } from './json-object.ts'
import type { Ports } from './ports.ts'
import { printable } from './printable.ts'
import { request, type Answer } from './request.ts'
import { parseRetryAfter, retry } from './retry.ts'
import type { SubjectTokenSource } from './subject-token.ts'
import { describeSubject } from './token-claims.ts'

export interface ExchangeRequest {
  /** Its origin. */
  broker: string
  /** The target's name, or its audience. */
  target: string
  /** Absent: all that is granted. */
  scope?: string | undefined
}

/** In milliseconds: longer than the broker's own limit, so that its gateway has time to say so. */
const timeout = 12_000

/**
 * RFC 8693 section 2: trades one of the source's tokens for what the target issues. Throws RefusedByBroker, TemporaryError
 * after all retries, TokenBrokerError for everything else that is in the way.
 */
export async function exchange(asked: ExchangeRequest, source: SubjectTokenSource, ports: Ports): Promise<Issued> {
  let unanswered: string | undefined
  return retry(async (left) => {
    const subject_token = await source.token(left).catch((error: unknown) => {
      throw unanswered === undefined ? error : afterUnanswered(error, unanswered, source)
    })
    const now = ports.now()
    try {
      return readAnswer(await post(asked, subject_token, Math.min(timeout, left)), asked, now)
    } catch (error) {
      if (error instanceof TemporaryError) unanswered = error.message
      if (!(error instanceof RefusedByBroker)) throw error
      const { error: code, decision_id } = error
      const lines = [error.message, ...whatToLookAt(code, subject_token, source)]
      if (decision_id !== undefined) lines.push('Who runs the broker finds the reason under the id of the decision.')
      if (unanswered !== undefined && !source.fresh)
        lines.push(`The token may be spent by what was tried before: ${unanswered}`)
      throw new RefusedByBroker(lines.join('\n'), code, decision_id)
    }
  }, ports)
}

/** The token may have been good for one attempt only: then what came of that is the reason, and not this. */
function afterUnanswered(error: unknown, unanswered: string, { name }: SubjectTokenSource): TokenBrokerError {
  const problem = error instanceof TokenBrokerError ? error.message : `${name} gave no other token`
  const message = `${problem}\nIt was needed again because of what was tried before: ${unanswered}`
  return error instanceof TemporaryError
    ? new TemporaryError(message, error.retryAfter)
    : new TokenBrokerError(message, { cause: error })
}

function post({ broker, target, scope }: ExchangeRequest, subject_token: string, timeout: number): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token,
    subject_token_type: JWT_TYPE,
    audience: target,
    ...(scope === undefined ? {} : { scope }),
  })
  return request(`${broker}/token`, {
    name: nameOf(broker),
    timeout,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form.toString(),
  })
}

/** `now`: when it was asked, in milliseconds since 1970. */
function readAnswer({ status, headers, text }: Answer, { broker }: ExchangeRequest, now: number): Issued {
  const body = parseJsonObject(text)
  if (status === 200) {
    const issued = body && readTokenResponse(body, Math.floor(now / 1000))
    if (issued === undefined) throw new TokenBrokerError(`${nameOf(broker)} answered no token: ${isItTheBroker}`)
    if (issued.expires_at * 1000 <= now)
      throw new TokenBrokerError(`${nameOf(broker)} answered what had ended: look at the clock of this machine`)
    return issued
  }
  const decision_id = headers.get('x-decision-id') ?? undefined
  const said = body && describeError(body, decision_id)
  // API Gateway has its own 429, 500 and 503, which are no OAuth errors.
  if (status === 429 || status >= 500)
    throw new TemporaryError(
      `${nameOf(broker)} answered ${status}${said === undefined ? '' : ` (${said})`}`,
      parseRetryAfter(headers.get('retry-after'), now),
    )
  if (said === undefined) throw new TokenBrokerError(`${nameOf(broker)} answered ${status}: ${isItTheBroker}`)
  throw new RefusedByBroker(`${nameOf(broker)} refused: ${said}`, printable(String(body?.error)), decision_id)
}

const isItTheBroker = 'is that the URL of a token-broker?'

function nameOf(broker: string): string {
  return `the broker at ${broker}`
}

/** RFC 6749 section 5.2. Undefined for what is no such error. */
function describeError(body: Record<string, unknown>, decision_id: string | undefined): string | undefined {
  const { error, error_description: description } = body
  if (typeof error !== 'string') return undefined
  const said = typeof description === 'string' ? `${error}: ${description}` : error
  const known = decision_id === undefined || said.includes(decision_id)
  return printable(known ? said : `${said} (decision ${decision_id})`)
}

/** The broker does not say why: only who runs it may know. What is usually wrong can be seen from here. */
function whatToLookAt(code: string, subject_token: string, { name, fresh }: SubjectTokenSource): string[] {
  const once = fresh ? '' : '; and unless the issuer has replay: off, a token can be traded once'
  const advice = new Map([
    [
      'invalid_request',
      `Compare it with issuers and rules in broker.yaml: iss, a single aud, exp, what the rules match${once}.`,
    ],
    ['invalid_target', 'Compare it, and the name of the target, with targets and rules in broker.yaml.'],
    ['invalid_scope', 'Compare the scopes with what the rules grant; without any, all that is granted is issued.'],
  ]).get(code)
  return [`The token from ${name} has ${describeSubject(subject_token)}.`, ...(advice === undefined ? [] : [advice])]
}
