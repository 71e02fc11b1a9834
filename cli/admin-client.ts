import { TemporaryError, TokenBrokerError } from '../client/errors.ts'
import { parseJsonObject } from '../client/json-object.ts'
import { thisMachine } from '../client/ports.ts'
import { request, type Answer } from '../client/request.ts'
import { parseRetryAfter, retry } from '../client/retry.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import { awsSigner } from './aws-signer.ts'
import { CommandError } from './command.ts'

/** What it is about, and where the stack says who may ask. */
const outputs = {
  '/admin/revocations': 'BrokerAdminRouteArn',
  '/admin/consents': 'BrokerAdminConsentsRouteArn',
} as const

type AdminPath = keyof typeof outputs

/** In milliseconds: longer than the broker's own limit, so that its gateway has time to say so. */
const timeout = 12_000

/** One request to the broker's endpoint for operators, and its answer. Throws CommandError, which says what to do. */
export type AdminClient = (body: object) => Promise<Record<string, unknown>>

/**
 * Asks the broker at this origin as the AWS principal whose credentials the SDK finds here: API Gateway checks the
 * signature (SigV4, service execute-api) and IAM the right before the broker hears of it. Tries again what may pass: each
 * of the endpoint's operations may be asked twice.
 */
export async function adminClient(broker: string, path: AdminPath): Promise<AdminClient> {
  const signer = await awsSigner('execute-api', regionOf(new URL(broker).hostname))
  const name = `the broker at ${broker}`
  return async (body) => {
    const unsigned = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    try {
      return await retry(async (left) => {
        const signed = await signer.sign(broker + path, unsigned)
        return readAnswer(
          await request(broker + path, { name, timeout: Math.min(timeout, left), ...signed }),
          name,
          path,
        )
      }, thisMachine)
    } catch (error) {
      throw error instanceof TokenBrokerError ? new CommandError(error.message) : error
    }
  }
}

/** An API's own host says where it is; a domain of yours does not. */
function regionOf(hostname: string): string | undefined {
  return /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(hostname)?.[1]
}

function readAnswer({ status, headers, text }: Answer, name: string, path: AdminPath): Record<string, unknown> {
  const body = parseJsonObject(text)
  if (status === 200 && body !== undefined) return body
  const said = [body?.error_description, body?.message, body?.Message].find((part) => typeof part === 'string')
  const quoted = said === undefined ? '' : `: ${toOneLine(said.slice(0, 500))}`
  if (status === 429 || status >= 500)
    throw new TemporaryError(
      `${name} answered ${status}${quoted}`,
      parseRetryAfter(headers.get('retry-after'), Date.now()),
    )
  if (status === 403)
    throw new TokenBrokerError(
      [
        `${name} does not let these AWS credentials in${quoted}.`,
        `They need execute-api:Invoke on arn:aws:execute-api:<region>:<account>:<api id>/$default/POST${path}`,
        `(docs/policies/operator.json; the stack’s output ${outputs[path]} has it), must be for the broker’s account,`,
        'AWS_REGION must be the broker’s, and this clock right to 5 minutes.',
      ].join('\n'),
    )
  if ((status === 400 || status === 409) && typeof body?.error_description === 'string')
    // The endpoint's own words, of which one is an option of ours.
    throw new TokenBrokerError(
      toOneLine(body.error_description.slice(0, 1_000).replace('even_if_unknown', '--even-if-unknown')),
    )
  throw new TokenBrokerError(
    `${name} answered ${status}${quoted}: is that the URL of a token-broker, of a version with ${path}?`,
  )
}
