import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { IdentityPoolClient, type gaxios, type IdentityPoolClientOptions } from 'google-auth-library'
import { decodeJwt } from 'jose'
import { ID_TOKEN_TYPE, JWT_TYPE } from '../../lib/protocol/urns.ts'
import { blackBox } from '../conformance/broker-fixture.ts'

const box = blackBox()
let directory: string

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'token-broker-google-'))
})
after(() => rmSync(directory, { recursive: true }))

/** The members of a credentials file of type external_account, of which the library makes an IdentityPoolClient. */
function credentials(changes: Partial<IdentityPoolClientOptions>): IdentityPoolClientOptions {
  return {
    type: 'external_account',
    audience: 'deploy-api',
    subject_token_type: JWT_TYPE,
    token_url: `${box.broker.url}/token`,
    ...changes,
  }
}

function client(changes: Partial<IdentityPoolClientOptions>): IdentityPoolClient {
  return new IdentityPoolClient(credentials({ scopes: ['deploy:write'], ...changes }))
}

/** A file as a CI job or a kubelet writes one. */
async function tokenFile(name: string, toText = (token: string) => token): Promise<string> {
  const file = join(directory, name)
  writeFileSync(file, toText(await box.jobToken()))
  return file
}

const jsonFormat = { type: 'json', subject_token_field_name: 'value' } as const

for (const [title, options] of [
  ['a file', async () => ({ credential_source: { file: await tokenFile('text') } })],
  [
    'a file of JSON',
    async () => ({
      credential_source: { file: await tokenFile('json', (value) => JSON.stringify({ value })), format: jsonFormat },
    }),
  ],
  [
    'a URL',
    () => ({
      credential_source: { url: `${box.issuer.url}/token?audience=${encodeURIComponent(box.broker.url)}` },
    }),
  ],
  [
    'a file, as an ID token, for the target’s URI',
    async () => ({
      credential_source: { file: await tokenFile('id') },
      subject_token_type: ID_TOKEN_TYPE,
      audience: 'https://deploy.acme.dev',
    }),
  ],
] as const) {
  test(`an exchange of the token in ${title} is completed, and its token is used until it ends`, async () => {
    const google = client(await options())
    const authorization = (await google.getRequestHeaders()).get('authorization') ?? ''
    assert.match(authorization, /^Bearer /)
    const { sub, aud, scope, exp } = decodeJwt(authorization.slice('Bearer '.length))
    assert.deepEqual([sub, aud], ['github:repo:1234567/987654', 'https://deploy.acme.dev'])
    assert.equal(scope, 'deploy:write')
    assert.ok(Math.abs((google.credentials.expiry_date ?? 0) / 1000 - exp!) < 30)
    assert.equal((await google.getRequestHeaders()).get('authorization'), authorization)
  })
}

/** What it makes of an OAuth error: the code and the description are in the message, the status beside it. */
function understood(code: string, description: RegExp): (error: unknown) => true {
  return (error) => {
    const { message, status, response } = error as gaxios.GaxiosError<{ error: string }>
    assert.ok(message.startsWith(`Error code ${code}: `), message)
    assert.match(message, description)
    assert.deepEqual([status, response?.data.error], [400, code])
    return true
  }
}

test('a replay is an OAuth error with code and description', async () => {
  const credential_source = { file: await tokenFile('replayed') }
  await client({ credential_source }).getAccessToken()
  await assert.rejects(
    client({ credential_source }).getAccessToken(),
    understood('invalid_request', /: the subject token was not accepted \(decision [\w-]{22}\)$/),
  )
})

for (const [title, audience] of [
  ['a target that is not granted', 'billing-api'],
  [
    'an audience of its own platform',
    '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b',
  ],
] as const) {
  test(`${title} is invalid_target`, async () => {
    const credential_source = { file: await tokenFile('target') }
    await assert.rejects(
      client({ credential_source, audience }).getAccessToken(),
      understood('invalid_target', /: no token can be issued for this target \(decision [\w-]{22}\)$/),
    )
  })
}

test('the scope of its own platform, which it asks for where none is named, is invalid_scope', async () => {
  const credential_source = { file: await tokenFile('scope') }
  await assert.rejects(
    new IdentityPoolClient(credentials({ credential_source })).getAccessToken(),
    understood('invalid_scope', /: the scope is wider than what is granted \(decision [\w-]{22}\)$/),
  )
  // Refused before it was spent; an empty list asks for all that is granted.
  const { token } = await client({ credential_source, scopes: [] }).getAccessToken()
  assert.equal(decodeJwt(token ?? '').scope, 'deploy:write')
})
