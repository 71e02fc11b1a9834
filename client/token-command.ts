import { spawn } from 'node:child_process'
import { TokenBrokerError } from './errors.ts'
import { MAX_TOKEN_BYTES, readySource, type SubjectTokenSource } from './subject-token.ts'

const name = 'the token command'
const patience = 30_000

/** What a shell command prints. What it says on standard error is for the user to see. */
export function tokenCommand(command: string): SubjectTokenSource {
  return readySource(name, (left) => run(command, Math.min(patience, left)))
}

function run(command: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'inherit'] })
    const chunks: Buffer[] = []
    let length = 0
    const timer = setTimeout(() => give(`did not end within ${Math.ceil(timeout / 1000)} s`), timeout)
    const give = (problem: string) => {
      clearTimeout(timer)
      // What the shell started may hold the pipe open after the shell has gone.
      child.kill()
      child.stdout.destroy()
      reject(new TokenBrokerError(`${name} ${problem}`))
    }
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.byteLength
      if (length > 2 * MAX_TOKEN_BYTES) give('printed more than any token holds')
      else chunks.push(chunk)
    })
    child.on('error', ({ code }: NodeJS.ErrnoException) => give(`could not be run (${code})`))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'))
      else give(code === null ? `was ended by ${signal}` : `failed with exit code ${code}: run it by itself to see why`)
    })
  })
}
