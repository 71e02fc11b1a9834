import { TokenBrokerError } from '../../client/errors.ts'
import { parseJsonObject } from '../../client/json-object.ts'
import { printable } from '../../client/printable.ts'
import { request, type Answer } from '../../client/request.ts'
import { failed, type Check } from './check.ts'
import { clockOffset } from './clock.ts'

/** In milliseconds: longer than the broker's own limit, so that its gateway has time to say so. */
const timeout = 12_000

export interface BrokerAnswer extends Answer {
  /** Undefined for what is no JSON object. */
  body: Record<string, unknown> | undefined
  /** Seconds that its clock is ahead of ours. */
  offset: number | undefined
}

/** One request, which is not tried again: GET, or POST of a form. Throws TokenBrokerError when no answer came. */
export type AskBroker = (path: string, form?: Readonly<Record<string, string>>) => Promise<BrokerAnswer>

export function brokerAsker(broker: string): AskBroker {
  return async (path, form) => {
    const asked_at = Date.now()
    const answer = await request(broker + path, {
      name: path,
      timeout,
      headers: { accept: 'application/json' },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    const [date, age] = ['date', 'age'].map((name) => answer.headers.get(name) ?? undefined)
    return { ...answer, body: parseJsonObject(answer.text), offset: clockOffset({ date, age }, asked_at, Date.now()) }
  }
}

/** No answer at all is how the check came out. */
export async function orUnanswered(check: string, work: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof TokenBrokerError)) throw error
    return [failed(check, error.message, 'see that the URL is right, and the stack deployed')]
  }
}

/** What was answered, for a line: an OAuth error (RFC 6749 section 5.2) if it is one. */
export function answered({ status, body }: BrokerAnswer): string {
  const said = [body?.error, body?.error_description ?? body?.message].filter((part) => typeof part === 'string')
  return `answered ${status}${said.length > 0 ? ` (${printable(said.join(': '))})` : ''}`
}
