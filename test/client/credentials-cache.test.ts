import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { cacheFolder, cacheKey, credentialsCache } from '../../client/credentials-cache.ts'
import { readTokenResponse, type Issued } from '../../client/issued.ts'
import { accessToken, awsCredentials } from './broker-server.ts'

const parent = mkdtempSync(join(tmpdir(), 'token-broker-cache-'))
after(() => rmSync(parent, { recursive: true }))
let folders = 0
const newFolder = () => join(parent, String(folders++), 'credentials')

const now = Math.floor(Date.now() / 1000)
const key = cacheKey({ broker: 'b', target: 't' })
const isRoot = process.getuid?.() === 0
const issuedFrom = (body: unknown) => readTokenResponse(body as Record<string, unknown>, now) as Issued
const issued = issuedFrom(accessToken)

async function recorded() {
  const folder = newFolder()
  const cache = await credentialsCache(folder)
  await cache.record(key, issued, now)
  return { folder, cache, file: join(folder, `${key}.json`) }
}

for (const [title, kept] of [
  ['an access token', issued],
  ['a token without scopes', issuedFrom({ ...accessToken, scope: undefined })],
  ['AWS credentials', issuedFrom(awsCredentials().body)],
] as const) {
  test(`${title} is found as it was recorded, in a file for its owner alone`, async () => {
    const folder = newFolder()
    const cache = await credentialsCache(folder)
    assert.equal(await cache.find(key, now), undefined)
    await cache.record(key, kept, now)
    for (const reader of [cache, await credentialsCache(folder)])
      assert.deepEqual(await reader.find(key, now + 1), kept)
    assert.deepEqual(readdirSync(folder), [`${key}.json`])
    assert.equal(statSync(join(folder, `${key}.json`)).mode & 0o777, 0o600)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
  })
}

test('another key finds nothing', async () => {
  const { cache } = await recorded()
  assert.equal(await cache.find(cacheKey({ broker: 'b', target: 'other' }), now), undefined)
})

test('what was recorded last is found', async () => {
  const { cache } = await recorded()
  const next = issuedFrom({ ...accessToken, access_token: 'next' })
  await cache.record(key, next, now)
  assert.deepEqual(await cache.find(key, now), next)
})

test('the key is of all parts by name, in whatever order', () => {
  const all = [
    { a: 'x', b: 'y' },
    { a: 'y', b: 'x' },
    { a: 'xy', b: '' },
    { a: 'x,y' },
    { a: 'x', b: 'null' },
    { a: 'x' },
    {},
  ]
  assert.equal(new Set(all.map(cacheKey)).size, all.length)
  assert.equal(cacheKey({ b: 'y', a: 'x' }), cacheKey({ a: 'x', b: 'y', c: undefined }))
  assert.match(cacheKey({ a: '../../etc/passwd' }), /^[0-9a-f]{64}$/)
})

for (const [title, spoil] of [
  ['cut off', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 50))],
  ['empty', (file: string) => writeFileSync(file, '')],
  ['no JSON', (file: string) => writeFileSync(file, '\0\u0001')],
  ['another JSON', (file: string) => writeFileSync(file, '[{}]')],
  ['without a time', (file: string) => writeFileSync(file, JSON.stringify(accessToken))],
  ['too large', (file: string) => writeFileSync(file, readFileSync(file, 'utf8') + ' '.repeat(100_000))],
  ['readable for its group', (file: string) => chmodSync(file, 0o640)],
  ['writable for others', (file: string) => chmodSync(file, 0o602)],
  ['a pipe', (file: string) => replace(file, () => execFileSync('mkfifo', ['-m', '600', file]))],
  [
    'a link to a file that is as it should be',
    (file: string) =>
      replace(file, (text) => {
        writeFileSync(`${file}.target`, text, { mode: 0o600 })
        symlinkSync(`${file}.target`, file)
      }),
  ],
  ...(isRoot ? [["somebody else's", (file: string) => chownSync(file, 65534, 65534)] as const] : []),
] as const) {
  test(`a file that is ${title} is not believed, and replaced`, async () => {
    const { cache, file } = await recorded()
    assert.deepEqual(await cache.find(key, now), issued)
    spoil(file)
    assert.equal(await cache.find(key, now), undefined)
    await cache.record(key, issued, now)
    assert.deepEqual(await cache.find(key, now), issued)
    assert.ok(lstatSync(file).isFile())
  })
}

test('a folder in the place of a file is not believed, and fails nobody', async () => {
  const { cache, file } = await recorded()
  replace(file, () => mkdirSync(file))
  await cache.record(key, issued, now)
  assert.equal(await cache.find(key, now), undefined)
  assert.ok(lstatSync(file).isDirectory())
})

function replace(file: string, make: (text: string) => void): void {
  const text = readFileSync(file, 'utf8')
  rmSync(file)
  make(text)
}

test('a link in the place of a file is replaced, and what it leads to is not touched', async () => {
  const { cache, file } = await recorded()
  const precious = join(parent, 'precious')
  writeFileSync(precious, 'mine')
  replace(file, () => symlinkSync(precious, file))
  await cache.record(key, issued, now)
  assert.equal(readFileSync(precious, 'utf8'), 'mine')
})

test('what was recorded later than now is not believed: the clock was wrong', async () => {
  const { cache } = await recorded()
  assert.equal(await cache.find(key, now - 1), undefined)
})

