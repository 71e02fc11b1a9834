import assert from 'node:assert/strict'
import { test } from 'node:test'
import { powertoolsCounter } from '../../lib/aws/metrics.ts'
import { writtenLines } from './written-lines.ts'

test('a count is one line in the embedded metric format, with its issuer as a dimension', () => {
  const count = powertoolsCounter()
  const lines = writtenLines(() => count('stale_keys_served', 'github'))
  assert.equal(lines.length, 1)
  const { _aws, ...values } = lines[0] as Record<string, unknown> & { _aws: { CloudWatchMetrics: unknown } }
  assert.deepEqual(values, { service: 'token-broker', issuer: 'github', stale_keys_served: 1 })
  assert.deepEqual(_aws.CloudWatchMetrics, [
    {
      Namespace: 'TokenBroker',
      Dimensions: [['service', 'issuer']],
      Metrics: [{ Name: 'stale_keys_served', Unit: 'Count' }],
    },
  ])
})

test('each count is a line of its own', () => {
  const count = powertoolsCounter()
  const lines = writtenLines(() => {
    count('stale_keys_served', 'github')
    count('fetch_failed', 'farm')
  })
  assert.deepEqual(
    lines.map(({ issuer, stale_keys_served, fetch_failed }) => [issuer, stale_keys_served, fetch_failed]),
    [
      ['github', 1, undefined],
      ['farm', undefined, 1],
    ],
  )
})
