import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { Ports } from './ports.ts'

/** In milliseconds. `abandoned`: longer than any exchange with all its retries takes. */
const limits = { poll: 50, wait: 40_000, abandoned: 120_000 }

/**
 * One process at a time does `work` under that file. It is a courtesy, and no more: where no lock can be had, or none
 * within 40 s, the work is done all the same.
 */
export async function oneAtATime<T>(file: string, work: () => Promise<T>, ports: Ports): Promise<T> {
  const taken = await take(file, ports)
  try {
    return await work()
  } finally {
    if (taken) await rm(file, { force: true }).catch(() => {})
  }
}

async function take(file: string, ports: Ports): Promise<boolean> {
  for (const end = ports.now() + limits.wait; ports.now() < end; await ports.sleep(limits.poll)) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') return false
    }
    if (await isAbandoned(file, ports.now())) await rm(file, { force: true }).catch(() => {})
  }
  return false
}

/** Its process is gone, or another has taken the number. */
async function isAbandoned(file: string, now: number): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(file)
    if (now - mtimeMs > limits.abandoned) return true
    const holder = Number(await readFile(file, 'utf8'))
    // Empty while it is being written.
    if (!Number.isSafeInteger(holder) || holder <= 0) return false
    process.kill(holder, 0)
    return false
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH'
  }
}
