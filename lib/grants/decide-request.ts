import type { Ports } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import type { TargetRequest, TokenExchangeRequest } from '../protocol/token-exchange-request.ts'
import type { AuthenticatedClient, RequestClient } from '../tokens/request-client.ts'
import { verifySubjectToken, type VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { decide, type Granted, type Trace } from '../trust/decide.ts'
import { explain } from '../trust/explain.ts'
import type { Policy } from '../trust/policy.ts'
import type { GrantContext } from './index.ts'

/** A log line has a limit too; `token-broker explain` shows every rule. */
export const MAX_EXPLANATION_LINES = 25

/** Throws RefusedError and UnavailableError. */
export function verifySubject(
  { subject_token, subject_token_type }: TokenExchangeRequest,
  { policy: { issuers, ourIssuer }, ports, signal }: GrantContext,
): Promise<VerifiedSubject> {
  const { keySets } = ports
  return verifySubjectToken(subject_token, subject_token_type, {
    issuers,
    ourIssuer,
    keySets,
    now: ports.now(),
    signal,
  })
}

/** Decides, and tells the log why. Throws RefusedError. */
export function decideRequest(
  request: TargetRequest & Pick<TokenExchangeRequest, 'wanted'>,
  subject: VerifiedSubject | AuthenticatedClient,
  client: RequestClient | undefined,
  { policy, ports, decision_id }: { policy: Policy; ports: Pick<Ports, 'now' | 'log'>; decision_id: string },
): { granted: Granted; trace: Trace } {
  const client_id = client?.client_id
  const decision = decide({ ...request, subject, client_id }, policy, ports.now())
  ports.log.info('decided', {
    decision_id,
    ...('issuer' in subject ? { issuer: subject.issuer.name } : {}),
    subject: subject.sub,
    client_id,
    explanation: explain(decision).slice(0, MAX_EXPLANATION_LINES),
    // Also where no line of theirs is left.
    ...(decision.trace.shadow.length > 0 ? { shadow: decision.trace.shadow } : {}),
  })
  if ('refused' in decision) throw new RefusedError(decision.refused)
  return decision
}
