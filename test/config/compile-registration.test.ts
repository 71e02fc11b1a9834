import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import { ConfigurationError, type Finding } from '../../lib/config/findings.ts'
import { hasLogins, toMetadataConfiguration } from '../../lib/trust/configuration.ts'
import { loginFile } from './login-file.ts'

const now = Date.parse('2026-11-24T12:00:00Z') / 1000
const sha256 = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'

const least = `registration:
  initial_access_tokens: { sha256: [${sha256}] }
  redirect_hosts: [app.test]
  login: [partner]
`

function findingsIn(text: string): readonly Finding[] {
  try {
    return compile(text, 'broker.yaml', { now }).findings
  } catch (error) {
    if (error instanceof ConfigurationError) return error.findings
    throw error
  }
}

test('what is left out of registration is the strictest', () => {
  const { configuration, findings } = compile(loginFile + least, 'broker.yaml', { now })
  assert.deepEqual(findings, [])
  assert.deepEqual(configuration.registration, {
    initial_access_tokens: { sha256: [sha256] },
    redirect_hosts: ['app.test'],
    grants: ['authorization_code'],
    auth: ['none', 'private_key_jwt'],
    issuers: ['partner'],
    scopes: ['openid'],
    require_pkce: true,
    token_endpoint_audience: false,
    lifetime: 30 * 86_400,
    limit: 20,
  })
  assert.equal(compile(loginFile, 'broker.yaml', { now }).configuration.registration, undefined)
})

test('all that may be said, and an issuer with instances stands for each', () => {
  const whole = least.replace('[partner]', '[partner, staff]').replace('[app.test]', '["*.preview.app.test", "[::1]"]')
  const text = `${loginFile}${whole}  grants: [refresh_token, authorization_code, refresh_token]
  auth: [client_secret_basic, none]
  scopes: [openid, email, offline_access, email]
  require_pkce: false
  lifetime: 12h
  limit: 3
`
  const { configuration, findings } = compile(text, 'broker.yaml', { now })
  assert.deepEqual(findings, [])
  assert.deepEqual(configuration.registration, {
    initial_access_tokens: { sha256: [sha256] },
    redirect_hosts: ['*.preview.app.test', '[::1]'],
    grants: ['refresh_token', 'authorization_code'],
    auth: ['client_secret_basic', 'none'],
    issuers: ['partner', 'staff/eu', 'staff/us'],
    scopes: ['openid', 'email', 'offline_access'],
    require_pkce: false,
    token_endpoint_audience: false,
    lifetime: 12 * 3_600,
    limit: 3,
  })
})

test('where clients may register, people log in, also when the file names no client', () => {
  const alone = `${loginFile.replace(/^clients:\n(?: .*\n)+/m, '').replace(/^rules:\n(?: .*\n)+/m, 'rules: {}\n')}${least}`
  const { configuration } = compile(alone, 'broker.yaml', { now })
  assert.deepEqual(configuration.clients, {})
  assert.equal(hasLogins(configuration), true)
  assert.notEqual(toMetadataConfiguration(configuration).authorization, undefined)
})

for (const [title, from, to, place, rule] of [
  ['a host with a scheme', '[app.test]', '[https://app.test]', [3, 20], 'registration'],
  ['an issuer that is not there', '[partner]', '[nobody]', [4, 10], 'unknown-reference'],
  ['a token instead of its hash', sha256, 'secret', [2, 37], 'invalid-value'],
  ['a limit of half a client', '  login', '  limit: 1.5\n  login', [4, 10], 'wrong-type'],
] as const)
  test(`${title} is found where it stands`, () => {
    const lines = loginFile.split('\n').length - 1
    const [finding] = findingsIn(loginFile + least.replace(from, to))
    assert.deepEqual([finding?.rule, finding?.line, finding?.column], [rule, lines + place[0], place[1]])
  })
