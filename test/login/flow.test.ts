import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import { loginClient, loginConfiguration, loginIssuer } from './login-policy.ts'
import { grant } from '../trust/policy-fixture.ts'
import { asking, loginWorld, type Step } from './login-world.ts'
import { ourIssuer } from '../tokens/issuer-fixture.ts'

const code = 'answer code state iss'
const parameters = ({ outcome }: Step) => (outcome?.kind === 'answer' ? outcome.parameters : {})
const question = ({ outcome }: Step) => {
  assert.equal(outcome?.kind, 'consent')
  return outcome
}

test('a person logs in at the issuer of the client, and the client gets a code', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const sent = await browser.authorize()
  assert.equal(sent.line, 'redirect')
  const [pending] = world.stores.rows.logins.values()
  assert.equal(pending!.browser, hashOfSecret(browser.cookies.browser!))
  assert.equal(pending!.request, asking())
  assert.ok(!JSON.stringify(pending).includes(browser.cookies.browser!), 'the row would open what it is about')
  const answer = await browser.callback()
  assert.equal(answer.line, code)
  const { code: value, state, iss } = parameters(answer)
  assert.deepEqual({ state, iss }, { state: 'st', iss: ourIssuer })
  const row = world.stores.rows.codes.get(hashOfSecret(value!))!
  assert.equal(row.client_id, 'web-app')
  assert.equal(row.redirect_uri, 'https://app.test/cb')
  assert.equal(row.nonce, 'no')
  assert.deepEqual(row.scopes, ['openid', 'email'])
  assert.equal(row.expires_at, world.time + 60)
  assert.equal(row.authentication.sub, 'partner:ada')
  assert.deepEqual(row.authentication.identity, { email: 'ada@partner.example' })
  assert.equal(world.stores.rows.logins.size, 0, 'one login, one code')
  const [session] = world.stores.rows.sessions.values()
  assert.equal(session!.key, hashOfSecret(browser.cookies.session!))
  assert.deepEqual([...world.stores.rows.accounts.keys()], ['partner:ada'])
})

test('RFC 9700 section 4.7: a second browser cannot finish a login', async () => {
  const world = await loginWorld()
  const [victim, attacker] = [world.browser(), world.browser()]
  await attacker.authorize()
  await victim.authorize()
  const state = world.asked[0]!.binding.state
  assert.equal((await victim.callback({ code: 'theirs', state })).line, 'page browser_mismatch')
  assert.equal((await world.browser().callback({ code: 'theirs', state })).line, 'page browser_mismatch')
  assert.equal(world.stores.rows.sessions.size, 0)
  assert.equal((await attacker.callback({ code: 'theirs', state })).line, code, 'it is still the first one’s')
})

for (const [title, spoil, line] of [
  ['no state', () => '', 'page login_unknown'],
  ['a state of nobody', () => `${'i'.repeat(22)}.partner.${'m'.repeat(43)}`, 'page login_unknown'],
  [
    'RFC 9700 section 4.4: another issuer’s name',
    (state: string) => state.replace('.partner.', '.other.'),
    'page callback_of_another_issuer',
  ],
  ['a proof that is spoilt', (state: string) => `${state.slice(0, -43)}${'m'.repeat(43)}`, 'page browser_mismatch'],
] as const)
  test(`${title} in the callback is refused`, async () => {
    const world = await loginWorld()
    const browser = world.browser()
    await browser.authorize({ client_id: 'two-realms', domain_hint: 'partner' })
    const { state } = world.asked[0]!.binding
    assert.equal((await browser.callback({ code: 'theirs', state: spoil(state) })).line, line)
    assert.equal((await browser.callback()).line, code)
  })

test('RFC 9700 section 4.4.2.2: an answer counts at the path of its issuer alone', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  await browser.authorize({ client_id: 'two-realms', domain_hint: 'partner' })
  const { state } = world.asked[0]!.binding
  for (const path of ['/callback/other', '/callback/partner/', '/callback/PARTNER', '/callback/', '/callback'])
    assert.equal((await browser.callback({ code: 'x', state }, path)).line, 'page callback_of_another_issuer')
  const renamed = state.replace('.partner.', '.other.')
  assert.equal((await browser.callback({ code: 'x', state: renamed }, '/callback/other')).line, 'page browser_mismatch')
  assert.equal((await browser.callback()).line, code)
})

