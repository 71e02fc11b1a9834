import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** What a process is called, as far as can be told here: empty for what cannot. */
export interface Process {
  machine: string
  /** In which its number is its own: a container has one. */
  namespace: string
  pid: number
  /** What tells it from an earlier one of that number. */
  started: string
}

export function processOf(pid: number): Process {
  return { machine: hostname(), namespace: namespace(), pid, started: startOf(pid) }
}

/** No two are the same. */
export function ownerLine({ machine, namespace, pid, started }: Process): string {
  return [machine, namespace, pid, started, randomUUID()].join(' ')
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

/** proc(5): the 22nd field of stat; the 2nd is a name, in which anything may be. Only a /proc of our own namespace has our numbers. */
function startOf(pid: number): string {
  try {
    if (readlinkSync('/proc/self') !== String(process.pid)) return ''
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

/** True only where it is certain. The process that asks is taken for one that has: it knows its own owners. */
export function hasEnded(owner: string): boolean {
  const [machine, namespace, pid, started] = owner.split(' ')
  const here = processOf(Number(pid))
  // Elsewhere the number is another process.
  if (machine !== here.machine || namespace !== here.namespace) return false
  if (here.pid === process.pid || isGone(here.pid)) return true
  return started !== '' && here.started !== '' && started !== here.started
}

function isGone(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH'
  }
}
