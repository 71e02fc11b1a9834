import { fork } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Below node_modules' folder, where the packages that they leave out are found. */
const built = join(root, 'build/bench')

/** To JavaScript: Node's reader of TypeScript holds 20 MB in each process, which would count as the servers'. */
export async function buildServers(): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: globSync('bench/servers/*.ts', { cwd: root }),
    outdir: built,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'warning',
  })
}

export interface Process<Ready> {
  /** What it said when it was ready. */
  ready: Ready
  /** What it has used or counted until now. */
  usage<T>(): Promise<T>
  close(): Promise<void>
}

/** One of bench/servers/, built, in a process of its own. Rejects, with what it printed, when it does not start. */
export async function startProcess<Ready = string>(
  name: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Process<Ready>> {
  const child = fork(join(built, `${name}.mjs`), [...args], {
    env: { PATH: process.env.PATH, POWERTOOLS_LOG_LEVEL: 'SILENT', NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let printed = ''
  child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const ended = once(child, 'exit')
  const failed = ended.then(() => {
    throw new Error(`${name} has ended: ${printed}`)
  })
  // It ends in the end; only who waits for a message minds.
  failed.catch(() => {})
  const message = async <T>() => ((await Promise.race([once(child, 'message'), failed])) as [T])[0]
  return {
    ready: await message<Ready>(),
    async usage<T>() {
      child.send('usage')
      return message<T>()
    },
    async close() {
      child.disconnect()
      await ended
    },
  }
}
