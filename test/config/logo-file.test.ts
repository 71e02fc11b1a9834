import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FileError } from '../../lib/config/file-error.ts'
import { logoBelow } from '../../lib/config/logo-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'logo-'))
after(() => rmSync(folder, { recursive: true }))
const inside = join(folder, 'config')
const logo = logoBelow(join(inside, 'broker.yaml'))

mkdirSync(join(inside, 'assets'), { recursive: true })
const svg = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'
const png = Buffer.from('89504e470d0a1a0a0000', 'hex')
writeFileSync(join(inside, 'broker.yaml'), '<svg/>')
writeFileSync(join(inside, 'assets', 'logo.svg'), svg)
writeFileSync(join(inside, 'logo.png'), png)
writeFileSync(join(inside, 'logo.jpg'), png)
writeFileSync(join(inside, 'png.svg'), png)
writeFileSync(join(inside, 'svg.png'), svg)
writeFileSync(join(inside, 'text.svg'), 'no <svgs>')
writeFileSync(join(inside, 'full.svg'), svg.padEnd(32 * 1024, '\n'))
writeFileSync(join(inside, 'large.svg'), svg.padEnd(32 * 1024 + 1, '\n'))
writeFileSync(join(folder, 'outside.svg'), svg)
symlinkSync(join(folder, 'outside.svg'), join(inside, 'linked.svg'))
symlinkSync(join(inside, 'logo.png'), join(inside, 'same.png'))
mkdirSync(join(inside, 'folder.svg'))

for (const path of ['assets/logo.svg', './assets/logo.svg'])
  test(`${path} becomes a data: URI`, () => {
    assert.equal(logo(path), `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`)
  })

for (const path of ['logo.png', 'same.png'])
  test(`${path} too`, () => {
    assert.equal(logo(path), `data:image/png;base64,${png.toString('base64')}`)
  })

test('a logo of 32 KiB is not too large', () => {
  assert.equal(Buffer.from(logo('full.svg').split(',')[1] ?? '', 'base64').length, 32 * 1024)
})

for (const [path, message] of [
  ['nowhere.svg', /cannot be read: ENOENT/],
  ['large.svg', /is larger than 32 KiB/],
  ['linked.svg', /linked\.svg leads out of the folder/],
  ['folder.svg', /is no file/],
  ['logo.jpg', /must be an \.svg or a \.png/],
  ['logo', /must be an \.svg or a \.png/],
  ['LOGO.SVG', /must be an \.svg or a \.png/],
  ['png.svg', /png\.svg is no SVG/],
  ['text.svg', /text\.svg is no SVG/],
  ['svg.png', /svg\.png is no PNG/],
  ['../outside.svg', /below the folder/],
  ['assets/../../outside.svg', /below the folder/],
  ['.//outside.svg', /below the folder/],
  ['/etc/logo.svg', /below the folder/],
  ['C:/logo.svg', /below the folder/],
  ['assets\\logo.svg', /below the folder/],
  ['https://acme.test/logo.svg', /below the folder/],
] as const)
  test(`${path} is refused`, () => {
    assert.throws(() => logo(path), { name: FileError.name, message })
  })
