import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FileError } from './file-error.ts'

/** A file below the folder of `root`; `real` is where it is once links are followed. Throws FileError. */
export function readFileBelow(path: string, root: string, maxKiB: number): { real: string; bytes: Buffer } {
  try {
    const real = realpathSync(path)
    // A link would let who owns it change what stands elsewhere.
    if (!real.startsWith(join(realpathSync(dirname(root)), '/')))
      throw new FileError(`${path} leads out of the folder of ${root}: put the file there`)
    const stats = statSync(path)
    if (!stats.isFile()) throw new FileError(`${path} is no file`)
    if (stats.size > maxKiB * 1024)
      throw new FileError(`${path} is larger than ${maxKiB < 1024 ? `${maxKiB} KiB` : `${maxKiB / 1024} MiB`}`)
    return { real, bytes: readFileSync(path) }
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(`${path} cannot be read: ${codeOf(error)}`)
  }
}

export function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code)
}
