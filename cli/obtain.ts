import { cachedExchange } from '../client/cached-exchange.ts'
import { cacheFolder, credentialsCache } from '../client/credentials-cache.ts'
import { TokenBrokerError } from '../client/errors.ts'
import { findSubjectToken } from '../client/find-subject-token.ts'
import type { Issued } from '../client/issued.ts'
import { thisMachine } from '../client/ports.ts'
import type { BrokerOptions } from './broker-options.ts'
import { CommandError, UsageError } from './command.ts'
import { readBroker } from './read-broker.ts'

/** Throws UsageError for options that cannot be, CommandError for what the broker, or the way to it, does not give. */
export async function obtain(options: BrokerOptions, scope?: string): Promise<Issued> {
  const broker = readBroker(options.broker)
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
