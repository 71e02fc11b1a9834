import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'

test('the broker.yaml of docs/login.md holds, without a warning', () => {
  const page = readFileSync(new URL('../../docs/login.md', import.meta.url), 'utf8')
  const [, text = ''] = /```yaml broker\n([^]*?)```/.exec(page) ?? []
  const { configuration, findings } = compile(text, 'docs/login.md', { now: 1_790_000_000 })
  assert.deepEqual(findings, [])
  assert.deepEqual(configuration.clients['web-app']?.login?.issuers, ['acme-partner'])
})
