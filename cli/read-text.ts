import { createReadStream } from 'node:fs'
import { CommandError } from './command.ts'

/** What a user calls standard input, and what we call it. */
export const STDIN = '-'
export const stdinName = '<stdin>'

const MAX_BYTES = 16 * 1024 * 1024

export function nameOf(file: string): string {
  return file === STDIN ? stdinName : file
}

/** A file, or standard input. Throws CommandError when there is no text to be had, or more than any broker.yaml holds. */
export async function readText(file: string): Promise<{ text: string; name: string }> {
  const name = nameOf(file)
  const bytes = await readBytes(file === STDIN ? process.stdin : createReadStream(file)).catch((error: unknown) => {
    throw cannotRead(name, error)
  })
  if (bytes === undefined) throw new CommandError(`${name} is larger than 16 MiB`)
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), name }
  } catch {
    throw new CommandError(`${name} is not text in UTF-8`)
  }
}

/** Undefined when there are too many: a device or a pipe may have no end. */
async function readBytes(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    length += chunk.byteLength
    if (length > MAX_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function cannotRead(name: string, error: unknown): CommandError {
  const { code = '' } = error as { code?: string }
  return new CommandError(`${name} ${problems[code] ?? `cannot be read: ${code}`}`)
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a folder: name the file in it',
  EACCES: 'may not be read: look at its permissions',
}
