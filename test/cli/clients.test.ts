import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { runCommand } from './run-command.ts'

const hash = (text: string) => createHash('sha256').update(text).digest('base64url')

test('a secret of 256 random bits, with its hash, and another each time', async () => {
  const runs = [await runCommand(['clients', 'secret']), await runCommand(['clients', 'secret'])]
  const secrets = runs.map(({ code, stdout, stderr }) => {
    const [, secret = '', sha256] = /^client_secret {2}([\w-]{43})\nsha256 {9}([\w-]{43})\n$/.exec(stdout) ?? []
    assert.deepEqual([code, stderr, sha256], [0, '', hash(secret)])
    return secret
  })
  assert.notEqual(secrets[0], secrets[1])
})

test('as JSON', async () => {
  const { stdout } = await runCommand(['clients', 'secret', '--json'])
  const { client_secret, sha256, ...others } = JSON.parse(stdout) as Record<string, string>
  assert.deepEqual([sha256, others], [hash(client_secret!), {}])
})

test('a secret from elsewhere is hashed without the newline at its end', async () => {
  const secret = 'x'.repeat(31) + ' '
  for (const stdin of [secret, `${secret}\n`, `${secret}\r\n`]) {
    const { code, stdout } = await runCommand(['clients', 'secret', '--hash'], { stdin })
    assert.deepEqual([code, stdout], [0, `${hash(secret)}\n`])
  }
  const { stdout } = await runCommand(['clients', 'secret', '--hash', '--json'], { stdin: secret })
  assert.deepEqual(JSON.parse(stdout), { sha256: hash(secret) })
})

test('a secret that could be guessed is refused, and not repeated', async () => {
  const { code, stdout, stderr } = await runCommand(['clients', 'secret', '--hash'], { stdin: `${'h'.repeat(31)}\n` })
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^this secret has 31 characters: give one of 32 or more/)
})

test('in a GitHub Actions job the secret is masked before it is printed', async () => {
  const { stdout, stderr } = await runCommand(['clients', 'secret', '--json'], { env: { GITHUB_ACTIONS: 'true' } })
  const { client_secret } = JSON.parse(stdout) as { client_secret: string }
  assert.equal(stderr, `::add-mask::${client_secret}\n`)
})

for (const [title, args, message] of [
  ['nothing', [], /say what to make/],
  ['another word', ['password'], /say what to make/],
  ['two words', ['secret', 'legacy'], /say what to make/],
  ['an option that is none', ['secret', '--length', '8'], /unknown option --length/],
] as const)
  test(`${title} is wrong usage`, async () => {
    const { code, stdout, stderr } = await runCommand(['clients', ...args])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
  })
