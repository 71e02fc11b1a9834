import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whyUnfit } from '../../lib/login/fitness.ts'
import type { Authentication } from '../../lib/ports.ts'
import { parseAuthorizationRequest } from '../../lib/protocol/authorization-request.ts'
import { parseForm } from '../../lib/protocol/form.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { loginConfiguration, webApp } from './login-policy.ts'

const policy = await toPolicy(loginConfiguration(), 'https://broker.test')
const now = 1_790_000_000
const authentication: Authentication = {
  sid: 'sid',
  issuer_name: 'partner',
  subject: 'ada',
  sub: 'partner:ada',
  claims: { sub: 'ada' },
  hash: 'h',
  identity: {},
  auth_time: now - 100,
  acr: [],
  expires_at: now + 3_600,
}

interface Case {
  asked?: Record<string, string>
  sub?: string
  login?: Partial<Authentication> | { auth_time: undefined }
  fresh?: boolean
}

function reason({ asked = {}, sub, login = {}, fresh = false }: Case): string | undefined {
  const request = parseAuthorizationRequest(
    parseForm(new URLSearchParams({ response_type: 'code', ...asked }).toString()),
  )
  const to = {
    client_id: 'web-app',
    client_name: 'web-app',
    redirect_uri: 'https://app.test/cb',
    response_mode: 'query' as const,
    state: undefined,
  }
  const all = { ...authentication, ...login } as Authentication
  return whyUnfit({ request, client: webApp, to, sub }, all, { fresh, since: now }, policy)?.reason
}

const essential = '{"id_token":{"acr":{"essential":true,"values":["urn:acme:mfa"]}}}'
for (const [title, given, want] of [
  ['a login will do', {}, undefined],
  ['one at an issuer of other clients', { login: { issuer_name: 'other' } }, 'issuer_not_offered'],
  ['one of the person asked for', { sub: 'partner:ada' }, undefined],
  ['one of another person', { sub: 'partner:bob' }, 'another_person'],
  ['prompt=login', { asked: { prompt: 'login' } }, 'login_needed'],
  ['prompt=select_account', { asked: { prompt: 'select_account' } }, 'login_needed'],
  ['max_age=0, in the second of a login', { asked: { max_age: '0' }, login: { auth_time: now } }, 'login_needed'],
  ['prompt=consent', { asked: { prompt: 'consent' } }, undefined],
  ['max_age, at its second', { asked: { max_age: '100' } }, undefined],
  ['max_age, a second after', { asked: { max_age: '99' } }, 'login_too_old'],
  [
    'max_age, of a login of unknown age',
    { asked: { max_age: '99999' }, login: { auth_time: undefined } },
    'login_too_old',
  ],
  ['prompt=login, just done', { asked: { prompt: 'login' }, fresh: true, login: { auth_time: now - 60 } }, undefined],
  [
    'prompt=login, done by a clock that is slow',
    { asked: { prompt: 'login' }, fresh: true, login: { auth_time: now - 61 } },
    'login_too_old',
  ],
  [
    'prompt=login, done at an issuer that says nothing of when',
    { asked: { prompt: 'login' }, fresh: true, login: { auth_time: undefined } },
    'login_too_old',
  ],
  [
    'max_age, done at an issuer that says nothing of when',
    { asked: { max_age: '60' }, fresh: true, login: { auth_time: undefined } },
    'login_too_old',
  ],
  ['max_age, not done', { asked: { max_age: '30' }, fresh: true, login: { auth_time: now - 91 } }, 'login_too_old'],
  ['max_age, done', { asked: { max_age: '30' }, fresh: true, login: { auth_time: now - 90 } }, undefined],
  ['select_account, done', { asked: { prompt: 'select_account' }, fresh: true }, undefined],
  ['an essential acr that is reached', { asked: { claims: essential }, login: { acr: ['urn:acme:mfa'] } }, undefined],
  ['an essential acr that is not', { asked: { claims: essential }, login: { acr: ['urn:acme:pwd'] } }, 'acr_unmet'],
  ['an essential acr that is not, done', { asked: { claims: essential }, fresh: true }, 'acr_unmet'],
  [
    'an essential acr that is not, beside one that is',
    { asked: { claims: essential, acr_values: 'urn:acme:pwd' }, login: { acr: ['urn:acme:pwd'] } },
    'acr_unmet',
  ],
  ['a wished-for acr', { asked: { acr_values: 'urn:acme:mfa' } }, 'login_needed'],
  ['a wished-for acr, done in vain', { asked: { acr_values: 'urn:acme:mfa' }, fresh: true }, undefined],
  ['a wished-for acr, in silence', { asked: { acr_values: 'urn:acme:mfa', prompt: 'none' } }, undefined],
  ['a wished-for acr that nobody knows', { asked: { acr_values: 'urn:x constructor' } }, undefined],
] as const satisfies readonly (readonly [string, Case, string | undefined])[])
  test(`${title}: ${want ?? 'yes'}`, () => assert.equal(reason(given), want))
