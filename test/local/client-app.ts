import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { decodeJwt } from 'jose'
import { close, listen } from '../../local/loopback.ts'

export interface ClientApp {
  url: string
  /** What it answers to the next ones. Then 200. */
  answers: number[]
  /** What it answers by 500, the first time: by their jti. */
  failsOnce: Set<string>
  /** The next logout token that comes, or came and was not asked for yet. */
  next(): Promise<{ logout_token: string; jti: string }>
  /** Nothing came that was not asked for. */
  idle(): boolean
  close(): Promise<void>
}

/** A client that is told of logouts, on loopback. */
export async function openClientApp(): Promise<ClientApp> {
  const came: { logout_token: string; jti: string }[] = []
  const waiting: (() => void)[] = []
  const answers: number[] = []
  const failsOnce = new Set<string>()
  const server = createServer((request, response) => {
    void answer(request, response)
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const logout_token = new URLSearchParams(await text(request)).get('logout_token') ?? ''
    const { jti = '' } = decodeJwt(logout_token)
    came.push({ logout_token, jti })
    response.writeHead(failsOnce.delete(jti) ? 500 : (answers.shift() ?? 200)).end()
    waiting.shift()?.()
  }

  return {
    url: await listen(server, 0),
    answers,
    failsOnce,
    async next() {
      if (came.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
      return came.shift()!
    },
    idle: () => came.length === 0,
    close: () => close(server),
  }
}
