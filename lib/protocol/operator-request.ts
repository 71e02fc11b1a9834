import { parseJsonObject, type JsonObject } from './strict-json.ts'

/** Says to the operator what is wrong with a request, or what has come between: 409. */
export class OperatorRequestError extends Error {
  readonly status: 400 | 409

  constructor(message: string, status: 400 | 409 = 400) {
    super(message)
    this.name = 'OperatorRequestError'
    this.status = status
  }
}

const MAX_REQUEST_BYTES = 16 * 1024

/** A request whose operation is one of `members`, and which has no members but that operation's. Throws OperatorRequestError. */
export function readOperatorRequest<Operation extends string>(
  body: string,
  members: Readonly<Record<Operation, readonly string[]>>,
): { operation: Operation; request: JsonObject } {
  const request = readObject(body)
  const { operation } = request
  const isOperation = (name: unknown): name is Operation => typeof name === 'string' && Object.hasOwn(members, name)
  if (!isOperation(operation)) throw wrong(`operation must be one of ${Object.keys(members).join(', ')}`)
  const known: readonly string[] = ['operation', ...members[operation]]
  const unknown = Object.keys(request).find((name) => !known.includes(name))
  if (unknown !== undefined) throw wrong(`${operation} has a member that is none: it has ${known.join(', ')}`)
  return { operation, request }
}

function readObject(body: string): JsonObject {
  const bytes = Buffer.from(body)
  if (bytes.length > MAX_REQUEST_BYTES) throw wrong(`the request is longer than ${MAX_REQUEST_BYTES} bytes`)
  try {
    return parseJsonObject(bytes)
  } catch (error) {
    throw wrong(`the request is no JSON object: ${(error as SyntaxError).message}`)
  }
}

/** Where a list goes on. `begins`: as every row of what is listed does. Throws OperatorRequestError. */
export function afterOf({ after }: JsonObject, begins: string): { after?: string } {
  if (after === undefined) return {}
  if (typeof after !== 'string' || after === '' || !after.startsWith(begins) || Buffer.byteLength(after) > 2_048)
    throw wrong('after must be what the last answer had as next')
  return { after }
}

export function wrong(message: string): OperatorRequestError {
  return new OperatorRequestError(message)
}
