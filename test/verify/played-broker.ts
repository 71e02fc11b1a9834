import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { serve } from '../http/test-server.ts'

export const audience = 'https://deploy.acme.dev'
export const now = 1_790_000_000

/** Text and bytes as they are, a listener by calling it, anything else as JSON. */
export type Answer = string | Buffer | object | RequestListener

export interface PlayedBroker {
  url: string
  /** The paths that were asked for, in order. */
  asked: string[]
  /** What was asked of /introspect. */
  questions: { authorization: string | undefined; form: URLSearchParams }[]
  /** What it answers, to be replaced. */
  discovery: Answer
  jwks: Answer
  introspect: Answer
  /** What the broker itself would write. */
  claims: Record<string, unknown>
  /** Members that are undefined are left out; `payload` replaces the claims' JSON text. */
  sign: (claims?: Record<string, unknown>, changes?: SignChanges) => string
}

export interface SignChanges {
  header?: Record<string, unknown>
  payload?: string
  key?: KeyObject
}

const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

/** A public key as the broker publishes it. */
export function publicJwk(alg: keyof typeof pairs, kid: string): Record<string, unknown> {
  return { ...pairs[alg].publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

export const strangersKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** Stands for the broker at the network's edge, for the length of one test, and stops the clock at `now`. */
export async function playedBroker(t: TestContext): Promise<PlayedBroker> {
  t.mock.timers.enable({ apis: ['Date'], now: now * 1000 })
  const broker = { asked: [], questions: [] } as unknown as PlayedBroker
  const port = await serve(t, async (request, response) => {
    const path = request.url ?? ''
    broker.asked.push(path)
    if (path === '/introspect') {
      const form = new URLSearchParams(await text(request))
      broker.questions.push({ authorization: request.headers.authorization, form })
    }
    const answers = new Map([
      ['/.well-known/openid-configuration', broker.discovery],
      ['/jwks', broker.jwks],
      ['/introspect', broker.introspect],
    ])
    answerWith(answers.get(path), request, response)
  })
  broker.url = `http://127.0.0.1:${port}`
  broker.discovery = {
    issuer: broker.url,
    jwks_uri: `${broker.url}/jwks`,
    introspection_endpoint: `${broker.url}/introspect`,
  }
  broker.jwks = { keys: [publicJwk('ES256', 'e1'), publicJwk('RS256', 'r1')] }
  broker.introspect = { active: true }
  broker.claims = {
    iss: broker.url,
    aud: audience,
    sub: 'github:repo:1234567/987654',
    client_id: 'github:repo:1234567/987654',
    iat: now - 10,
    exp: now + 300,
    jti: 'A1b2C3d4E5f6G7h8I9j0Kw',
    scope: 'deploy:read deploy:write',
  }
  broker.sign = (claims = {}, { header, payload, key } = {}) => {
    const all = { alg: 'ES256', typ: 'at+jwt', kid: 'e1', ...header }
    const input = [JSON.stringify(all), payload ?? JSON.stringify({ ...broker.claims, ...claims })]
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.')
    const signing = key ?? pairs[all.alg === 'RS256' ? 'RS256' : 'ES256'].privateKey
    const signature = sign('sha256', Buffer.from(input), { key: signing, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
  return broker
}

function answerWith(answer: Answer | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (answer === undefined) response.writeHead(404).end()
  else if (typeof answer === 'function') (answer as RequestListener)(request, response)
  else if (typeof answer === 'string' || Buffer.isBuffer(answer)) response.end(answer)
  else response.end(JSON.stringify(answer))
}

/** Lets that many seconds pass, for who asks what time it is. */
export function pass(t: TestContext, seconds: number): void {
  t.mock.timers.setTime(Date.now() + 1000 * seconds)
}

/** Answers nothing, ever. */
export const silence: RequestListener = () => {}

/** Breaks the connection off. */
export const hangUp: RequestListener = (request) => request.socket.destroy()
