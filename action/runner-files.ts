import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { TokenBrokerError } from '../client/errors.ts'
import type { Environment } from '../client/find-subject-token.ts'

/** What the runner reads after the step. Each writes all of its values, or none and throws TokenBrokerError. */
export interface RunnerFiles {
  /** `steps.<id>.outputs` */
  addOutputs(values: Readonly<Record<string, string>>): void
  /** The environment of the steps that follow. */
  addVariables(values: Readonly<Record<string, string>>): void
}

/** Throws TokenBrokerError where no runner is, and for a file that cannot be written: nothing is handed over by halves. */
export function runnerFiles(env: Environment): RunnerFiles {
  const outputs = runnerFile('GITHUB_OUTPUT', env)
  const variables = runnerFile('GITHUB_ENV', env)
  return { addOutputs: outputs, addVariables: variables }
}

function runnerFile(name: string, env: Environment): (values: Readonly<Record<string, string>>) => void {
  const path = env[name]
  if (!path) throw new TokenBrokerError(`${name} is not set: this action runs on a runner of GitHub Actions only`)
  const append = (text: string) => {
    try {
      appendFileSync(path, text)
    } catch (error) {
      throw new TokenBrokerError(`the runner's file ${name} cannot be written (${(error as { code?: string }).code})`)
    }
  }
  append('')
  return (values) => append(Object.entries(values).map(assignment).join(''))
}

/** A delimiter that no value can foresee: what ends a value early could set any other ("Multiline strings"). */
function assignment([name, value]: [string, string]): string {
  const delimiter = `ghadelimiter_${randomUUID()}`
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`
}
