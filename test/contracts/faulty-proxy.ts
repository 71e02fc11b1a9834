import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * `lose`: it is done, and the connection is cut instead of an answer. `stall`: it is done, and the answer ends after its
 * head. `hold`: nobody answers and nobody hangs up; `reached` is called when it is so. Otherwise the service is not asked.
 */
export type Fault =
  | 'none'
  | 'lose'
  | 'stall'
  | { hold: 'before it is done' | 'after it was done'; reached?: () => void }
  | { status: number; type: string }
  | { answer: unknown }

export interface FaultyProxy {
  endpoint: string
  /** Operations in the order they came, such as `PutItem`. */
  operations: string[]
  /** What each of them asked, in the same order. */
  asked: () => Record<string, unknown>[]
  close(): void
}

/** DynamoDB, or KMS, behind a network that fails as `fault` says, asked for each request with its operation and how often that came before. */
export async function openFaultyProxy(
  upstream: string,
  fault: (operation: string, nth: number) => Fault,
): Promise<FaultyProxy> {
  const operations: string[] = []
  const bodies: Buffer[][] = []
  const server = createServer((incoming, outgoing) => {
    const operation = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? ''
    const fails = fault(operation, operations.filter((earlier) => earlier === operation).length)
    operations.push(operation)
    const body: Buffer[] = []
    bodies.push(body)
    incoming.on('data', (chunk: Buffer) => body.push(chunk))
    if (typeof fails === 'object' && 'hold' in fails && fails.hold === 'before it is done') {
      incoming.resume().on('end', () => fails.reached?.())
      return
    }
    if (typeof fails === 'object' && !('hold' in fails)) {
      const [status, answer] =
        'answer' in fails
          ? [200, fails.answer]
          : [fails.status, { __type: `com.amazonaws.dynamodb.v20120810#${fails.type}`, message: 'made by the test' }]
      incoming.resume()
      outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
      outgoing.end(JSON.stringify(answer))
      return
    }
    const { method, headers, url = '/' } = incoming
    const forwarded = request(new URL(url, upstream), { method, headers, agent: false }, (response) => {
      if (fails === 'none') {
        outgoing.writeHead(response.statusCode ?? 502, response.headers)
        response.pipe(outgoing)
      } else if (fails === 'stall') {
        outgoing.writeHead(response.statusCode ?? 502, response.headers)
        outgoing.flushHeaders()
        response.resume()
      } else {
        response.resume().on('end', () => (fails === 'lose' ? incoming.socket.destroy() : fails.reached?.()))
      }
    })
    incoming.pipe(forwarded)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    operations,
    asked: () => bodies.map((body) => JSON.parse(Buffer.concat(body).toString()) as Record<string, unknown>),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
