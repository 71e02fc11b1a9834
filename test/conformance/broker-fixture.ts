import { after, before } from 'node:test'
import { startBroker, type LocalBroker } from '../../local/broker.ts'
import { startExampleIssuer, type ClaimChanges, type ExampleIssuer } from '../../local/example-issuer.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'

export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export interface BlackBox {
  broker: LocalBroker
  issuer: ExampleIssuer
  /** A token of the example issuer for this broker. */
  jobToken(changes?: ClaimChanges): Promise<string>
  /** POST /token with these fields over a good exchange's; undefined leaves a field out. */
  exchange(fields?: Record<string, string | undefined>, headers?: Record<string, string>): Promise<Answer>
  post(body: string | Uint8Array, headers?: Record<string, string>): Promise<Answer>
}

/** The quickstart broker over HTTP, with its example issuer, for the tests of this file. */
export function blackBox(config: (text: string) => string = (text) => text): BlackBox {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  const box = {} as BlackBox
  before(async () => {
    box.issuer = await startExampleIssuer()
    const { text, file } = quickstartConfig(box.issuer.url)
    box.broker = await startBroker({ config: { text: config(text), file }, port: 0 })
  })
  after(async () => {
    await box.broker?.close()
    await box.issuer?.close()
  })
  box.jobToken = (changes) => box.issuer.sign({ aud: box.broker.url, ...changes })
  box.exchange = async (fields = {}, headers) => {
    const all = {
      grant_type: TOKEN_EXCHANGE_GRANT,
      subject_token_type: JWT_TYPE,
      subject_token: await box.jobToken(),
      audience: 'deploy-api',
      ...fields,
    }
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return box.post(new URLSearchParams(given).toString(), headers)
  }
  box.post = async (body, headers) => {
    const response = await fetch(`${box.broker.url}/token`, {
      method: 'POST',
      body: body as NonNullable<RequestInit['body']>,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    }
  }
  return box
}