test('a login waits for fifteen minutes', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  await browser.authorize()
  world.time += 15 * 60 - 1
  assert.equal((await browser.callback()).line, code)
  await browser.authorize({ prompt: 'login' })
  world.time += 15 * 60
  assert.equal((await browser.callback()).line, 'page login_unknown')
})

test('two logins at once in one browser both end well', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  await browser.authorize({ state: 'a' })
  const first = browser.cookies.browser
  await browser.authorize({ state: 'b' })
  assert.equal(browser.cookies.browser, first)
  const [a, b] = world.asked.map(({ binding }) => binding.state)
  assert.notEqual(a, b)
  assert.equal(parameters(await browser.callback({ code: 'x', state: b! })).state, 'b')
  // The first one's nonce is asked for again.
  world.asked.push(world.asked[0]!)
  assert.equal(parameters(await browser.callback({ code: 'x', state: a! })).state, 'a')
})

test('a callback that comes again is too late', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  await browser.login()
  assert.equal((await browser.callback()).line, 'page login_unknown')
  assert.equal(world.stores.rows.codes.size, 1)
})

test('whoever is logged in goes on without the issuer, at every client of it', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  assert.equal((await browser.authorize({ prompt: 'none' })).line, 'client login_needed')
  await browser.login()
  assert.equal((await browser.authorize()).line, code)
  assert.equal((await browser.authorize({ prompt: 'none', client_id: 'two-realms' })).line, code)
  assert.equal(world.asked.length, 1)
  assert.equal((await world.browser().authorize({ prompt: 'none' })).line, 'client login_needed')
})

test('prompt=login and select_account ask again, and a new session takes the place of the old one', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  await browser.login()
  const [before] = world.stores.rows.sessions.values()
  assert.equal((await browser.login({ prompt: 'login' })).line, code)
  assert.deepEqual(world.asked.at(-1)!.request, { prompt: 'login', max_age: 0 })
  const [after, ...others] = world.stores.rows.sessions.values()
  assert.deepEqual(others, [])
  assert.notEqual(after!.key, before!.key)
  assert.equal(after!.authentication.sid, before!.authentication.sid, 'clients know it by its sid')
  world.says = { sub: 'bob' }
  await browser.login({ prompt: 'select_account' })
  assert.equal(world.asked.at(-1)!.request.prompt, 'select_account')
  const [bob] = world.stores.rows.sessions.values()
  assert.equal(bob!.authentication.sub, 'partner:bob')
  assert.notEqual(bob!.authentication.sid, after!.authentication.sid)
})

test('what is asked of the login is asked of the issuer', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const asked = { max_age: '60', login_hint: 'ada', ui_locales: 'de', acr_values: 'urn:x urn:acme:mfa' }
  await browser.authorize(asked)
  assert.deepEqual(world.asked[0]!.request, { max_age: 60, login_hint: 'ada', ui_locales: 'de', acr_values: ['mfa'] })
  world.says = { auth_time: world.time, amr: ['pwd', 'mfa', 1], acr: 'x' }
  await browser.callback()
  const [session] = world.stores.rows.sessions.values()
  const { auth_time, acr, amr } = session!.authentication
  assert.deepEqual({ auth_time, acr, amr }, { auth_time: world.time, acr: ['urn:acme:mfa'], amr: ['pwd', 'mfa'] })
})

test('RFC 9470: step-up sends the person back to the issuer once', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  await browser.login()
  assert.equal((await browser.authorize({ acr_values: 'urn:acme:mfa' })).line, 'redirect')
  assert.equal((await browser.callback()).line, code, 'it was only wished for')
  const claims = '{"id_token":{"acr":{"essential":true,"value":"urn:acme:mfa"}}}'
  assert.equal((await browser.login({ claims })).line, 'client acr_unmet')
  world.says = { acr: 'mfa' }
  assert.equal((await browser.login({ claims })).line, code)
  assert.equal((await browser.authorize({ claims, prompt: 'none' })).line, code)
})

test('only the person that is asked for will do', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const claims = '{"id_token":{"sub":{"value":"partner:bob"}}}'
  assert.equal((await browser.login({ claims })).line, 'client another_person')
  assert.equal((await browser.authorize({ claims, prompt: 'none' })).line, 'client login_needed')
  world.says = { sub: 'bob' }
  assert.equal((await browser.login({ claims })).line, code)
})

