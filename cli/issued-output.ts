import { toTokenResponse, type Issued } from '../client/issued.ts'
import { AWS_CREDENTIALS_TYPE } from '../lib/protocol/urns.ts'
import { CommandError } from './command.ts'

/** How `exchange` prints what was issued. Each throws CommandError for what it has no form for. */
export const outputs = { json: toJson, env: toExports, token: toToken } as const

export type Output = keyof typeof outputs

export function isOutput(text: string): text is Output {
  return Object.hasOwn(outputs, text)
}

function toJson(issued: Issued): string {
  const document =
    issued.issued_token_type === AWS_CREDENTIALS_TYPE ? issued.credentials : toTokenResponse(issued, Date.now() / 1000)
  return `${JSON.stringify(document, null, 2)}\n`
}

/** Of AWS credentials the variables that `aws configure export-credentials --format env` has. */
function toExports(issued: Issued): string {
  return Object.entries(variablesOf(issued))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('')
}

function variablesOf(issued: Issued): Record<string, string> {
  if (issued.issued_token_type !== AWS_CREDENTIALS_TYPE) return { TOKEN_BROKER_ACCESS_TOKEN: issued.access_token }
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = issued.credentials
  return {
    AWS_ACCESS_KEY_ID: AccessKeyId,
    AWS_SECRET_ACCESS_KEY: SecretAccessKey,
    AWS_SESSION_TOKEN: SessionToken,
    AWS_CREDENTIAL_EXPIRATION: Expiration,
  }
}

function toToken(issued: Issued): string {
  if (issued.issued_token_type === AWS_CREDENTIALS_TYPE)
    throw new CommandError('this target issues AWS credentials, which are no single token: use --output env or json')
  return `${issued.access_token}\n`
}
