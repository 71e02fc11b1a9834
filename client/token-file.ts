import { open } from 'node:fs/promises'
import { TokenBrokerError } from './errors.ts'
import { printablePath } from './printable.ts'
import { MAX_TOKEN_BYTES, readySource, type SubjectTokenSource } from './subject-token.ts'

/** Read again for each token: Kubernetes replaces the file before its token expires. A pipe gives what it has once only. */
export function tokenFile(path: string): SubjectTokenSource {
  // Who passes the token itself must not find it in a log.
  const name = `the file ${printablePath(path)}`
  let once: string | undefined
  return readySource(name, async () => {
    try {
      if (once !== undefined) return once
      const { text, isFile } = await readStart(path)
      if (!isFile) once = text
      return text
    } catch (error) {
      const { code = '' } = error as { code?: string }
      throw new TokenBrokerError(`${name} ${problems[code] ?? `cannot be read: ${code}`}`)
    }
  })
}

/** As much as shows that it is too large: a device has no end. */
async function readStart(path: string): Promise<{ text: string; isFile: boolean }> {
  const file = await open(path)
  try {
    const isFile = (await file.stat()).isFile()
    const bytes = Buffer.alloc(2 * MAX_TOKEN_BYTES)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length)
      length += bytesRead
      if (bytesRead === 0 || length === bytes.length) return { text: bytes.toString('utf8', 0, length), isFile }
    }
  } finally {
    await file.close()
  }
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a folder: name the file in it',
  EACCES: 'may not be read: look at its permissions',
}