test('of several issuers the person chooses one, by name or by address', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const { outcome } = await browser.authorize({ client_id: 'two-realms' })
  assert.ok(outcome?.kind === 'choice')
  assert.deepEqual(outcome.issuers, [
    { name: 'partner', display_name: 'Partner Inc.' },
    { name: 'other', display_name: 'Other Ltd.' },
  ])
  const id = outcome.login_id
  assert.equal(world.asked.length, 0)
  assert.equal((await browser.choose({ id, login_hint: 'ada@nowhere.example' })).outcome?.kind, 'choice')
  assert.equal((await browser.choose({ id, login_hint: 'bob@other.example' })).line, 'redirect')
  assert.equal(world.asked.at(-1)!.upstream.name, 'other')
  assert.equal(world.asked.at(-1)!.request.login_hint, 'bob@other.example')
  assert.equal((await browser.choose({ id, issuer: 'farm' })).line, 'client issuer_not_offered')
  assert.equal((await world.browser().choose({ id, issuer: 'partner' })).line, 'page browser_mismatch')
  assert.equal((await browser.choose({ id, issuer: 'partner' })).line, 'redirect')
  assert.equal((await browser.callback()).line, code)
  for (const hint of [{ domain_hint: 'other.example' }, { domain_hint: 'other' }, { login_hint: 'x@other.example' }]) {
    assert.equal((await world.browser().authorize({ client_id: 'two-realms', ...hint })).line, 'redirect')
    assert.equal(world.asked.at(-1)!.upstream.name, 'other')
  }
})

test('a session at an issuer that the client has not is no login there', async () => {
  const world = await loginWorld({
    clients: { 'web-app': loginClient(), apart: loginClient({ issuers: ['other'] }) },
  })
  const browser = world.browser()
  await browser.login()
  assert.equal((await browser.authorize({ client_id: 'apart', prompt: 'none' })).line, 'client login_needed')
  assert.equal((await browser.authorize({ client_id: 'apart' })).line, 'redirect')
  assert.equal(world.asked.at(-1)!.upstream.name, 'other')
})

test('consent is asked for once, for each scope', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const third = { client_id: 'third-party' }
  const asked = question(await browser.login(third))
  assert.deepEqual(asked.scopes, ['openid', 'email'])
  assert.equal(asked.client_name, 'Third Party')
  assert.equal(asked.person, 'ada@partner.example')
  assert.equal((await browser.authorize({ ...third, prompt: 'none' })).line, 'client consent_needed')
  assert.equal((await browser.consent({ id: asked.login_id, proof: asked.proof, decision: 'allow' })).line, code)
  assert.equal((await browser.authorize({ ...third, prompt: 'none' })).line, code)
  assert.equal((await browser.authorize({ ...third, scope: 'openid' })).line, code, 'less than that')
  assert.equal((await browser.authorize({ ...third, scope: 'openid profile' })).line, 'consent')
  assert.equal((await browser.authorize({ ...third, claims: '{"userinfo":{"name":null}}' })).line, 'consent')
  assert.equal((await browser.authorize({ ...third, prompt: 'consent' })).line, 'consent')
  assert.equal((await browser.authorize({ client_id: 'web-app', prompt: 'consent' })).line, 'consent')
  world.says = { sub: 'bob' }
  assert.equal((await world.browser().login(third)).line, 'consent', 'of somebody else')
})

test('RFC 8252 section 8.6: a program on a device is consented to each time, for it may be another', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const native = { client_id: 'third-party', redirect_uri: 'http://127.0.0.1:6666/cb' }
  const { login_id: id, proof } = question(await browser.login(native))
  assert.equal((await browser.consent({ id, proof, decision: 'allow' })).line, code)
  assert.equal((await browser.authorize({ ...native, prompt: 'none' })).line, 'client consent_needed')
  assert.equal((await browser.authorize({ client_id: 'third-party' })).line, code, 'by https it is known who it is')
  assert.equal((await browser.authorize({ ...native, client_id: 'web-app' })).line, code, 'which asks never')
})

test('consent to a scope is none to a target of its name', async () => {
  const { targets, rules } = loginConfiguration()
  const email = { audience: 'https://email.test', scopes: [], lifetime: 900 }
  const world = await loginWorld({
    targets: { ...targets, email },
    rules: rules.map((each) => ({ ...each, clients: ['third-party'], grant: [grant('email')] })),
  })
  world.says = { groups: ['buyers'] }
  const browser = world.browser()
  const { login_id: id, proof } = question(await browser.login({ client_id: 'third-party' }))
  await browser.consent({ id, proof, decision: 'allow' })
  assert.equal((await browser.authorize({ client_id: 'third-party', resource: 'https://email.test' })).line, 'consent')
})

