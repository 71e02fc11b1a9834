import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A server on loopback for the length of one test. Returns its port. */
export async function serve(
  t: TestContext,
  listener: RequestListener,
  tls?: { key: string; cert: string },
): Promise<number> {
  const server = tls ? createHttpsServer(tls, listener) : createHttpServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}
