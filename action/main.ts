import { RefusedByBroker, TokenBrokerError } from '../client/errors.ts'
import { exchange } from '../client/exchange.ts'
import { thisMachine } from '../client/ports.ts'
import { addMask } from '../client/workflow-command.ts'
import { explainRefusal } from './explain-refusal.ts'
import { findJobToken } from './find-job-token.ts'
import { handOver } from './hand-over.ts'
import { readInputs, warnOfUnknown } from './inputs.ts'
import { runnerFiles } from './runner-files.ts'
import { errorCommand, warningCommand } from './workflow-command.ts'

// The GitHub Action of action.yml. Exit codes: 0 handed over, 1 refused, or nobody to ask, or nothing to trade, or wrong inputs.

process.exitCode = await main(process.env)

async function main(env: NodeJS.ProcessEnv): Promise<number> {
  let presented = ''
  let asked: string | undefined
  const warning = warnOfUnknown(env)
  if (warning !== undefined) print(warningCommand(warning))
  try {
    const inputs = readInputs(env)
    // Before the job's token is spent.
    const files = runnerFiles(env)
    const source = findJobToken(inputs, env)
    if (source.fresh) asked = inputs.audience ?? inputs.broker
    const token = async (left: number) => {
      presented = await source.token(left)
      print(addMask(presented))
      return presented
    }
    const issued = await exchange(inputs, { ...source, token }, thisMachine)
    handOver(issued, inputs, files, print)
    return 0
  } catch (error) {
    print(errorCommand(explain(error, presented, asked)))
    return 1
  }
}

function explain(error: unknown, presented: string, asked: string | undefined): string {
  if (error instanceof RefusedByBroker) return explainRefusal(error, presented, asked)
  // Anything else is our own mistake, and keeps its stack.
  return error instanceof TokenBrokerError ? error.message : `${(error as Error).stack}`
}

function print(text: string): void {
  process.stdout.write(text)
}