test('an auth_time that is yet to come, or in milliseconds, says nothing', async () => {
  const world = await loginWorld()
  for (const auth_time of [world.time + 61, world.time * 1_000, Number.MAX_SAFE_INTEGER, '1']) {
    world.says = { auth_time }
    assert.equal((await world.browser().login({ max_age: '1' })).line, 'client login_too_old')
  }
})

test('a no is told to the client, and is the end of that login', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const { login_id: id, proof } = question(await browser.login({ client_id: 'third-party' }))
  assert.equal((await browser.consent({ id, proof, decision: 'maybe' })).line, 'client parameter_unsupported')
  assert.equal((await browser.consent({ id, proof, decision: 'deny' })).line, 'client consent_denied')
  assert.equal((await browser.consent({ id, proof, decision: 'allow' })).line, 'page login_unknown')
  assert.equal(world.stores.rows.consents.size, 0)
  assert.equal(world.stores.rows.codes.size, 0)
})

test('a question is shown again to whom it was put, until it is answered', async () => {
  const world = await loginWorld()
  const [browser, attacker] = [world.browser(), world.browser()]
  const asked = question(await browser.login({ client_id: 'third-party', prompt: 'login' }))
  const { login_id: id, proof } = asked
  const { cookies: _, ...same } = asked
  assert.deepEqual(question(await browser.askConsent(id)), same)
  await attacker.login({})
  assert.equal((await attacker.askConsent(id)).line, 'page browser_mismatch')
  assert.equal((await browser.consent({ id, proof, decision: 'allow' })).line, code)
  assert.equal((await browser.askConsent(id)).line, 'page login_unknown')
})

test('a question that was never put is none: the login is at its issuer still', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const pending = () => [...world.stores.rows.logins.keys()].at(-1)!
  await browser.authorize({ client_id: 'third-party' })
  assert.equal((await browser.askConsent(pending())).line, 'redirect', 'nobody has logged in')
  await browser.login({})
  await browser.authorize({ client_id: 'third-party', prompt: 'login' })
  assert.equal((await browser.askConsent(pending())).line, 'redirect', 'nobody has logged in again')
  assert.equal(world.stores.rows.codes.size, 1)
})

test('CSRF on consent: only the page that this browser was shown has the proof', async () => {
  const world = await loginWorld()
  const [browser, attacker] = [world.browser(), world.browser()]
  const { login_id: id, proof } = question(await browser.login({ client_id: 'third-party' }))
  world.says = { sub: 'mallory' }
  const theirs = question(await attacker.login({ client_id: 'third-party' }))
  const allow = { decision: 'allow' }
  assert.equal((await browser.consent({ id, proof: theirs.proof, ...allow })).line, 'page browser_mismatch')
  assert.equal(
    (await browser.consent({ id: theirs.login_id, proof: theirs.proof, ...allow })).line,
    'page browser_mismatch',
  )
  assert.equal((await attacker.consent({ id, proof, ...allow })).line, 'page browser_mismatch')
  // The session of another login in the same browser.
  const session = browser.cookies.session
  await browser.login({ prompt: 'login' })
  assert.equal((await browser.consent({ id, proof, ...allow })).line, 'page browser_mismatch')
  browser.cookies = { ...browser.cookies, session }
  assert.equal((await browser.consent({ id, proof, ...allow })).line, 'page login_unknown', 'that session has ended')
  assert.equal(world.stores.rows.consents.size, 0)
})

test('two answers at once to one question make one code', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const { login_id: id, proof } = question(await browser.login({ client_id: 'third-party' }))
  const steps = await Promise.all(Array.from({ length: 20 }, () => browser.consent({ id, proof, decision: 'allow' })))
  assert.equal(steps.filter(({ line }) => line === code).length, 1)
  assert.equal(steps.filter(({ line }) => line === 'page login_unknown').length, 19)
  assert.equal(world.stores.rows.codes.size, 1)
})

