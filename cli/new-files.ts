import { lstat, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CommandError } from './command.ts'

/** Those of the paths where something stands already, be it a link that leads nowhere. Throws CommandError. */
export async function findInTheWay(folder: string, paths: readonly string[]): Promise<string[]> {
  const there = await stat(folder).catch((error: { code?: string }) => {
    if (error.code === 'ENOENT') return undefined
    throw new CommandError(`nothing was written: ${folder} cannot be (${error.code})`)
  })
  if (there?.isDirectory() === false) throw new CommandError(`${folder} is a file: name a folder`)
  const found = await Promise.all(paths.map((path) => isTaken(join(folder, path))))
  return paths.filter((_, index) => found[index])
}

async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    // Anything but an absence, such as a file where a folder should be, would make writing fail half-way.
    return (error as { code?: string }).code !== 'ENOENT'
  }
}

/** Writes all of them, or leaves none. Replaces nothing, also nothing that has appeared since. Throws CommandError. */
export async function writeNewFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const written: string[] = []
  try {
    for (const [path, text] of Object.entries(files)) {
      const file = join(folder, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text, { flag: 'wx' })
      written.push(file)
    }
  } catch (error) {
    for (const file of written) await rm(file, { force: true })
    const { code, path } = error as { code?: string; path?: string }
    if (code === undefined) throw error
    throw new CommandError(`nothing was written: ${path ?? folder} cannot be (${code})`)
  }
}
