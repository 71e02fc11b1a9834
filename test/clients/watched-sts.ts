import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { after, before } from 'node:test'
import { close, listen } from '../../local/loopback.ts'
import { startSts, type StsStandin } from '../../local/sts.ts'

export interface IssuedCredentials {
  AccessKeyId: string
  SecretAccessKey: string
  SessionToken: string
}

/** STS's stand-in behind a server that sees both sides: what the broker is given, and what a workload then signs with. */
export interface WatchedSts {
  standin: StsStandin
  /** How long the next credentials live, in seconds, whatever was asked. */
  lifetime: number
  /** In the order they were given to the broker. */
  issued: IssuedCredentials[]
  /** For each GetCallerIdentity, the credentials it is signed with; undefined when they, or the signature, are not ours. */
  signers: (IssuedCredentials | undefined)[]
}

const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/report-reader/session</Arn><UserId>AROA:session</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

/** For the tests of this file, and for the broker that they start after it: it finds it in process.env. */
export function watchedSts(): WatchedSts {
  const sts = { lifetime: 3_600, issued: [], signers: [] } as unknown as WatchedSts
  const server = createServer((request, response) => {
    void answer(request).then(({ status, body }) =>
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body),
    )
  })

  async function answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const body = await textOf(request)
    // Its own answer, which looks at no clock: those of workloads are set by tests.
    if (new URLSearchParams(body).get('Action') === 'GetCallerIdentity') {
      sts.signers.push(sts.issued.find((credentials) => isSignedWith(credentials, request.headers, body)))
      return { status: 200, body: identity }
    }
    const headers = request.headers as Record<string, string>
    const response = await fetch(sts.standin.url, { method: 'POST', headers, body })
    const until = new Date(Date.now() + sts.lifetime * 1000).toISOString()
    const text = (await response.text()).replace(/(?<=<Expiration>)[^<]*/, until)
    const of = (name: string) => new RegExp(`<${name}>([^<]*)`).exec(text)?.[1] ?? ''
    if (response.ok)
      sts.issued.push({
        AccessKeyId: of('AccessKeyId'),
        SecretAccessKey: of('SecretAccessKey'),
        SessionToken: of('SessionToken'),
      })
    return { status: response.status, body: text }
  }

  before(async () => {
    sts.standin = await startSts()
    process.env.AWS_ENDPOINT_URL_STS = await listen(server, 0)
  })
  after(async () => {
    await Promise.all([close(server), sts.standin?.close()])
  })
  return sts
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** Signature Version 4 of a POST to `/` (AWS IAM User Guide, "Create a signed AWS API request"), the session token signed with it. */
function isSignedWith(credentials: IssuedCredentials, headers: IncomingHttpHeaders, body: string): boolean {
  const [, id, scope = '', names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? []
  const signed = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  const canonical = ['POST', '/', '', signed.join(''), names, sha256(body)].join('\n')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${credentials.SecretAccessKey}`)
  return (
    id === credentials.AccessKeyId &&
    signed.includes(`x-amz-security-token:${credentials.SessionToken}\n`) &&
    hmac(key, text).toString('hex') === signature
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
