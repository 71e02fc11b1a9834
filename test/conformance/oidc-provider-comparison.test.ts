import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { htmlBrowser, type HtmlBrowser } from '../../local/demo/html-browser.ts'
import { parseHtml } from '../../local/demo/html-page.ts'
import { JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox, verifier } from './login-fixture.ts'
import { startOracle } from './oidc-provider-fixture.ts'

const box = loginBox()
let oracle: Awaited<ReturnType<typeof startOracle>> | undefined
after(() => oracle?.close())

type Side = 'ours' | 'theirs'
type Changes = Record<string, string | undefined>

/** What both do, or what each does and why we do otherwise. docs/conformance.md lists the latter. */
type Expected = string | { ours: string; theirs: string; because: string }

/** A good request, but for this. `more` is appended to it as it is. */
interface Asked {
  changes?: Changes
  redirect?: (uri: string) => string
  more?: string
  method?: string
  as?: 'nobody'
}

interface Redemption {
  /** The code's client, and what else was asked for. */
  of?: Changes
  changes?: Changes
  more?: string
  headers?: Record<string, string>
  /** Where the form stands. Default: in the body. */
  form?: 'query' | 'nowhere'
  method?: string
  replayed?: true
}

const unasked = { code_challenge: undefined, code_challenge_method: undefined }
const strict = 'a parameter is given once (RFC 6749 section 3.1), whether or not it is known'
const encoding = 'what cannot be decoded is not guessed at'
const oneMode = 'a code needs no other way than these two'
const onlyCode = 'the error says what is wrong, in the mode that was asked for; there are no fragments'
const noScope = 'RFC 6749 section 3.3 names the error'

/**
 * `code` or an error is what comes to the client, by its redirect URI unless a form or fragment is named; `page` is shown to
 * the person; `login` is whatever the person must do first.
 */
