import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox, verifier, type TokenAnswer } from './login-fixture.ts'

const box = loginBox()
const browser = box.browser()

/** Of alice, who logs in once for all of them. */
async function code(changes: Record<string, string> = {}): Promise<string> {
  return (await box.login(browser, changes)).get('code') ?? assert.fail('no code')
}

const opens = async ({ body }: TokenAnswer): Promise<number> => {
  const headers = { authorization: `Bearer ${String(body.access_token)}` }
  return (await fetch(`${box.broker.url}/userinfo`, { headers })).status
}

const error = ({ status, body }: TokenAnswer) => [status, body.error]
const refused = [400, 'invalid_grant']

test('section 4.1.4: the answer has what the RFC asks for, and is kept by nobody', async () => {
  const { status, headers, body } = await box.redeem(await code())
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body).toSorted(), ['access_token', 'expires_in', 'id_token', 'scope', 'token_type'])
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(headers.get('content-type'), 'application/json')
  const { jti } = decodeJwt(String(body.access_token))
  assert.equal(jti, headers.get('x-decision-id'))
})

for (const [title, fields, want] of [
  ['no code', { code: undefined }, [400, 'invalid_request']],
  ['an empty code', { code: '' }, [400, 'invalid_request']],
  ['a code of nobody', { code: 'x'.repeat(43) }, refused],
  ['a code that is no code of ours in form either', { code: 'x' }, refused],
  ['no redirect_uri', { redirect_uri: undefined }, [400, 'invalid_request']],
  ['another redirect_uri of the same client', { redirect_uri: 'with' }, refused],
  ['a redirect_uri with a slash more', { redirect_uri: 'slash' }, refused],
  ['RFC 7636 section 4.6: no code_verifier', { code_verifier: undefined }, refused],
  ['RFC 7636 section 4.6: another code_verifier', { code_verifier: 'w'.repeat(43) }, refused],
  ['RFC 7636 section 4.1: a code_verifier of 129 characters', { code_verifier: 'w'.repeat(129) }, refused],
  ['the code of another client', { client_id: 'second-app' }, refused],
  ['no client', { client_id: undefined }, [401, 'invalid_client']],
  ['an unknown client', { client_id: 'nobody' }, [401, 'invalid_client']],
  ['a confidential client that only gives its name', { client_id: 'confidential' }, [401, 'invalid_client']],
  ['a client that trades no codes', { client_id: 'job' }, [400, 'unauthorized_client']],
  [
    'RFC 8707 section 2.2: a resource that was not asked for',
    { resource: 'https://orders.acme.dev' },
    [400, 'invalid_target'],
  ],
] as const)
  test(`section 4.1.3: ${title} is refused, and the code is still good`, async () => {
    const good = await code()
    const paths = { with: `${box.app.url}/with?tenant=1`, slash: `${box.app.url}/cb/` }
    const uri = 'redirect_uri' in fields ? fields.redirect_uri : undefined
    const spoilt = uri === undefined ? fields : { redirect_uri: paths[uri] }
    const answer = await box.redeem('code' in fields ? null : good, { ...fields, ...spoilt })
    assert.deepEqual(error(answer), want)
    assert.match(String(answer.body.error_description), /\(decision [\w-]{22}\)$/)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.equal((await box.redeem(good)).status, 200)
  })

test('what is wrong with a code is not told', async () => {
  const phrase = ({ body, headers }: TokenAnswer) =>
    String(body.error_description).replace(headers.get('x-decision-id') ?? '', '')
  const used = await code()
  await box.redeem(used)
  const phrases = [
    await box.redeem('x'.repeat(43)),
    await box.redeem(await code(), { code_verifier: 'w'.repeat(43) }),
    await box.redeem(await code(), { client_id: 'second-app' }),
    await box.redeem(used),
  ].map(phrase)
  assert.equal(new Set(phrases).size, 1, phrases.join('\n'))
})

