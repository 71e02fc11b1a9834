import { createRequire } from 'node:module'

interface AutocannonResult {
  non2xx: number
  errors: number
  duration: number
  requests: { total: number }
  latency: { p50: number; p99: number; max: number }
}
interface AutocannonOptions {
  url: string
  connections: number
  amount: number
  overallRate?: number
  requests: {
    method: string
    path: string
    headers: Record<string, string>
    setupRequest: (request: object) => object
  }[]
}
// It has no types.
const autocannon = createRequire(import.meta.url)('autocannon') as (
  options: AutocannonOptions,
) => Promise<AutocannonResult>

/** Milliseconds. */
export interface Latency {
  p50: number
  p99: number
}

/** Posts every body to /token once, over so many connections, as fast as it goes or so many a second. Throws when one is not answered 200. */
export async function load(
  url: string,
  bodies: readonly string[],
  { connections = 8, rate }: { connections?: number; rate?: number } = {},
): Promise<Latency> {
  let next = 0
  const { non2xx, errors, latency } = await autocannon({
    url,
    connections,
    amount: bodies.length,
    ...(rate === undefined ? {} : { overallRate: rate }),
    requests: [
      {
        method: 'POST',
        path: '/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        setupRequest: (request) => ({ ...request, body: bodies[next++] }),
      },
    ],
  })
  if (non2xx + errors > 0) throw new Error(`${url}: ${non2xx} answers that are not 200, ${errors} errors`)
  return latency
}
