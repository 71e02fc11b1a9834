import { toOneLine } from '../lib/protocol/one-line.ts'
import { AWS_CREDENTIALS_TYPE } from '../lib/protocol/urns.ts'
import { parseBrokerUrl } from './broker-url.ts'
import { credentialProvider, type AwsCredentialProvider, type AwsCredentials } from './credential-provider.ts'
import { TokenBrokerError } from './errors.ts'
import { exchange } from './exchange.ts'
import { findSubjectToken } from './find-subject-token.ts'
import type { Issued } from './issued.ts'
import { unattended } from './ports.ts'
import { printable } from './printable.ts'
import { readySource, type SubjectTokenSource } from './subject-token.ts'

export { RefusedByBroker, TemporaryError, TokenBrokerError } from './errors.ts'
export type { AwsCredentialProvider, AwsCredentials } from './credential-provider.ts'

export interface TokenBrokerOptions {
  /** The broker's URL, which is its issuer: `https://broker.acme.dev`. */
  broker: string
  /** The name of a target that has a role. */
  target: string
  /** Gives the token to trade, a JWT, each time one is needed: what `sts:GetWebIdentityToken` answers, for example. */
  token?: (() => string | Promise<string>) | undefined
  /** A file with the token to trade, read each time: a projected service-account token of Kubernetes. */
  tokenFile?: string | undefined
  /** What GitHub Actions is asked to make its token for. Default: the broker. */
  audience?: string | undefined
}

const known: readonly string[] = ['broker', 'target', 'token', 'tokenFile', 'audience']

/**
 * Credentials for the AWS SDK for JavaScript v3, from a broker's target with a role:
 *
 *     new S3Client({ credentials: fromTokenBroker({ broker: 'https://broker.acme.dev', target: 'web-deployer' }) })
 *
 * The token to trade is the job's own in GitHub Actions, GitLab CI (the variable TOKEN_BROKER_ID_TOKEN) and CircleCI, unless
 * `token` or `tokenFile` says where it is. One provider may serve many clients. Throws TokenBrokerError for options that
 * cannot be; the provider throws RefusedByBroker, TemporaryError and TokenBrokerError.
 */
export function fromTokenBroker(options: TokenBrokerOptions): AwsCredentialProvider {
  const { broker, target, sourceOf } = readOptions(options)
  const obtain = async () => toAwsCredentials(await exchange({ broker, target }, sourceOf(), unattended), target)
  return credentialProvider(obtain, () => unattended.now())
}

function readOptions(options: TokenBrokerOptions): {
  broker: string
  target: string
  sourceOf: () => SubjectTokenSource
} {
  if (typeof options !== 'object' || options === null)
    throw new TokenBrokerError('fromTokenBroker takes an object of options: broker and target at least')
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new TokenBrokerError(`fromTokenBroker has no option ${printable(unknown)}: it has ${known.join(', ')}`)
  const { broker, target, token, tokenFile, audience } = options
  if (typeof target !== 'string' || target === '')
    throw new TokenBrokerError('fromTokenBroker needs target: the name of a target with a role')
  if (token !== undefined && typeof token !== 'function')
    throw new TokenBrokerError('fromTokenBroker takes as token a function that gives one: each is traded once')
  if (tokenFile !== undefined && (typeof tokenFile !== 'string' || tokenFile === ''))
    throw new TokenBrokerError('fromTokenBroker takes as tokenFile the path of a file')
  if (token !== undefined && tokenFile !== undefined)
    throw new TokenBrokerError('fromTokenBroker takes token or tokenFile, not both')
  if (token !== undefined && audience !== undefined)
    throw new TokenBrokerError('fromTokenBroker takes no audience with token: a token says already whom it is for')
  const origin = parseBrokerUrl(broker)
  const sourceOf = () =>
    token === undefined
      ? findSubjectToken({ file: tokenFile, audience }, origin, process.env)
      : readySource('the option token', token)
  return { broker: origin, target, sourceOf }
}

function toAwsCredentials(issued: Issued, target: string): AwsCredentials {
  if (issued.issued_token_type !== AWS_CREDENTIALS_TYPE)
    throw new TokenBrokerError(
      `the target ${toOneLine(target)} issues an access token, no AWS credentials: name a target with a role`,
    )
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = issued.credentials
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: new Date(Expiration),
  }
}
