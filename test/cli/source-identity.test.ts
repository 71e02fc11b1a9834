import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { sourceIdentity } from '../../lib/tokens/subject.ts'
import { runCommand } from './run-command.ts'

test('a subject’s source identity, alone on a line', async () => {
  assert.deepEqual(await runCommand(['source-identity', 'github:repo:1/2']), {
    code: 0,
    // printf 'github\0repo:1/2' | openssl dgst -sha256 -binary | basenc --base64url
    stdout: 'github.pwtUCNxEcTtFvaPUDMFsbX4GB_juIeFnPGCWrRDqZWs\n',
    stderr: '',
  })
})

test('docs/aws-credentials.md shuts out the subject that it prints', async () => {
  const page = readFileSync(new URL('../../docs/aws-credentials.md', import.meta.url), 'utf8')
  const [, sub] = /`token-broker source-identity (\S+)`/.exec(page) ?? []
  const [, denied] = /"StringEquals": \{ "aws:SourceIdentity": "([^"]+)" \}/.exec(page) ?? []
  const { stdout } = await runCommand(['source-identity', String(sub)])
  assert.equal(stdout, `${denied}\n`)
})

test('a subject of several lines is one subject', async () => {
  const { stdout } = await runCommand(['source-identity', 'farm:a\nb'])
  assert.equal(stdout, `${sourceIdentity('farm', 'a\nb')}\n`)
})

for (const [title, args, message] of [
  ['nothing', [], /give one SUB/],
  ['two', ['a:b', 'c:d'], /give one SUB/],
  ['no issuer', ['repo'], /begins with the name of an issuer/],
  ['no subject', ['github:'], /begins with the name of an issuer/],
  ['a name in capitals', ['GitHub:repo:1/2'], /begins with the name of an issuer/],
  ['a hash, which is no subject', [`github:sha256:${'a'.repeat(43)}`], /with the subject in the receipt/],
  ['an option', ['--issuer', 'github'], /unknown option --issuer/],
] as const)
  test(`${title} is wrong usage`, async () => {
    const { code, stdout, stderr } = await runCommand(['source-identity', ...args])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
  })
