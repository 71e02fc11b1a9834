import { parseJsonObject, type JsonObject } from '../lib/protocol/strict-json.ts'

const MAX_BYTES = 256 * 1024

/** Why there is no answer of the broker's: facts, never text of what came. */
export class NoAnswer extends Error {
  /** It did not answer, or said that it cannot now. Otherwise it answered, and that was no answer to what was asked. */
  readonly unreachable: boolean

  constructor(why: string, unreachable = false) {
    super(why)
    this.name = 'NoAnswer'
    this.unreachable = unreachable
  }
}

/** Stops `work` after that many milliseconds, and leaves no timer behind. */
export async function within<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(), milliseconds)
  try {
    return await work(patience.signal)
  } finally {
    clearTimeout(timer)
    // Also ends what came of an answer that was not read to its end.
    patience.abort()
  }
}

/** One JSON object, from status 200, of 256 KiB at most, by no redirect. Throws NoAnswer. */
export async function fetchJson(
  url: string,
  signal: AbortSignal,
  init: Pick<RequestInit, 'method' | 'headers' | 'body'> = {},
): Promise<JsonObject> {
  try {
    const response = await send(url, { ...init, redirect: 'manual', signal })
    const { status } = response
    if (status !== 200) throw new NoAnswer(`answered ${status}`, status === 429 || status >= 500)
    return parseJsonObject(await read(response))
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    if (error instanceof SyntaxError) throw new NoAnswer(error.message)
    if (signal.aborted) throw new NoAnswer('no answer in time', true)
    const { code } = ((error as Error).cause ?? {}) as { code?: unknown }
    throw new NoAnswer(typeof code === 'string' ? code : 'the connection failed', true)
  }
}

/** Tried once more: a connection that was kept alive may have died while a function was frozen. */
async function send(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    if (init.signal.aborted) throw error
    return fetch(url, init)
  }
}

async function read(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) throw new NoAnswer(`the answer is longer than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
