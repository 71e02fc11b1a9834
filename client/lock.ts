import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, open, rename, rm, writeFile } from 'node:fs/promises'
import { hasEnded, ownerLine, processOf } from './lock-owner.ts'
import type { Ports } from './ports.ts'

/**
 * In milliseconds. `wait`: with an exchange and its retries after it, less than the minute that the SDK for Go gives
 * credential_process. `abandoned`: longer than any exchange with all its retries takes. `empty`: longer than it takes to
 * write who holds it. `ahead`: how far the clock of a file server may be before ours.
 */
const limits = { poll: 50, wait: 25_000, abandoned: 120_000, empty: 1_000, ahead: 5_000 }

/** A lock as it was found. No two are the same. */
interface Found {
  owner: string
  inode: number
  /** Milliseconds since 1970. */
  written: number
}

/**
 * One process at a time does `work` under that file. It is a courtesy, and no more: where no lock can be had, or none
 * within 25 s, the work is done all the same.
 */
export async function oneAtATime<T>(file: string, work: () => Promise<T>, ports: Ports): Promise<T> {
  const owner = ownerLine(processOf(process.pid))
  ours.add(owner)
  try {
    const taken = await take(file, owner, ports)
    try {
      return await work()
    } finally {
      if (taken) await release(file, owner).catch(() => {})
    }
  } finally {
    ours.delete(owner)
  }
}

/** Owners in this process. */
const ours = new Set<string>()

async function take(file: string, owner: string, ports: Ports): Promise<boolean> {
  const end = ports.now() + limits.wait
  // Counted too: a clock can be set back.
  for (let polls = limits.wait / limits.poll; polls > 0 && ports.now() < end; polls--, await ports.sleep(limits.poll)) {
    try {
      await writeFile(file, owner, { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') return false
    }
    try {
      const found = await look(file)
      // The pause before the next attempt lets those finish who judged the same lock.
      if (isAbandoned(found, ports.now())) await remove(file, (renamed) => isSame(renamed, found))
    } catch (error) {
      // Given back meanwhile; anything else there is no lock of ours, nor will it become one.
      if ((error as { code?: string }).code !== 'ENOENT') return false
    }
  }
  return false
}

async function release(file: string, owner: string): Promise<void> {
  const isOurs = (found: Found) => found.owner === owner
  // Who held us for gone has taken it over.
  if (isOurs(await look(file))) await remove(file, isOurs)
}

/** Throws for what is no regular file, and where there is none. */
async function look(file: string): Promise<Found> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const there = await handle.stat()
    if (!there.isFile()) throw new Error('no regular file')
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512))
    return { owner: buffer.toString('utf8', 0, bytesRead), inode: there.ino, written: there.mtimeMs }
  } finally {
    await handle.close()
  }
}

function isSame(one: Found, other: Found): boolean {
  return one.owner === other.owner && one.inode === other.inode && one.written === other.written
}

/** Its process is gone, or another has taken the number, or nobody can say whose it is. */
function isAbandoned({ owner, written }: Found, now: number): boolean {
  const age = now - written
  if (age > limits.abandoned || age < -limits.ahead) return true
  if (owner === '') return age > limits.empty
  return !ours.has(owner) && hasEnded(owner)
}

/** Only one can rename it, and then sees whether another has put its own there meanwhile: that goes back. */
async function remove(file: string, isIt: (found: Found) => boolean): Promise<void> {
  const renamed = `${file}.${randomUUID()}`
  await rename(file, renamed)
  try {
    if (!isIt(await look(renamed))) await link(renamed, file).catch(() => {})
  } finally {
    await rm(renamed, { force: true })
  }
}
