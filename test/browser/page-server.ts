import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Response } from '../../lib/http/response.ts'

export interface Received {
  method: string
  /** Path and query. */
  url: string
  body: string
}

/** Serves on loopback what `answer` says, and keeps what browsers asked. */
export async function pageServer(answer: (request: Received) => Response) {
  const received: Received[] = []
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '' } = request
    const asked = { method, url, body: await text(request) }
    received.push(asked)
    const { statusCode = 200, headers = {}, body = '' } = answer(asked)
    response.writeHead(statusCode, headers as Record<string, string>)
    response.end(body)
  }
  const server = createServer((request, response) => void respond(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    /** The same, as another site. */
    otherOrigin: `http://localhost:${port}`,
    received,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
