import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

test('a count is one line on stdout in the embedded metric format, with its issuer as a dimension', () => {
  const file = new URL('../../lib/aws/metrics.ts', import.meta.url).href
  const script = `import { powertoolsCounter } from '${file}'; powertoolsCounter()('stale_keys_served', 'github')`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  const lines = output.trim().split('\n')
  assert.equal(lines.length, 1)
  const { _aws, ...values } = JSON.parse(lines[0]!) as Record<string, unknown> & {
    _aws: { CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] }
  }
  assert.deepEqual(values, { service: 'token-broker', issuer: 'github', stale_keys_served: 1 })
  const [metric] = _aws.CloudWatchMetrics
  assert.equal(metric?.Namespace, 'TokenBroker')
  assert.deepEqual(metric?.Dimensions, [['service', 'issuer']])
  assert.deepEqual(
    metric?.Metrics.map(({ Name }) => Name),
    ['stale_keys_served'],
  )
})
