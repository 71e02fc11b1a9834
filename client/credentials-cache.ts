import { createHash, randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { access, chmod, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import type { Environment } from './find-subject-token.ts'
import { LONGEST_LIFETIME, readTokenResponse, toTokenResponse, type Issued } from './issued.ts'
import { parseJsonObject } from './json-object.ts'
import { printablePath } from './printable.ts'
import { refreshMargin } from './refresh-margin.ts'

/** Files of this user alone. It fails nobody: where files cannot be had or trusted, nothing is found. Times in seconds since 1970. */
export interface CredentialsCache {
  /**
   * What was recorded last, by `now`: a clock that was set back makes a stranger of it. Undefined from 5 minutes before its
   * end (a third of its time, if that is less).
   */
  find(key: string, now: number): Promise<Issued | undefined>
  record(key: string, issued: Issued, now: number): Promise<void>
  /** Where a lock for that key can be; undefined where no files can be. */
  lockFile(key: string): string | undefined
  /** Why nothing is ever found; undefined where it may be. */
  readonly problem: string | undefined
}

const MAX_BYTES = 64 * 1024
/**
 * What is in a name is hashed: neither who asks nor what for can be read from a list of files. `schema` changes when what is
 * in the file under it does.
 */
export function cacheKey(parts: Readonly<Record<string, string | undefined>>): string {
  const all = { schema: '1', ...parts }
  return createHash('sha256')
    .update(JSON.stringify(all, Object.keys(all).toSorted()))
    .digest('hex')
}

/**
 * GitHub's runner empties RUNNER_TEMP between jobs: no other place of a runner that stays is its job's own. XDG Base
 * Directory Specification: a relative path is to be ignored. What else is in `token-broker` may be somebody else's.
 * Undefined for who has no home.
 */
export function cacheFolder(env: Environment): string | undefined {
  const parents = [env.GITHUB_ACTIONS === 'true' ? env.RUNNER_TEMP : undefined, env.XDG_CACHE_HOME, homeCache(env)]
  const parent = parents.find((path) => path && isAbsolute(path))
  return parent && join(parent, 'token-broker', 'credentials')
}

function homeCache(env: Environment): string | undefined {
  try {
    return join(env.HOME || homedir(), '.cache')
  } catch {
    return undefined
  }
}

export async function credentialsCache(folder: string | undefined): Promise<CredentialsCache> {
  if (folder === undefined) return noCache('Nothing could be kept: there is neither a home nor XDG_CACHE_HOME.')
  if (!(await makeFolder(folder)))
    return noCache(
      `Nothing could be kept in ${printablePath(folder)}: it must be a folder that this user alone can write, and no link.`,
    )
  const fileOf = (key: string) => join(folder, `${key}.json`)
  return {
    find: (key, now) => readEntry(fileOf(key), now).catch(() => undefined),
    async record(key, issued, now) {
      const text = JSON.stringify({ received_at: now, ...toTokenResponse(issued, now) })
      await writeWhole(fileOf(key), text).catch(() => {})
      await sweep(folder, now).catch(() => {})
    },
    lockFile: (key) => join(folder, `${key}.lock`),
    problem: undefined,
  }
}

function noCache(problem: string): CredentialsCache {
  return {
    find: () => Promise.resolve(undefined),
    record: () => Promise.resolve(),
    lockFile: () => undefined,
    problem,
  }
}

/** True if it is there, ours, and closed to others. The folder that it is in is ours too, and stays as it is. */
async function makeFolder(folder: string): Promise<boolean> {
  try {
    if (!(await makeOurs(dirname(folder))) || !(await makeOurs(folder))) return false
    if (!isPrivate(await lstat(folder))) await chmod(folder, 0o700)
    // A file system may be read-only.
    await access(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

async function makeOurs(folder: string): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // No link: it could lead to a folder of ours that others read.
  const there = await lstat(folder)
  return there.isDirectory() && isOurs(there)
}

// Windows has neither owners nor modes like these: there a profile is its user's alone.

function isOurs({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid()
}

function isPrivate({ mode }: Stats): boolean {
  return process.getuid === undefined || (mode & 0o077) === 0
}

async function readEntry(path: string, now: number): Promise<Issued | undefined> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const there = await file.stat()
    if (!there.isFile() || !isOurs(there) || !isPrivate(there) || there.size > MAX_BYTES) return undefined
    const entry = parseJsonObject(await file.readFile('utf8'))
    const received_at = entry?.received_at
    if (entry === undefined || typeof received_at !== 'number' || received_at > now) return undefined
    const issued = readTokenResponse(entry, received_at)
    if (issued === undefined) return undefined
    const { expires_at } = issued
    return expires_at - now > refreshMargin(expires_at - received_at) ? issued : undefined
  } finally {
    await file.close()
  }
}

/** Readers see the old file or the new one. What stands in its place is replaced, and a link among it not followed. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(text)
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

/** What is made here and in lock.ts: an entry, a lock, and either under a name for the moment. */
const ours = /^[0-9a-f]{64}\.(?:json|lock)(?:\.[0-9a-f-]{36})?$/

/** Each job leaves a file, and a process that is killed a draft. */
async function sweep(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder))
    if (ours.test(name)) await removeOld(join(folder, name), now).catch(() => {})
}

async function removeOld(path: string, now: number): Promise<void> {
  const { mtimeMs } = await lstat(path)
  if (mtimeMs / 1000 < now - LONGEST_LIFETIME) await rm(path, { force: true })
}
