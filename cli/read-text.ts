import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { CommandError } from './command.ts'

/** What a user calls standard input, and what we call it. */
export const STDIN = '-'
const stdinName = '<stdin>'

/** A file, or standard input. Throws CommandError when there is no text to be had. */
export async function readText(file: string): Promise<{ text: string; name: string }> {
  const name = file === STDIN ? stdinName : file
  const bytes = await (file === STDIN ? buffer(process.stdin) : readFile(file)).catch((error: unknown) => {
    const { code = '' } = error as { code?: string }
    throw new CommandError(`${name} ${problems[code] ?? `cannot be read: ${code}`}`)
  })
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), name }
  } catch {
    throw new CommandError(`${name} is not text in UTF-8`)
  }
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a folder: name the file in it',
  EACCES: 'may not be read: look at its permissions',
}
