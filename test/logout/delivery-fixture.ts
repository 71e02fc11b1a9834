import type { RequestListener } from 'node:http'
import type { TestContext } from 'node:test'
import { httpClientNotifier } from '../../lib/http/client-notifier.ts'
import type { Guards } from '../../lib/http/guarded-fetch.ts'
import { deliver } from '../../lib/logout/deliver.ts'
import type { LogoutNotice } from '../../lib/ports.ts'
import type { ClientLogin } from '../../lib/trust/configuration.ts'
import { serve } from '../http/test-server.ts'
import { now, ourIssuer } from '../tokens/issuer-fixture.ts'
import type { OwnTokens } from '../tokens/own-tokens.ts'

export const notice: LogoutNotice = {
  id: 'notice-of-22-characters',
  client_id: 'web-app',
  sub: 'acme:ada',
  sid: 'the-session',
  at: now - 30,
}

/** What came to the client. */
export interface Told {
  method: string | undefined
  path: string | undefined
  type: string | undefined
  form: URLSearchParams
}

export interface Delivery {
  told: Told[]
  logged: { level: string; message: string; fields: Record<string, unknown> }[]
  /** One notice to the client, of which `changes` is what broker.yaml says otherwise; `null`: nothing. */
  deliver(of?: {
    notice?: Partial<LogoutNotice>
    login?: Partial<ClientLogin> | null
    guards?: Omit<Guards, 'signal'>
    signal?: AbortSignal
    at?: number
  }): Promise<void>
  uri: string
}

/** A client on loopback that answers as `answer` does, and what delivers to it. */
export async function delivery(t: TestContext, { signer }: OwnTokens, answer: RequestListener): Promise<Delivery> {
  const told: Told[] = []
  const port = await serve(t, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url: path, headers } = request
      const form = new URLSearchParams(Buffer.concat(chunks).toString())
      told.push({ method, path, type: headers['content-type'], form })
      answer(request, response)
    })
  })
  const uri = `http://127.0.0.1:${port}/bc?of=app`
  const logged: Delivery['logged'] = []
  const to = (level: string) => (message: string, fields: Record<string, unknown>) =>
    void logged.push({ level, message, fields })
  const log = { info: to('info'), warn: to('warn'), error: to('error') }
  return {
    told,
    logged,
    uri,
    async deliver({ notice: changed, login = {}, guards = { local: true }, signal, at = now } = {}) {
      const client = { id_token_signed_response_alg: 'ES256', backchannel_logout_uri: uri, ...login } as ClientLogin
      await deliver(
        { ...notice, ...changed },
        {
          ourIssuer,
          findClient: async (client_id) => (client_id === 'web-app' && login !== null ? { login: client } : undefined),
          ports: { now: () => at, signer, log, notifier: httpClientNotifier(guards) },
          signal: signal ?? AbortSignal.timeout(60_000),
        },
      )
    },
  }
}
