import { afterOf, readOperatorRequest, wrong } from './operator-request.ts'
import type { JsonObject } from './strict-json.ts'

/** What an operator asks about what people let clients have. `subject` is our `sub` of a person. */
export type ConsentRequest =
  /** Of one client or person where that is said. */
  | { operation: 'list'; client_id?: string; subject?: string; after?: string }
  | { operation: 'withdraw'; client_id: string; subject: string }

const members = {
  list: ['client_id', 'subject', 'after'],
  withdraw: ['client_id', 'subject'],
} as const satisfies Record<ConsentRequest['operation'], readonly string[]>

/** Throws OperatorRequestError. */
export function parseConsentRequest(body: string): ConsentRequest {
  const { operation, request } = readOperatorRequest(body, members)
  const client_id = clientIdOf(request)
  const subject = subjectOf(request)
  if (operation === 'list')
    return {
      operation,
      ...(client_id === undefined ? {} : { client_id }),
      ...(subject === undefined ? {} : { subject }),
      // A person's are looked up; others are looked for among all rows, of whatever kind.
      ...afterOf(request, subject === undefined ? '' : 'consent#'),
    }
  if (client_id === undefined) throw wrong('client_id is missing: say from which client')
  if (subject === undefined) throw wrong('subject is missing: say whose consent it is')
  return { operation, client_id, subject }
}

function clientIdOf({ client_id }: JsonObject): string | undefined {
  if (client_id === undefined) return undefined
  if (typeof client_id !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(client_id))
    throw wrong('client_id must be that of a client, as broker.yaml has it')
  return client_id
}

function subjectOf({ subject }: JsonObject): string | undefined {
  if (subject === undefined) return undefined
  if (typeof subject !== 'string' || !/^(?=.{1,255}$)[a-z][a-z0-9/-]{0,19}:[\x20-\x7e]+$/.test(subject))
    throw wrong('a subject is <issuer name>:<subject>, as tokens, receipts and logs have it in sub')
  return subject
}