const asked: readonly (readonly [title: string, asked: Asked, expected: Expected])[] = [
  ['a good request', {}, 'code'],
  ['`response_mode=query`', { changes: { response_mode: 'query' } }, 'code'],
  ['`response_mode=form_post`', { changes: { response_mode: 'form_post' } }, 'code, by form'],
  [
    '`response_mode=form_post`, and an error',
    { changes: { response_mode: 'form_post', max_age: 'x' } },
    'invalid_request, by form',
  ],
  [
    '`response_mode=fragment`',
    { changes: { response_mode: 'fragment' } },
    { ours: 'invalid_request', theirs: 'code, by fragment', because: oneMode },
  ],
  [
    '`response_mode=nonsense`',
    { changes: { response_mode: 'nonsense' } },
    {
      ours: 'invalid_request',
      theirs: 'unsupported_response_mode',
      because: 'no specification that we serve names the other error',
    },
  ],
  ['an empty `response_mode`', { changes: { response_mode: '' } }, 'code'],
  ['no `response_type`', { changes: { response_type: undefined } }, 'invalid_request'],
  [
    '`response_type=token`',
    { changes: { response_type: 'token' } },
    { ours: 'unsupported_response_type', theirs: 'unsupported_response_type, by fragment', because: onlyCode },
  ],
  [
    '`response_type=code id_token`',
    { changes: { response_type: 'code id_token' } },
    { ours: 'unsupported_response_type', theirs: 'invalid_request, by fragment', because: onlyCode },
  ],
  [
    '`response_type=none`',
    { changes: { response_type: 'none' } },
    {
      ours: 'unsupported_response_type',
      theirs: 'invalid_request',
      because: 'the error says what is wrong; there it is the `code_challenge`',
    },
  ],
  [
    '`response_type=code code`',
    { changes: { response_type: 'code code' } },
    {
      ours: 'unsupported_response_type',
      theirs: 'code',
      because: 'it is no registered response type (RFC 6749 section 3.1.1)',
    },
  ],
  ['`response_type=Code`', { changes: { response_type: 'Code' } }, 'unsupported_response_type'],
  ['no `client_id`', { changes: { client_id: undefined } }, 'page'],
  ['an unknown client', { changes: { client_id: 'nobody' } }, 'page'],
  ['a `client_id` in capitals', { changes: { client_id: 'WEB-APP' } }, 'page'],
  ['no `redirect_uri`', { changes: { redirect_uri: undefined } }, 'page'],
  ['another `redirect_uri`', { changes: { redirect_uri: 'https://evil.example/cb' } }, 'page'],
  [
    'another `redirect_uri`, and `prompt=none`',
    { changes: { redirect_uri: 'https://evil.example/cb', prompt: 'none' } },
    'page',
  ],
  ['a `redirect_uri` with a fragment', { redirect: (uri) => `${uri}#x` }, 'page'],
  ['a `redirect_uri` with a query', { redirect: (uri) => `${uri}?x=1` }, 'page'],
  ['a `redirect_uri` with a slash at the end', { redirect: (uri) => `${uri}/` }, 'page'],
  [
    'a loopback `redirect_uri` with another port',
    { redirect: (uri) => uri.replace(/:\d+\//, ':1/') },
    {
      ours: 'code',
      theirs: 'page',
      because: 'RFC 8252 section 7.3, by the URI itself; there the client must be registered as `native`',
    },
  ],
  ['two `client_id`', { more: '&client_id=web-app' }, 'page'],
  ['two `redirect_uri`', { more: '&redirect_uri=https://evil.example/cb' }, 'page'],
  [
    'two `state`',
    { more: '&state=x' },
    {
      ours: 'page',
      theirs: 'invalid_request, without state',
      because: 'the client could tell the answer from no other',
    },
  ],
  [
    'two `response_mode`',
    { more: '&response_mode=query&response_mode=form_post' },
    { ours: 'page', theirs: 'invalid_request', because: 'how to answer is not known' },
  ],
  ['two `scope`', { more: '&scope=openid' }, 'invalid_request'],
  ['two `response_type`', { more: '&response_type=code' }, 'invalid_request'],
  ['two `code_challenge`', { more: '&code_challenge=x' }, 'invalid_request'],
  [
    'two of a parameter that nobody knows',
    { more: '&foo=1&foo=2' },
    { ours: 'invalid_request', theirs: 'code', because: strict },
  ],
  ['a parameter that nobody knows', { more: '&foo=1' }, 'code'],
  ['`__proto__` and `constructor` for parameters', { more: '&__proto__=x&constructor=y' }, 'code'],
  ['parameters of an answer', { more: '&code=x&error=y&iss=z' }, 'code'],
  ['broken percent-encoding', { more: '&foo=%zz' }, { ours: 'page', theirs: 'code', because: encoding }],
  ['broken UTF-8', { more: '&foo=%ff' }, { ours: 'page', theirs: 'code', because: encoding }],
  ['no `state`', { changes: { state: undefined } }, 'code, without state'],
  ['an empty `state`', { changes: { state: '' } }, 'code, without state'],
  ['no `nonce`', { changes: { nonce: undefined } }, 'code'],
  [
    'no `scope`',
    { changes: { scope: undefined } },
    { ours: 'invalid_scope', theirs: 'invalid_request', because: noScope },
  ],
  [
    'a `scope` without `openid`',
    { changes: { scope: 'profile' } },
    { ours: 'invalid_scope', theirs: 'invalid_request', because: noScope },
  ],
  [
    'a `scope` of which something is unknown',
    { changes: { scope: 'openid nonsense' } },
    {
      ours: 'invalid_scope',
      theirs: 'code',
      because:
        'it may be a scope of a target, and nobody gets less than what was asked for without notice (RFC 6749 section 3.3)',
    },
  ],
  ['the same scope twice', { changes: { scope: 'openid openid' } }, 'code'],
  [
    'spaces around scopes',
    { changes: { scope: ' openid  profile ' } },
    { ours: 'code', theirs: 'invalid_scope', because: 'nothing hangs on how many there are' },
  ],
  ['`offline_access`', { changes: { scope: 'openid offline_access' } }, 'code'],
  ['no `code_challenge`', { changes: unasked }, 'invalid_request'],
  ['no `code_challenge` where a client may do without', { changes: { ...unasked, client_id: 'confidential' } }, 'code'],
  ['`code_challenge_method=plain`', { changes: { code_challenge_method: 'plain' } }, 'invalid_request'],
  [
    '`code_challenge_method=plain` where a client may do without',
    { changes: { code_challenge_method: 'plain', client_id: 'confidential' } },
    'invalid_request',
  ],
  ['no `code_challenge_method`', { changes: { code_challenge_method: undefined } }, 'invalid_request'],
  [
    'a `code_challenge_method` without a challenge',
    { changes: { code_challenge: undefined, client_id: 'confidential' } },
    'invalid_request',
  ],
  ['a `code_challenge` of 42 characters', { changes: { code_challenge: 'A'.repeat(42) } }, 'invalid_request'],
  [
    'a `code_challenge` of 44 characters',
    { changes: { code_challenge: 'A'.repeat(44) } },
    { ours: 'invalid_request', theirs: 'code', because: 'no SHA-256 is written so, and no verifier would ever fit' },
  ],
  [
    'a `code_challenge` with `~`',
    { changes: { code_challenge: `${'A'.repeat(42)}~` } },
    { ours: 'invalid_request', theirs: 'code', because: 'no SHA-256 is written so, and no verifier would ever fit' },
  ],
  ['`prompt=none`', { changes: { prompt: 'none' } }, 'code'],
  ['`prompt=none login`', { changes: { prompt: 'none login' } }, 'invalid_request'],
  ['`prompt=nonsense`', { changes: { prompt: 'nonsense' } }, 'invalid_request'],
  ['`prompt=login`', { changes: { prompt: 'login' } }, 'login'],
  ['`prompt=consent`', { changes: { prompt: 'consent' } }, 'login'],
  ['`prompt=select_account`', { changes: { prompt: 'select_account' } }, 'login'],
  ['nobody is logged in', { as: 'nobody' }, 'login'],
  ['nobody is logged in, and `prompt=none`', { as: 'nobody', changes: { prompt: 'none' } }, 'login_required'],
  ['`max_age=0`', { changes: { max_age: '0' } }, 'login'],
  ['`max_age=0` and `prompt=none`', { changes: { max_age: '0', prompt: 'none' } }, 'login_required'],
  ['`max_age=-1`', { changes: { max_age: '-1' } }, 'invalid_request'],
  ['`max_age=1.5`', { changes: { max_age: '1.5' } }, 'invalid_request'],
  [
    '`max_age=99999999999`',
    { changes: { max_age: '99999999999' } },
    { ours: 'invalid_request', theirs: 'code', because: 'of three thousand years nobody means one' },
  ],
  ['`claims`', { changes: { claims: '{"userinfo":{"name":null}}' } }, 'code'],
  ['`claims` that is no JSON', { changes: { claims: '{' } }, 'invalid_request'],
  ['`claims` that is a list', { changes: { claims: '[]' } }, 'invalid_request'],
  [
    '`claims` that is empty',
    { changes: { claims: '{}' } },
    { ours: 'code', theirs: 'invalid_request', because: 'both members are optional (OpenID Connect Core section 5.5)' },
  ],
  [
    '`claims` with another member',
    { changes: { claims: '{"foo":{}}' } },
    {
      ours: 'code',
      theirs: 'invalid_request',
      because: 'what is not understood is ignored (OpenID Connect Core section 5.5)',
    },
  ],
  [
    '`claims` with another `sub`',
    { changes: { claims: '{"id_token":{"sub":{"value":"x"}}}', prompt: 'none' } },
    'login_required',
  ],
  [
    '`claims` with an essential `acr` that is not met',
    { changes: { claims: '{"id_token":{"acr":{"essential":true,"values":["x"]}}}', prompt: 'none' } },
    'login_required',
  ],
  ['an `id_token_hint` that is none', { changes: { id_token_hint: 'x' } }, 'invalid_request'],
  [
    'an `id_token_hint` that is not signed',
    { changes: { id_token_hint: 'eyJhbGciOiJub25lIn0.e30.' } },
    'invalid_request',
  ],
  ['`request`', { changes: { request: 'e30.e30.' } }, 'request_not_supported'],
  ['`request_uri`', { changes: { request_uri: 'https://x.example/r' } }, 'request_uri_not_supported'],
  ['`registration`', { changes: { registration: '{}' } }, 'registration_not_supported'],
  [
    '`display`, `ui_locales`, `login_hint` and `acr_values` that nobody knows',
    { changes: { display: 'x', ui_locales: 'x', login_hint: 'x', acr_values: 'x' } },
    'code',
  ],
  ['a `resource` that nobody knows', { changes: { resource: 'https://x.example' } }, 'invalid_target'],
  ['a `resource` that is no URI', { changes: { resource: 'x' } }, 'invalid_target'],
  [
    'POST',
    { method: 'POST' },
    {
      ours: 'code',
      theirs: 'page',
      because:
        'OpenID Connect Core section 3.1.2.1 asks for it; there it is off, as its cookies would have to come from other sites',
    },
  ],
  ['HEAD', { method: 'HEAD' }, { ours: 'page', theirs: 'code', because: 'a code that nobody reads is not to be made' }],
  ['PUT', { method: 'PUT' }, 'page'],
]

const other = 'o'.repeat(43)
const ofConfidential = { of: { client_id: 'confidential' } }
const basic = (id: string, secret: string) => ({ authorization: basicAuthorization(id, secret) })
const proven = { ...ofConfidential, headers: basic('confidential', clientSecret) }
const noFit = 'RFC 7636 section 4.6 names the error of a verifier that does not fit, and it says no more of the code'
const unproven = 'whatever is wrong with how a client proves itself is invalid_client (RFC 6749 section 5.2)'

const redeemed: readonly (readonly [title: string, redemption: Redemption, expected: Expected])[] = [
  ['a good redemption', {}, '200'],
  ['a good redemption with a secret', { ...proven, changes: { client_id: undefined } }, '200'],
  ['a second redemption', { replayed: true }, '400 invalid_grant'],
  ['no `grant_type`', { changes: { grant_type: undefined } }, '400 invalid_request'],
  [
    '`grant_type=password`',
    { changes: { grant_type: 'password', username: 'a', password: 'b' } },
    '400 unsupported_grant_type',
  ],
  ['`grant_type=implicit`', { changes: { grant_type: 'implicit' } }, '400 unsupported_grant_type'],
  ['no `code`', { changes: { code: undefined } }, '400 invalid_request'],
  ['a `code` that is none', { changes: { code: 'x' } }, '400 invalid_grant'],
  ['the `code` of another client', { changes: { client_id: 'second-app' } }, '400 invalid_grant'],
  ['no `redirect_uri`', { changes: { redirect_uri: undefined } }, '400 invalid_request'],
  ['another `redirect_uri`', { changes: { redirect_uri: 'https://evil.example/cb' } }, '400 invalid_grant'],
  ['no `code_verifier`', { changes: { code_verifier: undefined } }, '400 invalid_grant'],
  ['another `code_verifier`', { changes: { code_verifier: other } }, '400 invalid_grant'],
  [
    'a `code_verifier` of 42 characters',
    { changes: { code_verifier: other.slice(1) } },
    { ours: '400 invalid_grant', theirs: '400 invalid_request', because: noFit },
  ],
  [
    'a `code_verifier` of 129 characters',
    { changes: { code_verifier: 'o'.repeat(129) } },
    { ours: '400 invalid_grant', theirs: '400 invalid_request', because: noFit },
  ],
  [
    'a `code_verifier` with `!`',
    { changes: { code_verifier: `${other}!` } },
    { ours: '400 invalid_grant', theirs: '400 invalid_request', because: noFit },
  ],
  [
    'a `code_verifier` where no challenge was',
    { ...proven, of: { ...unasked, client_id: 'confidential' }, changes: { client_id: undefined } },
    '400 invalid_grant',
  ],
  [
    'no `code_verifier` where no challenge was',
    {
      ...proven,
      of: { ...unasked, client_id: 'confidential' },
      changes: { client_id: undefined, code_verifier: undefined },
    },
    '200',
  ],
  [
    'no client',
    { changes: { client_id: undefined } },
    { ours: '401 invalid_client', theirs: '400 invalid_request', because: unproven },
  ],
  ['an unknown client', { changes: { client_id: 'nobody' } }, '401 invalid_client'],
  ['a public client with a secret', { changes: { client_secret: 'x' } }, '401 invalid_client'],
  ['a public client with an empty secret', { changes: { client_secret: '' } }, '200'],
  [
    'a public client with a header',
    { changes: { client_id: undefined }, headers: basic('web-app', '') },
    { ours: '401 invalid_client', theirs: '400 invalid_request', because: unproven },
  ],
  ['a client without its secret', { ...ofConfidential, changes: { client_id: 'confidential' } }, '401 invalid_client'],
  [
    'a client with another secret',
    { ...ofConfidential, changes: { client_id: undefined }, headers: basic('confidential', 'x') },
    '401 invalid_client',
  ],
  [
    'a client with its secret in header and form',
    { ...proven, changes: { client_id: 'confidential', client_secret: clientSecret } },
    '400 invalid_request',
  ],
  ['a client with its name in header and form', { ...proven, changes: { client_id: 'confidential' } }, '200'],
  [
    'two names of a client, in header and form',
    { ...proven, changes: { client_id: 'web-app' } },
    { ours: '401 invalid_client', theirs: '400 invalid_request', because: unproven },
  ],
  [
    'a header that is no Base64',
    { ...ofConfidential, changes: { client_id: undefined }, headers: { authorization: 'Basic !!!' } },
    { ours: '401 invalid_client', theirs: '400 invalid_request', because: unproven },
  ],
  [
    'a header of another scheme',
    { ...ofConfidential, changes: { client_id: 'confidential' }, headers: { authorization: 'Bearer x' } },
    { ours: '401 invalid_client', theirs: '400 invalid_request', because: unproven },
  ],
  [
    'a `client_assertion` that is none',
    {
      ...ofConfidential,
      changes: { client_id: 'confidential', client_assertion: 'x', client_assertion_type: JWT_BEARER_ASSERTION },
    },
    { ours: '401 invalid_client', theirs: '400 invalid_request', because: unproven },
  ],
  ['a `scope`', { changes: { scope: 'openid phone' } }, '200'],
  ['a `resource` that was not asked for', { changes: { resource: 'https://x.example' } }, '400 invalid_target'],
  ['two `code`', { more: '&code=x' }, '400 invalid_request'],
  ['two `grant_type`', { more: '&grant_type=authorization_code' }, '400 invalid_request'],
  ['two `client_id`', { more: '&client_id=web-app' }, '400 invalid_request'],
  ['two `code_verifier`', { more: '&code_verifier=x' }, '400 invalid_request'],
  [
    'two of a parameter that nobody knows',
    { more: '&foo=1&foo=2' },
    { ours: '400 invalid_request', theirs: '200', because: strict },
  ],
  ['a parameter that nobody knows', { more: '&foo=1' }, '200'],
  ['broken percent-encoding', { more: '&foo=%zz' }, { ours: '400 invalid_request', theirs: '200', because: encoding }],
  ['an empty form', { form: 'nowhere' }, '400 invalid_request'],
  ['a form in the URL', { form: 'query' }, '400 invalid_request'],
  [
    'a form of type `application/json`',
    { headers: { 'content-type': 'application/json' } },
    {
      ours: '415 invalid_request',
      theirs: '400 invalid_request',
      because: 'RFC 9110 section 15.5.16 has a status for it',
    },
  ],
  ['a form with a charset', { headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } }, '200'],
  [
    'GET',
    { method: 'GET', form: 'query' },
    { ours: '405 invalid_request', theirs: '404', because: 'RFC 9110 section 15.5.6 has a status for it' },
  ],
]

interface Server {
  authorize: string
  token: string
  /** A `Cookie` header of a browser in which alice is logged in. */
  cookie: string
}
const servers = {} as Record<Side, Server>

test('alice is logged in at both', async () => {
  const redirect_uris = [`${box.app.url}/cb`, `${box.app.url}/with?tenant=1`]
  oracle = await startOracle({ redirect_uris, client_secret: clientSecret })
  const [ours, theirs] = [box.browser(), htmlBrowser()]
  await box.login(ours)
  await theirs.open(`${oracle.url}/auth${new URL(box.authorizationUrl()).search}`)
  servers.ours = { authorize: `${box.broker.url}/authorize`, token: `${box.broker.url}/token`, cookie: cookieOf(ours) }
  servers.theirs = { authorize: `${oracle.url}/auth`, token: `${oracle.url}/token`, cookie: cookieOf(theirs) }
  assert.ok(box.app.arrived.get('code'))
})

function cookieOf(browser: HtmlBrowser): string {
  const all = Object.entries(browser.cookies('127.0.0.1'))
  return all.map(([name, value]) => `${name}=${value}`).join('; ')
}

for (const [title, row, expected] of asked)
  test(`/authorize: ${title}`, async () => {
    assert.deepEqual(await both((side) => authorize(servers[side], row)), expectedOf(expected))
  })

for (const [title, row, expected] of redeemed)
  test(`/token: ${title}`, async () => {
    assert.deepEqual(await both((side) => redeem(servers[side], row)), expectedOf(expected))
  })

async function both(work: (side: Side) => Promise<string>): Promise<Record<Side, string>> {
  return { ours: await work('ours'), theirs: await work('theirs') }
}

function expectedOf(expected: Expected): Record<Side, string> {
  return typeof expected === 'string'
    ? { ours: expected, theirs: expected }
    : { ours: expected.ours, theirs: expected.theirs }
}

async function authorize(
  server: Server,
  { changes = {}, redirect, more = '', method = 'GET', as }: Asked,
): Promise<string> {
  const uri = redirect === undefined ? {} : { redirect_uri: redirect(`${box.app.url}/cb`) }
  const query = new URL(box.authorizationUrl({ ...changes, ...uri })).search.slice(1) + more
  const init = { redirect: 'manual', headers: as === 'nobody' ? {} : { cookie: server.cookie } } as const
  const posted = method === 'POST' ? { body: new URLSearchParams(query) } : {}
  const first = await fetch(method === 'POST' ? server.authorize : `${server.authorize}?${query}`, {
    ...init,
    ...posted,
    method,
  })
  const location = new URL(first.headers.get('location') ?? 'about:blank', server.authorize)
  // A POST comes back as the GET that it stands for.
  return outcome(location.href.startsWith(`${server.authorize}?`) ? await fetch(location, init) : first, server)
}

async function outcome(response: Response, { authorize }: Server): Promise<string> {
  const location = new URL(response.headers.get('location') ?? 'about:blank', authorize)
  if (location.pathname === '/cb')
    return location.hash === ''
      ? said(location.searchParams)
      : `${said(new URLSearchParams(location.hash.slice(1)))}, by fragment`
  if (response.headers.has('location')) return 'login'
  const [form] = parseHtml(await response.text()).forms
  if (form?.action?.endsWith('/cb'))
    return `${said(new URLSearchParams(form.fields.map(({ name, value }): [string, string] => [name, value])))}, by form`
  return response.ok ? 'login' : 'page'
}

/** Each says who it is, which is asserted here once for all rows. */
function said(parameters: URLSearchParams): string {
  assert.ok(
    Object.values(servers).some(({ authorize }) => authorize.startsWith(parameters.get('iss')!)),
    'RFC 9207',
  )
  const result = parameters.get('error') ?? (parameters.has('code') ? 'code' : 'nothing')
  return parameters.get('state') === 'the-state' ? result : `${result}, without state`
}

async function redeem(
  { authorize, token, cookie }: Server,
  { of = {}, changes, more = '', headers, form, method = 'POST', replayed }: Redemption,
): Promise<string> {
  const { search } = new URL(box.authorizationUrl(of))
  const answer = await fetch(authorize + search, { headers: { cookie }, redirect: 'manual' })
  const code = new URL(answer.headers.get('location')!).searchParams.get('code')
  assert.ok(code)
  const good = { grant_type: 'authorization_code', redirect_uri: `${box.app.url}/cb`, client_id: 'web-app' }
  const fields: Changes = { ...good, code, code_verifier: verifier, ...changes }
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
  const text = new URLSearchParams(given).toString() + more
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const send = () =>
    fetch(form === 'query' ? `${token}?${text}` : token, {
      method,
      headers: { ...type, ...headers },
      ...(method === 'POST' ? { body: form === undefined ? text : '' } : {}),
    })
  if (replayed) await send()
  const response = await send()
  const json = /json/.test(response.headers.get('content-type') ?? '')
  const { error } = json ? ((await response.json()) as { error?: string }) : {}
  return [response.status, error].filter(Boolean).join(' ')
}

/** Without the spaces and dashes that make columns of it. */
const plain = (table: string) => table.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim()

test('docs/conformance.md lists every difference, and none that is not there', () => {
  const differences = [
    ...asked.map(([title, , expected]) => ['`/authorize`', title, expected] as const),
    ...redeemed.map(([title, , expected]) => ['`/token`', title, expected] as const),
  ].flatMap(([endpoint, title, expected]) =>
    typeof expected === 'string'
      ? []
      : [`| ${endpoint} | ${title} | ${expected.ours} | ${expected.theirs} | ${expected.because} |`],
  )
  const table = ['| at | request | here | oidc-provider | because |', '| --- | --- | --- | --- | --- |', ...differences]
  const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
  const section = page.split('\n## ').find((each) => each.startsWith('Compared with oidc-provider\n')) ?? ''
  const written = section.split('\n').filter((line) => line.startsWith('|'))
  assert.deepEqual(plain(written.join('\n')), plain(table.join('\n')))
  const rows = asked.length + redeemed.length
  assert.ok(
    plain(section.replaceAll('\n', ' ')).includes(
      `Of ${rows} requests ${rows - differences.length} are answered alike`,
    ),
  )
})
