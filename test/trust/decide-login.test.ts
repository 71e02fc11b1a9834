import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identityScopes, type IdentityScope } from '../../lib/protocol/identity.ts'
import { decideLogin, type LoginRequest } from '../../lib/trust/decide-login.ts'
import type { Configuration, Issuer } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { loginClient, loginConfiguration, loginIssuer } from '../login/login-policy.ts'
import { ourIssuer } from '../tokens/issuer-fixture.ts'
import { equals, subject } from './policy-fixture.ts'

const ada = { iss: 'https://partner.test', sub: 'ada', tid: 't1' }

async function decided(
  request: Partial<Omit<LoginRequest, 'subject'>> = {},
  { claims = ada, issuer = 'partner', ...changes }: Partial<Configuration> & { claims?: object; issuer?: string } = {},
) {
  const configured = loginConfiguration(changes)
  const policy = await toPolicy(configured, ourIssuer)
  const of = subject({ ...claims }, configured.issuers[issuer])
  return decideLogin({ client_id: 'web-app', scopes: ['openid'], ...request, subject: of }, policy)
}

const scopesOf = async (...of: Parameters<typeof decided>) => {
  const decision = await decided(...of)
  return 'granted' in decision ? decision.granted.scopes : assert.fail(decision.refused.reason)
}

test('a login grants a token for /userinfo and nothing else', async () => {
  assert.deepEqual(await decided({ scopes: ['openid', 'email'] }), {
    granted: {
      target: 'openid:userinfo',
      audience: `${ourIssuer}/userinfo`,
      rules: [],
      scopes: ['openid', 'email'],
      claims: {},
      lifetime: 900,
      expires_with_subject: false,
      alg: 'RS256',
    },
  })
})

test('the algorithm is the one that the client is registered with', async () => {
  const clients = { 'web-app': loginClient({ id_token_signed_response_alg: 'ES256' }) }
  const decision = await decided({}, { clients })
  assert.equal('granted' in decision && decision.granted.alg, 'ES256')
})

for (const [title, scopes, want] of [
  ['all that it may have', ['openid', 'profile', 'email'], ['openid', 'profile', 'email']],
  ['less than it may have', ['openid'], ['openid']],
  ['in the order of the request', ['email', 'openid'], ['email', 'openid']],
  ['more than it may have', ['openid', 'phone', 'address'], ['openid']],
  ['none', [], []],
  ['only what it may not have', ['phone'], []],
] as const satisfies readonly (readonly [string, readonly IdentityScope[], readonly IdentityScope[]])[])
  test(`RFC 6749 section 3.3: a client that asks for ${title} gets ${want.join(' ') || 'nothing'}`, async () => {
    assert.deepEqual(await scopesOf({ scopes }), want)
  })

test('OpenID Connect Core section 11: offline_access comes to nothing without the grant that it is for', async () => {
  const clients = { 'web-app': loginClient({ scopes: identityScopes }) }
  const all = identityScopes.filter((scope) => scope !== 'offline_access')
  assert.deepEqual(await scopesOf({ scopes: identityScopes }, { clients }), all)
})

test('and of a client that may refresh tokens it is that client’s, where it may have it', async () => {
  const grants = ['authorization_code', 'refresh_token']
  const asked = { scopes: ['openid', 'offline_access'] } as const
  const may = { 'web-app': loginClient({ scopes: identityScopes }, { grants }) }
  assert.deepEqual(await scopesOf(asked, { clients: may }), asked.scopes)
  const mayNot = { 'web-app': loginClient({ scopes: ['openid'] }, { grants }) }
  assert.deepEqual(await scopesOf(asked, { clients: mayNot }), ['openid'])
})

test('each of several issuers of a client will do', async () => {
  for (const issuer of ['partner', 'other'])
    assert.deepEqual(await scopesOf({ client_id: 'two-realms' }, { issuer }), ['openid'])
})

const requiring = (...require: Issuer['require']) => ({ issuers: { partner: loginIssuer('partner', { require }) } })
test('who meets all that the issuer requires is let in', async () => {
  assert.deepEqual(await scopesOf({}, requiring(equals('tid', 't1', 't2'), equals('sub', 'ada'))), ['openid'])
})

for (const [title, request, of, refused] of [
  [
    'no client',
    { client_id: 'nobody' },
    {},
    {
      reason: 'client_without_login',
      client_id: 'nobody',
    },
  ],
  [
    'a client that is named like a member of every object',
    { client_id: 'constructor' },
    {},
    { reason: 'client_without_login', client_id: 'constructor' },
  ],
  ['a client to which nobody logs in', { client_id: 'job' }, {}, { reason: 'client_without_login', client_id: 'job' }],
  [
    'a client that does not name the issuer',
    {},
    { issuer: 'other' },
    { reason: 'issuer_not_offered', client_id: 'web-app', issuer: 'other' },
  ],
  [
    'a person who lacks what the issuer requires',
    {},
    requiring(equals('tid', 't2')),
    { reason: 'issuer_requirement_failed', claim: 'tid' },
  ],
  [
    'a person who meets only the first of two',
    {},
    requiring(equals('tid', 't1'), equals('groups', 'buyers')),
    { reason: 'issuer_requirement_failed', claim: 'groups' },
  ],
] as const)
  test(`${title} is refused`, async () => {
    assert.deepEqual(await decided(request, of), { refused })
  })

test('no rule is asked: what opens a target is another question', async () => {
  assert.deepEqual(await scopesOf({}, { rules: [] }), ['openid'])
})
