import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { close, listen } from '../../local/loopback.ts'

const bootstrap = fileURLToPath(new URL('lambda-bootstrap.cjs', import.meta.url))

export interface LambdaSandbox {
  /** One event in, the handler's answer out. Rejects with what the handler threw, or with why it could not start. */
  invoke(event: unknown): Promise<unknown>
  /** All that it has printed. */
  log(): string
  close(): Promise<void>
}

interface Invocation {
  event: unknown
  resolve(answer: unknown): void
  reject(error: Error): void
}

/**
 * One sandbox as Lambda runs it: a process of its own in the folder that is deployed, with this environment and no other,
 * which asks Lambda's Runtime API for one event after another.
 */
export async function startSandbox(directory: string, environment: Record<string, string>): Promise<LambdaSandbox> {
  const queue: Invocation[] = []
  let running: Invocation | undefined
  let waiting: ServerResponse | undefined
  let failed: Error | undefined
  let output = ''

  function next(): void {
    if (waiting === undefined || queue.length === 0) return
    running = queue.shift() as Invocation
    waiting
      .writeHead(200, {
        'lambda-runtime-aws-request-id': 'e9ae8a3c-7f7d-4b0a-9f7b-6a1c4f2d7a10',
        'lambda-runtime-deadline-ms': String(Date.now() + 10_000),
        'lambda-runtime-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0',
      })
      .end(JSON.stringify(running.event))
    waiting = undefined
  }

  function fail(error: Error): void {
    failed = error
    for (const invocation of [...(running ? [running] : []), ...queue.splice(0)]) invocation.reject(error)
  }

  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url?.replace('/2018-06-01/runtime/', '')
      if (path === 'invocation/next') {
        waiting = response
        next()
        return
      }
      const body = await text(request)
      if (path === 'init/error') fail(new Error(body))
      else if (path?.endsWith('/response')) running?.resolve(JSON.parse(body))
      else if (path?.endsWith('/error')) running?.reject(new Error(body))
      response.writeHead(202).end()
    })()
  })
  const url = await listen(server, 0)
  const child = spawn(process.execPath, [bootstrap], {
    cwd: directory,
    env: {
      ...environment,
      LAMBDA_TASK_ROOT: directory,
      _HANDLER: 'index.handler',
      AWS_LAMBDA_RUNTIME_API: url.slice(7),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'exit').then(([code]) =>
    fail(new Error(`the sandbox ended with ${String(code)}: ${output}`)),
  )

  return {
    invoke: (event) =>
      new Promise((resolve, reject) => {
        if (failed) return reject(failed)
        queue.push({ event, resolve, reject })
        next()
      }),
    log: () => output,
    async close() {
      child.kill()
      await ended
      server.closeAllConnections()
      await close(server)
    },
  }
}
