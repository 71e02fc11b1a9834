import { ID_TOKEN_VARIABLE } from '../client/find-subject-token.ts'

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
less), and for the same subject only, in files that only you can read, in token-broker/credentials/ below RUNNER_TEMP in a
GitHub job, else XDG_CACHE_HOME, else ~/.cache.`
