import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { includedFiles } from '../../lib/config/included-files.ts'
import { FileError } from '../../lib/config/file-error.ts'

const folder = mkdtempSync(join(tmpdir(), 'include-'))
after(() => rmSync(folder, { recursive: true }))
const root = join(folder, 'broker.yaml')
const include = includedFiles(root)

mkdirSync(join(folder, 'rules', 'eu'), { recursive: true })
for (const name of ['b.yaml', 'a.yaml', '.hidden.yaml', 'notes.md', 'a.yaml.orig', 'eu/c.yaml'])
  writeFileSync(join(folder, 'rules', name), name)
writeFileSync(root, 'root')
writeFileSync(join(folder, 'binary.yaml'), Buffer.from([0xff, 0xfe]))
symlinkSync(root, join(folder, 'loop.yaml'))
symlinkSync('/dev/zero', join(folder, 'zero.yaml'))
writeFileSync(join(folder, 'large.yaml'), '#'.repeat(16 * 2 ** 20 + 1))

for (const [pattern, names] of [
  ['rules/*.yaml', ['rules/a.yaml', 'rules/b.yaml']],
  ['rules/a.yaml', ['rules/a.yaml']],
  ['rules/*/*.yaml', ['rules/eu/c.yaml']],
  ['*/b.yaml', ['rules/b.yaml']],
  ['rules/.*.yaml', ['rules/.hidden.yaml']],
] as const)
  test(`${pattern} is ${names.join(' and ')}, in this order`, () => {
    assert.deepEqual(
      include(pattern).map(({ file, text }) => [file, text]),
      names.map((name) => [join(folder, name), name.replace('rules/', '')]),
    )
  })

for (const [pattern, message] of [
  ['rules/c.yaml', /cannot be read: ENOENT/],
  ['rules/*.yml', /is no file in/],
  ['nowhere/*.yaml', /is no file in/],
  ['../*.yaml', /below the folder/],
  ['rules/../../etc/passwd', /below the folder/],
  ['/etc/passwd', /below the folder/],
  ['C:/rules.yaml', /below the folder/],
  ['rules\\a.yaml', /below the folder/],
  ['rules//a.yaml', /below the folder/],
  ['./rules/a.yaml', /below the folder/],
  ['**/a.yaml', /below the folder/],
  ['rules', /rules is no file/],
  ['zero.yaml', /zero\.yaml leads out of the folder/],
  ['::stop-commands::x.yaml', /below the folder/],
  ['large.yaml', /is larger than 16 MiB/],
  ['binary.yaml', /is not text in UTF-8/],
  ['broker.yaml', /includes itself/],
  ['loop.yaml', /includes itself/],
  ['bro*.yaml', /includes itself/],
] as const)
  test(`${pattern} is refused`, () => {
    assert.throws(() => include(pattern), { name: FileError.name, message })
  })
