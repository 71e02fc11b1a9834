import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose'

let directory: string
let key: JWK
let good: string
let forged: string

before(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  key = await exportJWK(publicKey)
  good = await new CompactSign(Buffer.from('foo')).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  const [header, payload, signature] = good.split('.')
  const flipped = Buffer.from(signature!, 'base64url')
  flipped[9]! ^= 1
  forged = `${header}.${payload}.${flipped.toString('base64url')}`
})
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'token-broker-vectors-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

interface Ran {
  code: number
  stdout: string
  stderr: string
}

function run(...args: string[]): Promise<Ran> {
  const tool = fileURLToPath(new URL('../../tools/test-vectors.ts', import.meta.url))
  return new Promise((resolve) => {
    execFile(process.execPath, [tool, ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

function write(file: string, tests: { jws: string; result: string }[], group: Record<string, unknown> = {}): void {
  const numbered = tests.map((test, index) => ({ tcId: index + 1, comment: 'made here', flags: [], ...test }))
  const testGroups = [{ type: 'JsonWebSignature', private: {}, public: key, ...group, tests: numbered }]
  writeFileSync(join(directory, file), JSON.stringify({ testGroups }))
}

function last(stdout: string): string {
  return stdout.trim().split('\n').at(-1) ?? ''
}

test('a good signature that is valid and a forged one that is invalid hold', async () => {
  write('tiny.json', [
    { jws: good, result: 'valid' },
    { jws: forged, result: 'invalid' },
  ])
  const { code, stdout } = await run(directory)
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^tiny\.json: 2\n {2}1 invalid refused \(1 signature_invalid\)\n {2}1 valid accepted\n/)
  assert.match(last(stdout), /^total: 2, 1 invalid refused, 1 valid accepted, .* 0 wrong$/)
})

for (const [title, vector, complaint] of [
  [
    'an invalid vector that is accepted',
    () => ({ jws: good, result: 'invalid' }),
    'tiny.json 3 (made here): invalid, and accepted',
  ],
  [
    'a valid vector that is refused, and no rule says why',
    () => ({ jws: forged, result: 'valid' }),
    'tiny.json 3 (made here): valid, and refused: signature_invalid',
  ],
] as const) {
  test(`${title} fails the run and is named`, async () => {
    write('tiny.json', [{ jws: good, result: 'valid' }, { jws: forged, result: 'invalid' }, vector()])
    const { code, stdout } = await run(directory)
    assert.equal(code, 1)
    assert.ok(stdout.includes(`WRONG ${complaint}\n`), stdout)
    assert.match(last(stdout), / 1 wrong$/)
  })
}

test('a vector that a reason names must be refused for that reason', async () => {
  // Named there: test 9, whose key must be refused. This key is a good one.
  write(
    'json_web_key_test.json',
    Array.from({ length: 9 }, () => ({ jws: forged, result: 'invalid' })),
  )
  const { code, stdout } = await run(directory)
  assert.equal(code, 1)
  assert.match(stdout, /WRONG json_web_key_test\.json 9 \(made here\): signature_invalid, which is not what/)
})

test('what cannot be verified here is counted as skipped, with its type', async () => {
  write('tiny.json', [{ jws: good, result: 'valid' }])
  write('other.json', [{ jws: good, result: 'valid' }], { type: 'XdhComp' })
  const { code, stdout } = await run(directory)
  assert.equal(code, 0, stdout)
  assert.match(stdout, /other\.json: 1\n {2}1 skipped: XdhComp/)
  assert.match(last(stdout), /^total: 2, .* 1 skipped, 0 wrong$/)
})

test('a run that verified nothing fails', async () => {
  write('other.json', [{ jws: good, result: 'valid' }], { type: 'XdhComp' })
  const { code, stderr } = await run(directory)
  assert.deepEqual([code, stderr], [1, 'none of it is anything that we verify\n'])
})

for (const [title, text, complaint] of [
  ['text that is no JSON', 'vectors', 'not valid JSON'],
  ['JSON of something else', '{"keys": []}', 'no file of vectors: testGroups'],
  [
    'a result that nobody knows',
    '{"testGroups": [{"type": "JsonWebKey", "tests": [{"tcId": 1, "comment": "", "result": "fine"}]}]}',
    'no file of vectors: testGroups.0.tests.0.result',
  ],
  [
    'a group without its key',
    '{"testGroups": [{"type": "EddsaVerify", "tests": [{"tcId": 1, "comment": "", "result": "valid"}]}]}',
    'no file of vectors: ',
  ],
] as const) {
  test(`${title} fails the run with one line that names the file`, async () => {
    writeFileSync(join(directory, 'broken.json'), text)
    const { code, stderr } = await run(directory)
    assert.equal(code, 1)
    assert.ok(stderr.startsWith(`${join(directory, 'broken.json')}: ${complaint}`), stderr)
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
  })
}

test('a folder that is not there, or holds nothing, is said in one line', async () => {
  const missing = join(directory, 'nowhere')
  assert.deepEqual(await run(missing), { code: 1, stdout: '', stderr: `${missing} is no folder\n` })
  assert.deepEqual(await run(directory), { code: 1, stdout: '', stderr: `${directory} holds no JSON files\n` })
})

for (const args of [[], ['a', 'b'], ['--all']]) {
  test(`${args.join(' ') || 'no argument'} is answered with the usage`, async () => {
    const { code, stdout, stderr } = await run(...args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^npm run test:vectors -- DIR\n/)
  })
}
