import assert from 'node:assert/strict'
import { test } from 'node:test'
import { upstreamLogout } from '../../lib/logout/upstream-logout.ts'
import { confirmLogout, logOut } from '../../lib/logout/log-out.ts'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import { parseForm } from '../../lib/protocol/form.ts'
import { LOGOUT_EVENT } from '../../lib/protocol/urns.ts'
import { loginClient, loginConfiguration, loginIssuer } from '../login/login-policy.ts'
import { loginWorld, type LoginWorld } from '../login/login-world.ts'

const { clients } = loginConfiguration()
const told = loginClient({ backchannel_logout_uri: 'https://app.test/back' })
const framed = loginClient({ frontchannel_logout_uri: 'https://app.test/front' })
const third = loginClient({ backchannel_logout_uri: 'https://app.test/third' })
const world = () => loginWorld({ clients: { ...clients, told, framed, third } })

const sessionOf = ({ stores }: LoginWorld) => [...stores.rows.sessions.values()]
const noticesOf = ({ stores }: LoginWorld) =>
  stores.rows.notices.map(({ client_id, sub, sid }) => ({ client_id, sub, sid }))

async function tell(
  w: LoginWorld,
  claims: Record<string, unknown>,
  path = '/backchannel-logout/partner',
): Promise<string> {
  const token = await w.partner.sign(
    {
      iss: 'https://partner.test',
      aud: 'token-broker',
      sub: 'ada',
      iat: w.time,
      exp: w.time + 120,
      nbf: undefined,
      events: { [LOGOUT_EVENT]: {} },
      ...claims,
    },
    { header: { typ: 'logout+jwt' } },
  )
  try {
    await upstreamLogout(path, parseForm(`logout_token=${token}`), w.context)
    return 'ended'
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    const { refusal } = error
    return refusal.reason === 'logout_token_refused' ? `${refusal.reason} ${refusal.cause.reason}` : refusal.reason
  }
}

test('a session remembers the clients that are to be told, each once, and no others', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  for (const client_id of ['web-app', 'framed', 'told', 'framed']) await browser.authorize({ client_id })
  assert.deepEqual(sessionOf(w)[0]?.clients, ['told', 'framed'])
})

test('there is no code where the session ended before its client was on record', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login()
  w.context.ports.sessions = { ...w.context.ports.sessions, enter: () => Promise.resolve(false) }
  const { line } = await browser.authorize({ client_id: 'told' })
  assert.equal(line, 'client login_needed')
  assert.equal(w.stores.rows.codes.size, 1)
})

test('who logs in again stays in the session, and its clients are told when it ends', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  const [before] = sessionOf(w)
  await browser.login({ client_id: 'third', prompt: 'login' })
  assert.deepEqual(noticesOf(w), [])
  const [after, ...others] = sessionOf(w)
  assert.equal(others.length, 0)
  assert.deepEqual(after?.clients, ['told', 'third'])
  assert.equal(after?.authentication.sid, before?.authentication.sid)
})

test('another person in the same browser ends the session of the one before, and its clients are told', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  const [before] = sessionOf(w)
  w.says = { sub: 'grace' }
  await browser.login({ client_id: 'third', prompt: 'login' })
  assert.deepEqual(noticesOf(w), [{ client_id: 'told', sub: 'partner:ada', sid: before?.authentication.sid }])
  assert.deepEqual(
    sessionOf(w).map(({ authentication, clients: own }) => [authentication.sub, own]),
    [['partner:grace', ['third']]],
  )
})

test('a session stays while its clients cannot be told, so that it can be ended again', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  const { notices } = w.context.ports
  w.context.ports.notices = { send: () => Promise.reject(new UnavailableError('dynamodb', 'down')) }
  const asked = await logOut('', browser.cookies, w.context)
  assert.equal(asked.kind, 'log-out')
  const form = new Map([
    ['proof', [asked.proof]],
    ['decision', ['log-out']],
  ])
  await assert.rejects(confirmLogout(form, browser.cookies, w.context), UnavailableError)
  assert.equal(sessionOf(w).length, 1)
  w.context.ports.notices = notices
  const done = await confirmLogout(form, browser.cookies, w.context)
  assert.equal(done.kind, 'logged-out')
  assert.equal(sessionOf(w).length, 0)
  assert.equal(noticesOf(w).length, 1)
})

for (const [title, spoil] of [
  ['a proof of another request', { request: 'state=1' }],
  ['no proof of this session', { proof: 'x' }],
] as const)
  test(`RFC 9700 section 4.7: ${title} ends nothing`, async () => {
    const w = await world()
    const browser = w.browser()
    await browser.login({ client_id: 'told' })
    const asked = await logOut('', browser.cookies, w.context)
    assert.equal(asked.kind, 'log-out')
    const fields = { request: '', proof: asked.proof, decision: 'log-out', ...spoil }
    const form = new Map(Object.entries(fields).map(([name, value]) => [name, [value]]))
    await assert.rejects(confirmLogout(form, browser.cookies, w.context), { refusal: { reason: 'logout_not_asked' } })
    assert.equal(sessionOf(w).length, 1)
  })

