import { createServer, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { after, before } from 'node:test'
import { startBroker, type LocalBroker } from '../../../local/broker.ts'
import { startExampleIssuer, type ClaimChanges, type ExampleIssuer } from '../../../local/example-issuer.ts'
import { close, listen } from '../../../local/loopback.ts'
import { startPartnerIdp, type PartnerIdp } from '../../../local/partner-idp.ts'
import { quickstartConfig } from '../../../local/quickstart.ts'

export interface Seen {
  path: string
  form: URLSearchParams
  status: number
  headers: Record<string, string>
  /** JSON, if it is that. */
  body: unknown
}

/** Changes an answer on its way, or leaves it alone. */
export type Tamper = (answer: Seen) => void

export interface TamperedBroker {
  url: string
  issuer: ExampleIssuer
  config: string
  /** What stands between: nothing, until a test says so. */
  tamper: Tamper
  /** Every question, with its answer as the broker gave it. */
  seen: Seen[]
  jobToken(changes?: ClaimChanges): Promise<string>
}

/** The quickstart broker, a real one, behind something that may spoil its answers: for the tests of this file. */
export function tamperedBroker(): TamperedBroker {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  const nothing: Tamper = () => {}
  const box: TamperedBroker = {
    url: '',
    config: '',
    issuer: undefined as unknown as ExampleIssuer,
    tamper: nothing,
    seen: [],
    jobToken: (changes) => box.issuer.sign({ aud: box.url, ...changes }),
  }
  let broker: LocalBroker
  let partner: PartnerIdp
  let between: Server
  before(async () => {
    between = createServer((request, response) => {
      void (async () => {
        const body = await buffer(request)
        const { method = '', url = '', headers } = request
        const answer = await fetch(broker.url + url, {
          method,
          headers: { 'content-type': headers['content-type'] ?? 'text/plain' },
          ...(body.length > 0 ? { body } : {}),
        })
        const given = await answer.text()
        // What is about this one connection is not passed on.
        const headersOf = [...answer.headers].filter(
          ([name]) => !/^(?:content-length|connection|keep-alive)$/.test(name),
        )
        const seen: Seen = {
          path: url,
          form: new URLSearchParams(body.toString()),
          status: answer.status,
          headers: Object.fromEntries(headersOf),
          body: given.startsWith('{') ? (JSON.parse(given) as unknown) : given,
        }
        box.seen.push({ ...seen })
        box.tamper(seen)
        const text = typeof seen.body === 'string' ? seen.body : JSON.stringify(seen.body)
        response.writeHead(seen.status, seen.headers).end(text)
      })().catch(() => response.destroy())
    })
    box.url = await listen(between, 0)
    box.issuer = await startExampleIssuer()
    partner = await startPartnerIdp({ broker: () => broker })
    const { text, file } = quickstartConfig(box.issuer.url, partner.url)
    box.config = text.replace('issuer: http://127.0.0.1:8787', `issuer: ${box.url}`)
    broker = await startBroker({ config: { text, file }, port: 0, issuer: box.url })
  })
  after(async () => {
    await close(between)
    await broker?.close()
    await box.issuer?.close()
    await partner?.close()
  })
  return box
}
