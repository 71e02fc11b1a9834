import type { Secrets } from './ports.ts'
import { UnavailableError } from './protocol/errors.ts'

/** What a deployment tells each function, typed once for both sides. */
export interface MetadataEnvironment {
  /** JSON: see lib/protocol/signing-keys.ts. */
  BROKER_SIGNING_KEYS: string
  /** Our `iss` where broker.yaml says `auto`. */
  BROKER_ISSUER?: string
}

export interface TokenEnvironment extends MetadataEnvironment {
  BROKER_TABLE: string
}

export interface LogoutEnvironment extends TokenEnvironment {
  /** The URL of the queue of logout notices. Only where people log in. */
  BROKER_LOGOUT_QUEUE: string
}

/** Throws, naming the variable: a function that lacks one must fail when it starts, not when it is asked. */
export function required(environment: NodeJS.ProcessEnv, name: keyof LogoutEnvironment): string {
  const value = environment[name]
  if (!value) throw new Error(`the environment variable ${name} is not set`)
  return value
}

/** Our `iss`. Throws when the configuration leaves it to the deployment and the deployment does not say. */
export function issuerOf(configuration: { issuer: string }, environment: NodeJS.ProcessEnv): string {
  return configuration.issuer === 'auto' ? required(environment, 'BROKER_ISSUER') : configuration.issuer
}

/** Secrets that broker.yaml calls `env:NAME`, for local runs alone. */
export function environmentSecrets(environment: NodeJS.ProcessEnv): Secrets {
  async function find(name: string): Promise<string> {
    const value = name.startsWith('env:') ? environment[name.slice('env:'.length)] : undefined
    if (!value) throw new UnavailableError('secrets', `${name} is not set`)
    return value
  }

  return {
    find,

    async renew(name, refused) {
      const value = await find(name)
      return value === refused ? undefined : value
    },
  }
}
