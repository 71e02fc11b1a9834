import { JWT_BEARER_ASSERTION, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { RunningBroker } from './running-broker.ts'

export const verbose = process.argv.includes('--verbose')

export interface Answer {
  status: number
  body: Record<string, unknown>
  decisionId: string
}

export async function jobToken(broker: RunningBroker, changes: Record<string, string> = {}): Promise<string> {
  const query = new URLSearchParams({ audience: broker.url, ...changes })
  const response = await fetch(`${broker.issuer}/token?${query.toString()}`)
  return response.text()
}

/** What the kubelet writes into a pod: of the service account nightly in reports, or of another. */
export async function podToken(broker: RunningBroker, serviceAccountUid?: string): Promise<string> {
  const query = new URLSearchParams({ audience: broker.url })
  if (serviceAccountUid !== undefined)
    query.set(
      'kubernetes.io',
      JSON.stringify({ namespace: 'deploy', serviceaccount: { name: 's', uid: serviceAccountUid } }),
    )
  const response = await fetch(`${broker.issuer}/cluster/token?${query.toString()}`)
  return response.text()
}

export async function exchange(broker: RunningBroker, subject_token: string, audience = 'deploy-api'): Promise<Answer> {
  const grant_type = TOKEN_EXCHANGE_GRANT
  return post(broker, '/token', { grant_type, subject_token_type: JWT_TYPE, subject_token, audience })
}

/** By a client whose proof is the token of its pod: no secret anywhere. */
export async function postAsPod(
  broker: RunningBroker,
  path: string,
  { client_id, uid }: { client_id: string; uid: string },
  form: Record<string, string>,
): Promise<Answer> {
  const client_assertion = await podToken(broker, uid)
  return post(broker, path, { ...form, client_id, client_assertion, client_assertion_type: JWT_BEARER_ASSERTION })
}

export async function post(broker: RunningBroker, path: string, form: Record<string, string>): Promise<Answer> {
  const response = await fetch(broker.url + path, { method: 'POST', body: new URLSearchParams(form) })
  const text = await response.text()
  const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  if (verbose) {
    const lines = Object.entries(form).map(([name, value]) => `${name}=${shortened(value)}`)
    process.stdout.write(`\n> POST ${broker.url}${path}\n> ${lines.join('\n> ')}\n`)
    process.stdout.write(
      `< ${response.status}\n< ${JSON.stringify(body, (_, value: unknown) => (typeof value === 'string' ? shortened(value) : value))}\n`,
    )
  }
  return { status: response.status, body, decisionId: response.headers.get('x-decision-id') ?? '' }
}

export function shortened(value: string): string {
  return value.length > 120 ? `${value.slice(0, 60)}…` : value
}
