import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'

interface AutocannonResult {
  non2xx: number
  errors: number
}
interface AutocannonOptions {
  url: string
  connections: number
  amount: number
  requests: {
    method: string
    path: string
    headers: Record<string, string>
    setupRequest: (request: object) => object
    onResponse: () => void
  }[]
}
// It has no types.
const autocannon = createRequire(import.meta.url)('autocannon') as (
  options: AutocannonOptions,
) => Promise<AutocannonResult>

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Where bodies are posted, and by whom. */
export interface Destination {
  path: string
  headers: Record<string, string>
}

const tokenEndpoint: Destination = { path: '/token', headers: {} }

/**
 * Posts every body once, over 8 connections, as fast as it goes. How long that took, in milliseconds. Throws when
 * one is not answered 200.
 */
export async function load(
  url: string,
  bodies: readonly string[],
  { path, headers }: Destination = tokenEndpoint,
): Promise<number> {
  let next = 0
  const begun = performance.now()
  // autocannon itself looks once a second whether all have been answered.
  let ended = begun
  const { non2xx, errors } = await autocannon({
    url,
    connections: Math.min(8, bodies.length),
    amount: bodies.length,
    requests: [
      {
        method: 'POST',
        path,
        headers: { ...form, ...headers },
        setupRequest: (request) => ({ ...request, body: bodies[next++] }),
        onResponse: () => {
          ended = performance.now()
        },
      },
    ],
  })
  if (non2xx + errors > 0) throw new Error(`${url}: ${non2xx} answers that are not 200, ${errors} errors`)
  return ended - begun
}

/** Posts one every so many milliseconds, whether or not those before it were answered: what each took. Throws as above. */
export async function paced(url: string, bodies: readonly string[], interval: number): Promise<number[]> {
  const times: Promise<number>[] = []
  const begun = performance.now()
  for (const [index, body] of bodies.entries()) {
    await setTimeout(Math.max(0, begun + index * interval - performance.now()))
    times.push(post(url, body))
  }
  return Promise.all(times)
}

/** One exchange, in milliseconds. */
export async function post(url: string, body: string): Promise<number> {
  const begun = performance.now()
  await answerTo(url, body)
  return performance.now() - begun
}

/** What one body is answered. Throws when that is not 200. */
export async function answerTo(
  url: string,
  body: string,
  { path, headers }: Destination = tokenEndpoint,
): Promise<Record<string, unknown>> {
  const response = await fetch(url + path, { method: 'POST', headers: { ...form, ...headers }, body })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${url}: answered ${response.status}`)
  return JSON.parse(text) as Record<string, unknown>
}
