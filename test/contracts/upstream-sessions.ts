import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { UpstreamSessions } from '../../lib/ports.ts'
import type { Open, Opened } from './kept.ts'
import { now } from './receipt.ts'

const signal = AbortSignal.timeout(60_000)

/** Upstream sessions' promises, for every adapter. */
export function upstreamSessionsContract(name: string, open: Open<UpstreamSessions>): void {
  describe(`upstream sessions: ${name}`, () => {
    let opened: Opened<UpstreamSessions>
    let sessions: UpstreamSessions

    before(async () => {
      opened = await open()
      sessions = opened.store
    })
    after(() => opened.close())

    const one = () => ({
      issuer_name: 'partner',
      sid: `${randomUUID()}#é`,
      sub: 'partner:ada',
      at: now,
      expires_at: now + 600,
    })

    test('whose it is is found, by issuer and sid, and nobody else', async () => {
      const session = one()
      await sessions.record(session, signal)
      assert.equal(await sessions.find(session, now, signal), 'partner:ada')
      assert.equal(await sessions.find({ ...session, issuer_name: 'other' }, now, signal), undefined)
      assert.equal(await sessions.find(one(), now, signal), undefined)
    })

    test('it is found until the second before its expiry', async () => {
      const session = one()
      await sessions.record(session, signal)
      assert.ok(await sessions.find(session, session.expires_at - 1, signal))
      assert.equal(await sessions.find(session, session.expires_at, signal), undefined)
    })

    test('the last one counts', async () => {
      const session = one()
      await sessions.record(session, signal)
      await sessions.record({ ...session, sub: 'partner:grace', at: now + 1 }, signal)
      assert.equal(await sessions.find(session, now, signal), 'partner:grace')
    })
  })
}
