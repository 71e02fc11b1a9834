import { AWS_CREDENTIALS_TYPE } from '../lib/protocol/urns.ts'
import { readArguments } from './arguments.ts'
import { brokerOptions, brokerOptionsUsage } from './broker-options.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { obtain } from './obtain.ts'

export const credentialProcess: Command = {
  name: 'credential-process',
  summary: 'give AWS SDKs and the AWS CLI credentials, as credential_process of a profile',
  usage: `token-broker credential-process --broker URL --target NAME
                                [--token-file FILE | --token-env NAME | --token-command CMD | --audience URI]

Prints AWS credentials as SDKs and the AWS CLI take them from the credential_process of a profile, in ~/.aws/config:

  [profile web-deployer]
  credential_process = npx --no-install token-broker credential-process --broker https://broker.acme.dev --target web-deployer

${brokerOptionsUsage}

Example: token-broker credential-process --broker https://broker.acme.dev --target web-deployer

Exit codes: 0 printed; 1 refused, or nobody to ask, or nothing to trade; 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, brokerOptions)
  if (positionals.length > 0) throw new UsageError('credential-process takes options only')
  const issued = await obtain(values)
  if (issued.issued_token_type !== AWS_CREDENTIALS_TYPE)
    throw new CommandError('this target issues an access token, no AWS credentials: name a target with a role')
  // No masks here: SDKs may log what comes on standard error.
  process.stdout.write(`${JSON.stringify(issued.credentials)}\n`)
  return 0
}
