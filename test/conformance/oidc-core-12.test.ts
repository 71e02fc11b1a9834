import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { basicAuthorization } from './client-fixture.ts'
import { clientSecret, loginBox, withRefreshing, type TokenAnswer } from './login-fixture.ts'

const box = loginBox(withRefreshing)
const browser = box.browser()
const scope = 'openid email offline_access'

/** Of alice, who logs in once for all of them. */
async function loggedIn(changes: Record<string, string> = {}): Promise<TokenAnswer> {
  const answer = await box.tokens({ scope, ...changes }, browser)
  assert.equal(answer.status, 200)
  return answer
}

const opens = async ({ body }: TokenAnswer): Promise<boolean> => {
  const headers = { authorization: `Bearer ${String(body.access_token)}` }
  return (await fetch(`${box.broker.url}/userinfo`, { headers })).status === 200
}
const error = ({ status, body }: TokenAnswer) => [status, body.error]
const refused = [400, 'invalid_grant']
const revoke = (fields: Record<string, string>) =>
  fetch(`${box.broker.url}/revoke`, { method: 'POST', body: new URLSearchParams({ client_id: 'web-app', ...fields }) })

test('section 12.1: a refresh token comes of offline_access, and brings all anew', async () => {
  const first = await loggedIn()
  assert.equal(first.body.scope, scope)
  const { status, headers, body } = await box.refresh(first.body.refresh_token)
  assert.equal(status, 200)
  assert.equal(headers.get('cache-control'), 'no-store')
  const names = ['access_token', 'expires_in', 'id_token', 'refresh_token', 'scope', 'token_type']
  assert.deepEqual(Object.keys(body).toSorted(), names)
  assert.equal(body.scope, scope)
  assert.notEqual(body.refresh_token, first.body.refresh_token)
  assert.ok(await opens({ status, headers, body }))
  assert.ok(await opens(first), 'the ones before live on')
})

test('section 12.2: what its ID token says', async () => {
  const first = await loggedIn()
  const [before, after] = [first, await box.refresh(first.body.refresh_token)].map(({ body }) =>
    decodeJwt(String(body.id_token)),
  )
  for (const claim of ['iss', 'sub', 'aud', 'auth_time', 'sid', 'acr', 'amr', 'azp'])
    assert.deepEqual(after?.[claim], before?.[claim], claim)
  assert.equal(before?.nonce, 'the-nonce')
  assert.equal(after?.nonce, undefined)
  assert.ok(Number(after?.iat) >= Number(before?.iat))
  assert.notEqual(after?.jti, before?.jti)
})

for (const [title, fields, want] of [
  ['no refresh token', { refresh_token: undefined }, [400, 'invalid_request']],
  ['a refresh token of nobody', { refresh_token: `x.${'x'.repeat(22)}.${'x'.repeat(43)}` }, refused],
  ['a refresh token of another form', { refresh_token: 'x' }, refused],
  ['that of another client', { client_id: 'second-app' }, refused],
  ['no client', { client_id: undefined }, [401, 'invalid_client']],
  ['a confidential client by its name', { client_id: 'confidential' }, [401, 'invalid_client']],
  ['a client that may not', { client_id: 'job' }, [400, 'unauthorized_client']],
  ['RFC 6749 section 6: more scope', { scope: 'openid profile' }, [400, 'invalid_scope']],
  ['RFC 8707 section 2: another resource', { resource: 'https://orders.acme.dev' }, [400, 'invalid_target']],
] as const)
  test(`${title} is refused, and the refresh token is still good`, async () => {
    const { body } = await loggedIn()
    const answer = await box.refresh(body.refresh_token, fields)
    assert.deepEqual(error(answer), want)
    assert.match(String(answer.body.error_description), /\(decision [\w-]{22}\)$/)
    assert.equal((await box.refresh(body.refresh_token)).status, 200)
  })

test('what is wrong with a refresh token is not told', async () => {
  const phrase = ({ body, headers }: TokenAnswer) =>
    String(body.error_description).replace(headers.get('x-decision-id') ?? '', '')
  const { body } = await loggedIn()
  const phrases = [
    await box.refresh(`x.${'x'.repeat(22)}.${'x'.repeat(43)}`),
    await box.refresh(body.refresh_token, { client_id: 'second-app' }),
  ].map(phrase)
  assert.equal(new Set(phrases).size, 1, phrases.join('\n'))
})

test('RFC 6749 section 6: less scope, and then all again', async () => {
  const first = await loggedIn({ scope: 'openid email offline_access orders:read' })
  const less = await box.refresh(first.body.refresh_token, {
    scope: 'orders:read',
    resource: 'https://orders.acme.dev',
  })
  assert.equal(less.body.scope, 'orders:read')
  assert.equal(less.body.id_token, undefined)
  assert.equal(decodeJwt(String(less.body.access_token)).aud, 'https://orders.acme.dev')
  const all = await box.refresh(less.body.refresh_token)
  assert.equal(all.body.scope, 'openid email offline_access orders:read')
})

