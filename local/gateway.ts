import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import type { Response } from '../lib/http/response.ts'
import { iamCaller } from './iam-authorizer.ts'
import type { LambdaFunction } from './load-function.ts'

/** As many sandboxes as there are here: more requests wait, so that a burst does not starve the stand-ins they all need. */
const MAX_RUNNING = 32

/** API Gateway's own limit on a request. */
const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024

/** Of operators: here IAM's authorizer stands before the function. */
const adminPaths: readonly string[] = ['/admin/revocations', '/admin/consents']

/** One function per path, as the deployed HTTP API routes them; `{target}` and `{issuer}` take one segment; `$default` the rest. */
export type Routes = Readonly<Record<string, LambdaFunction>> & { $default: LambdaFunction }

/**
 * Stands where API Gateway stands: turns HTTP requests into version 2.0 proxy events and answers back into HTTP.
 * `routes` is asked at each request, because the functions' configuration holds the port, known only once it listens.
 */
export function gateway(routes: () => Routes | undefined): Server {
  const turn = limiter(MAX_RUNNING)
  return createServer((request, response) => {
    void serve(routes(), request, response, turn).catch(() => {
      // What API Gateway answers when a function crashes.
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
      response.end('{"message":"Internal Server Error"}')
    })
  })
}

async function serve(
  routes: Routes | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  turn: Limiter,
): Promise<void> {
  if (routes === undefined) {
    response
      .writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' })
      .end('{"message":"Service Unavailable"}')
    return
  }
  const body = await read(request)
  if (body === undefined) {
    response
      .writeHead(413, { 'content-type': 'application/json', connection: 'close' })
      .end('{"message":"Request Entity Too Large"}')
    return
  }
  const event = toEvent(request, body)
  const path = event.rawPath
    .replace(/^\/credentials\/[^/]+$/, '/credentials/{target}')
    .replace(/^\/(callback|backchannel-logout)\/[^/]+$/, '/$1/{issuer}')
    .replace(/^\/register\/[^/]+$/, '/register/{client_id}')
  if (adminPaths.includes(path)) {
    const userArn = await iamCaller(event, body)
    if (userArn === undefined) {
      response.writeHead(403, { 'content-type': 'application/json' }).end('{"message":"Forbidden"}')
      return
    }
    Object.assign(event.requestContext, { authorizer: { iam: { userArn } } })
  }
  const route = Object.hasOwn(routes, path) ? (routes[path] as LambdaFunction) : routes.$default
  const answer = await turn(() => route(event, context(event.requestContext.requestId)))
  write(response, request.method ?? '', answer)
}

type Limiter = <T>(work: () => Promise<T>) => Promise<T>

function limiter(most: number): Limiter {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running === most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      // Whoever waits takes over our place.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_PAYLOAD_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Text bodies arrive as text, all others in base64, forms among them: HTTP APIs go by the content type. */
const textual = /^(?:text\/|application\/(?:json|javascript|xml))/i

function toEvent(request: IncomingMessage, body: Buffer): APIGatewayProxyEventV2 {
  // RFC 9112 section 3.2.2: clients of a proxy send the whole URL.
  const url = (request.url ?? '/').replace(/^https?:\/\/[^/?]*(?=[/?]|$)/i, '') || '/'
  const question = url.indexOf('?')
  const rawPath = question === -1 ? url : url.slice(0, question)
  const rawQueryString = question === -1 ? '' : url.slice(question + 1)
  const { cookie, ...headers } = request.headers
  const isBase64Encoded = body.length > 0 && !textual.test(request.headers['content-type'] ?? '')
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.split('; ') }),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
    ),
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: request.headers.host ?? '',
      domainPrefix: 'local',
      http: {
        method: request.method ?? '',
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: request.headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: new Date().toISOString(),
      timeEpoch: Date.now(),
    },
    ...(body.length > 0 ? { body: isBase64Encoded ? body.toString('base64') : body.toString('utf8') } : {}),
    isBase64Encoded,
  }
}

function context(awsRequestId: string): Context {
  const deadline = Date.now() + 10_000
  return {
    awsRequestId,
    functionName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  } as Context
}

function write(
  response: ServerResponse,
  method: string,
  { statusCode = 200, headers = {}, cookies = [], body = '', isBase64Encoded }: Response,
): void {
  const payload = isBase64Encoded ? Buffer.from(body, 'base64') : body
  // RFC 9110 section 8.6: none where there can be no content. Without one Node would send it in chunks.
  const none = method === 'HEAD' || statusCode === 204 || statusCode === 304
  const length = none ? {} : { 'content-length': Buffer.byteLength(payload) }
  const setCookie = cookies.length === 0 ? {} : { 'set-cookie': cookies }
  response.writeHead(statusCode, { ...(headers as Record<string, string>), ...setCookie, ...length })
  response.end(method === 'HEAD' ? undefined : payload)
}
