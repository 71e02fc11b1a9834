import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { RefusedError } from '../protocol/errors.ts'
import { targetName } from '../protocol/names.ts'
import { header, path, refuseOtherMethods } from './request.ts'
import type { Response } from './response.ts'

/** Of headers in all, API Gateway takes 10,240 bytes. */
const MAX_AUTHORIZATION_BYTES = 8 * 1024

/**
 * GET /credentials/{target}, as SDKs ask a container's endpoint: the target in the path, the subject token alone in
 * Authorization, or after one `Bearer`. Throws RefusedError: 405, 404, and invalid_request.
 */
export function containerRequest(event: APIGatewayProxyEventV2): { target: string; subject_token: string } {
  refuseOtherMethods(event, 'GET')
  const target = path(event).slice('/credentials/'.length)
  // Names of targets need no escapes. An empty one must not come to mean "the only target".
  if (!targetName.test(target)) throw new RefusedError({ reason: 'not_found' })
  const authorization = header(event, 'authorization') ?? ''
  if (authorization.length > MAX_AUTHORIZATION_BYTES)
    throw new RefusedError({ reason: 'token_malformed', detail: `longer than ${MAX_AUTHORIZATION_BYTES} bytes` })
  // Token files end with a newline often enough.
  const subject_token = authorization.replace(/^bearer +/i, '').trim()
  if (subject_token === '') throw new RefusedError({ reason: 'authorization_missing' })
  return { target, subject_token }
}

/** The same status and text, under the names that SDKs look for: JavaScript's reads `Code`, botocore `code`. */
export function containerError(response: Response): Response {
  const { error: code, error_description: message } = JSON.parse(response.body ?? '{}') as Record<string, string>
  return { ...response, body: JSON.stringify({ code, message, Code: code, Message: message }) }
}
