import assert from 'node:assert/strict'
import { test } from 'node:test'
import { powertoolsLog } from '../../lib/aws/log.ts'
import { writtenLines } from './written-lines.ts'

for (const level of ['info', 'warn', 'error'] as const) {
  test(`${level} is one line of JSON at that level, with what it is given and the service`, () => {
    const log = powertoolsLog()
    const lines = writtenLines(() => log[level]('decided', { issuer: 'github', rules: ['a', 'b'] }))
    const [{ timestamp, sampling_rate: _, ...line }, ...rest] = lines as [Record<string, unknown>]
    assert.deepEqual(rest, [])
    assert.ok(!Number.isNaN(Date.parse(String(timestamp))))
    const expected = { message: 'decided', issuer: 'github', rules: ['a', 'b'] }
    assert.deepEqual(line, { level: level.toUpperCase(), service: 'token-broker', ...expected })
  })
}
