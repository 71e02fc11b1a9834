import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { close, listen } from './loopback.ts'

/** What goes wrong with one operation, `times` times (default once): for tests of our own failures. */
export interface Fault {
  operation: string
  times?: number
  /** Milliseconds before anything else. */
  delay?: number
  /** Answer this instead of carrying it out. */
  error?: AwsError
  /** Cut the connection: before the operation is carried out, or after, so that only the answer is lost. */
  drop?: 'before' | 'after'
}

export interface Standin {
  url: string
  /** How often each operation was asked for, faulty ones included. */
  calls: Map<string, number>
  faults: Fault[]
  close(): Promise<void>
}

export interface Request {
  operation: string
  path: string
  headers: IncomingMessage['headers']
  body: Buffer
  /** Aborted once whoever asked no longer waits: for an operation that does. */
  gone: AbortSignal
}

export interface Answer {
  status: number
  contentType: string
  body: string
}

/** An error as AWS words it: its code, and what it says to people. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.name = 'AwsError'
    this.code = code
    this.status = status
  }
}

export interface Protocol {
  operationOf(headers: IncomingMessage['headers'], body: Buffer): string
  answer(request: Request): Promise<Answer> | Answer
  error(error: AwsError): Answer
}

const MAX_BODY_BYTES = 1024 * 1024

/** An AWS service on loopback: reads a request, lets `protocol` answer it, and fails where `faults` says so. */
export async function startStandin(protocol: Protocol, port = 0): Promise<Standin> {
  const calls = new Map<string, number>()
  const faults: Fault[] = []
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => request.socket.destroy())
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hungUp = new AbortController()
    response.on('close', () => hungUp.abort())
    const body = await read(request)
    const operation = protocol.operationOf(request.headers, body)
    calls.set(operation, (calls.get(operation) ?? 0) + 1)
    const fault = take(faults, operation)
    if (fault?.delay) await setTimeout(fault.delay)
    if (fault?.drop === 'before') return void request.socket.destroy()
    const answer = fault?.error
      ? protocol.error(fault.error)
      : await carryOut({ operation, path: request.url ?? '/', headers: request.headers, body, gone: hungUp.signal })
    if (fault?.drop === 'after') return void request.socket.destroy()
    response
      .writeHead(answer.status, {
        'content-type': answer.contentType,
        'content-length': Buffer.byteLength(answer.body),
      })
      .end(answer.body)
  }

  async function carryOut(request: Request): Promise<Answer> {
    try {
      return await protocol.answer(request)
    } catch (error) {
      if (error instanceof AwsError) return protocol.error(error)
      throw error
    }
  }

  return { url: await listen(server, port), calls, faults, close: () => close(server) }
}

function take(faults: Fault[], operation: string): Fault | undefined {
  const index = faults.findIndex((fault) => fault.operation === operation)
  const fault = faults[index]
  if (fault === undefined) return undefined
  fault.times = (fault.times ?? 1) - 1
  if (fault.times <= 0) faults.splice(index, 1)
  return fault
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error('too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
