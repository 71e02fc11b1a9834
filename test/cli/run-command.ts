import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../cli/token-broker.ts', import.meta.url))

/** Where these tests run may be a GitHub Actions job itself. */
const nothingOfGitHub = { GITHUB_ACTIONS: '', GITHUB_TOKEN: '', GH_TOKEN: '', GITHUB_API_URL: 'http://127.0.0.1:9' }

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  cwd?: string
  stdin?: string | Readable
}

/** `token-broker` with these arguments, in a process of its own. */
export async function runCommand(args: readonly string[], { env, cwd, stdin }: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [entry, ...args], { cwd, env: { ...process.env, ...nothingOfGitHub, ...env } })
  // It may have ended before it was told anything.
  child.stdin.on('error', () => {})
  if (stdin instanceof Readable) {
    stdin.pipe(child.stdin)
    child.on('exit', () => stdin.destroy())
  } else child.stdin.end(stdin ?? '')
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
