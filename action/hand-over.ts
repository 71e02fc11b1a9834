import { TokenBrokerError } from '../client/errors.ts'
import { secretsOf, type Issued } from '../client/issued.ts'
import { addMask } from '../client/workflow-command.ts'
import { AWS_CREDENTIALS_TYPE } from '../lib/protocol/urns.ts'
import type { Inputs } from './inputs.ts'
import type { RunnerFiles } from './runner-files.ts'
import { logLine } from './workflow-command.ts'

/** To the steps that follow. Masks come first: in debug mode the runner itself prints what it reads. Throws TokenBrokerError. */
export function handOver(
  issued: Issued,
  { target, region }: Inputs,
  files: RunnerFiles,
  print: (text: string) => void,
) {
  const expiration = new Date(Math.floor(issued.expires_at) * 1000).toISOString().replace('.000Z', 'Z')
  print(secretsOf(issued).map(addMask).join(''))
  if (issued.issued_token_type === AWS_CREDENTIALS_TYPE) {
    const { AccessKeyId, SecretAccessKey, SessionToken } = issued.credentials
    const variables = {
      AWS_ACCESS_KEY_ID: AccessKeyId,
      AWS_SECRET_ACCESS_KEY: SecretAccessKey,
      AWS_SESSION_TOKEN: SessionToken,
      // Some SDKs read the one, some the other.
      ...(region === undefined ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
    }
    // First what opens nothing, should the disk be full.
    files.addOutputs({ expiration })
    files.addVariables(variables)
    print(logLine(`${target} issued AWS credentials until ${expiration}: ${Object.keys(variables).join(', ')}`))
  } else {
    if (region !== undefined)
      throw new TokenBrokerError(
        `aws-region is for a target with a role, and ${target} issues an access token: leave aws-region out`,
      )
    files.addOutputs({ token: issued.access_token, expiration })
    const scope = issued.scope === undefined ? '' : ` with the scope ${issued.scope}`
    print(logLine(`${target} issued an access token${scope} until ${expiration}: the output token`))
  }
}
