import type { AwsCredentials } from '../protocol/aws-credentials.ts'
import { sourceIdentity } from '../tokens/subject.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { GrantedSession, Trace } from '../trust/decide.ts'
import type { GrantContext } from './index.ts'
import { issueOnRecord, revocationKeysOf } from './issue-on-record.ts'
import { receiptOf } from './receipt.ts'

/**
 * Records and checks the revocations, and only then assumes the role: two hops deep, because credentials of AWS open
 * something as soon as they exist. STS is asked with every restriction of the decision, and never again with fewer.
 */
export async function issueAwsCredentials(
  decision: { granted: GrantedSession; trace: Trace },
  subject: VerifiedSubject,
  named_client: string | undefined,
  context: GrantContext,
): Promise<AwsCredentials> {
  const { granted } = decision
  const { policy, ports, decision_id, signal } = context
  const now = ports.now()
  const session = {
    ...granted,
    source_identity: sourceIdentity(subject.issuer.name, subject.subject),
    session_name: sessionName(granted, decision_id),
  }
  const issued = { exp: now + granted.lifetime, session }
  return issueOnRecord(
    {
      receipt: receiptOf({
        decision,
        subject,
        client_id: named_client ?? subject.sub,
        decision_id,
        issued,
        now,
        policy,
      }),
      revocationKeys: revocationKeysOf(granted, subject, named_client, undefined),
      when: 'afterwards',
      make: () => ports.roles.assume(session, signal),
    },
    context,
  )
}

/** Joins CloudTrail's record of the session to the receipt. At most 63 characters of the 64 that STS takes. */
function sessionName({ rules }: GrantedSession, decision_id: string): string {
  return `${(rules[0] as string).slice(0, 40)}.${decision_id}`
}