test('a parameter twice, or in the URL, is refused', async () => {
  const good = await code()
  const fields = { grant_type: 'authorization_code', client_id: 'web-app', redirect_uri: `${box.app.url}/cb` }
  const form = new URLSearchParams({ ...fields, code: good, code_verifier: verifier })
  const twice = new URLSearchParams(form)
  twice.append('code', good)
  for (const [url, body] of [
    ['/token', twice],
    [`/token?code=${good}`, form],
  ] as const) {
    const response = await fetch(box.broker.url + url, { method: 'POST', body })
    assert.equal(response.status, 400)
    assert.equal(((await response.json()) as { error: string }).error, 'invalid_request')
  }
  assert.equal((await box.redeem(good)).status, 200)
})

test('section 4.1.2: a code that comes again is refused, and takes back what it brought', async () => {
  const good = await code()
  const [first, other] = [await box.redeem(good), await box.tokens({}, browser)]
  assert.equal(await opens(first), 200)
  assert.deepEqual(error(await box.redeem(good)), refused)
  assert.equal(await opens(first), 401)
  assert.equal(await opens(other), 200, 'and nothing else')
})

for (const [title, fields] of [
  ['without its proof', { code_verifier: 'w'.repeat(43) }],
  ['from another client', { client_id: 'second-app' }],
  ['for another redirect URI', { redirect_uri: 'https://app.test/cb' }],
] as const)
  test(`a used code that comes ${title} takes back nothing`, async () => {
    const good = await code()
    const first = await box.redeem(good)
    assert.deepEqual(error(await box.redeem(good, fields)), refused)
    assert.equal(await opens(first), 200)
  })

test('section 10.5: of twenty at once one is answered with tokens', async () => {
  const good = await code()
  const answers = await Promise.all(Array.from({ length: 20 }, () => box.redeem(good)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200)) assert.deepEqual(error(answer), refused)
})

test('RFC 9700 section 2.1.1: where no challenge was sent, a verifier is no proof', async () => {
  const plain = { client_id: 'confidential', code_challenge: undefined, code_challenge_method: undefined }
  const redeem = async (code_verifier: string | undefined) => {
    const good = (await box.login(browser, plain)).get('code')
    const headers = { authorization: basicAuthorization('confidential', clientSecret) }
    return box.redeem(good, { client_id: undefined, code_verifier }, headers)
  }
  assert.equal((await redeem(undefined)).status, 200)
  assert.deepEqual(error(await redeem(verifier)), refused)
})

test('a confidential client authenticates, by header or form', async () => {
  const proofs = [
    { headers: { authorization: basicAuthorization('confidential', clientSecret) }, fields: { client_id: undefined } },
    { headers: {}, fields: { client_id: 'confidential', client_secret: clientSecret } },
  ]
  for (const { headers, fields } of proofs)
    assert.equal((await box.redeem(await code({ client_id: 'confidential' }), fields, headers)).status, 200)
  const wrong = { client_id: 'confidential', client_secret: `${clientSecret}x` }
  const good = await code({ client_id: 'confidential' })
  assert.deepEqual(error(await box.redeem(good, wrong)), [401, 'invalid_client'])
  assert.equal((await box.redeem(good, proofs[1]!.fields)).status, 200)
})

test('RFC 8707: an access token for what was asked for, and an ID token that says who it is', async () => {
  for (const resource of [undefined, 'https://orders.acme.dev']) {
    const good = await code({ scope: 'openid email orders:read', resource: 'https://orders.acme.dev' })
    const { body } = await box.redeem(good, { resource })
    const { aud, scope } = decodeJwt(String(body.access_token))
    assert.deepEqual({ aud, scope }, { aud: 'https://orders.acme.dev', scope: 'orders:read' })
    assert.equal(body.scope, 'openid email orders:read')
    assert.equal(decodeJwt(String(body.id_token)).email, 'alice@partner.example')
  }
})

test('OpenID Connect Core section 3.1.3.3: no ID token without openid', async () => {
  const { status, body } = await box.redeem(await code({ scope: 'orders:read' }))
  assert.equal(status, 200)
  assert.equal(body.id_token, undefined)
  assert.equal(decodeJwt(String(body.access_token)).aud, 'https://orders.acme.dev')
})

test('OpenID Connect Core section 11: offline_access is asked for in vain', async () => {
  const { body } = await box.redeem(await code({ scope: 'openid offline_access' }))
  assert.equal(body.scope, 'openid')
  assert.equal(body.refresh_token, undefined)
})
