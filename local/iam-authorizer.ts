import { createHash, timingSafeEqual } from 'node:crypto'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'

const account = '000000000000'
/** API Gateway refuses what was signed longer ago, in milliseconds. */
const MAX_AGE = 5 * 60_000

/**
 * Stands where API Gateway's IAM authorizer stands: checks a Signature Version 4 of `execute-api` by the credentials that
 * this process has, and says who signed. Undefined where it answers 403 instead. What IAM's policies say it does not know.
 */
export async function iamCaller(event: APIGatewayProxyEventV2, body: Buffer): Promise<string | undefined> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env
  const given = event.headers.authorization ?? ''
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([a-z0-9-]+)\/execute-api\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=[0-9a-f]{64}$/.exec(
      given,
    )
  const [, signer, region, signed] = found ?? []
  if (!accessKeyId || !secretAccessKey || signer !== accessKeyId || region === undefined || signed === undefined)
    return undefined
  const names = signed.split(';')
  const date = signingDate(event.headers['x-amz-date'])
  // AWS refuses what says something by a header that is not signed.
  const toSign = ['host', 'x-amz-date', ...Object.keys(event.headers).filter((name) => name.startsWith('x-amz-'))]
  if (date === undefined || !toSign.every((name) => names.includes(name))) return undefined
  // The signature is over what this header says, so that must be true.
  const hash = event.headers['x-amz-content-sha256']
  if (hash !== undefined && hash !== createHash('sha256').update(body).digest('hex')) return undefined
  const sessionToken = names.includes('x-amz-security-token') ? event.headers['x-amz-security-token'] : undefined
  // Only here: who starts the broker should not wait for an SDK that operators alone need.
  const [{ STSClient }, { SignatureV4 }] = await Promise.all([
    import('@aws-sdk/client-sts'),
    import('@smithy/signature-v4'),
  ])
  const expected = await new SignatureV4({
    service: 'execute-api',
    region,
    sha256: new STSClient({}).config.sha256,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    applyChecksum: names.includes('x-amz-content-sha256'),
  }).sign(
    {
      method: event.requestContext.http.method,
      protocol: 'http:',
      hostname: event.headers.host ?? '',
      path: event.rawPath,
      query: Object.fromEntries(new URLSearchParams(event.rawQueryString)),
      headers: Object.fromEntries(names.map((name) => [name, event.headers[name] ?? ''])),
      body,
    },
    { signingDate: date, signableHeaders: new Set(names) },
  )
  const wanted = Buffer.from(expected.headers.authorization ?? '')
  const got = Buffer.from(given)
  return wanted.length === got.length && timingSafeEqual(wanted, got) ? `arn:aws:iam::${account}:user/local` : undefined
}

function signingDate(text: string | undefined): Date | undefined {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '') ?? []
  if (parts.length !== 6) return undefined
  const [year, month, day, hour, minute, second] = parts
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Math.abs(date.getTime() - Date.now()) <= MAX_AGE ? date : undefined
}
