import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manageRevocations, type RevocationContext } from '../../lib/grants/manage-revocations.ts'
import type { EndedLogins } from '../../lib/grants/end-logins.ts'
import type { RevocationEntry, RevocationRecord } from '../../lib/ports.ts'
import { OperatorRequestError } from '../../lib/protocol/operator-request.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { authentication, family, session } from '../contracts/kept.ts'
import { now as then } from '../contracts/receipt.ts'
import { loginClient, loginConfiguration } from '../login/login-policy.ts'
import { memoryStores } from '../login/memory-stores.ts'

const signal = new AbortController().signal
const ada = 'partner:ada'

/** An operator's endpoint over what people keep, with a register in memory. */
function world(revoked: Partial<RevocationRecord> | undefined = { not_before: then + 2 }) {
  const stores = memoryStores()
  const records: RevocationEntry[] = []
  const record = revoked && {
    id: 'r',
    dimension: 'subject' as const,
    value: ada,
    not_before: 0,
    blocked_until: 0,
    reason: 'test',
    by: 'ana',
    at: then,
    expires_at: then + 86_400,
    ...revoked,
  }
  const context: RevocationContext = {
    configuration: loginConfiguration({
      clients: { told: loginClient({ backchannel_logout_uri: 'https://app.test/back' }), silent: loginClient() },
    }),
    kids: [],
    ports: {
      now: () => then,
      log: { info() {}, warn() {}, error() {} },
      register: {
        revoke(entry) {
          records.push(entry)
          return Promise.resolve({ ...entry, id: 'f' })
        },
        find: () => Promise.resolve(record),
        lift: () => assert.fail(),
        list: () => assert.fail(),
      },
      receipts: { count: () => assert.fail() },
    },
    logins: stores,
    by: 'ana',
    decision_id: 'd',
    signal,
  }
  const end = async (body: object = {}) => {
    const asked = { operation: 'end', dimension: 'subject', value: ada, ...body }
    const answer = await manageRevocations(JSON.stringify(asked), context)
    return 'ended' in answer ? answer.ended : assert.fail()
  }
  /** As the command line does. */
  const endAll = async () => {
    const total = { sessions: 0, families: 0, told: 0 }
    let after: string | undefined
    do {
      const { next, ...ended }: EndedLogins = await end(after === undefined ? {} : { after })
      total.sessions += ended.sessions
      total.families += ended.families
      total.told += ended.told
      after = next
    } while (after !== undefined)
    return total
  }
  return { stores, records, context, end, endAll }
}

const of = (sub: string) => ({ authentication: authentication({ sub }) })

test('a person who is revoked has no session and no refresh token left, and clients are told', async () => {
  const { stores, records, endAll } = world()
  const one = session({ ...of(ada), clients: ['told', 'silent', 'reg.0123456789012345678901'] })
  await stores.sessions.record(one, signal)
  await stores.sessions.record(session(of(ada)), signal)
  const kept = session({ ...of('partner:grace'), clients: ['told'] })
  await stores.sessions.record(kept, signal)
  const theirs = family(of(ada))
  await stores.families.record(theirs, signal)
  await stores.families.record(family(of('partner:grace')), signal)
  assert.deepEqual(await endAll(), { sessions: 2, families: 1, told: 2 })
  assert.deepEqual([...stores.rows.sessions.keys()], [kept.key])
  assert.deepEqual(
    stores.rows.notices.map(({ client_id, sub, sid }) => [client_id, sub, sid]),
    [
      ['told', ada, one.authentication.sid],
      // What is not in broker.yaml may have been registered.
      ['reg.0123456789012345678901', ada, one.authentication.sid],
    ],
  )
  assert.deepEqual(
    [...stores.rows.families.values()].map(({ revoked_at }) => revoked_at),
    [then, undefined],
  )
  // Its access tokens too, by their parent, also when the person's revocation is undone.
  assert.deepEqual(
    records.map(({ dimension, value }) => [dimension, value]),
    [['jti', `family:${theirs.id}`]],
  )
  assert.deepEqual(await endAll(), { sessions: 0, families: 0, told: 0 })
})

test('what began after it goes on', async () => {
  const { stores, endAll } = world({ not_before: then - 10 })
  await stores.sessions.record(session({ ...of(ada), at: then - 9 }), signal)
  await stores.families.record(family({ ...of(ada), at: then - 9 }), signal)
  assert.deepEqual(await endAll(), { sessions: 0, families: 0, told: 0 })
  assert.equal(stores.rows.sessions.size, 1)
})

for (const [title, revoked] of [
  ['is not revoked', undefined],
  ['was, and it is over', { expires_at: then }],
  ['was, and it was undone', { not_before: 0 }],
] as const)
  test(`of a person who ${title} nothing is ended`, async () => {
    const { stores, end, context } = world(revoked ?? {})
    if (revoked === undefined) context.ports.register.find = () => Promise.resolve(undefined)
    await stores.sessions.record(session(of(ada)), signal)
    await assert.rejects(end(), (error) => error instanceof OperatorRequestError && error.status === 409)
    assert.equal(stores.rows.sessions.size, 1)
  })

test('where nobody logs in there is nothing to end', async () => {
  const { context, end } = world()
  context.logins = undefined
  assert.deepEqual(await end(), { sessions: 0, families: 0, told: 0 })
})

test('a queue that cannot be had leaves the session for the next time', async () => {
  const { stores, context, end } = world()
  await stores.sessions.record(session({ ...of(ada), clients: ['told'] }), signal)
  context.logins!.notices = { send: () => Promise.reject(new UnavailableError('sqs', 'down')) }
  await assert.rejects(end(), UnavailableError)
  assert.equal(stores.rows.sessions.size, 1)
})

for (const [title, body] of [
  ['a rule', { dimension: 'rule', value: 'web' }],
  ['an after of elsewhere', { after: 'receipt#x' }],
  ['an after that is a number', { after: 7 }],
  ['a member that is none', { reason: 'x' }],
] as const)
  test(`end refuses ${title}`, async () => {
    await assert.rejects(world().end(body), (error) => error instanceof OperatorRequestError && error.status === 400)
  })
