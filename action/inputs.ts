import { parseBrokerUrl } from '../client/broker-url.ts'
import { TokenBrokerError } from '../client/errors.ts'
import type { Environment } from '../client/find-subject-token.ts'
import { printable } from '../client/printable.ts'

export interface Inputs {
  /** Its origin. */
  broker: string
  target: string
  scope: string | undefined
  audience: string | undefined
  region: string | undefined
}

/** As action.yml has them. */
export const inputNames = ['broker', 'target', 'scope', 'audience', 'aws-region'] as const

/** A misspelt one, or a variable of the job that only looks like one. Undefined if there is none. */
export function warnOfUnknown(env: Environment): string | undefined {
  const unknown = Object.keys(env).filter((name) => name.startsWith('INPUT_') && !known.includes(name))
  if (unknown.length === 0) return undefined
  return `the environment has ${printable(unknown.join(', '))}: no inputs of this action, which are ${inputNames.join(', ')}`
}

/** The runner's variables for `with`: INPUT_ and the name in capitals, dashes as they are. Throws TokenBrokerError. */
export function readInputs(env: Environment): Inputs {
  return {
    broker: parseBrokerUrl(required('broker', 'https://broker.acme.dev')),
    target: required('target', 'deploy-api'),
    scope: input('scope'),
    audience: input('audience'),
    region: readRegion(input('aws-region')),
  }

  function input(name: InputName): string | undefined {
    return env[variableOf(name)]?.trim() || undefined
  }

  function required(name: InputName, example: string): string {
    const value = input(name)
    if (value === undefined)
      throw new TokenBrokerError(
        `the input ${name} is missing. Give it to the step:\n\n    with:\n      ${name}: ${example}`,
      )
    return value
  }
}

type InputName = (typeof inputNames)[number]

function variableOf(name: InputName): string {
  return `INPUT_${name.toUpperCase()}`
}

const known = inputNames.map(variableOf)

function readRegion(region: string | undefined): string | undefined {
  if (region !== undefined && !/^[a-z]{2,8}(?:-[a-z]{2,16})+-\d{1,2}$/.test(region))
    throw new TokenBrokerError(`the input aws-region is no region, such as eu-west-1: ${printable(region)}`)
  return region
}