test('an answer that was lost is had again', async () => {
  const { body } = await loggedIn()
  const [lost, again] = [await box.refresh(body.refresh_token), await box.refresh(body.refresh_token)]
  assert.equal(again.status, 200)
  assert.equal(again.body.refresh_token, lost.body.refresh_token)
  assert.equal((await box.refresh(again.body.refresh_token)).status, 200)
})

test('RFC 9700 section 4.14.2: of fifty at once all have the same next one, and it is good', async () => {
  const { body } = await loggedIn()
  const answers = await Promise.all(Array.from({ length: 50 }, () => box.refresh(body.refresh_token)))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  const next = [...new Set(answers.map((answer) => answer.body.refresh_token))]
  assert.equal(next.length, 1)
  assert.equal(new Set(answers.map((answer) => answer.body.access_token)).size, 50)
  assert.equal((await box.refresh(next[0])).status, 200)
})

test('RFC 9700 section 4.14.2: one that was used before the last takes back all that came of the login, and nothing else', async () => {
  const [first, other] = [await loggedIn(), await loggedIn()]
  const second = await box.refresh(first.body.refresh_token)
  const third = await box.refresh(second.body.refresh_token)
  assert.deepEqual(error(await box.refresh(first.body.refresh_token)), refused)
  for (const each of [first, second, third]) assert.equal(await opens(each), false)
  assert.deepEqual(error(await box.refresh(third.body.refresh_token)), refused)
  assert.ok(await opens(other))
  assert.equal((await box.refresh(other.body.refresh_token)).status, 200)
})

test('a used one from another client takes back all too, and one that is not used nothing', async () => {
  const first = await loggedIn()
  const stolen = { client_id: 'second-app' }
  assert.deepEqual(error(await box.refresh(first.body.refresh_token, stolen)), refused)
  const second = await box.refresh(first.body.refresh_token)
  assert.deepEqual(error(await box.refresh(first.body.refresh_token, stolen)), refused)
  assert.deepEqual([await opens(first), await opens(second)], [false, false])
  assert.deepEqual(error(await box.refresh(second.body.refresh_token)), refused)
})

test('RFC 6749 section 4.1.2: a code that comes again takes back what it was refreshed by', async () => {
  const code = (await box.login(browser, { scope })).get('code')
  const first = await box.redeem(code)
  const second = await box.refresh(first.body.refresh_token)
  assert.deepEqual(error(await box.redeem(code)), refused)
  assert.deepEqual([await opens(first), await opens(second)], [false, false])
  assert.deepEqual(error(await box.refresh(second.body.refresh_token)), refused)
})

for (const token_type_hint of ['refresh_token', 'access_token', undefined])
  test(`RFC 7009 section 2.1: revoked, with its access tokens: hint ${token_type_hint ?? 'none'}`, async () => {
    const first = await loggedIn()
    const second = await box.refresh(first.body.refresh_token)
    const token = String(second.body.refresh_token)
    assert.equal((await revoke({ token, client_id: 'second-app' })).status, 400)
    assert.ok(await opens(second))
    const hint = token_type_hint === undefined ? {} : { token_type_hint }
    for (let i = 0; i < 2; i++) assert.equal((await revoke({ token, ...hint })).status, 200)
    assert.deepEqual([await opens(first), await opens(second)], [false, false])
    assert.deepEqual(error(await box.refresh(token)), refused)
  })

test('RFC 7009 section 2.1: an access token is revoked by itself, also the first', async () => {
  const first = await loggedIn()
  assert.equal((await revoke({ token: String(first.body.access_token) })).status, 200)
  assert.equal(await opens(first), false)
  const second = await box.refresh(first.body.refresh_token)
  assert.ok(await opens(second))
})

test('a confidential client authenticates at each refresh', async () => {
  const headers = { authorization: basicAuthorization('confidential', clientSecret) }
  const code = (await box.login(browser, { client_id: 'confidential', scope })).get('code')
  const first = await box.redeem(code, { client_id: undefined }, headers)
  const wrong = { authorization: basicAuthorization('confidential', 'wrong') }
  const refresh = (given: Record<string, string>) =>
    box.refresh(first.body.refresh_token, { client_id: undefined }, given)
  assert.deepEqual(error(await refresh(wrong)), [401, 'invalid_client'])
  assert.equal((await refresh(headers)).status, 200)
})

test('a third party has what the person consented to', async () => {
  const own = box.browser()
  await box.login(own, { client_id: 'third-party', scope })
  assert.match(own.page.text, /stay connected while you are away/)
  await own.click('consent-allow')
  const third = { client_id: 'third-party' }
  const first = await box.redeem(box.app.arrived.get('code'), third)
  assert.equal((await box.refresh(first.body.refresh_token, third)).status, 200)
})