test('a token for a target is what rules grant this person by this client', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  const orders = { scope: 'openid read' }
  assert.equal((await browser.login(orders)).line, 'client no_rule_matches')
  assert.equal((await browser.authorize({ prompt: 'none' })).line, code, 'they have logged in, for what needs no rule')
  world.says = { groups: ['buyers'] }
  assert.equal((await browser.login({ ...orders, prompt: 'login' })).line, code)
  const row = [...world.stores.rows.codes.values()].at(-1)!
  assert.deepEqual(row.target, { resource: [], scope: ['read'] })
  assert.equal((await browser.authorize({ scope: 'openid write' })).line, 'client scope_not_granted')
  assert.equal((await browser.authorize({ resource: 'https://plain.test' })).line, 'client target_not_granted')
  assert.equal((await browser.authorize({ resource: 'https://api.test' })).line, code)
  assert.equal((await browser.authorize({ client_id: 'old-app', scope: 'openid read' })).line, 'client no_rule_matches')
})

test('who does not meet what the issuer requires leaves nothing here', async () => {
  const require = [{ key: 'tid', path: ['tid'], operator: { equals: ['t1'] } }]
  const world = await loginWorld({ issuers: { partner: loginIssuer('partner', { require }) } })
  const browser = world.browser()
  assert.equal((await browser.login()).line, 'client issuer_requirement_failed')
  assert.equal(world.stores.rows.sessions.size + world.stores.rows.accounts.size + world.stores.rows.codes.size, 0)
  world.says = { tid: 't1' }
  assert.equal((await browser.login()).line, code)
})

for (const [title, says, reason] of [
  ['for another audience', { aud: 'somebody-else' }, 'audience_mismatch'],
  ['for us and another', { aud: ['token-broker', 'x'] }, 'claim_malformed'],
  ['that has expired', { iat: 1, exp: 2, nbf: 1 }, 'token_expired'],
  ['of another issuer', { iss: 'https://other.test' }, 'issuer_unknown'],
  ['of ours', { iss: ourIssuer }, 'issuer_unknown'],
  ['without a subject', { sub: '' }, 'claim_malformed'],
] as const)
  test(`an ID token ${title} logs nobody in`, async () => {
    const world = await loginWorld()
    const browser = world.browser()
    world.says = says
    const step = await browser.login()
    assert.equal(step.line, 'upstream upstream_answer_refused')
    const { cause } =
      (step.error as Error).cause instanceof RefusedError
        ? (((step.error as Error).cause as RefusedError).refusal as { cause: { reason: string } })
        : { cause: { reason: '' } }
    assert.equal(cause.reason, reason)
    assert.equal(world.stores.rows.sessions.size, 0)
    world.says = {}
    assert.equal((await browser.callback()).line, code, 'the login may go on')
  })

for (const [title, error, line] of [
  [
    'that says no',
    new RefusedError({ reason: 'upstream_refused', issuer: 'partner', error: 'access_denied' }),
    'upstream upstream_refused',
  ],
  ['that does not answer', new UnavailableError('upstream', 'x'), 'upstream unavailable'],
] as const)
  test(`an issuer ${title} is told of to the person, who may try again`, async () => {
    const world = await loginWorld()
    const browser = world.browser()
    world.fails = error
    assert.equal((await browser.login()).line, line)
    world.fails = undefined
    const [id] = world.stores.rows.logins.keys()
    assert.equal((await browser.choose({ id: id!, issuer: 'partner' })).line, 'redirect')
    assert.equal((await browser.callback()).line, code)
  })

test('/userinfo is asked only for what the ID token lacks, adds to it, and is not needed', async () => {
  const world = await loginWorld({
    issuers: {
      partner: loginIssuer('partner', {}, { claims: { email: { path: ['email'] }, name: { path: ['name'] } } }),
    },
  })
  assert.equal((await world.browser().login()).line, code)
  assert.equal(world.userinfoCalls, 1)
  world.userinfo = { name: 'Ada', email: 'eve@partner.example', sub: 'ada', groups: ['buyers'] }
  assert.equal(
    (await world.browser().login({ scope: 'openid read' })).line,
    'client no_rule_matches',
    'rules read what is signed',
  )
  assert.equal((await world.browser().login()).line, code)
  const { authentication } = [...world.stores.rows.codes.values()].at(-1)!
  assert.deepEqual(authentication.identity, { email: 'ada@partner.example', name: 'Ada' })
  assert.equal(authentication.claims.groups, undefined)
  world.says = { name: 'Ada L.' }
  const calls = world.userinfoCalls
  await world.browser().login()
  assert.equal(world.userinfoCalls, calls)
})