test('a proof that another person’s session had ends nothing of this one', async () => {
  const w = await world()
  const [ada, grace] = [w.browser(), w.browser()]
  await ada.login({ client_id: 'told' })
  w.says = { sub: 'grace' }
  await grace.login({ client_id: 'told' })
  const asked = await logOut('', grace.cookies, w.context)
  assert.equal(asked.kind, 'log-out')
  const form = new Map(Object.entries({ proof: [asked.proof], decision: ['log-out'] }))
  await assert.rejects(confirmLogout(form, ada.cookies, w.context), { refusal: { reason: 'logout_not_asked' } })
  assert.equal(sessionOf(w).length, 2)
})

test('logged out at the issuer: that session of theirs ends in every browser here, and clients are told', async () => {
  const w = await world()
  w.says = { sid: 'upstream-1' }
  const [first, second, other] = [w.browser(), w.browser(), w.browser()]
  await first.login({ client_id: 'told' })
  await second.login({ client_id: 'third' })
  w.says = { sid: 'upstream-2' }
  await other.login({ client_id: 'told' })
  const sids = sessionOf(w).map(({ authentication: { sid } }) => sid)
  assert.equal(await tell(w, { sid: 'upstream-1' }), 'ended')
  assert.deepEqual(noticesOf(w), [
    { client_id: 'told', sub: 'partner:ada', sid: sids[0] },
    { client_id: 'third', sub: 'partner:ada', sid: sids[1] },
  ])
  assert.deepEqual(
    sessionOf(w).map(({ authentication: { claims } }) => claims.sid),
    ['upstream-2'],
  )
  assert.equal((await first.authorize({ client_id: 'told', prompt: 'none' })).line, 'client login_needed')
})

test('the same again has nothing left to end', async () => {
  const w = await world()
  w.says = { sid: 'upstream-1' }
  await w.browser().login({ client_id: 'told' })
  await tell(w, { sid: 'upstream-1' })
  assert.equal(await tell(w, { sid: 'upstream-1' }), 'ended')
  assert.equal(noticesOf(w).length, 1)
})

test('by the issuer’s session alone, and by the person alone', async () => {
  for (const claims of [{ sub: undefined, sid: 'upstream-1' }, { sid: undefined }]) {
    const w = await world()
    w.says = { sid: 'upstream-1' }
    await w.browser().login({ client_id: 'told' })
    assert.equal(await tell(w, claims), 'ended')
    assert.equal(sessionOf(w).length, 0)
  }
})

test('of the person alone: what began after they logged out goes on', async () => {
  const w = await world()
  await w.browser().login()
  const logged_out = w.time + 10
  w.time += 120
  await w.browser().login()
  assert.equal(await tell(w, { iat: logged_out, exp: w.time + 60 }), 'ended')
  assert.deepEqual(
    sessionOf(w).map(({ at }) => at),
    [w.time],
  )
})

test('another person’s session, or one at another issuer, is not ended', async () => {
  const w = await world()
  w.says = { sub: 'grace', sid: 'upstream-1' }
  await w.browser().login()
  assert.equal(await tell(w, { sid: 'upstream-1' }), 'ended')
  assert.equal(await tell(w, { sub: undefined, sid: 'upstream-9' }), 'ended')
  assert.equal(sessionOf(w).length, 1)
})

test('an issuer whose subject is made of more than a logout token says is understood by its session', async () => {
  const subject = [{ claim: ['tid'] }, '/', { claim: ['oid'] }]
  const w = await loginWorld({
    issuers: { partner: loginIssuer('partner', { subject }), other: loginIssuer('other') },
    clients: { ...clients, told },
  })
  w.says = { tid: 't', oid: 'o', sid: 'upstream-1' }
  await w.browser().login({ client_id: 'told' })
  assert.equal(await tell(w, {}), 'ended')
  assert.equal(sessionOf(w).length, 1, 'it does not say who')
  assert.equal(await tell(w, { sid: 'upstream-1' }), 'ended')
  assert.equal(sessionOf(w).length, 0)
})

for (const [title, claims, path, expected] of [
  ['at another issuer’s path', {}, '/backchannel-logout/other', 'logout_token_refused issuer_unknown'],
  ['at the path of no issuer', {}, '/backchannel-logout/nobody', 'logout_issuer_unknown'],
  ['for another client', { aud: 'another' }, undefined, 'logout_token_refused audience_mismatch'],
  ['without its event', { events: {} }, undefined, 'logout_token_refused claim_malformed'],
  ['an ID token', { events: undefined, nonce: 'n' }, undefined, 'logout_token_refused claim_malformed'],
] as const)
  test(`a logout token ${title} ends nothing: ${expected}`, async () => {
    const w = await world()
    await w.browser().login()
    assert.equal(await tell(w, claims, path), expected)
    assert.equal(sessionOf(w).length, 1)
  })

