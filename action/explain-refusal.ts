import type { RefusedByBroker } from '../client/errors.ts'
import { printable } from '../client/printable.ts'
import { claimsOf, shownClaim } from '../client/subject-token.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'

/** What rules match most, beside what the error names already (GitHub's "OpenID Connect reference"). */
const telling = [
  'repository',
  'repository_id',
  'repository_owner_id',
  'repository_visibility',
  'event_name',
  'ref',
  'ref_protected',
  'environment',
  'workflow_ref',
  'job_workflow_ref',
  'runner_environment',
]

/** What the user compares with broker.yaml, and sends to who runs the broker. Nothing of the token but its claims. */
export function explainRefusal(
  { message, decision_id }: RefusedByBroker,
  subject_token: string,
  audience: string | undefined,
): string {
  return [
    message,
    '',
    ...(audience === undefined ? [] : [`The audience asked of GitHub: ${toOneLine(audience)}`]),
    'What rules match most in the token:',
    ...describeClaims(subject_token).map((line) => `    ${line}`),
    ...(decision_id === undefined ? [] : ['', `Send who runs the broker the decision id ${printable(decision_id)}`]),
  ].join('\n')
}

function describeClaims(subject_token: string): string[] {
  const claims = claimsOf(subject_token)
  return telling.map((name) => `${name}: ${shownClaim(claims[name])}`)
}
