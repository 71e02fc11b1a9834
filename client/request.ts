import { TemporaryError, TokenBrokerError } from './errors.ts'

export interface Answer {
  status: number
  headers: Headers
  text: string
}

/** `name` and `timeout` (milliseconds) are about who is asked. */
export interface Asked extends Pick<RequestInit, 'method' | 'headers' | 'body'> {
  name: string
  timeout: number
}

const MAX_BYTES = 256 * 1024

/**
 * One HTTP request and its whole answer. Follows no redirect: what is sent is for nobody else. Throws TemporaryError when no
 * answer came, TokenBrokerError when it has no end; neither repeats what was sent.
 */
export async function request(url: string, { name, timeout, ...init }: Asked): Promise<Answer> {
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(), timeout)
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: patience.signal })
    const { status, headers } = response
    return { status, headers, text: await readText(response, name) }
  } catch (error) {
    if (error instanceof TokenBrokerError) throw error
    if (patience.signal.aborted)
      throw new TemporaryError(`${name} did not answer within ${Math.ceil(timeout / 1000)} s${proxyHint()}`)
    const { code } = ((error as Error).cause ?? {}) as { code?: unknown }
    throw new TemporaryError(
      `${name} could not be reached${typeof code === 'string' ? ` (${code})` : ''}${proxyHint()}`,
    )
  } finally {
    clearTimeout(timer)
    patience.abort()
  }
}

/** Node.js documentation, NODE_USE_ENV_PROXY: fetch passes by the proxy that curl uses, unless it is told. */
function proxyHint(): string {
  const { HTTPS_PROXY, https_proxy, NODE_USE_ENV_PROXY } = process.env
  if (!(HTTPS_PROXY || https_proxy) || NODE_USE_ENV_PROXY === '1') return ''
  return '; HTTPS_PROXY is used only with NODE_USE_ENV_PROXY=1, on Node 24'
}

async function readText(response: Response, name: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > MAX_BYTES) throw new TokenBrokerError(`${name} answered more than ${MAX_BYTES / 1024} KiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