test('nobody comes to a client any more in a session that ends', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  const lines: string[] = []
  w.context.ports.notices = {
    async send(notices, signal) {
      lines.push((await browser.authorize({ client_id: 'third', prompt: 'none' })).line)
      await w.stores.notices.send(notices, signal)
    },
  }
  assert.equal(await tell(w, {}), 'ended')
  assert.deepEqual(lines, ['client login_needed'])
  assert.deepEqual(
    noticesOf(w).map(({ client_id }) => client_id),
    ['told'],
  )
})

test('an index that lags by a client keeps nobody from being told', async () => {
  const w = await world()
  await w.browser().login({ client_id: 'told' })
  w.context.ports.sessions = {
    ...w.stores.sessions,
    async list(...asked) {
      const { sessions } = await w.stores.sessions.list(...asked)
      return { sessions: sessions.map((each) => ({ ...each, clients: [] })) }
    },
  }
  assert.equal(await tell(w, {}), 'ended')
  assert.equal(noticesOf(w).length, 1)
})

test('who comes back to a session that is ended meanwhile gets another: clients hear that it is over', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  const [before] = sessionOf(w)
  w.context.ports.sessions = {
    ...w.stores.sessions,
    async replace(session, signal) {
      await w.stores.sessions.close(session.key, signal)
      return w.stores.sessions.replace(session, signal)
    },
  }
  await browser.login({ client_id: 'third', prompt: 'login' })
  const after = sessionOf(w).find(({ ending }) => !ending)
  assert.notEqual(after?.authentication.sid, before?.authentication.sid)
  assert.deepEqual(after?.clients, ['third'])
})

test('a client that people come to while they log in again goes on with the session', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  const [before] = sessionOf(w)
  let first = true
  w.context.ports.sessions = {
    ...w.stores.sessions,
    async replace(session, signal) {
      if (first) await w.stores.sessions.enter(session.key, 'third', w.time, signal)
      first = false
      return w.stores.sessions.replace(session, signal)
    },
  }
  await browser.login({ prompt: 'login' })
  const [after] = sessionOf(w)
  assert.equal(after?.authentication.sid, before?.authentication.sid)
  assert.deepEqual(after?.clients, ['told', 'third'])
})

for (const store of ['sessions', 'accounts'] as const)
  test(`who logs in again while ${store} cannot be written still has the session, and its clients are told when it ends`, async () => {
    const w = await world()
    const browser = w.browser()
    await browser.login({ client_id: 'told' })
    const { session: cookie } = browser.cookies
    const down = () => Promise.reject(new UnavailableError('dynamodb', 'down'))
    w.context.ports[store] = { ...w.stores[store], record: down } as never
    const { line } = await browser.login({ prompt: 'login' })
    assert.equal(line, 'client unavailable')
    Object.assign(w.context.ports, { sessions: w.stores.sessions, accounts: w.stores.accounts })
    assert.equal(browser.cookies.session, cookie)
    assert.equal((await browser.authorize({ client_id: 'told', prompt: 'none' })).line, 'answer code state iss')
    assert.equal(await tell(w, {}), 'ended')
    assert.ok(noticesOf(w).some(({ client_id }) => client_id === 'told'))
    assert.equal(sessionOf(w).length, 0)
  })

test('the same notice, however often a session is ended', async () => {
  const w = await world()
  await w.browser().login({ client_id: 'told' })
  const { sessions } = w.stores
  let failures = 1
  w.context.ports.sessions = {
    ...sessions,
    end: (key, signal) =>
      failures-- > 0 ? Promise.reject(new UnavailableError('dynamodb', 'down')) : sessions.end(key, signal),
  }
  await assert.rejects(tell(w, {}), UnavailableError)
  assert.equal(await tell(w, {}), 'ended')
  const [first, second] = w.stores.rows.notices
  assert.deepEqual({ ...second, at: 0 }, { ...first, at: 0 })
})

test('a session that was revoked does not go on in the next: its clients are told', async () => {
  const w = await world()
  const browser = w.browser()
  await browser.login({ client_id: 'told' })
  const [before] = sessionOf(w)
  w.time += 10
  w.revoked = [
    { dimension: 'subject', value: 'partner:ada', not_before: w.time - 5, blocked_until: 0, expires_at: w.time + 600 },
  ]
  await browser.login({ client_id: 'web-app' })
  const [after, ...others] = sessionOf(w)
  assert.equal(others.length, 0)
  assert.notEqual(after?.authentication.sid, before?.authentication.sid)
  assert.deepEqual(
    noticesOf(w).map(({ sid }) => sid),
    [before?.authentication.sid],
  )
})

test('a session that cannot be ended stands in no other’s way', async () => {
  const w = await world()
  for (const client_id of ['told', 'web-app', 'web-app']) await w.browser().login({ client_id })
  w.context.ports.notices = {
    send: (all) => (all.length > 0 ? Promise.reject(new UnavailableError('sqs', 'down')) : Promise.resolve()),
  }
  await assert.rejects(tell(w, {}), UnavailableError)
  assert.deepEqual(
    sessionOf(w).map(({ clients: own }) => own),
    [['told']],
  )
})
