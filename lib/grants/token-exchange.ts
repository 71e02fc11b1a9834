import { RefusedError } from '../protocol/errors.ts'
import type { Form } from '../protocol/form.ts'
import { parseTokenExchangeRequest } from '../protocol/token-exchange-request.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { verifySubjectToken } from '../tokens/verify-subject-token.ts'
import { decide } from '../trust/decide.ts'
import { explain } from '../trust/explain.ts'
import type { GrantContext } from './index.ts'
import { issueAccessToken } from './issue-access-token.ts'

/** RFC 8693: trade a subject_token from a trusted issuer for one of ours. */
export async function tokenExchange(
  form: Form,
  client_id: string | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  const { policy, ports, signal, decision_id } = context
  const request = parseTokenExchangeRequest(form)
  const now = ports.now()
  const subject = await verifySubjectToken(request.subject_token, request.subject_token_type, {
    issuers: policy.issuers,
    ourIssuer: policy.ourIssuer,
    keySets: ports.keySets,
    now,
    signal,
  })
  const decision = decide({ ...request, subject, client_id }, policy, now)
  ports.log.info('decided', {
    decision_id,
    issuer: subject.issuer.name,
    subject: subject.sub,
    client_id,
    explanation: explain(decision).slice(0, MAX_EXPLANATION_LINES),
  })
  if ('refused' in decision) throw new RefusedError(decision.refused)
  return issueAccessToken(decision, subject, client_id, context)
}

/** A log line has a limit too; `token-broker explain` shows every rule. */
const MAX_EXPLANATION_LINES = 25
