import { RefusedError } from '../protocol/errors.ts'
import { toContainerDocument } from '../protocol/aws-credentials.ts'
import type { TokenExchangeRequest } from '../protocol/token-exchange-request.ts'
import { JWT_TYPE } from '../protocol/urns.ts'
import { decideRequest, verifySubject } from './decide-request.ts'
import type { GrantContext } from './index.ts'
import { issueAwsCredentials } from './issue-aws-credentials.ts'

/**
 * The container credential protocol (AWS SDKs and Tools Reference Guide): the same exchange by GET. SDKs send one token
 * again and again, so only those come this way that may. Throws RefusedError and UnavailableError.
 */
export async function containerCredentials(
  target: string,
  subject_token: string,
  context: GrantContext,
): Promise<Record<string, unknown>> {
  const request: TokenExchangeRequest = {
    subject_token,
    subject_token_type: JWT_TYPE,
    audience: [target],
    resource: [],
    scope: undefined,
    wanted: 'credentials',
  }
  const subject = await verifySubject(request, context)
  if (subject.issuer.replay !== 'off')
    throw new RefusedError({ reason: 'subject_token_works_once', issuer: subject.issuer.name })
  const { granted, trace } = decideRequest(request, subject, undefined, context)
  if (!('role' in granted)) throw new Error('credentials were wanted, and a token was granted')
  return toContainerDocument(await issueAwsCredentials({ granted, trace }, subject, undefined, context))
}
