import { secretsOf } from '../client/issued.ts'
import { addMask } from '../client/workflow-command.ts'
import { readArguments } from './arguments.ts'
import { brokerOptions, brokerOptionsUsage } from './broker-options.ts'
import { UsageError, type Command } from './command.ts'
import { isOutput, outputs } from './issued-output.ts'
import { obtain } from './obtain.ts'

export const exchange: Command = {
  name: 'exchange',
  summary: "trade this job's token for an access token, or for AWS credentials",
  usage: `token-broker exchange --broker URL --target NAME [--scope SCOPES] [--output json|env|token]
                      [--token-file FILE | --token-env NAME | --token-command CMD | --audience URI]

Trades this job's token for what the target issues, and prints that.

  --output json        the broker's answer, with what is left of its time; of AWS credentials the credential_process
                       document (default)
  --output env         lines for a POSIX shell: export TOKEN_BROKER_ACCESS_TOKEN=..., or export AWS_ACCESS_KEY_ID=...,
                       AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_CREDENTIAL_EXPIRATION
  --output token       the access token alone
  --scope SCOPES       some of the scopes that are granted, as "deploy:read deploy:write"; default: all of them
${brokerOptionsUsage}

Capture what is printed, as the second example does, and do not let it go to a log. In a GitHub Actions job secrets are also
masked, by ::add-mask:: on standard error, but nothing says which of the two a log gets first.

Example: token-broker exchange --broker https://broker.acme.dev --target deploy-api --output token
Example: exports=$(token-broker exchange --target web-deployer --output env); eval "$exports"

Exit codes: 0 printed; 1 refused, or nobody to ask, or nothing to trade; 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    ...brokerOptions,
    scope: { type: 'string' },
    output: { type: 'string' },
  })
  if (positionals.length > 0) throw new UsageError('exchange takes options only')
  const { output = 'json', scope, ...options } = values
  if (scope?.trim() === '') throw new UsageError('--scope is empty: leave it out for all that is granted, or say which')
  if (!isOutput(output)) throw new UsageError(`--output is one of ${Object.keys(outputs).join(', ')}`)
  const issued = await obtain(options, scope)
  const text = outputs[output](issued)
  if (process.env.GITHUB_ACTIONS === 'true') process.stderr.write(secretsOf(issued).map(addMask).join(''))
  process.stdout.write(text)
  return 0
}
