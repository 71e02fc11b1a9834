import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { close, listen } from '../../local/loopback.ts'
import { serve } from '../http/test-server.ts'

export interface Scripted {
  status?: number
  headers?: Record<string, string>
  /** Text as it is, anything else as JSON. */
  body?: unknown
  /** Instead of an answer. */
  instead?: (response: ServerResponse) => void
}

export interface BrokerServer {
  url: string
  /** What was asked of /token, in order. */
  asked: URLSearchParams[]
  /** What was asked of another path. */
  strays: string[]
}

/** Stands for the broker at the network's edge: answers from the script, its last line again and again. */
export async function brokerServer(
  t: TestContext,
  script: readonly (Scripted | ((form: URLSearchParams) => Scripted | Promise<Scripted>))[],
): Promise<BrokerServer> {
  const asked: URLSearchParams[] = []
  const strays: string[] = []
  const port = await serve(t, async (request, response) => {
    if (request.method !== 'POST' || request.url !== '/token') {
      strays.push(`${request.method} ${request.url}`)
      response.writeHead(404).end()
      return
    }
    const form = new URLSearchParams(await text(request))
    const line = script[Math.min(asked.push(form), script.length) - 1] ?? {}
    const { status = 200, headers = {}, body = '', instead } = typeof line === 'function' ? await line(form) : line
    if (instead) instead(response)
    else response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  return { url: `http://127.0.0.1:${port}`, asked, strays }
}

/** Where nobody listens any more. */
export async function vacantUrl(): Promise<string> {
  const server = createServer()
  const url = await listen(server, 0)
  await close(server)
  return url
}

export const accessToken = {
  access_token: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.bm8tcmVhbC1zaWduYXR1cmUtaGVyZQ',
  issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  token_type: 'Bearer',
  expires_in: 900,
  scope: 'deploy:write',
}

export const keys = {
  AccessKeyId: 'ASIAEXAMPLEEXAMPLE00',
  SecretAccessKey: 'secret/access+key/of+nobody/0123456789ab',
  SessionToken: `${'session+token/'.repeat(20)}==`,
}

/** In whole seconds, as the broker writes it. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** What a target with a role answers. `changes` are to the document in it. */
export function awsCredentials(seconds = 3600, changes: Record<string, unknown> = {}): Scripted {
  const document = { Version: 1, ...keys, Expiration: timestamp(Date.now() + seconds * 1000), ...changes }
  return {
    body: {
      access_token: JSON.stringify(document),
      issued_token_type: 'urn:token-broker:token-type:aws-credentials',
      token_type: 'N_A',
      expires_in: Math.max(seconds - 1, 0),
    },
  }
}

export const decision = 'A1b2C3d4E5f6G7h8I9j0Kw'

/** Design section 6. */
export function refusal(
  error = 'invalid_target',
  phrase = 'no token can be issued for this target',
  status = 400,
): Scripted {
  return {
    status,
    headers: { 'x-decision-id': decision },
    body: { error, error_description: `${phrase} (decision ${decision})` },
  }
}
