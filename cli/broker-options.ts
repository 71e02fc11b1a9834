import { parseBrokerUrl } from '../client/broker-url.ts'
import { cachedExchange } from '../client/cached-exchange.ts'
import { cacheFolder, credentialsCache } from '../client/credentials-cache.ts'
import { TokenBrokerError } from '../client/errors.ts'
import { findSubjectToken, ID_TOKEN_VARIABLE } from '../client/find-subject-token.ts'
import type { Issued } from '../client/issued.ts'
import { thisMachine } from '../client/ports.ts'
import { CommandError, UsageError } from './command.ts'

/** What every command takes that asks a broker. */
export const brokerOptions = {
  broker: { type: 'string' },
  target: { type: 'string' },
  audience: { type: 'string' },
  'token-file': { type: 'string' },
  'token-env': { type: 'string' },
  'token-command': { type: 'string' },
} as const

export type BrokerOptions = { [Name in keyof typeof brokerOptions]?: string | undefined }

/** For the usage of those commands. */
export const brokerOptionsUsage = `  --broker URL         the broker, by its issuer URL; default: TOKEN_BROKER_URL
  --target NAME        what to ask for: a target of its broker.yaml
  --token-file FILE    where the token to trade is: in a file, read each time
  --token-env NAME     ... in an environment variable
  --token-command CMD  ... printed by a shell command
  --audience URI       what GitHub Actions is asked to make its token for; default: the broker

Without a --token option it is the job's own: in ${ID_TOKEN_VARIABLE} (GitLab's id_tokens can put it there), asked of GitHub
Actions, or as CircleCI gives it. What was issued is kept until 5 minutes before it ends (a third of its time, if that is
less), and for the same subject only, in files that only you can read, in token-broker/ below RUNNER_TEMP in a GitHub
job, else XDG_CACHE_HOME, else ~/.cache.`

/** Throws UsageError for options that cannot be, CommandError for what the broker, or the way to it, does not give. */
export async function obtain(options: BrokerOptions, scope?: string): Promise<Issued> {
  const broker = readBroker(options.broker ?? process.env.TOKEN_BROKER_URL)
  const { target } = options
  if (!target) throw new UsageError('--target is missing: name the target to ask for')
  const asked = { broker, target, ...(scope ? { scope } : {}) }
  const token = readTokenOptions(options)
  try {
    const source = findSubjectToken(token, broker, process.env)
    const cache = await credentialsCache(cacheFolder(process.env))
    return await cachedExchange(asked, source, cache, thisMachine)
  } catch (error) {
    throw error instanceof TokenBrokerError ? new CommandError(error.message) : error
  }
}

function readBroker(url: string | undefined): string {
  if (!url) throw new UsageError("--broker is missing: give the broker's URL, or set TOKEN_BROKER_URL to it")
  try {
    return parseBrokerUrl(url)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function readTokenOptions(options: BrokerOptions) {
  const given = ['token-file', 'token-env', 'token-command'] as const
  const places = given.filter((name) => options[name] !== undefined)
  for (const name of [...places, 'audience'] as const)
    if (options[name] === '') throw new UsageError(`--${name} is empty: leave it out, or say what it is`)
  if (places.length > 1) throw new UsageError(`a token is in one place: not both --${places[0]} and --${places[1]}`)
  return {
    file: options['token-file'],
    variable: options['token-env'],
    command: options['token-command'],
    audience: options.audience,
  }
}
