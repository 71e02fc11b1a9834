import { TokenBrokerError } from '../client/errors.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'

export interface Signed {
  method: string
  headers: Record<string, string>
  body?: string
}

export interface AwsSigner {
  /** Throws TokenBrokerError when none is set. */
  region(): Promise<string>
  /** With the headers that make it the caller's own (SigV4). Throws TokenBrokerError when there are no credentials. */
  sign(url: string, request: Signed): Promise<Signed>
}

/** Signs as the AWS principal whose credentials the SDK finds here, for a service, in its region if that is not the SDK's own. */
export async function awsSigner(service: string, region?: string): Promise<AwsSigner> {
  // Only here: a command that asks nothing of AWS should not wait for its SDK.
  const [{ STSClient }, { SignatureV4 }] = await Promise.all([
    import('@aws-sdk/client-sts'),
    import('@smithy/signature-v4'),
  ])
  const { config } = new STSClient({})
  const findRegion = async () => region ?? (await found(config.region, noRegion))
  const signer = new SignatureV4({
    service,
    region: findRegion,
    credentials: () => found(config.credentials, noCredentials),
    sha256: config.sha256,
  })
  return {
    region: findRegion,
    async sign(url, { method, headers, body }) {
      const { protocol, host, hostname, pathname } = new URL(url)
      const unsigned = { method, protocol, hostname, path: pathname, headers: { host, ...headers }, body }
      const signed = await signer.sign(unsigned)
      // fetch writes it itself, and the same.
      const { host: _, ...given } = signed.headers
      return { method, headers: given, ...(body === undefined ? {} : { body }) }
    },
  }
}

const noRegion = 'no AWS region is set: set AWS_REGION to the one that the broker is in'
const noCredentials =
  'no AWS credentials were found: set AWS_PROFILE, or sign in as you do for the aws command, and see who you are with `aws sts get-caller-identity`'

/** The SDK's own errors are of many kinds, and name none of what to do. */
async function found<T>(find: () => Promise<T | undefined>, otherwise: string): Promise<T> {
  try {
    const it = await find()
    if (it === undefined) throw new Error('none is configured')
    return it
  } catch (error) {
    const { message } = error as Error
    throw new TokenBrokerError(`${otherwise} (${toOneLine(message.slice(0, 200))})`)
  }
}
