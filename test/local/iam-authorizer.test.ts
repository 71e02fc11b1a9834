import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { request as httpRequest, type Server } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { STSClient } from '@aws-sdk/client-sts'
import { SignatureV4 } from '@smithy/signature-v4'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { gateway } from '../../local/gateway.ts'
import { close, listen } from '../../local/loopback.ts'

process.env.AWS_ACCESS_KEY_ID = 'ASIALOCAL'
process.env.AWS_SECRET_ACCESS_KEY = 'local'
const { sha256 } = new STSClient({ region: 'eu-west-1' }).config
const path = '/admin/revocations'
const body = '{"operation":"list"}'

let server: Server
let url: string
/** What got past the authorizer. */
const events: APIGatewayProxyEventV2[] = []

before(async () => {
  const record = (event: APIGatewayProxyEventV2) => {
    events.push(event)
    return Promise.resolve({ statusCode: 200, body: '{}' })
  }
  server = gateway(() => ({ [path]: record, $default: record }))
  url = await listen(server, 0)
})
beforeEach(() => void (events.length = 0))
after(() => close(server))

interface Signed {
  method: string
  path: string
  headers: Record<string, string>
  body: string
}

interface SignOptions {
  method?: string
  query?: Record<string, string>
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  service?: string
  signingDate?: Date
  applyChecksum?: boolean
  headers?: Record<string, string>
}

async function signed({
  method = 'POST',
  query = {},
  headers = {},
  signingDate,
  ...signer
}: SignOptions = {}): Promise<Signed> {
  const { host, hostname } = new URL(url)
  const request = await new SignatureV4({
    service: 'execute-api',
    region: 'eu-west-1',
    credentials: { accessKeyId: 'ASIALOCAL', secretAccessKey: 'local' },
    sha256,
    ...signer,
  }).sign(
    {
      method,
      protocol: 'http:',
      hostname,
      path,
      query,
      headers: { host, 'content-type': 'application/json', ...headers },
      body,
    },
    signingDate === undefined ? {} : { signingDate },
  )
  const search = new URLSearchParams(query).toString()
  return { method, path: search === '' ? path : `${path}?${search}`, headers: request.headers, body }
}

