import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAuthorizationRequest } from '../../lib/protocol/authorization-request.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { parseForm } from '../../lib/protocol/form.ts'

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
const good: Record<string, string> = {
  response_type: 'code',
  client_id: 'web-app',
  redirect_uri: 'https://app.example/cb',
  scope: 'openid',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}
const parsed = (changes: Record<string, string | undefined>) => {
  const all = Object.entries({ ...good, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return parseAuthorizationRequest(parseForm(new URLSearchParams(all).toString()))
}

test('a plain request', () => {
  assert.deepEqual(parsed({}), {
    code_challenge: challenge,
    nonce: undefined,
    scopes: ['openid'],
    target: undefined,
    prompt: new Set(),
    max_age: undefined,
    login_hint: undefined,
    domain_hint: undefined,
    id_token_hint: undefined,
    ui_locales: undefined,
    acr_values: [],
    claims: { id_token: [], userinfo: [] },
  })
})

for (const [title, changes, want] of [
  [
    'identity scopes apart from those of a target',
    { scope: 'openid orders:read  email orders:read' },
    { scopes: ['openid', 'email'], target: { resource: [], scope: ['orders:read'] } },
  ],
  [
    'a resource alone',
    { resource: 'https://orders.acme.dev' },
    { target: { resource: ['https://orders.acme.dev'], scope: undefined } },
  ],
  ['no scope', { scope: undefined }, { scopes: [] }],
  ['several prompts', { prompt: 'login consent' }, { prompt: new Set(['login', 'consent']) }],
  ['prompt=none', { prompt: 'none' }, { prompt: new Set(['none']) }],
  ['max_age=0', { max_age: '0' }, { max_age: 0 }],
  ['a hint that is too long is none', { login_hint: 'x'.repeat(321) }, { login_hint: undefined }],
  [
    'hints',
    { login_hint: 'a@b.example', domain_hint: 'b.example', ui_locales: 'de en' },
    { login_hint: 'a@b.example', domain_hint: 'b.example', ui_locales: 'de en' },
  ],
  ['acr values in order, each once', { acr_values: 'b a b' }, { acr_values: ['b', 'a'] }],
  [
    'claims by name, unknown ones left out',
    { claims: '{"userinfo":{"email":null,"x":null},"id_token":{"name":{"essential":true}},"other":1}' },
    { claims: { id_token: ['name'], userinfo: ['email'] } },
  ],
  [
    'one person',
    { claims: '{"id_token":{"sub":{"value":"acme:1"}}}' },
    { claims: { id_token: [], userinfo: [], sub: 'acme:1' } },
  ],
  [
    'an essential acr',
    { claims: '{"id_token":{"acr":{"essential":true,"values":["m"]}}}', acr_values: 'n' },
    { acr_values: ['m', 'n'], claims: { id_token: [], userinfo: [], acr: { values: ['m'], essential: true } } },
  ],
  [
    'an acr that is wished for',
    { claims: '{"id_token":{"acr":{"value":"m"}}}' },
    { acr_values: ['m'], claims: { id_token: [], userinfo: [], acr: { values: ['m'], essential: false } } },
  ],
  [
    'members of every object are none',
    { claims: '{"id_token":{"__proto__":null,"constructor":null}}' },
    { claims: { id_token: [], userinfo: [] } },
  ],
  ['a display is ignored', { display: 'popup' }, {}],
  ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }, { code_challenge: undefined }],
] as const)
  test(title, () => {
    const request = parsed(changes)
    assert.deepEqual(request, { ...request, ...want })
  })

for (const [title, changes, reason] of [
  ['no response_type', { response_type: undefined }, 'parameter_missing'],
  ['response_type=token', { response_type: 'token' }, 'response_type_unsupported'],
  ['response_type=none', { response_type: 'none' }, 'response_type_unsupported'],
  ['response_type=code id_token', { response_type: 'code id_token' }, 'response_type_unsupported'],
  ['response_type in upper case', { response_type: 'CODE' }, 'response_type_unsupported'],
  ['a fragment as response', { response_mode: 'fragment' }, 'parameter_unsupported'],
  ['a web message as response', { response_mode: 'web_message' }, 'parameter_unsupported'],
  ['a request object', { request: 'e30.e30.' }, 'request_object_unsupported'],
  ['a request_uri', { request_uri: 'https://app.example/r' }, 'request_uri_unsupported'],
  ['a registration', { registration: '{}' }, 'registration_unsupported'],
  ['PKCE by plain', { code_challenge_method: 'plain' }, 'parameter_unsupported'],
  ['PKCE without a method', { code_challenge_method: undefined }, 'parameter_unsupported'],
  ['a PKCE method alone', { code_challenge: undefined }, 'parameter_unsupported'],
  ['a challenge that is too short', { code_challenge: challenge.slice(1) }, 'parameter_unsupported'],
  ['a challenge that is no base64url', { code_challenge: `${challenge.slice(1)}+` }, 'parameter_unsupported'],
  ['an unknown prompt', { prompt: 'create' }, 'parameter_unsupported'],
  ['prompt=none with another', { prompt: 'none login' }, 'parameter_unsupported'],
  ['a negative max_age', { max_age: '-1' }, 'parameter_unsupported'],
  ['a max_age that is no number', { max_age: '1e3' }, 'parameter_unsupported'],
  ['claims that are no JSON', { claims: '{' }, 'parameter_unsupported'],
  ['claims that are a list', { claims: '[]' }, 'parameter_unsupported'],
  ['claims with a member twice', { claims: '{"userinfo":{},"userinfo":{}}' }, 'parameter_unsupported'],
  ['userinfo claims that are a list', { claims: '{"userinfo":["email"]}' }, 'parameter_unsupported'],
  ['a claim that is text', { claims: '{"userinfo":{"email":"x"}}' }, 'parameter_unsupported'],
  ['an acr that is no text', { claims: '{"id_token":{"acr":{"values":[1]}}}' }, 'parameter_unsupported'],
  ['several persons', { claims: '{"id_token":{"sub":{"values":["a","b"]}}}' }, 'parameter_unsupported'],
] as const)
  test(`${title} is refused`, () => {
    assert.throws(
      () => parsed(changes),
      (error) => error instanceof RefusedError && error.refusal.reason === reason,
    )
  })
