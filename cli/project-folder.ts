import { constants } from 'node:fs'
import { lstat, mkdir, open, readFile, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CommandError } from './command.ts'
import { extensions } from './extensions.ts'

/** What writing files into a folder comes to. */
export interface Plan {
  /** Text by path. */
  created: Readonly<Record<string, string>>
  extended: Readonly<Record<string, { from: string; to: string }>>
  /** What of theirs was left alone. */
  notes: readonly string[]
}

/** Replaces nothing: a file is new, or extends the one that is there. Throws CommandError, naming what is in the way. */
export async function planFiles(folder: string, files: Readonly<Record<string, string>>): Promise<Plan> {
  const there = await stat(folder).catch((error: { code?: string }) => {
    if (error.code === 'ENOENT') return undefined
    throw new CommandError(`nothing was written: ${folder} cannot be (${error.code})`)
  })
  if (there?.isDirectory() === false) throw new CommandError(`${folder} is a file: name a folder`)
  const plan = { created: {} as Record<string, string>, extended: {} as Record<string, { from: string; to: string }> }
  const notes: string[] = []
  const inTheWay: string[] = []
  for (const [path, ours] of Object.entries(files)) {
    if (await isFree(folder, path)) {
      plan.created[path] = ours
      continue
    }
    const theirs = path in extensions ? await readTheirs(join(folder, path)) : undefined
    const extension = theirs === undefined ? undefined : extensions[path]?.(theirs, ours)
    if (theirs === undefined || extension === undefined) inTheWay.push(path)
    else {
      if (extension.text !== theirs) plan.extended[path] = { from: theirs, to: extension.text }
      notes.push(...extension.notes)
    }
  }
  if (inTheWay.length > 0)
    throw new CommandError(`nothing was written, because this is in the way in ${folder}: ${inTheWay.join(', ')}`)
  return { ...plan, notes }
}

/** Nothing stands there, be it a link that leads nowhere, and what leads there is folders: a link among them could lead out. */
async function isFree(folder: string, path: string): Promise<boolean> {
  const names = path.split('/')
  try {
    for (const index of names.keys()) {
      const there = await lstat(join(folder, ...names.slice(0, index + 1)))
      if (!there.isDirectory()) return false
    }
    return false
  } catch (error) {
    return (error as { code?: string }).code === 'ENOENT'
  }
}

/** Undefined for what is no file of text: a link would have another file changed. */
async function readTheirs(file: string): Promise<string | undefined> {
  try {
    if (!(await lstat(file)).isFile()) return undefined
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file))
  } catch {
    return undefined
  }
}

/** Writes all of it, or leaves everything as it was. Replaces nothing, also nothing that has appeared since. Throws CommandError. */
export async function writePlan(folder: string, { created, extended }: Plan): Promise<void> {
  const undo: (() => Promise<void>)[] = []
  try {
    for (const [path, text] of Object.entries(created)) {
      const file = join(folder, path)
      await mkdir(dirname(file), { recursive: true })
      const handle = await open(file, 'wx')
      undo.unshift(() => rm(file, { force: true }))
      await fill(handle, text)
    }
    for (const [path, { from, to }] of Object.entries(extended)) {
      const file = join(folder, path)
      const handle = await open(file, inPlace)
      undo.unshift(async () => fill(await open(file, inPlace), from))
      await fill(handle, to)
    }
  } catch (error) {
    for (const step of undo) await step()
    const { code, path } = error as { code?: string; path?: string }
    if (code === undefined) throw error
    throw new CommandError(`nothing was written: ${path ?? folder} cannot be (${code})`)
  }
}

/** Keeps its owner and mode. */
const inPlace = constants.O_WRONLY | constants.O_NOFOLLOW

async function fill(handle: FileHandle, text: string): Promise<void> {
  try {
    await handle.truncate()
    await handle.writeFile(text)
  } finally {
    await handle.close()
  }
}
