import { randomBytes } from 'node:crypto'
import { packedSize, readAssumeRole, type AssumeRoleCall } from './assume-role-request.ts'
import { element, xml, xmlError } from './query-protocol.ts'
import { AwsError, startStandin, type Protocol, type Standin } from './standin.ts'
import { webIdentityIssuer } from './web-identity-issuer.ts'

export interface StsStandin extends Standin {
  assumed: AssumeRoleCall[]
  /** Roles whose trust policy lets nobody in, or asks for an ExternalId. */
  denied: Set<string>
  externalIds: Map<string, string>
}

const account = '000000000000'

/**
 * AWS STS on loopback, by its query protocol: AssumeRole, GetCallerIdentity and GetWebIdentityToken, refusing what STS
 * refuses: a request without a well-formed signature (whose value it cannot know), and what is over STS's limits. Its URL is
 * the issuer of web identity tokens too. Credentials are unique and open nothing. IAM policies are not evaluated; `denied`
 * and `externalIds` stand for them.
 */
export async function startSts({ port }: { port?: number; dataDirectory?: string } = {}): Promise<StsStandin> {
  const assumed: AssumeRoleCall[] = []
  const denied = new Set<string>()
  const externalIds = new Map<string, string>()
  /** By access key id: the sessions that were opened here. */
  const sessions = new Map<string, string>()
  const issuer = webIdentityIssuer(account)

  function assumeRole(form: URLSearchParams): string {
    const call = readAssumeRole(form)
    const expected = externalIds.get(call.RoleArn)
    if (denied.has(call.RoleArn) || (expected !== undefined && expected !== call.ExternalId)) {
      throw new AwsError(
        'AccessDenied',
        `User: arn:aws:iam::${account}:user/local is not authorized to perform: sts:AssumeRole on resource: ${call.RoleArn}`,
        403,
      )
    }
    assumed.push(call)
    const roleName = call.RoleArn.split('/').at(-1) ?? ''
    const roleAccount = call.RoleArn.split(':')[4] ?? account
    const Arn = `arn:aws:sts::${roleAccount}:assumed-role/${roleName}/${call.RoleSessionName}`
    const AccessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
    sessions.set(AccessKeyId, Arn)
    return element({
      Credentials: {
        AccessKeyId,
        SecretAccessKey: randomBytes(30).toString('base64'),
        SessionToken: randomBytes(96).toString('base64'),
        Expiration: new Date(Math.floor(Date.now() / 1000 + call.DurationSeconds) * 1000)
          .toISOString()
          .replace('.000', ''),
      },
      AssumedRoleUser: {
        AssumedRoleId: `AROA${'0'.repeat(16)}:${call.RoleSessionName}`,
        Arn,
      },
      ...(call.SourceIdentity === undefined ? {} : { SourceIdentity: call.SourceIdentity }),
      PackedPolicySize: String(packedSize(call)),
    })
  }

  function webIdentityToken(form: URLSearchParams): string {
    const { token, expires_at } = issuer.issue(form, standin.url)
    return element({ WebIdentityToken: token, Expiration: new Date(expires_at * 1000).toISOString() })
  }

  const protocol: Protocol = {
    operationOf: (_, body) => new URLSearchParams(body.toString('utf8')).get('Action') ?? '',
    answer({ operation, path, headers, body }) {
      const published = issuer.document(path, standin.url)
      if (published) return { status: 200, contentType: 'application/json', body: JSON.stringify(published) }
      const form = new URLSearchParams(body.toString('utf8'))
      const caller = signedBy(headers.authorization, headers['x-amz-date'])
      if (operation === 'GetCallerIdentity') {
        const Arn = sessions.get(caller) ?? `arn:aws:iam::${account}:user/local`
        return xml(operation, element({ Arn, UserId: 'AIDALOCAL', Account: Arn.split(':')[4] ?? account }))
      }
      if (operation === 'AssumeRole') return xml(operation, assumeRole(form))
      if (operation === 'GetWebIdentityToken') return xml(operation, webIdentityToken(form))
      throw new AwsError('InvalidAction', `Could not find operation ${operation} for version 2011-06-15`)
    },
    error: xmlError,
  }
  const standin = await startStandin(protocol, port)
  return Object.assign(standin, { assumed, denied, externalIds })
}

/** The access key id of a request signed by Signature Version 4: its header's form, for STS, within a quarter of an hour. */
function signedBy(authorization: string | undefined, date: string | string[] | undefined): string {
  if (authorization === undefined)
    throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
  const [, caller, day] =
    /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]{4,128})\/(\d{8})\/[a-z0-9-]+\/sts\/aws4_request, SignedHeaders=[a-z0-9;-]*\bhost\b[a-z0-9;-]*, Signature=[0-9a-f]{64}$/.exec(
      authorization,
    ) ?? []
  const [, at, time] = /^(\d{8})T(\d{6})Z$/.exec(String(date)) ?? []
  if (caller === undefined || at === undefined || time === undefined || at !== day)
    throw new AwsError('IncompleteSignature', 'Authorization is not well-formed', 400)
  const signed = Date.parse(`${`${at}T${time}`.replace(/^(....)(..)(..T..)(..)(..)$/, '$1-$2-$3:$4:$5')}Z`)
  if (!(Math.abs(Date.now() - signed) <= 15 * 60_000))
    throw new AwsError('SignatureDoesNotMatch', 'Signature expired', 403)
  return caller
}
