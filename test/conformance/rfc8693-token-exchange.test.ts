import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startExampleIssuer } from '../../local/example-issuer.ts'
import { blackBox, type Answer } from './broker-fixture.ts'

const box = blackBox()
const access_token = 'urn:ietf:params:oauth:token-type:access_token'
const jwt = 'urn:ietf:params:oauth:token-type:jwt'

/** All but the random id. */
function face({ status, body, headers }: Answer): unknown {
  const id = headers.get('x-decision-id') ?? ''
  assert.match(id, /^[\w-]{22}$/)
  assert.ok(String(body.error_description).endsWith(`(decision ${id})`))
  return [
    status,
    body.error,
    String(body.error_description).replace(id, ''),
    [...headers.keys()].filter((name) => name !== 'date').toSorted(),
  ]
}

test('section 2.2.1: a successful answer has every required member', async () => {
  const { status, body, headers } = await box.exchange()
  assert.equal(status, 200)
  assert.equal(headers.get('content-type'), 'application/json')
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.deepEqual(Object.keys(body).toSorted(), [
    'access_token',
    'expires_in',
    'issued_token_type',
    'scope',
    'token_type',
  ])
  assert.equal(body.issued_token_type, access_token)
  assert.equal(body.token_type, 'Bearer')
  assert.equal(body.expires_in, 900)
  assert.equal(body.scope, 'deploy:write')
})

for (const requested_token_type of [access_token, jwt]) {
  test(`section 2.1: requested_token_type ${requested_token_type} is honoured`, async () => {
    assert.equal((await box.exchange({ requested_token_type })).body.issued_token_type, access_token)
  })
}

for (const [title, fields] of [
  ['section 2.1: subject_token is required', { subject_token: undefined }],
  ['section 2.1: an empty subject_token is absent', { subject_token: '' }],
  ['section 2.1: subject_token_type is required', { subject_token_type: undefined }],
  ['section 2.1: an unknown subject_token_type', { subject_token_type: 'jwt' }],
  ['section 2.1: actor_token_type without actor_token', { actor_token_type: jwt }],
  [
    'section 2.1: a requested_token_type that is not issued',
    { requested_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
  ],
  ['section 2.2.2: a subject_token that is no token', { subject_token: 'not-a-token' }],
] as const) {
  test(`${title} is invalid_request`, async () => {
    const { status, body } = await box.exchange(fields)
    assert.deepEqual([status, body.error], [400, 'invalid_request'])
  })
}

test('section 2.1: audience may be a name or a URI, and may be repeated', async () => {
  for (const audience of ['deploy-api', 'https://deploy.acme.dev'])
    assert.equal((await box.exchange({ audience })).status, 200)
  const fields = new URLSearchParams([
    ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ['subject_token_type', jwt],
    ['subject_token', await box.jobToken()],
    ['audience', 'deploy-api'],
    ['audience', 'https://deploy.acme.dev'],
    ['resource', 'https://deploy.acme.dev'],
  ])
  assert.equal((await box.post(fields.toString())).status, 200)
})

test('section 2.2.2: an unacceptable subject token is invalid_request, one face for every reason', async () => {
  const stranger = await startExampleIssuer()
  try {
    const spent = await box.jobToken()
    await box.exchange({ subject_token: spent })
    const answers = [
      await box.exchange({ subject_token: spent }),
      await box.exchange({ subject_token: 'not-a-token' }),
      await box.exchange({ subject_token: await stranger.sign({ aud: box.broker.url }) }),
      await box.exchange({ subject_token: await stranger.sign({ aud: box.broker.url, iss: box.issuer.url }) }),
      await box.exchange({ subject_token: await box.jobToken({ aud: 'https://github.com/acme' }) }),
      await box.exchange({ subject_token: await box.jobToken({ exp: 1_700_000_000 }) }),
      await box.exchange({ subject_token: await box.jobToken({ event_name: 'pull_request_target' }) }),
      await box.exchange({ subject_token: await box.jobToken({ repository_owner_id: '666' }) }),
      await box.exchange({ subject_token: await box.jobToken({ repository_id: '666' }) }),
      await box.exchange({ subject_token: await box.jobToken({ repository_id: '666' }), audience: 'nope' }),
    ]
    for (const answer of answers) assert.deepEqual(face(answer), face(answers[0]!))
    assert.deepEqual([answers[0]!.status, answers[0]!.body.error], [400, 'invalid_request'])
  } finally {
    await stranger.close()
  }
})

test('section 2.2.2 and RFC 8707 section 2: an unknown and an ungranted target have one face, and leave the token unspent', async () => {
  const subject_token = await box.jobToken()
  const unknown = await box.exchange({ subject_token, audience: 'no-such-api' })
  const ungranted = await box.exchange({ subject_token, audience: 'billing-api' })
  assert.deepEqual([unknown.status, unknown.body.error], [400, 'invalid_target'])
  assert.deepEqual(face(unknown), face(ungranted))
  assert.equal((await box.exchange({ subject_token })).status, 200)
})

test('RFC 6749 section 3.3: a scope wider than granted is invalid_scope and leaves the token unspent', async () => {
  const subject_token = await box.jobToken()
  const { status, body } = await box.exchange({ subject_token, scope: 'deploy:read deploy:write' })
  assert.deepEqual([status, body.error], [400, 'invalid_scope'])
  assert.equal((await box.exchange({ subject_token, scope: 'deploy:write' })).status, 200)
})

test('50 exchanges of one token at once give exactly one token', async () => {
  const subject_token = await box.jobToken()
  const answers = await Promise.all(Array.from({ length: 50 }, () => box.exchange({ subject_token })))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.ok(answers.every(({ status, body }) => status === 200 || (status === 400 && body.error === 'invalid_request')))
})

test('both shapes of a GitHub sub are the same subject', async () => {
  const subs = await Promise.all(
    ['repo:acme/web:environment:production', 'repo:acme@1234567/web@987654:environment:production'].map(async (sub) => {
      const { body } = await box.exchange({ subject_token: await box.jobToken({ sub }) })
      return (
        JSON.parse(Buffer.from(String(body.access_token).split('.')[1]!, 'base64url').toString()) as { sub: string }
      ).sub
    }),
  )
  assert.deepEqual(subs, ['github:repo:1234567/987654', 'github:repo:1234567/987654'])
})
