import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Process<Ready> {
  /** What it said when it was ready. */
  ready: Ready
  /** What it has used or counted until now. */
  usage<T>(): Promise<T>
  close(): Promise<void>
}

/** One of bench/servers/ in a process of its own. Rejects, with what it printed, when it does not start. */
export async function startProcess<Ready = string>(
  name: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Process<Ready>> {
  const child = fork(fileURLToPath(new URL(`servers/${name}.ts`, import.meta.url)), [...args], {
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
