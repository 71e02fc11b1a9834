import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { devNull } from 'node:os'
import { createInterface, type Interface } from 'node:readline'
import { after } from 'node:test'

/** A program that makes one call to AWS for each line, as workload.ts does: the command, and what its runtime needs. */
export interface Workload {
  command: readonly [string, ...string[]]
  environment?: Record<string, string>
}

export interface RunningWorkload {
  /** One call, by a clock that is so many seconds ahead. What the user then sees: nothing when AWS answered, else the SDK's error. */
  call(ahead?: number): Promise<string>
}

const children = new Set<ChildProcess>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Knows nothing of AWS but the endpoint of STS and what `environment` says: no files of the user's, no other credentials. */
export function startWorkload(workload: Workload, environment: Record<string, string>): RunningWorkload {
  const [program, ...argv] = workload.command
  const child = spawn(program, argv, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL_STS: process.env.AWS_ENDPOINT_URL_STS,
      ...workload.environment,
      ...environment,
    },
  })
  children.add(child)
  // That it has ended is seen where its answer is missing.
  child.stdin.on('error', () => {})
  const lines = linesOf(createInterface(child.stdout))
  return {
    async call(ahead = 0) {
      child.stdin.write(`${ahead}\n`)
      const { value, done } = await lines.next()
      assert.ok(!done, `${workload.command.join(' ')} has ended`)
      return JSON.parse(value) as string
    },
  }
}

async function* linesOf(lines: Interface): AsyncGenerator<string, undefined> {
  yield* lines
  return undefined
}
