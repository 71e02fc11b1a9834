import type { AwsCredentials } from '../protocol/aws-credentials.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import { sourceIdentity } from '../tokens/subject.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { GrantedSession, Trace } from '../trust/decide.ts'
import type { GrantContext } from './index.ts'
import { issueOnRecord } from './issue-on-record.ts'

/**
 * Records and checks the revocations, and only then assumes the role: two hops deep, because credentials of AWS open
 * something as soon as they exist. STS is asked with every restriction of the decision, and never again with fewer.
 */
export async function issueAwsCredentials(
  decision: { granted: GrantedSession; trace: Trace },
  subject: VerifiedSubject,
  client: RequestClient | undefined,
  context: GrantContext,
): Promise<AwsCredentials> {
  const { rules, ...granted } = decision.granted
  const { ports, decision_id, signal } = context
  const now = ports.now()
  const session = {
    ...granted,
    source_identity: sourceIdentity(subject.issuer.name, subject.subject),
    session_name: sessionName(rules[0] as string, decision_id),
  }
  return issueOnRecord(
    {
      decision,
      subject,
      client,
      issued: { exp: now + granted.lifetime, session },
      now,
      when: 'afterwards',
      make: () => ports.roles.assume(session, signal),
    },
    context,
  )
}

/** Joins CloudTrail's record of the session to the receipt. At most 63 characters of the 64 that STS takes. */
function sessionName(rule: string, decision_id: string): string {
  return `${rule.slice(0, 40)}.${decision_id}`
}
