import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastKnown } from '../lib/last-known.ts'

// What outages and ages do is tested by those who use it: test/aws/secrets.test.ts, test/http/relying-party.test.ts.

test('a mistake of ours is no outage: nothing old serves instead', async () => {
  let now = 0
  const known = lastKnown<string>({ ages: { fresh: 1, stale: 10, retry: 1 }, now: () => now })
  await known.find('key', async () => 'known')
  now = 5
  const mistake = new TypeError('a mistake')
  await assert.rejects(
    known.find('key', async () => {
      throw mistake
    }),
    mistake,
  )
})
