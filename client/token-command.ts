import { spawn, type ChildProcess } from 'node:child_process'
import { TokenBrokerError } from './errors.ts'
import { MAX_TOKEN_BYTES, readySource, type SubjectTokenSource } from './subject-token.ts'

const name = 'the token command'
/** In milliseconds. `grace`: for what was printed before the end and is still in a pipe. */
const limits = { patience: 30_000, grace: 500 }
/** Windows has no process groups: there the shell alone is ended. */
const hasGroups = process.platform !== 'win32'
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What a shell command prints. What it says on standard error is for the user to see. */
export function tokenCommand(command: string): SubjectTokenSource {
  return readySource(name, (left) => run(command, Math.min(limits.patience, left)))
}

function run(command: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // In a group of its own, so that what the shell starts can be ended with it. Standard error is not ours itself: what the
    // shell leaves behind would hold it open, and with it who waits for our end.
    const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'], detached: hasGroups })
    const forget = passEndingsOn(child)
    const chunks: Buffer[] = []
    let length = 0
    let grace: NodeJS.Timeout | undefined
    const timer = setTimeout(() => give(`did not end within ${Math.ceil(timeout / 1000)} s`), timeout)
    const letGo = () => {
      clearTimeout(timer)
      clearTimeout(grace)
      forget()
      if (isRunning(child)) signalGroup(child, 'SIGKILL')
      // What the shell left behind may hold the pipes open.
      child.stdout.destroy()
      child.stderr.destroy()
      child.unref()
    }
    const give = (problem: string) => {
      letGo()
      reject(new TokenBrokerError(`${name} ${problem}`))
    }
    const take = () => {
      const { exitCode, signalCode } = child
      if (exitCode === null) return give(`was ended by ${signalCode}`)
      if (exitCode !== 0) return give(`failed with exit code ${exitCode}: run it by itself to see why`)
      letGo()
      resolve(Buffer.concat(chunks).toString('utf8'))
    }
    child.stderr.pipe(process.stderr, { end: false })
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.byteLength
      if (length > 2 * MAX_TOKEN_BYTES) give('printed more than any token holds')
      else chunks.push(chunk)
    })
    child.on('error', ({ code }: NodeJS.ErrnoException) => give(`could not be run (${code})`))
    child.on('exit', () => {
      clearTimeout(timer)
      grace = setTimeout(take, limits.grace)
    })
    child.on('close', take)
  })
}

/** A terminal's Ctrl-C is for our group only, and the command has its own: both are ended. Returns what stops this. */
function passEndingsOn(child: ChildProcess): () => void {
  if (!hasGroups) return () => {}
  const pass = (signal: NodeJS.Signals) => {
    forget()
    if (isRunning(child)) signalGroup(child, signal)
    process.kill(process.pid, signal)
  }
  const forget = () => endings.forEach((signal) => process.off(signal, pass))
  endings.forEach((signal) => process.on(signal, pass))
  return forget
}

/** Until then its number is no other's. */
function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (hasGroups) process.kill(-(child.pid as number), signal)
    else child.kill(signal)
  } catch {
    // It has ended just now.
  }
}
