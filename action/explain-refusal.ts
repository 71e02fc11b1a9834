import type { RefusedByBroker } from '../client/errors.ts'
import { printable } from '../client/printable.ts'
import { claimsOf, shownClaim } from '../client/token-claims.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'

/** What rules match most (GitHub's "OpenID Connect reference"): shown first, and also when absent. */
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

const MAX_CLAIMS = 60

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
    'The claims of the token:',
    ...describeClaims(subject_token).map((line) => `    ${line}`),
    ...(decision_id === undefined ? [] : ['', `Send who runs the broker the decision id ${printable(decision_id)}`]),
  ].join('\n')
}

function describeClaims(subject_token: string): string[] {
  const claims = claimsOf(subject_token) ?? {}
  const names = [...new Set([...telling, ...Object.keys(claims)])]
  const lines = names
    .slice(0, MAX_CLAIMS)
    .map((name) => `${toOneLine(name.slice(0, 200))}: ${shownClaim(claims[name])}`)
  return names.length > MAX_CLAIMS ? [...lines, `... and ${names.length - MAX_CLAIMS} more`] : lines
}
