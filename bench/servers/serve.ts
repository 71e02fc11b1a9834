import type { Server } from 'node:http'
import { listen } from '../../local/loopback.ts'

/** What a server under test tells who started it. CPU in microseconds, memory in bytes. */
export interface Usage {
  cpu: number
  rss: number
}

/** Listens on loopback, says where, and from then on answers each message with what this process has used. */
export async function serve(server: Server): Promise<void> {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() } satisfies Usage)
  })
  process.on('disconnect', () => process.exit())
  process.send?.(await listen(server, 0))
}