/** Exactly these headers, Host among them. */
async function send({ method, path, headers, body }: Signed): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      url,
      { method, path, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

const minutes = (count: number) => new Date(Date.now() + count * 60_000)

describe('who signed with the credentials of this process is let in, by name', () => {
  for (const [what, options] of [
    ['as SDKs sign', {}],
    ['as curl signs, without the hash of the body', { applyChecksum: false }],
    ['with a query', { query: { a: '1', b: 'x y' } }],
    ['four minutes ago', { signingDate: minutes(-4) }],
    ['by a clock that is four minutes ahead', { signingDate: minutes(4) }],
    ['with more headers than are needed', { headers: { 'x-amz-meta': '  two   words ' } }],
  ] as [string, SignOptions][])
    test(what, async () => {
      assert.deepEqual(await send(await signed(options)), { status: 200, text: '{}' })
      const { authorizer } = events[0]!.requestContext as unknown as { authorizer: { iam: { userArn: string } } }
      assert.match(authorizer.iam.userArn, /^arn:aws:iam::\d{12}:user\/local$/)
      assert.equal(events[0]?.body, body)
    })
})

const withHeader = (name: string, value: string) => (request: Signed) => ({
  ...request,
  headers: { ...request.headers, [name]: value },
})
const withAuthorization = (change: (text: string) => string) => (request: Signed) =>
  withHeader('authorization', change(request.headers.authorization ?? ''))(request)
const without = (name: string) => (request: Signed) => ({
  ...request,
  headers: Object.fromEntries(Object.entries(request.headers).filter(([other]) => other !== name)),
})
const unchanged = (request: Signed) => request

describe('anything else gets what API Gateway answers, and reaches no function', () => {
  for (const [what, options, spoil] of [
    ['no signature', {}, without('authorization')],
    ['an empty signature', {}, withHeader('authorization', '')],
    ['a token', {}, withHeader('authorization', 'Bearer x')],
    [
      'one character of the signature',
      {},
      withAuthorization((text) => text.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
    ],
    ['a signature that is too short', {}, withAuthorization((text) => text.slice(0, -1))],
    ['something after the signature', {}, withAuthorization((text) => `${text}0`)],
    ['another secret', { credentials: { accessKeyId: 'ASIALOCAL', secretAccessKey: 'other' } }, unchanged],
    ['another key', { credentials: { accessKeyId: 'AKIAOTHER', secretAccessKey: 'local' } }, unchanged],
    ['another service', { service: 'sts' }, unchanged],
    [
      'another service by name alone',
      { service: 'sts' },
      withAuthorization((text) => text.replace('/sts/', '/execute-api/')),
    ],
    ['another region by name alone', {}, withAuthorization((text) => text.replace('eu-west-1', 'us-east-1'))],
    ['another day by name alone', {}, withAuthorization((text) => text.replace(/\/20\d{6}\//, '/20200101/'))],
    ['six minutes ago', { signingDate: minutes(-6) }, unchanged],
    ['by a clock that is six minutes ahead', { signingDate: minutes(6) }, unchanged],
    [
      'an old request with a new date',
      { signingDate: minutes(-6) },
      withHeader('x-amz-date', new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')),
    ],
    ['no date', {}, without('x-amz-date')],
    ['a date that is none', {}, withHeader('x-amz-date', 'now')],
    ['another body', {}, (request) => ({ ...request, body: '{"operation":"lift"}' })],
    [
      'another body, with its hash',
      {},
      (request) => ({ ...withHeader('x-amz-content-sha256', '6'.repeat(64))(request), body: '{"operation":"lift"}' }),
    ],
    ['a body that the hash is not of', { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }, unchanged],
    [
      'another body where no header has the hash',
      { applyChecksum: false },
      (request) => ({ ...request, body: '{"operation":"lift"}' }),
    ],
    ['another method', {}, (request) => ({ ...request, method: 'PUT' })],
    ['a query that was added', {}, (request) => ({ ...request, path: `${path}?a=1` })],
    ['a query that was changed', { query: { a: '1' } }, (request) => ({ ...request, path: `${path}?a=2` })],
    ['another host', {}, withHeader('host', 'broker.acme.dev')],
    ['a signed header that was changed', {}, withHeader('content-type', 'text/plain')],
    ['a host that is not signed', {}, withAuthorization((text) => text.replace('host;', ''))],
    ['a date that is not signed', {}, withAuthorization((text) => text.replace(';x-amz-date', ''))],
    ['a session that is not signed', {}, withHeader('x-amz-security-token', 'x')],
  ] as [string, SignOptions, (request: Signed) => Signed][])
    test(what, async () => {
      assert.deepEqual(await send(spoil(await signed(options))), { status: 403, text: '{"message":"Forbidden"}' })
      assert.deepEqual(events, [])
    })
})

test('another path has no authorizer, and nobody by name', async () => {
  await send({ ...(await signed()), path: '/token' })
  assert.equal('authorizer' in (events[0]?.requestContext ?? {}), false)
})

test('no spelling of the path goes around it', async () => {
  for (const other of [
    `${path}/`,
    '/admin//revocations',
    '/admin/revocations%20',
    '/ADMIN/revocations',
    '/admin%2frevocations',
  ])
    await send({ method: 'POST', path: other, headers: { 'content-type': 'application/json' }, body })
  for (const event of events) assert.equal('authorizer' in event.requestContext, false)
})

const noCurl =
  !/--aws-sigv4/.test(spawnSync('curl', ['--help', 'all']).stdout?.toString() ?? '') && 'curl here cannot sign'

test('curl signs as well', { skip: noCurl }, async () => {
  const signing = ['--aws-sigv4', 'aws:amz:eu-west-1:execute-api', '--user', 'ASIALOCAL:local']
  const sent = ['-H', 'content-type: application/json', '-H', 'x-amz-security-token: a-session', '-d', body]
  const { stdout } = await promisify(execFile)('curl', ['-s', `${url}${path}`, ...signing, ...sent])
  assert.equal(stdout, '{}')
})
