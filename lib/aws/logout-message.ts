import type { LogoutNotice } from '../ports.ts'
import { parseJsonObject } from '../protocol/strict-json.ts'

/** Of the body. A function that does not know it leaves the message to be tried again, or to the dead letters. */
const SCHEMA = 1

/** What `ports.random(16)` makes. */
const noticeId = /^[\w-]{22}$/

/** The body of a message in the queue. */
export function toMessage({ id, client_id, sub, sid, at }: LogoutNotice): string {
  return JSON.stringify({ schema: SCHEMA, id, client_id, sub, sid, at })
}

/** Reads it back, and nothing else. Throws SyntaxError, which quotes nothing of it. */
export function parseMessage(body: string): LogoutNotice {
  const { schema, id, client_id, sub, sid, at, ...rest } = parseJsonObject(body)
  if (schema !== SCHEMA) throw new SyntaxError('a message of another schema')
  if (Object.keys(rest).length > 0) throw new SyntaxError('a message with a member that is not known')
  if (typeof id !== 'string' || !noticeId.test(id)) throw new SyntaxError('the id is malformed')
  if (typeof at !== 'number' || !Number.isSafeInteger(at) || at < 0) throw new SyntaxError('the time is malformed')
  return { id, client_id: text('client_id', client_id), sub: text('sub', sub), sid: text('sid', sid), at }
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new SyntaxError(`the ${name} is malformed`)
}
