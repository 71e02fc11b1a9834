import { dirname, join } from 'node:path'
import { FileError } from './file-error.ts'
import { readFileBelow } from './file-below.ts'
import type { ReadLogo } from './compile.ts'

const MAX_KIB = 32
const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** `login.branding.logo` of this broker.yaml: an image below its folder. Throws FileError. */
export function logoBelow(file: string): ReadLogo {
  return (given) => {
    const steps = given.replace(/^\.\//, '').split('/')
    if (/^\/|[:\\\0]/.test(given) || steps.some((step) => ['', '.', '..'].includes(step)))
      throw new FileError(
        `${given} must be a file below the folder of ${file}, such as assets/logo.svg: without .. and colons, and not absolute`,
      )
    const [, extension = ''] = /\.(svg|png)$/.exec(given) ?? []
    const type = types.get(extension)
    if (type === undefined) throw new FileError(`${given} must be an .svg or a .png`)
    const { bytes } = readFileBelow(join(dirname(file), ...steps), file, MAX_KIB)
    if (!type.is(bytes)) throw new FileError(`${given} is no ${extension.toUpperCase()}`)
    return `data:${type.name};base64,${bytes.toString('base64')}`
  }
}

// What an SVG brings of scripts and handlers never runs: our pages show it in <img>, and there nothing does.
const types = new Map([
  ['svg', { name: 'image/svg+xml', is: (bytes: Buffer) => /<svg[\s>]/.test(bytes.toString('utf8')) }],
  ['png', { name: 'image/png', is: (bytes: Buffer) => bytes.subarray(0, 8).equals(pngSignature) }],
])
