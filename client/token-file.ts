import { constants } from 'node:fs'
import { open, realpath, type FileHandle } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { TokenBrokerError } from './errors.ts'
import { printablePath } from './printable.ts'
import { MAX_TOKEN_BYTES, noTokenWithin, readySource, type SubjectTokenSource } from './subject-token.ts'

/** Read again for each token: Kubernetes replaces the file before its token expires. A pipe gives what it has once only. */
export function tokenFile(path: string): SubjectTokenSource {
  // Who passes the token itself must not find it in a log.
  const name = `the file ${printablePath(path)}`
  let once: string | undefined
  return readySource(name, async (left) => {
    try {
      if (once !== undefined) return once
      const { text, isFile } = await readStart(path, left, name)
      if (!isFile) once = text
      return text
    } catch (error) {
      if (error instanceof TokenBrokerError) throw error
      const { code = '' } = error as { code?: string }
      throw new TokenBrokerError(`${name} ${problems[code] ?? `cannot be read: ${code}`}`)
    }
  })
}

/**
 * As much as shows that it is too large: a device has no end. It never blocks: a thread that waits for who writes to a pipe
 * cannot be called back, and keeps the process from its end.
 */
async function readStart(path: string, left: number, name: string): Promise<{ text: string; isFile: boolean }> {
  const end = performance.now() + left
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const there = await file.stat()
    // A pipe with a name may be opened by its writer later; one of a shell has its writer from the beginning.
    const mayBegin = there.isFIFO() && (await realpath(path).then(Boolean, () => false))
    const bytes = Buffer.alloc(2 * MAX_TOKEN_BYTES)
    for (let length = 0; ;) {
      const bytesRead = await readReady(file, bytes, length)
      length += bytesRead ?? 0
      if (length === bytes.length || (bytesRead === 0 && !(mayBegin && length === 0)))
        return { text: bytes.toString('utf8', 0, length), isFile: there.isFile() }
      if (performance.now() >= end) throw noTokenWithin(left, name)
      if (!bytesRead) await setTimeout(20)
    }
  } finally {
    await file.close()
  }
}

/** Undefined for nothing yet. */
async function readReady(file: FileHandle, bytes: Buffer, length: number): Promise<number | undefined> {
  try {
    return (await file.read(bytes, length)).bytesRead
  } catch (error) {
    if ((error as { code?: string }).code === 'EAGAIN') return undefined
    throw error
  }
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a folder: name the file in it',
  EACCES: 'may not be read: look at its permissions',
}
