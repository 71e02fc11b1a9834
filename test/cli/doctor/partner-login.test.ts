import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toLines } from '../../../cli/doctor/check.ts'
import { checkIssuer } from '../../../cli/doctor/issuer.ts'
import { checkLogin } from '../../../cli/doctor/partner-login.ts'
import { startPartnerIdp } from '../../../local/partner-idp.ts'
import { FetchError } from '../../../lib/http/guarded-fetch.ts'
import { loginIssuer, partnerLogin } from '../../login/login-policy.ts'

const issuer = 'https://partner.test'
const good = {
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  response_types_supported: ['code'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: ['RS256', 'ES256'],
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
  scopes_supported: ['openid', 'profile', 'email'],
}

async function outcomes(changes: Record<string, unknown>, login = partnerLogin): Promise<string[]> {
  const fetch = () => Promise.resolve({ document: { ...good, ...changes }, offset: 0 })
  const checks = await checkLogin(issuer, login, fetch)
  return checks.filter(({ outcome }) => outcome !== 'ok').map(({ check, outcome }) => `${check} ${outcome}`)
}

const bySecret = { ...partnerLogin, auth: { client_secret: 'arn' } }
for (const [title, changes, want, login] of [
  ['all that is needed', {}, []],
  [
    'no lists',
    {
      response_types_supported: undefined,
      token_endpoint_auth_signing_alg_values_supported: undefined,
      scopes_supported: undefined,
    },
    [],
  ],
  ['another issuer', { issuer: 'https://x.test' }, ['login failed']],
  ['no authorization endpoint', { authorization_endpoint: undefined }, ['login failed']],
  ['no token endpoint', { token_endpoint: 1 }, ['login failed']],
  ['no code flow', { response_types_supported: ['id_token'] }, ['login failed']],
  ['no private_key_jwt', { token_endpoint_auth_methods_supported: ['client_secret_post'] }, ['authentication failed']],
  [
    'no methods, which is client_secret_basic',
    { token_endpoint_auth_methods_supported: undefined },
    ['authentication failed'],
  ],
  ['the same, for a secret', { token_endpoint_auth_methods_supported: undefined }, [], bySecret],
  ['no secret', { token_endpoint_auth_methods_supported: ['private_key_jwt'] }, ['authentication failed'], bySecret],
  ['no algorithm of ours', { token_endpoint_auth_signing_alg_values_supported: ['PS256'] }, ['proof failed']],
  ['the same, for a secret', { token_endpoint_auth_signing_alg_values_supported: ['PS256'] }, [], bySecret],
  ['no PKCE', { code_challenge_methods_supported: ['plain'] }, ['PKCE warning']],
  ['no iss', { authorization_response_iss_parameter_supported: 'true' }, ['iss warning']],
  ['no such scope', { scopes_supported: ['openid'] }, ['scopes warning']],
] as const)
  test(`${title}: ${want.join(', ') || 'well'}`, async () => assert.deepEqual(await outcomes(changes, login), want))

test('an issuer that does not answer', async () => {
  const [check, ...others] = await checkLogin(issuer, partnerLogin, () => Promise.reject(new FetchError('ENOTFOUND')))
  assert.deepEqual([check?.outcome, check?.check, others.length], ['failed', 'login', 0])
})

test('the example partner is well', async (t) => {
  const idp = await startPartnerIdp({ broker: () => ({ url: 'http://127.0.0.1:1', issuer: 'http://127.0.0.1:1' }) })
  t.after(() => idp.close())
  const checks = await checkIssuer(loginIssuer('partner', { issuer: idp.url }), [], true)
  const bad = checks.filter(({ outcome }) => outcome === 'failed')
  assert.deepEqual(bad, [], toLines([{ about: 'partner', checks }]).join('\n'))
  assert.ok(checks.some(({ check, outcome }) => check === 'login' && outcome === 'ok'))
})