for (const [title, dimension, value, ends] of [
  ['a person', 'subject', 'partner:ada', true],
  ['an issuer', 'issuer', 'partner', true],
  ['everything', 'all', 'all', true],
  ['a client', 'client', 'web-app', false],
] as const)
  test(`revoking ${title} ${ends ? 'ends' : 'does not end'} sessions that are older, and a block lets nobody in`, async () => {
    const world = await loginWorld()
    const browser = world.browser()
    await browser.login()
    const revocation = { dimension, value, blocked_until: 0, expires_at: world.time + 900 }
    world.revoked = [{ ...revocation, not_before: world.time }]
    assert.equal((await browser.authorize({ prompt: 'none' })).line, ends ? 'client login_needed' : code)
    world.revoked = [{ ...revocation, not_before: world.time - 1 }]
    assert.equal((await browser.authorize({ prompt: 'none' })).line, code)
    world.revoked = [{ ...revocation, not_before: 0, blocked_until: world.time + 1 }]
    assert.equal((await browser.authorize()).line, 'client issuance_blocked')
    assert.equal((await world.browser().login()).line, 'client issuance_blocked')
  })

test('a session ends when it was idle, and after a day at the latest', async () => {
  const world = await loginWorld()
  const browser = world.browser()
  await browser.login()
  const began = world.time
  for (const _ of Array.from({ length: 3 })) {
    world.time += 28_799
    const step = await browser.authorize({ prompt: 'none' })
    assert.equal(step.line, world.time - began < 86_400 ? code : 'client login_needed')
  }
  world.time = began + 86_400
  assert.equal((await browser.authorize({ prompt: 'none' })).line, 'client login_needed')
  const idle = world.browser()
  await idle.login()
  world.time += 28_800
  assert.equal((await idle.authorize({ prompt: 'none' })).line, 'client login_needed')
})

for (const [title, changes] of [
  ['no client', { client_id: undefined }],
  ['an unknown client', { client_id: 'nobody' }],
  ['a client named like a member of every object', { client_id: 'constructor' }],
  ['a client without logins', { client_id: 'job' }],
  ['no redirect URI', { redirect_uri: undefined }],
  ['another redirect URI', { redirect_uri: 'https://evil.test/cb' }],
] as const)
  test(`${title}: the person is told, and nobody else`, async () => {
    const world = await loginWorld()
    assert.match((await world.browser().authorize(changes)).line, /^page /)
    assert.equal(world.stores.rows.logins.size, 0)
  })

test('a request that is too large, or repeats where it goes, is for the person; what else it repeats, for the client', async () => {
  const { authorize } = await import('../../lib/login/authorize.ts')
  const world = await loginWorld()
  const none = { browser: undefined, session: undefined }
  const line = (text: string) =>
    authorize(text, none, world.context).then(
      () => 'none',
      (error: Error) => `${error.name} ${((error.cause ?? error) as RefusedError).refusal.reason}`,
    )
  for (const name of ['client_id', 'redirect_uri', 'state', 'response_mode'])
    assert.equal(await line(`${asking({ response_mode: 'query' })}&${name}=x`), 'RefusedError parameter_repeated')
  assert.equal(await line(asking({ login_hint: 'x'.repeat(6_144) })), 'RefusedError request_too_large')
  assert.equal(await line(`${asking()}&scope=x`), 'AnsweredError parameter_repeated')
})

for (const [title, changes, reason] of [
  ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'code_challenge_missing'],
  ['no scope', { scope: undefined }, 'identity_scope_missing'],
  ['a scope without openid', { scope: 'email' }, 'identity_scope_missing'],
  ['a hint that is no ID token', { id_token_hint: 'e30.e30.e30' }, 'id_token_hint_refused'],
  ['a response type of other flows', { response_type: 'token' }, 'response_type_unsupported'],
] as const)
  test(`${title} is told to the client`, async () => {
    const world = await loginWorld()
    const browser = world.browser()
    await browser.login()
    assert.equal((await browser.authorize(changes)).line, `client ${reason}`)
  })

test('a client that need not use PKCE may', async () => {
  const world = await loginWorld()
  const without = { client_id: 'old-app', code_challenge: undefined, code_challenge_method: undefined }
  assert.equal((await world.browser().login(without)).line, code)
  assert.equal([...world.stores.rows.codes.values()][0]!.code_challenge, undefined)
  assert.equal((await world.browser().login({ client_id: 'old-app' })).line, code)
})

test('scopes that a client may not have are left out', async () => {
  const world = await loginWorld()
  await world.browser().login({ scope: 'openid email phone offline_access address' })
  assert.deepEqual([...world.stores.rows.codes.values()][0]!.scopes, ['openid', 'email'])
})