test('a folder of ours that others can read is closed', async () => {
  const { folder } = await recorded()
  chmodSync(folder, 0o755)
  const cache = await credentialsCache(folder)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.deepEqual(await cache.find(key, now), issued)
})

for (const [title, make] of [
  ['a file', (folder: string) => writeFileSync(folder, '')],
  ['below a file', (folder: string) => rmSync(dirname(folder), { recursive: true })],
  ['a link', (folder: string) => (mkdirSync(`${folder}-else`), symlinkSync(`${folder}-else`, folder))],
  ...(isRoot
    ? [["somebody else's", (folder: string) => (mkdirSync(folder), chownSync(folder, 65534, 65534))] as const]
    : []),
] as const) {
  test(`where the folder is ${title} nothing is kept, and nothing fails`, async () => {
    const folder = newFolder()
    mkdirSync(dirname(folder), { recursive: true })
    make(folder)
    if (title === 'below a file') writeFileSync(dirname(folder), '')
    const cache = await credentialsCache(folder)
    await cache.record(key, issued, now)
    assert.equal(await cache.find(key, now), undefined)
    assert.equal(cache.lockFile(key), undefined)
    if (title === 'a link') assert.deepEqual(readdirSync(`${folder}-else`), [])
    // And so where that is what the folder is in.
    const below = await credentialsCache(join(folder, 'credentials'))
    assert.equal(below.lockFile(key), undefined)
    if (title === 'a link') assert.deepEqual(readdirSync(`${folder}-else`), [])
  })
}

const uuid = '0a1b2c3d-0000-4000-8000-0123456789ab'

test('of files that nobody asks for any more our own go, and one that cannot keeps no other', async () => {
  const { folder, cache } = await recorded()
  const other = cacheKey({ target: 'other' })
  const day = 24 * 3600
  const stuck = `${'0'.repeat(64)}.json`
  const goes = [`${other}.json`, `${other}.lock`, `${key}.json.${uuid}`, `${other}.lock.${uuid}`]
  const stays = ['README.md', `x${other}.json`, `${other}.json.bak`, `${other}.txt`, `${other.toUpperCase()}.json`]
  for (const name of [...goes, ...stays]) writeFileSync(join(folder, name), '')
  mkdirSync(join(folder, stuck, 'full'), { recursive: true })
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), now - day - 60, now - day - 60)
  const young = `${cacheKey({ target: 'young' })}.json`
  writeFileSync(join(folder, young), '')
  utimesSync(join(folder, young), now - day + 60, now - day + 60)
  await cache.record(key, issued, now)
  assert.deepEqual(readdirSync(folder).toSorted(), [...stays, stuck, young, `${key}.json`].toSorted())
})

test('what else is in the folder above is somebody else’s, and its mode too', async () => {
  const above = newFolder()
  const file = join(above, `${key}.json`)
  mkdirSync(above, { recursive: true })
  chmodSync(above, 0o755)
  writeFileSync(file, 'mine')
  utimesSync(file, 1, 1)
  const cache = await credentialsCache(join(above, 'credentials'))
  await cache.record(key, issued, now)
  assert.deepEqual([statSync(above).mode & 0o777, readFileSync(file, 'utf8')], [0o755, 'mine'])
  assert.deepEqual(await cache.find(key, now), issued)
})

test('many that write and read at once see whole files only', async () => {
  const { folder, cache } = await recorded()
  const versions = Array.from({ length: 20 }, (_, i) =>
    issuedFrom({ ...accessToken, access_token: `${i}-`.repeat(2000) }),
  )
  const found: (Issued | undefined)[] = []
  await Promise.all(
    versions.flatMap((version) => [
      cache.record(key, version, now),
      cache.find(key, now).then((issued) => found.push(issued)),
    ]),
  )
  assert.ok(found.every((one) => [issued, ...versions].some((version) => isSame(version, one))))
  assert.deepEqual(readdirSync(folder), [`${key}.json`])
})

function isSame(one: Issued, other: Issued | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

for (const [title, env, expected] of [
  ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/x', RUNNER_TEMP: '/y', HOME: '/z' }, '/x'],
  [
    'RUNNER_TEMP in a job of GitHub',
    { XDG_CACHE_HOME: '/x', GITHUB_ACTIONS: 'true', RUNNER_TEMP: '/y', HOME: '/z' },
    '/y',
  ],
  ['~/.cache elsewhere', { RUNNER_TEMP: '/y', HOME: '/z' }, '/z/.cache'],
  ['~/.cache for an empty variable', { XDG_CACHE_HOME: '', HOME: '/z' }, '/z/.cache'],
  ['~/.cache for a relative path', { XDG_CACHE_HOME: 'x', HOME: '/z' }, '/z/.cache'],
  ['~/.cache of the user without variables', {}, join(homedir(), '.cache')],
] as const) {
  test(`the folder is in ${title}`, () => {
    assert.equal(cacheFolder(env), join(expected, 'token-broker', 'credentials'))
  })
}

test('who has no home that can be named has no cache', async () => {
  assert.equal(cacheFolder({ HOME: 'x' }), undefined)
  const cache = await credentialsCache(undefined)
  await cache.record(key, issued, now)
  assert.equal(await cache.find(key, now), undefined)
})
