import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import fc from 'fast-check'
import { compile } from '../../lib/config/compile.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { startWorld, type World } from '../../local/world.ts'

// Whatever comes to where people log out, issuers tell of it and clients register: a documented answer, and never a 500.

const initialToken = 'b7Qe9Tn2sWv5Rc8Ld6HgPa0oIuYtk4uYm3xJ0Zb1fAA'
const broker = `
version: 1
issuer: http://127.0.0.1:8787
issuers:
  partner: { issuer: "http://127.0.0.1:9", login: { client_id: token-broker } }
targets: {}
rules: {}
clients:
  app:
    type: public
    grants: [authorization_code]
    redirect_uris: [https://app.example/cb]
    post_logout_redirect_uris: [https://app.example/bye]
    login: [partner]
registration:
  initial_access_tokens: { sha256: [${hashOfSecret(initialToken)}] }
  redirect_hosts: [app.example, "*.preview.app.example"]
  grants: [authorization_code, refresh_token]
  auth: [none, private_key_jwt, client_secret_basic, client_secret_post]
  login: [partner]
  scopes: [openid, email, offline_access]
  limit: 1000
`
let world: World
let login: LambdaFunction
let registration: LambdaFunction
before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT'
  const { configuration } = compile(broker, 'fuzz.yaml', { local: true, now: Math.floor(Date.now() / 1000) })
  world = await startWorld(configuration)
  login = await loadFunction('login', configuration)
  registration = await loadFunction('registration', configuration)
})
after(() => world.close())

async function ask(
  lambda: LambdaFunction,
  { method, path, query = '', body, type, authorization, cookie }: Record<string, string | undefined>,
) {
  const event = {
    rawPath: path,
    rawQueryString: query,
    headers: {
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(authorization === undefined ? {} : { authorization }),
      ...(cookie === undefined ? {} : { cookie }),
    },
    requestContext: { http: { method, path } },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2
  return lambda(event, { awsRequestId: 'r' } as Context)
}

const words = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    'app',
    'https://app.example/bye',
    'log-out',
    'x.y.z',
    '__proto__',
    'constructor',
    `reg.${'a'.repeat(22)}`,
  ),
)
const names = fc.constantFrom(
  'id_token_hint',
  'client_id',
  'post_logout_redirect_uri',
  'state',
  'logout_token',
  'request',
  'proof',
  'decision',
)
const form = fc
  .array(fc.tuple(names, words), { maxLength: 6 })
  .map((pairs) => new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString())
const formOrNoise = fc.oneof(form, fc.string({ unit: 'binary', maxLength: 200 }))

test('logouts', async () => {
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT'),
    path: fc.constantFrom(
      '/logout',
      '/logout/confirm',
      '/backchannel-logout/partner',
      '/backchannel-logout/',
      '/logout/x',
    ),
    query: formOrNoise,
    body: formOrNoise,
    type: fc.constantFrom('application/x-www-form-urlencoded', 'application/json', undefined),
    cookie: fc.oneof(
      fc.constant(undefined),
      fc.constantFrom(`session=${'A'.repeat(43)}`, 'session=', 'session=x; session=y'),
      words,
    ),
  })
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const { statusCode, headers = {} } = await ask(login, asked)
      assert.ok([200, 303, 400, 404, 405, 413, 415, 503].includes(Number(statusCode)), `${statusCode}`)
      const location = String(headers.location ?? '')
      assert.match(location, /^(?:|\/logout(?:\?.*)?|https:\/\/app\.example\/bye(?:\?state=.*)?)$/s)
    }),
    { numRuns: 600 },
  )
})

const members = fc.constantFrom(
  'redirect_uris',
  'grant_types',
  'response_types',
  'token_endpoint_auth_method',
  'jwks',
  'jwks_uri',
  'scope',
  'client_name',
  'contacts',
  'policy_uri',
  'backchannel_logout_uri',
  'post_logout_redirect_uris',
  '__proto__',
  'client_id',
  'client_secret',
  'subject_type',
  'id_token_signed_response_alg',
  'constructor',
  'client_name#ja',
)
const values = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    ['https://app.example/cb'],
    ['https://one.preview.app.example/cb'],
    ['https://evil.example/'],
    ['authorization_code'],
    'none',
    'private_key_jwt',
    'client_secret_basic',
    'openid email',
    { keys: [] },
    { keys: [{ kty: 'oct', k: 'AAAA' }] },
    'http://169.254.169.254/',
  ),
)
const good = fc.constantFrom<[string, unknown]>(
  ['scope', 'openid email'],
  ['client_name', 'An app'],
  ['grant_types', ['authorization_code', 'refresh_token']],
  ['redirect_uris', ['https://one.preview.app.example/cb']],
  ['post_logout_redirect_uris', ['https://app.example/bye']],
  ['token_endpoint_auth_method', 'client_secret_basic'],
  ['policy_uri', 'https://elsewhere.example/privacy'],
)
const pair = fc.oneof({ weight: 4, arbitrary: good }, { weight: 1, arbitrary: fc.tuple(members, values) })
const metadata = fc.array(pair, { maxLength: 6 }).map((pairs) => {
  const given = { redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'none' }
  // As text, so that __proto__ is a member like others.
  const all = new Map<string, unknown>([...Object.entries(given), ...pairs])
  return `{${[...all].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
})

test('registrations: what is taken has hosts that broker.yaml names, and nothing more than it allows', async () => {
  let taken = 0
  const request = fc.record({
    method: fc.constantFrom('POST', 'POST', 'POST', 'PUT', 'GET', 'DELETE'),
    path: fc.constantFrom(
      '/register',
      '/register',
      `/register/reg.${'a'.repeat(22)}`,
      '/register/app',
      '/register/%00',
    ),
    body: fc.oneof({ weight: 4, arbitrary: metadata }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) }),
    type: fc.constantFrom('application/json', 'application/json', 'application/x-www-form-urlencoded'),
    authorization: fc.constantFrom(
      `Bearer ${initialToken}`,
      `Bearer ${initialToken}`,
      'Bearer x',
      'Basic eDp5',
      undefined,
    ),
  })
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const { statusCode, body = '' } = await ask(registration, asked)
      assert.ok([201, 400, 401, 403, 404, 405, 413, 415].includes(Number(statusCode)), `${statusCode} ${body}`)
      if (statusCode !== 201) return
      taken++
      const client = JSON.parse(body) as Record<string, unknown>
      assert.match(String(client.client_id), /^reg\.[\w-]{22}$/)
      for (const uri of [client.redirect_uris, client.post_logout_redirect_uris ?? []].flat())
        assert.match(new URL(String(uri)).host, /^(?:app\.example|[a-z0-9-]+\.preview\.app\.example)$/)
      for (const grant of client.grant_types as string[])
        assert.ok(['authorization_code', 'refresh_token'].includes(grant))
      for (const scope of String(client.scope).split(' '))
        assert.ok(['openid', 'email', 'offline_access'].includes(scope))
    }),
    { numRuns: 2_000 },
  )
  assert.ok(taken > 5, `only ${taken} were registered`)
})
